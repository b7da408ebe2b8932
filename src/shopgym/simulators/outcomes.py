"""What a tick leaves of every page: arrays that the kernels fill, and the order lines in them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from ..core.nouns import DETAILS, EMPTY, SLOT_TERMS
from ..core.types import F32, F64, I64, AnyArray, Bool
from .kernel import kernel

LINES = SLOT_TERMS.index("purchase")
"""Column of ``Outcomes.page`` that counts order lines."""
LOOKED, IN_CART, TAKEN_OUT, SOLD, BOUGHT, PAID, EARNED, SENT_BACK, BACK_COST, BACK_DELAY = range(len(DETAILS))
"""Columns of ``Outcomes.details``."""


class Outcomes(NamedTuple):
    """The fields of :class:`shopgym.core.Feedback`, in its order."""

    clicked: Bool  # (n, k)
    carted: Bool
    examined: Bool
    unavailable: Bool
    page: F64  # (n, 9)
    seconds: F32  # (n,)
    first: I64  # (n,)
    details: F64  # (n k, 10)


def room_for(n: int, k: int) -> Outcomes:
    """Arrays that the kernels fill. There is a row of details for every slot; most are never touched."""
    clicked, carted, examined, unavailable = np.empty((4, n, k), np.bool_)
    return Outcomes(
        clicked=clicked,
        carted=carted,
        examined=examined,
        unavailable=unavailable,
        page=np.empty((n, len(SLOT_TERMS))),
        seconds=np.empty(n, np.float32),
        first=np.empty(n, np.int64),
        details=np.empty((n * k, len(DETAILS))),
    )


@kernel
def clear(out: Outcomes, low: int, high: int) -> None:
    """Nothing has happened yet."""
    out.clicked[low:high] = False
    out.carted[low:high] = False
    out.examined[low:high] = False
    out.unavailable[low:high] = False
    out.page[low:high] = 0.0
    out.seconds[low:high] = 0.0


@kernel
def known(slates: AnyArray, items: int) -> bool:
    """Whether all of (n, k) are item rows or ``EMPTY``."""
    strange = False
    for item in slates.flat:
        strange |= (item < EMPTY) | (item >= items)
    return not strange


@njit(cache=True, nogil=True)
def order_lines(ordered: Bool, out: Outcomes, low: int, high: int) -> tuple[I64, F64]:
    """(lanes (r,), their rows of details (r, 10)) of the order lines of lanes [low, high), in order.

    ``ordered`` (n,) says where there are any.
    """
    count = 0
    for i in range(low, high):
        if ordered[i]:
            count += int(out.page[i, LINES])
    lanes, lines, found = np.empty(count, np.int64), np.empty((count, out.details.shape[1])), 0
    for i in range(low, high):
        if not ordered[i]:
            continue
        row = out.first[i]
        for slot in range(out.clicked.shape[1]):
            if out.clicked[i, slot] or out.carted[i, slot]:
                if out.details[row, BOUGHT] > 0.0:
                    lanes[found], lines[found] = i, out.details[row]
                    found += 1
                row += 1
    return lanes, lines
