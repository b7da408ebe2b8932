"""What each decision earned in the end: goods that come back are booked where they were sold."""

from __future__ import annotations

import numpy as np

from ..batches import EVENT_RETURN_COST, EVENT_RETURN_DELAY, EVENT_RETURNED, TERM_MARGIN, Feedback
from ..types import F64, U64, AnyArray


class ReturnLedger:
    """Margin by decision, less what came back. It does not end with an episode.

    An order is booked when it is made. What comes back is booked at the same decision, on the day when it
    arrives: the margin that is undone and its handling. So an order that is sent back whole nets to minus its
    handling, whichever episode goes on by then. Until then it is *open*.

    A reward may charge ``expected_return_cost`` at the order meanwhile; the ledger tells how that compares
    with what came back.
    """

    def __init__(self) -> None:
        self._booked: dict[int, float] = {}
        self._open: list[tuple[U64, F64, F64]] = []  # decision, day due, cost

    def record(
        self, request_id: U64, time: AnyArray, feedback: Feedback, rows: AnyArray | None = None
    ) -> None:
        """Book the pages of a step.

        Args:
            request_id: (r,) the decisions, by the id of their request.
            time: (r,) days, when the pages were shown.
            feedback: on n pages.
            rows: (r,) which of them; default: all.
        """
        n = len(feedback.first)
        rows = np.arange(n) if rows is None else rows
        margin = feedback.page[rows, TERM_MARGIN]
        self._book(request_id[margin != 0], margin[margin != 0])
        place = np.full(n, -1)
        place[rows] = np.arange(len(rows))
        pages, _, events = feedback.rows
        lines = feedback.events[events]
        sent = np.flatnonzero((lines[:, EVENT_RETURNED] > 0) & (place[pages] >= 0))
        if len(sent):
            at, back = place[pages[sent]], lines[sent]
            due = np.asarray(time, np.float64)[at] + back[:, EVENT_RETURN_DELAY]
            self._open.append((request_id[at], due, back[:, EVENT_RETURN_COST].copy()))

    def settle(self, day: float) -> float:
        """Book what has come back by ``day``; returns its cost."""
        if not self._open:
            return 0.0
        decision, due, cost = (np.concatenate(parts) for parts in zip(*self._open, strict=True))
        arrived = due <= day
        self._book(decision[arrived], -cost[arrived])
        self._open = [(decision[~arrived], due[~arrived], cost[~arrived])]
        return float(cost[arrived].sum())

    def net(self, request_id: U64) -> F64:
        """(n,) what the decisions have earned so far; 0 where nothing was sold."""
        return np.array([self._booked.get(int(one), 0.0) for one in request_id])

    @property
    def total(self) -> float:
        """The sum over all decisions so far."""
        return float(sum(self._booked.values()))

    @property
    def open_cost(self) -> float:
        """The cost of what was sold, will be sent back and has not arrived."""
        return float(sum(cost.sum() for _, _, cost in self._open))

    def _book(self, decision: U64, amount: F64) -> None:
        for one, value in zip(decision.tolist(), amount.tolist(), strict=True):
            self._booked[one] = self._booked.get(one, 0.0) + value
