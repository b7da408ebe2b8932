"""What each decision earned in the end: goods that come back are booked where they were sold."""

from __future__ import annotations

import numpy as np

from ..batches import EVENT_RETURN_COST, EVENT_RETURN_DELAY, EVENT_RETURNED, Feedback
from ..types import F64, I64, U64, AnyArray


class ReturnLedger:
    """Margin by decision and slot, less what came back. It does not end with an episode.

    An order is booked when it is made. What comes back is booked at the same slot of the same decision, on
    the day when it arrives: the margin that is undone and its handling. So an order that is sent back whole
    nets to minus its handling, whichever episode goes on by then. Until then it is *open*.

    A reward may charge ``expected_return_cost`` at the order meanwhile; the ledger tells how that compares
    with what came back.

    Args:
        charge: how much of the cost of a return is booked.
    """

    def __init__(self, charge: float = 1.0) -> None:
        self._charge = charge
        self._booked: dict[int, F64] = {}
        self._open: list[tuple[U64, I64, F64, F64]] = []  # decision, slot, day due, cost

    def record(
        self,
        request_id: U64,
        time: AnyArray,
        feedback: Feedback,
        rows: AnyArray | None = None,
        *,
        earned: F64 | None = None,
    ) -> None:
        """Book the pages of a step.

        Args:
            request_id: (r,) the decisions, by the id of their request.
            time: (r,) days, when the pages were shown.
            feedback: on n pages.
            rows: (r,) which of them; default: all.
            earned: (r, k) what is booked at the order, slot by slot; default: its margin.
        """
        n = len(feedback.first)
        rows = np.arange(n) if rows is None else rows
        amount = feedback.margin[rows] if earned is None else earned
        sold = np.flatnonzero((amount != 0).any(axis=1))
        for one, slots in zip(request_id[sold].tolist(), amount[sold], strict=True):
            self._booked[one] = self._booked.get(one, 0.0) + slots
        place = np.full(n, -1)
        place[rows] = np.arange(len(rows))
        pages, slot, events = feedback.rows
        lines = feedback.events[events]
        sent = np.flatnonzero((lines[:, EVENT_RETURNED] > 0) & (place[pages] >= 0))
        if len(sent):
            at, back = place[pages[sent]], lines[sent]
            due = np.asarray(time, np.float64)[at] + back[:, EVENT_RETURN_DELAY]
            cost = self._charge * back[:, EVENT_RETURN_COST]
            self._open.append((request_id[at], slot[sent].astype(np.int64), due, cost))
            for one in request_id[at].tolist():  # an order may be worth nothing, and its return still cost
                self._booked.setdefault(one, np.zeros(amount.shape[1]))

    def settle(self, day: float) -> float:
        """Book what has come back by ``day``; returns its cost."""
        if not self._open:
            return 0.0
        decision, slot, due, cost = (np.concatenate(parts) for parts in zip(*self._open, strict=True))
        arrived = due <= day
        for one, at, amount in zip(*(part[arrived].tolist() for part in (decision, slot, cost)), strict=True):
            if one in self._booked:
                self._booked[one][at] -= amount
        self._open = [(decision[~arrived], slot[~arrived], due[~arrived], cost[~arrived])]
        return float(cost[arrived].sum())

    def net(self, request_id: U64) -> F64:
        """(n,) what the decisions have earned so far; 0 where nothing was sold."""
        return np.array([float(np.sum(self._booked.get(int(one), 0.0))) for one in request_id])

    def net_slots(self, request_id: U64, slots: int) -> F64:
        """(n, k) what each slot of the decisions has earned so far; k is ``slots``."""
        nothing = np.zeros(slots)
        return np.array([self._booked.get(int(one), nothing) for one in request_id]).reshape(-1, slots)

    @property
    def total(self) -> float:
        """The sum over all decisions so far."""
        return float(sum(slots.sum() for slots in self._booked.values()))

    @property
    def open_cost(self) -> float:
        """The cost of what was sold, will be sent back and has not arrived."""
        return float(sum(cost.sum() for *_, cost in self._open))
