"""What an action is: three forms, whole numbers, and the slates that they mean."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.batches import EMPTY
from ..core.errors import InvalidInput
from ..core.types import I32, I64, Bool
from ..simulators.engine.jit import kernel
from ..simulators.engine.work_queue import claim
from ..simulators.page.candidates import among

FORMS = ("slot", "slate", "items")


def whole_numbers(actions: Any, shape: tuple[int, ...]) -> I64:
    """Actions as an int64 array.

    Raises:
        InvalidInput: they are no whole numbers (floats, booleans and texts are none), or not of ``shape``.
    """
    try:
        picks = np.asarray(actions)
    except ValueError:  # rows of different lengths
        raise InvalidInput("action", actions, f"give an array of shape {shape}") from None
    if picks.shape != shape:
        raise InvalidInput("action", actions, f"give shape {shape}, not {picks.shape}")
    if picks.dtype.kind not in "iu" or picks.dtype == np.uint64:
        raise InvalidInput("action", actions, f"give whole numbers (int64), not {picks.dtype}")
    return np.asarray(picks, np.int64, order="C")


@kernel
def fill_pages(
    picks: I64, active: Bool, candidates: I32, slots: I32, items: int, slates: I32, unknown: Bool, queue: I64
) -> None:
    """Fill ``slates`` with the items picked where ``active``, and with nothing elsewhere.

    An item that is picked again leaves its slot empty, and slots that a page does not have stay empty. Sets
    ``unknown`` (n,) where a pick is out of range.
    """
    low, high = claim(queue)
    while low < high:
        limit = candidates.shape[1] or items
        for i in range(low, high):
            unknown[i] = False
            if not active[i]:
                slates[i] = EMPTY
                continue
            # a filter of the picks so far: one bit for pick % 64, one for pick // 64; unless both are set,
            # a pick is new
            met = met_row = 0
            # read once: the compiler must assume that a store to another array may change it
            page_slots = slots[i]
            for slot in range(picks.shape[1]):
                pick = picks[i, slot]
                if pick < EMPTY or pick >= limit:
                    unknown[i] = True
                    break
                bit, row = 1 << (pick & 63), 1 << ((pick >> 6) & 63)
                repeated = False
                if met & bit and met_row & row:
                    for earlier in range(slot):
                        repeated |= picks[i, earlier] == pick
                met |= bit
                met_row |= row
                if repeated or pick < 0 or slot >= page_slots:
                    slates[i, slot] = EMPTY
                else:
                    slates[i, slot] = candidates[i, pick] if candidates.shape[1] else pick
        low, high = claim(queue)


@kernel
def fill_slots(
    picks: I64, active: Bool, candidates: I32, slots: I32, at: I32, slates: I32, shown: Bool
) -> None:
    """Fill the next slot where ``active``, and set ``shown`` (n,) to where that was the last."""
    for i in range(picks.shape[0]):
        shown[i] = False
        if not active[i]:
            continue
        slot = at[i]
        if slot == 0:
            slates[i] = EMPTY
        item = np.int32(EMPTY) if picks[i] < 0 else candidates[i, picks[i]]
        if not among(slates[i], slot, item):
            slates[i, slot] = item
        shown[i] = slot + 1 == slots[i]
        at[i] = 0 if shown[i] else slot + 1


@kernel
def are_known(picks: I64, active: Bool, limit: int) -> bool:
    """Whether the picks (n,) of the ``active`` are below the limit, or ``EMPTY``."""
    wrong = 0
    for i in range(picks.shape[0]):
        wrong += active[i] and not EMPTY <= picks[i] < limit
    return wrong == 0


@kernel
def mark(candidates: I32, slates: I32, slots: I32, selectable: Bool, allowed: Bool, placed: Bool) -> None:
    """Set (n, m) ``placed`` to the candidates in the ``slots`` filled so far, and ``allowed`` to the other
    ``selectable`` ones. A row in which none is left is allowed everything.
    """
    for i in range(candidates.shape[0]):
        left = 0
        for c in range(candidates.shape[1]):
            placed[i, c] = among(slates[i], slots[i], candidates[i, c])
            allowed[i, c] = selectable[i, c] and not placed[i, c]
            left += allowed[i, c]
        if not left:
            allowed[i] = True
