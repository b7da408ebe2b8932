"""A queue of rows 0 to n - 1 from which threads claim a few at a time, until none is left.

Cores that are shared with other processes are not equally fast. Equal parts would all wait for the slowest
thread. So kernels begin with ``low, high = claim(queue)`` and go on while ``low < high``: a slow thread
claims fewer rows.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, types

from ...core.types import I64
from .numba_api import extending

NEXT, END, STEP = range(3)
"""Places in the array of a queue: the first row not claimed, the number of rows, the rows of one claim."""


def work_queue(n: int, step: int | None = None) -> I64:
    """A queue of ``n`` rows, claimed ``step`` at a time (default: all at once), in its own cache lines."""
    queue = np.zeros(24, np.int64)
    queue[END], queue[STEP] = n, step or n
    return queue


@extending.intrinsic
def _add(typing: Any, array: Any, number: Any) -> Any:
    """Add to the first number of an array atomically; returns the number before."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        view = context.make_array(signature.args[0])(context, builder, arguments[0])
        return builder.atomic_rmw("add", view.data, arguments[1], "monotonic")

    return types.int64(array, types.int64), generate


@njit(cache=True, inline="always")
def claim(queue: I64) -> tuple[int, int]:
    """The next rows [low, high), for this thread alone; none are left if not low < high."""
    low = _add(queue, queue[STEP])
    return low, min(low + queue[STEP], queue[END])
