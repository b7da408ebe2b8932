"""What a tick leaves of every page: arrays that the kernels fill, and the order lines in them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from ..core.nouns import EMPTY, SLOT_TERMS
from ..core.types import F32, F64, I32, I64, AnyArray, Bool
from .kernel import kernel

LINES = SLOT_TERMS.index("purchase")
"""Column of ``Outcomes.page`` that counts order lines."""


class Outcomes(NamedTuple):
    """What :class:`shopgym.core.Feedback` is made of, and what is sold in place of what was shown."""

    clicked: Bool  # (n, k)
    carted: Bool
    quantity: I32
    revenue: F64
    margin: F64
    unavailable: Bool
    page: F64  # (n, 9)
    examined: Bool  # (n, k)
    removed: Bool
    dwell: F32  # seconds
    returned: Bool
    return_cost: F64
    return_delay: F32  # days
    sold: I32  # item row sold, a substitute where the item itself was out; EMPTY where none
    seconds: F32  # (n,) time spent on the page and on what was opened from it
    cart_units: I32  # (n, k)


def room_for(n: int, k: int) -> Outcomes:
    """Arrays that the kernels fill; few allocations, because a tick makes one of these."""
    clicked, carted, unavailable, examined, removed, returned = np.empty((6, n, k), np.bool_)
    revenue, margin, return_cost = np.empty((3, n, k))
    dwell, return_delay = np.empty((2, n, k), np.float32)
    quantity, cart_units, sold = np.empty((3, n, k), np.int32)
    return Outcomes(
        clicked=clicked,
        carted=carted,
        quantity=quantity,
        revenue=revenue,
        margin=margin,
        unavailable=unavailable,
        page=np.empty((n, len(SLOT_TERMS))),
        examined=examined,
        removed=removed,
        dwell=dwell,
        returned=returned,
        return_cost=return_cost,
        return_delay=return_delay,
        sold=sold,
        seconds=np.empty(n, np.float32),
        cart_units=cart_units,
    )


@kernel
def clear(out: Outcomes, low: int, high: int) -> None:
    """Nothing has happened yet."""
    out.clicked[low:high] = False
    out.carted[low:high] = False
    out.quantity[low:high] = 0
    out.revenue[low:high] = 0.0
    out.margin[low:high] = 0.0
    out.unavailable[low:high] = False
    out.page[low:high] = 0.0
    out.examined[low:high] = False
    out.removed[low:high] = False
    out.dwell[low:high] = 0.0
    out.returned[low:high] = False
    out.return_cost[low:high] = 0.0
    out.return_delay[low:high] = 0.0
    out.sold[low:high] = EMPTY
    out.seconds[low:high] = 0.0
    out.cart_units[low:high] = 0


@kernel
def known(slates: AnyArray, items: int) -> bool:
    """Whether all of (n, k) are item rows or ``EMPTY``."""
    strange = False
    for i in range(slates.shape[0]):
        for slot in range(slates.shape[1]):
            strange |= (slates[i, slot] < EMPTY) | (slates[i, slot] >= items)
    return not strange


@njit(cache=True)
def orders(buyers: I64, quantity: I32) -> tuple[I64, I64]:
    """(lanes, slots), both (r,), of the order lines of a tick, in order of lane and slot.

    They are rare: only the lanes of ``buyers`` (b,) are looked at.
    """
    most = len(buyers) * quantity.shape[1]
    lanes, slots, found = np.empty(most, np.int64), np.empty(most, np.int64), 0
    for i in buyers:
        for slot in range(quantity.shape[1]):
            if quantity[i, slot] > 0:
                lanes[found], slots[found] = i, slot
                found += 1
    return lanes[:found], slots[:found]
