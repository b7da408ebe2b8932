"""What threads note of the lanes: on their desks from one pass to the next, on slips until all are done."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ...core.batches import DETAILS
from ...core.types import F64, I32, I64, U64, AnyArray, Bool
from .jit import kernel
from .prefetch import TILE
from .ravel_view import ravel_view
from .work_queue import STEP


class Workspace(NamedTuple):
    """Room for up to ``TILE`` lanes of k slots each, used again for the next; every thread has its own.

    The *place* of slot s of the i-th of these lanes is i k + s: passes over places have no branches, so that
    processors do many of them at a time.
    """

    draw: U64  # (TILE k,) key of what happens at the place
    glance: F64  # (TILE k,) the number that decides whether it is examined and liked
    attention: F64  # (TILE k,) probability of being examined; 0 where nothing can be
    odds: F64  # (TILE k,) no less than those of being liked
    open: Bool  # (TILE k,) not settled yet
    places: I32  # (TILE k,) the open ones
    lane_at: I32  # (TILE k,) of each place the lane, counted from the first of the group
    slot_at: I32  # (TILE k,) and the slot
    # of the places that are open, then of those where something was opened or put in the cart
    lanes: I32  # (TILE k,)
    slots: I32  # (TILE k,)
    items: I32  # (TILE k,)
    appeal: F64  # (TILE k,) of the item


class EventRows(NamedTuple):
    """A row for each item opened or put in the cart by n lanes of k slots, until the next page.

    Lanes that were taken together have their rows one after the other, the first in the row of the first
    slot of their first lane: there is room for one a slot, most of which is never touched.
    """

    lane: I32  # (n k,)
    details: F64  # (n k, 10)
    rows: I64  # (t,) how many there are of each of the t times that lanes are taken


def desk_for(k: int) -> Workspace:
    """A desk for slates of k."""
    places = TILE * k
    return Workspace(
        draw=np.empty(places, np.uint64),
        glance=np.empty(places),
        attention=np.empty(places),
        odds=np.empty(places),
        open=np.empty(places, np.bool_),
        places=np.empty(places, np.int32),
        lane_at=np.repeat(np.arange(TILE, dtype=np.int32), k),
        slot_at=np.tile(np.arange(k, dtype=np.int32), TILE),
        lanes=np.empty(places, np.int32),
        slots=np.empty(places, np.int32),
        items=np.empty(places, np.int32),
        appeal=np.empty(places),
    )


def slips_for(n: int, k: int, step: int) -> EventRows:
    """EventRows for n lanes, taken ``step`` at a time, of k slots."""
    return EventRows(
        lane=np.empty(n * k, np.int32),
        details=np.empty((n * k, len(DETAILS))),
        rows=np.zeros(-(-n // step), np.int64),
    )


def collect(event_rows: EventRows, lanes: I64, first: I64) -> tuple[AnyArray, F64]:
    """(lanes (r,), details (r, 10)) of all rows, in order of lanes.

    ``first`` (n,), which says in which slip those of a lane begin, then says in which row.
    """
    count = int(event_rows.rows.sum())
    of, details = np.empty(count, np.int32), np.empty((count, event_rows.details.shape[1]))
    _copy(event_rows, lanes, first, of, details)
    return of, details


@kernel
def _copy(event_rows: EventRows, lanes: I64, first: I64, of: I32, details: F64) -> None:
    before, slots, width = 0, event_rows.lane.shape[0] // first.shape[0], details.shape[1]
    for turn in range(event_rows.rows.shape[0]):
        low = turn * lanes[STEP]
        start = low * slots
        for row in range(event_rows.rows[turn]):
            of[before + row] = event_rows.lane[start + row]
        source, target = (
            ravel_view(event_rows.details)[start * width :],
            ravel_view(details)[before * width :],
        )
        for place in range(event_rows.rows[turn] * width):
            target[place] = source[place]
        if before != start:
            for i in range(low, min(low + lanes[STEP], first.shape[0])):
                first[i] += before - start
        before += event_rows.rows[turn]
