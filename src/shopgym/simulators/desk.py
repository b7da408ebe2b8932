"""What a thread notes of some lanes between one pass over them and the next."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..core.nouns import DETAILS
from ..core.types import F64, I32, U64, Bool
from .ahead import TOGETHER


class Desk(NamedTuple):
    """Room for up to ``TOGETHER`` lanes of k slots each, used again for the next; every thread has its own.

    The *place* of slot s of the i-th of these lanes is i k + s: passes over places have no branches, so that
    processors do many of them at a time. ``lane`` and ``details`` are of all lanes of the thread, and stay
    until its next page.
    """

    luck: U64  # (TOGETHER k,) key of what happens at the place
    glance: F64  # (TOGETHER k,) the number that decides whether it is examined and liked
    attention: F64  # (TOGETHER k,) probability of being examined; 0 where nothing can be
    odds: F64  # (TOGETHER k,) no less than those of being liked
    open: Bool  # (TOGETHER k,) not settled yet
    places: I32  # (TOGETHER k,) the open ones
    lane_at: I32  # (TOGETHER k,) of each place the lane, counted from the first of the group
    slot_at: I32  # (TOGETHER k,) and the slot
    # of the places that are open, then of those where something was opened or put in the cart
    lanes: I32  # (TOGETHER k,)
    slots: I32  # (TOGETHER k,)
    items: I32  # (TOGETHER k,)
    appeal: F64  # (TOGETHER k,) of the item
    lane: I32  # (n k,) of each row of details
    details: F64  # (n k, 10) a row for each item opened or put in the cart, in order


def desk_for(n: int, k: int) -> Desk:
    """A desk for a thread that has n lanes; of ``lane`` and ``details`` most is never touched."""
    places = TOGETHER * k
    return Desk(
        luck=np.empty(places, np.uint64),
        glance=np.empty(places),
        attention=np.empty(places),
        odds=np.empty(places),
        open=np.empty(places, np.bool_),
        places=np.empty(places, np.int32),
        lane_at=np.repeat(np.arange(TOGETHER, dtype=np.int32), k),
        slot_at=np.tile(np.arange(k, dtype=np.int32), TOGETHER),
        lanes=np.empty(places, np.int32),
        slots=np.empty(places, np.int32),
        items=np.empty(places, np.int32),
        appeal=np.empty(places),
        lane=np.empty(n * k, np.int32),
        details=np.empty((n * k, len(DETAILS))),
    )
