"""Memory of the page kernels: arrays seen as one dimension, event rows compacted in order."""

from __future__ import annotations

import numba
import numpy as np
import pytest

from shopgym.core.types import F64, I32
from shopgym.simulators.engine.jit import kernel
from shopgym.simulators.engine.ravel_view import ravel_view
from shopgym.simulators.engine.work_queue import work_queue
from shopgym.simulators.page.workspace import EventRows, compact


@kernel
def _number(rows: I32) -> None:
    long = ravel_view(rows)
    for place in range(long.shape[0]):
        long[place] = place


def test_rows_are_one_long_row_in_the_same_memory() -> None:
    rows = np.zeros((3, 5), np.int32)
    _number(rows)
    assert rows.tolist() == np.arange(15).reshape(3, 5).tolist()
    deep = np.zeros((2, 2, 2), np.int32)
    _number(deep)
    assert deep.ravel().tolist() == list(range(8))


def test_rows_that_are_not_in_one_piece_are_refused() -> None:
    with pytest.raises(numba.TypingError):
        _number(np.zeros((3, 5), np.int32)[:, ::2])


@pytest.mark.parametrize("step", [1, 2, 3, 5, 8])
def test_event_rows_are_compacted_in_order_of_visits(step: int) -> None:
    """By hand: five visits of three slots. Visits 0, 2 and 4 have one, two and three rows."""
    count = np.array([1, 0, 2, 0, 3])
    event_rows, first = EventRows.empty(5, 3, step), np.full(5, -7)
    for claimed, low in enumerate(range(0, 5, step)):
        row = low * 3
        for visit in range(low, min(low + step, 5)):
            first[visit] = row
            for slot in range(count[visit]):
                event_rows.visit[row] = visit
                event_rows.events[row] = 10 * visit + slot
                row += 1
        event_rows.written[claimed] = row - low * 3
    visits, events = compact(event_rows, work_queue(5, step), first)
    assert visits.tolist() == [0, 2, 2, 4, 4, 4]
    values: F64 = events[:, 0]
    assert values.tolist() == [0, 20, 21, 40, 41, 42]
    assert (events == values[:, None]).all()
    assert first[count > 0].tolist() == [0, 1, 3]
