"""Memory that the page kernels write to.

``Workspace`` is scratch memory of one thread, from one pass over the visits of a claim to the next.
``EventRows`` collects the rows of ``Feedback.events`` until all threads are done.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ...core.batches import EVENT_COLUMNS, PageBuffers
from ...core.types import F64, I32, I64, U64, AnyArray, Bool, column_dtypes
from ..engine.jit import kernel
from ..engine.ravel_view import ravel_view
from ..engine.work_queue import STEP


class Workspace(NamedTuple):
    """Scratch memory for a claim of up to c visits of k slots each. Every thread has its own.

    The *place* of slot s of the i-th visit of a claim is i k + s. Passes over places have no branches, so
    the processor does several places at a time.
    """

    draw: U64  # (c k,) key of the random draws of the place
    glance: F64  # (c k,) the uniform number that decides whether it is examined and liked
    attention: F64  # (c k,) probability that it is examined; 0 where it cannot be
    odds: F64  # (c k,) upper bound of the odds that it is liked
    open: Bool  # (c k,) the bound does not settle it: the appeal is needed
    places: I32  # (c k,) the open places
    visit_at: I32  # (c k,) position of the place's visit in the claim
    slot_at: I32  # (c k,) slot of the place
    # of the open places, later of those where an item was clicked or put in the cart
    visit: I32  # (c k,) row of the visit
    slot: I32  # (c k,)
    item: I32  # (c k,)
    appeal: F64  # (c k,) of the item

    @classmethod
    def empty(cls, c: int, k: int) -> Workspace:
        """A workspace for c visits of k slots."""
        places = c * k
        columns = {name: np.empty(places, dtype) for name, dtype in column_dtypes(cls).items()}
        columns["visit_at"] = np.repeat(np.arange(c, dtype=np.int32), k)
        columns["slot_at"] = np.tile(np.arange(k, dtype=np.int32), c)
        return cls(**columns)


class EventRows(NamedTuple):
    """One row for each item that was clicked or put in the cart on n pages of k slots.

    The visits of one claim (see :mod:`..engine.work_queue`) write their rows one after the other, from row
    k x (first visit of the claim) on. There is room for one row per slot; most of it is never touched.
    """

    visit: I32  # (n k,) row of the visit
    events: F64  # (n k, 13) columns ``EVENT_COLUMNS``
    written: I64  # (t,) rows written by each of the t claims

    @classmethod
    def empty(cls, n: int, k: int, step: int) -> EventRows:
        """Rows for n visits of k slots that are claimed ``step`` at a time."""
        events = np.empty((n * k, len(EVENT_COLUMNS)))
        return cls(np.empty(n * k, np.int32), events, np.zeros(-(-n // step), np.int64))


def compact(event_rows: EventRows, queue: I64, first: I64) -> tuple[AnyArray, F64]:
    """(visit (r,), events (r, 13)) of all rows written, in order of visits, without gaps.

    ``first`` (n,) holds the row of ``event_rows`` with which each page begins. It is changed to the row of
    the result.
    """
    if len(event_rows.written) == 1:  # all visits were claimed at once: there are no gaps
        count = event_rows.written[0]
        return event_rows.visit[:count].copy(), event_rows.events[:count].copy()
    count = int(event_rows.written.sum())
    visit, events = np.empty(count, np.int32), np.empty((count, event_rows.events.shape[1]))
    _copy(event_rows, queue, first, visit, events)
    return visit, events


@kernel
def _copy(event_rows: EventRows, queue: I64, first: I64, visit: I32, events: F64) -> None:
    done, slots, width = 0, event_rows.visit.shape[0] // first.shape[0], events.shape[1]
    for claimed in range(event_rows.written.shape[0]):
        low = claimed * queue[STEP]
        start = low * slots
        for row in range(event_rows.written[claimed]):
            visit[done + row] = event_rows.visit[start + row]
        source, target = ravel_view(event_rows.events)[start * width :], ravel_view(events)[done * width :]
        for place in range(event_rows.written[claimed] * width):
            target[place] = source[place]
        if done != start:
            for i in range(low, min(low + queue[STEP], first.shape[0])):
                first[i] += done - start
        done += event_rows.written[claimed]


@kernel
def clear(out: PageBuffers, low: int, high: int) -> None:
    """Set what a page may leave unwritten to zero. Every slot writes ``examined`` and ``unavailable``."""
    out.clicked[low:high] = False
    out.carted[low:high] = False
    for term in range(out.page.shape[0]):
        out.page[term, low:high] = 0.0
    out.read[low:high] = 0
