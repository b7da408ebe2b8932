"""What a server's guards have counted: rebuilt from its log, moved by every decision and reward.

A decision is counted when it is made, before it is on the disk, so that requests which arrive together cannot
pass a cap together. If the disk then fails, one page too many is counted until the server starts again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ...core.batches import EMPTY, Decisions, Requests
from ...core.types import I32, AnyArray
from ..decision_log.schema import CANDIDATE_COUNTER, COUNTER
from ..guards import DiscountBudget, Interventions, Sales
from ..policy import SlatePolicy
from .request_seeded import decision_key, seeded_rng

SALES_EVENTS = ("units", "revenue")
"""Events of a reward that tell what was bought, for the discount budget."""


class GuardState:
    """The counters and the interventions of one policy's guards, for use from one thread.

    Attributes:
        interventions: since the server started.
        unreported: rewards since then without the events that the discount budget needs; they move nothing.
    """

    def __init__(self, policy: SlatePolicy, items_hash: str) -> None:
        self.policy, self._items_hash = policy, items_hash
        self.counters = policy.open_counters()
        self.interventions = Interventions(policy.guards, policy.items)
        self.unreported = 0
        self._needs_sales = any(isinstance(guard, DiscountBudget) for guard in policy.guards)
        self._same_items = False
        self._made: dict[int, tuple[float, I32]] = {}  # while the log is read again

    def fill(self, requests: Requests) -> Requests:
        """The request with the counters as they are now, unless it brings its own."""
        return requests if self.counters is None or requests.counters else self.counters.fill(requests)

    def decided(self, requests: Requests, decisions: Decisions) -> None:
        """Count a new decision on one request, and what the policy would have shown without guards."""
        if self.counters is not None:
            self.counters.show(requests, decisions.slates)
        rng = seeded_rng(decision_key(self.policy.hash, int(requests.request_id[0])))
        self.interventions.add(requests, self.policy.first_choices(requests, rng), decisions.positions)

    def rewarded(self, decision: Mapping[str, Any], events: Mapping[str, Sequence[float]]) -> None:
        """Count the outcome of a decision, as the log has both."""
        if self._needs_sales:
            self._sell(decision["time"], _slate(decision), events)

    def replay(self, record: Mapping[str, Any]) -> None:
        """Count one record of a log that an earlier process wrote; one with other items moves nothing."""
        kind = record["kind"]
        if kind == "header":
            self._same_items = record["items_hash"] == self._items_hash
        elif kind == "decision" and self._same_items and self.counters is not None:
            slate = _slate(record)
            if self._needs_sales:
                self._made[record["request_id"]] = record["time"], slate
            self.counters.show(_moment(record), slate[None, :])
        elif kind == "reward" and record["request_id"] in self._made:
            self._sell(*self._made.pop(record["request_id"]), record["events"])

    def replayed(self) -> None:
        """The log has been read."""
        self._made.clear()
        self.unreported = 0

    def report(self) -> dict[str, Any]:
        """JSON-able: pages and slots that were counted, the share that was masked, a row for every guard."""
        counts = self.interventions
        report: dict[str, Any] = {"pages": counts.pages, "slots": counts.slots, "masked_share": counts.share}
        report |= {"leans_on_guards": counts.leans, "rules": counts.rows()}
        return report | ({"rewards_without_sales": self.unreported} if self._needs_sales else {})

    def _sell(self, time: float, slate: I32, events: Mapping[str, Sequence[float]]) -> None:
        if not all(name in events for name in SALES_EVENTS):
            self.unreported += 1
            return
        units, revenue = (np.array(events[name]) for name in SALES_EVENTS)
        sales = Sales.of_lines(np.array([time]), units[None], revenue[None], slate[None], self.policy.items)
        if self.counters is not None:
            self.counters.sell(sales)


def with_counters_of(requests: Requests, record: Mapping[str, Any]) -> Requests:
    """The request with the counters that an earlier decision, as the log has it, was made with."""
    counters: dict[str, AnyArray] = {}
    for name, value in record.get("counters", {}).items():
        family = CANDIDATE_COUNTER if isinstance(value, list) else COUNTER
        counters[name] = np.array([value], family.dtype)
    return replace(requests, counters=counters)


def _slate(record: Mapping[str, Any]) -> I32:
    """(k,) item rows that a logged decision showed."""
    candidates, positions = np.array(record["candidates"]), np.array(record["positions"])
    return np.where(positions >= 0, candidates[np.maximum(positions, 0)], EMPTY).astype(np.int32)


def _moment(record: Mapping[str, Any]) -> Requests:
    """Who asked and when; trackers look at nothing else of a page that was shown."""
    one, none = np.zeros((1, 0), np.float32), np.zeros((1, 0), np.int32)
    return Requests(
        request_id=np.array([record["request_id"]], np.uint64),
        user_id=np.array([record["user_id"]], np.int64),
        user=one,
        context=one,
        candidates=none,
        in_stock=none.astype(np.bool_),
        time=np.array([record["time"]]),
    )
