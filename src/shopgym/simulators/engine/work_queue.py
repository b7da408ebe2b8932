"""Lanes that threads take a few of at a time, until none is left: who is late, or slow, takes fewer.

Cores that are shared with others are not equally fast, and not for long. Equal parts would all wait for
the slowest; so kernels begin with ``low, high = claim(lanes)`` and go on while ``low < high``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, types

from ...core.types import I64
from .numba_api import extending

NEXT, END, STEP = range(3)
"""Of an array of lanes: the first that nobody has taken, how many there are, how many are taken at a time."""


def work_queue(n: int, step: int | None = None) -> I64:
    """Lanes 0 to n - 1, to be taken ``step`` at a time, or all at once; in cache lines of their own."""
    lanes = np.zeros(24, np.int64)
    lanes[END], lanes[STEP] = n, step or n
    return lanes


@extending.intrinsic
def _add(typing: Any, array: Any, number: Any) -> Any:
    """Add to the first number of an array, which other threads do as well; what it was before."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        view = context.make_array(signature.args[0])(context, builder, arguments[0])
        return builder.atomic_rmw("add", view.data, arguments[1], "monotonic")

    return types.int64(array, types.int64), generate


@njit(cache=True, inline="always")
def claim(lanes: I64) -> tuple[int, int]:
    """The next lanes [low, high), which nobody else gets; none are left where they are not low < high."""
    low = _add(lanes, lanes[STEP])
    return low, min(low + lanes[STEP], lanes[END])
