"""One test in the shop: a season under a policy, counted by user and day, or by item."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from ....core.batches import SLOT_TERMS, Decisions, Requests
from ....core.protocols import DecisionRule
from ....core.types import F64, I64, AnyArray
from ....policies.guards import GuardCounters
from ....simulators.rollout import Episode, EpisodicShop, Step, rollout
from ....simulators.shop import Shop

COUNTED = (*SLOT_TERMS, "pages", "visits")
"""What is counted of each user: the terms of a page, and how often they came."""


@dataclass(frozen=True, eq=False)
class UserDays:
    """r rows, one for each user, day (or other period) and arm.

    Attributes:
        user, period, arm: (r,).
        values: (r, C) sums of ``COUNTED``.
    """

    user: I64
    period: I64
    arm: I64
    values: F64

    def column(self, name: str) -> F64:
        """(r,) one of ``COUNTED``."""
        return self.values[:, COUNTED.index(name)]


def season(
    shop: Shop, policy: DecisionRule | Callable[[], DecisionRule], seed: int, rng: Generator
) -> Iterator[Step]:
    """All pages of one season of a shop that is opened anew."""
    world = EpisodicShop(shop, Episode.SEASON)
    world.open(seed)
    yield from rollout(world, policy, rng, episodes=1, look_ahead=False)


class UserRecorder:
    """Collects pages and sums them by user, period and arm.

    Args:
        arm_of: (n,) arm of the requests of a step.
        period_of: (n,) number of the period of a time in days.
    """

    def __init__(self, arm_of: Callable[[Requests], I64], period_of: Callable[[F64], I64]) -> None:
        self.arm_of, self.period_of = arm_of, period_of
        self.pages = 0
        self._keys: list[I64] = []
        self._values: list[F64] = []

    def add(self, step: Step) -> None:
        """The pages of a step."""
        requests, rows = step.requests, step.rows
        key = np.stack([requests.user_id, self.period_of(requests.time), self.arm_of(requests)], axis=1)
        over = step.visit_over.astype(np.float64)
        self.pages += len(rows)
        self._keys.append(key)
        self._values.append(np.column_stack([step.feedback.page[rows], np.ones(len(rows)), over]))

    def user_days(self) -> UserDays:
        """What was collected."""
        keys, values = np.concatenate(self._keys), np.concatenate(self._values)
        unique, code = np.unique(keys, axis=0, return_inverse=True)
        code = code.reshape(-1)
        sums: F64 = np.stack([np.bincount(code, column, len(unique)) for column in values.T], axis=1)
        return UserDays(unique[:, 0], unique[:, 1], unique[:, 2], sums)


def item_sums(steps: Iterator[Step], items: int, terms: tuple[str, ...]) -> F64:
    """(N, T) sums of terms over the slots that showed each item."""
    totals = np.zeros((items, len(terms)))
    for step in steps:
        slates = step.decisions.slates
        filled = slates >= 0
        for number, term in enumerate(terms):
            amount: AnyArray = step.feedback.term(term)[step.rows]
            totals[:, number] += np.bincount(slates[filled], amount[filled], items)
    return totals


class DecidedPages:
    """A rule that keeps what it knows of the pages decided last, e.g. who picked which item."""

    def __init__(
        self,
        decide: Callable[[Requests, Generator], tuple[Decisions, AnyArray]],
        open_counters: Callable[[], GuardCounters | None],
    ) -> None:
        self._decide, self.open_counters = decide, open_counters
        self.latest: AnyArray = np.empty(0)

    def decide(self, requests: Requests, rng: Generator) -> Decisions:
        """Decide, and remember."""
        decisions, self.latest = self._decide(requests, rng)
        return decisions
