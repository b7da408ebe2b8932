"""What rules with a state count: read before a decision, moved by what was shown and bought.

A tracker for each rule; equal counters are counted once. Rollout, environment and server use the same ones.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from ...core.batches import Feedback, Requests
from ...core.items import Items
from ...core.types import F64, I32, AnyArray
from .counted_rules import (
    REVENUE,
    SPENT,
    SPENT_TODAY,
    CountedGuard,
    DiscountBudget,
    ExposureFloor,
    FrequencyCap,
)
from .rule import Guard, group_mask

Counted = dict[str, AnyArray]


@dataclass(frozen=True)
class Sales:
    """What was bought on n pages, each (n,), in currency.

    Attributes:
        time: days, when the pages were asked for.
        revenue: what was paid.
        discount: what the catalogue's prices would have brought more.
    """

    time: F64
    revenue: F64
    discount: F64

    @classmethod
    def of_feedback(cls, time: F64, feedback: Feedback, rows: AnyArray, items: Items) -> Sales:
        """The sales of some rows of the feedback on more pages."""
        units, revenue, sold = feedback.quantity[rows], feedback.revenue[rows], feedback.sold[rows]
        return cls.of_lines(time, units, revenue, sold, items)

    @classmethod
    def of_lines(cls, time: F64, units: AnyArray, revenue: F64, sold: I32, items: Items) -> Sales:
        """The sales of n pages from units, revenue and item rows of each slot, all (n, k)."""
        listed = units * items.price[np.maximum(sold, 0)]
        # live prices are rounded, so an order at the full price may seem to be a little cheaper
        discount = np.where(listed - revenue > 1e-6 * listed, listed - revenue, 0.0)
        return cls(time, revenue.sum(axis=1), discount.sum(axis=1))


class Tracker(Protocol):
    """Counts for one rule."""

    def read(self, requests: Requests) -> Counted:
        """The counters of the requests, before they are decided."""
        ...

    def show(self, requests: Requests, slates: I32) -> None:
        """Count slates (n, k) of item rows that were shown."""
        ...

    def sell(self, sales: Sales) -> None:
        """Count what was bought."""
        ...

    def forget(self, users: Iterable[int]) -> None:
        """Users whose life begins anew."""
        ...


class _Showings:
    """Of each candidate: how often its item or category was shown to the user within some days."""

    def __init__(self, rule: FrequencyCap, items: Items) -> None:
        self.days, (self.name,) = rule.days, rule.counters
        self.keys = np.arange(len(items)) if rule.per == "item" else items.category
        self.shown: defaultdict[int, deque[tuple[float, AnyArray]]] = defaultdict(deque)

    def read(self, requests: Requests) -> Counted:
        counts = np.zeros(requests.candidates.shape, np.float32)
        for row, (user, time) in enumerate(
            zip(requests.user_id.tolist(), requests.time.tolist(), strict=True)
        ):
            pages = self.shown.get(user)
            if pages is None:
                continue
            while pages and pages[0][0] <= time - self.days:
                pages.popleft()
            # pages of a time that is still to come belong to another clock
            inside = [keys for at, keys in pages if time - self.days < at <= time]
            if inside:
                wanted = self.keys[np.maximum(requests.candidates[row], 0)]
                keys, times_shown = np.unique(np.concatenate(inside), return_counts=True)
                place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
                counts[row] = np.where(keys[place] == wanted, times_shown[place], 0)
        counts[requests.candidates < 0] = 0.0
        return {self.name: counts}

    def show(self, requests: Requests, slates: I32) -> None:
        users, times = requests.user_id.tolist(), requests.time.tolist()
        for user, time, slate in zip(users, times, slates, strict=True):
            filled = slate[slate >= 0]
            if len(filled):
                self.shown[user].append((time, self.keys[filled]))

    def sell(self, sales: Sales) -> None:
        """Sales move no showings."""

    def forget(self, users: Iterable[int]) -> None:
        for user in users:
            self.shown.pop(user, None)


class _Exposure:
    """Slots that showed a group, and all slots that showed something."""

    def __init__(self, rule: ExposureFloor, items: Items) -> None:
        self.names, self.mask = rule.counters, group_mask(rule, rule.items, items)
        self.counts = np.zeros(2)

    def read(self, requests: Requests) -> Counted:
        return {
            name: np.full(len(requests), count) for name, count in zip(self.names, self.counts, strict=True)
        }

    def show(self, requests: Requests, slates: I32) -> None:
        filled = slates[slates >= 0]
        self.counts += int(self.mask[filled].sum()), len(filled)

    def sell(self, sales: Sales) -> None:
        """Sales move no exposure."""

    def forget(self, users: Iterable[int]) -> None:
        """Exposure is counted over all users."""


class _Discounts:
    """Discounts and revenue so far, and the discounts of the day."""

    def __init__(self, rule: DiscountBudget, items: Items) -> None:
        self.names = rule.counters
        self.total = {SPENT: 0.0, REVENUE: 0.0}
        self.by_day: defaultdict[int, float] = defaultdict(float)

    def read(self, requests: Requests) -> Counted:
        counted = {name: np.full(len(requests), value) for name, value in self.total.items()}
        days = np.floor(requests.time).astype(int).tolist()
        counted[SPENT_TODAY] = np.array([self.by_day.get(day, 0.0) for day in days])
        return {name: counted[name] for name in self.names}

    def show(self, requests: Requests, slates: I32) -> None:
        """What is shown costs nothing until it is bought."""

    def sell(self, sales: Sales) -> None:
        self.total[SPENT] += float(sales.discount.sum())
        self.total[REVENUE] += float(sales.revenue.sum())
        for day, discount in zip(
            np.floor(sales.time).astype(int).tolist(), sales.discount.tolist(), strict=True
        ):
            if discount:
                self.by_day[day] += discount

    def forget(self, users: Iterable[int]) -> None:
        """Discounts are counted over all users."""


TRACKERS = {FrequencyCap: _Showings, ExposureFloor: _Exposure, DiscountBudget: _Discounts}


class GuardCounters:
    """The counters of some rules over one run of a shop or a server.

    Args:
        guards: rules; those without a state are left out.
        items: the catalogue.

    Attributes:
        names: of the counters.
    """

    def __init__(self, guards: Sequence[Guard], items: Items) -> None:
        rules = {rule.counters: rule for rule in guards if isinstance(rule, CountedGuard)}
        self.names = tuple(dict.fromkeys(name for names in rules for name in names))
        self.items = items
        self._needs_sales = any(isinstance(rule, DiscountBudget) for rule in rules.values())
        self._trackers: list[Tracker] = [TRACKERS[type(rule)](rule, items) for rule in rules.values()]

    def fill(self, requests: Requests) -> Requests:
        """The requests with the counters as they are now; to be called before they are decided."""
        counters: Counted = {}
        for tracker in self._trackers:
            counters |= tracker.read(requests)
        return replace(requests, counters=counters)

    def show(self, requests: Requests, slates: I32) -> None:
        """Count what the pages of n requests showed: (n, k) item rows."""
        for tracker in self._trackers:
            tracker.show(requests, slates)

    def sell(self, sales: Sales) -> None:
        """Count what was bought."""
        for tracker in self._trackers:
            tracker.sell(sales)

    def record(self, requests: Requests, slates: I32, feedback: Feedback, rows: AnyArray) -> None:
        """Count n pages that a shop has served.

        Args:
            requests, slates: n requests and what was shown.
            feedback: of all rows of the shop.
            rows: (n,) which of them the pages are.
        """
        self.show(requests, slates)
        if self._needs_sales:
            self.sell(Sales.of_feedback(requests.time, feedback, rows, self.items))

    def forget(self, users: Iterable[int]) -> None:
        """Start the counts of users anew whose next life begins."""
        gone = list(users)
        for tracker in self._trackers:
            tracker.forget(gone)


def open_counters(guards: Sequence[Guard], items: Items) -> GuardCounters | None:
    """Counters of the rules at 0; None where no rule has a state."""
    counters = GuardCounters(guards, items)
    return counters if counters.names else None


def open_counters_of(policies: Iterable[object]) -> GuardCounters | None:
    """Counters at 0 of all that the guards of several policies count, for rules that choose among them."""
    guarded = [policy for policy in policies if getattr(policy, "guards", ())]
    rules = [guard for policy in guarded for guard in policy.guards]  # type: ignore[attr-defined]
    return open_counters(rules, guarded[0].items) if guarded else None  # type: ignore[attr-defined]
