"""Who gets which arm: users, periods or items, by a hash that needs no table of assignments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from ....core.batches import Decisions, Requests
from ....core.protocols import DecisionRule
from ....core.types import F64, I64, AnyArray
from ....policies.guards import GuardCounters, open_counters_of
from ....policies.surface_router import decide_in_parts
from ....simulators.engine.hash_rng import keys, units

PAIRS = np.uint64(0x9E3779B97F4A7C15)
"""Parts the hash of periods from that of users."""


def uniform(salt: int, ids: AnyArray) -> F64:
    """(n,) numbers in [0, 1) that depend on the salt and the id alone."""
    hashed: F64 = units(keys(np.uint64(salt), np.asarray(ids, dtype=np.int64).astype(np.uint64)))
    return hashed


def arms_by_hash(salt: int, ids: AnyArray, shares: Sequence[float]) -> I64:
    """(n,) arm of each id: the first arm has the lowest numbers, so a growing last share keeps its users."""
    ends = np.cumsum(np.asarray(shares, np.float64) / sum(shares))
    return np.minimum(np.searchsorted(ends, uniform(salt, ids), side="right"), len(shares) - 1)


@dataclass(frozen=True)
class ByUser:
    """A user keeps an arm for the whole test.

    Attributes:
        salt: another salt is another assignment.
        shares: of the arms, the control first.
    """

    salt: int
    shares: tuple[float, ...]

    def arms(self, requests: Requests) -> I64:
        """(n,) arm of each request."""
        return arms_by_hash(self.salt, requests.user_id, self.shares)


@dataclass(frozen=True)
class ByPeriod:
    """All users have the same arm for a period: a switchback. Each block of A periods has every arm once.

    Attributes:
        salt: of the order in each block.
        arms_in_all: A.
        period: days.
    """

    salt: int
    arms_in_all: int
    period: float

    def arms(self, requests: Requests) -> I64:
        """(n,) arm of each request."""
        return self.arms_of(self.periods(requests.time))

    def periods(self, time: F64) -> I64:
        """(n,) number of the period at a time in days."""
        return np.floor(np.asarray(time) / self.period).astype(np.int64)

    def arms_of(self, period: I64) -> I64:
        """(n,) arm of each period: a random order of the arms in each block."""
        block, place = np.divmod(period, self.arms_in_all)
        marks = block[:, None] * self.arms_in_all + np.arange(self.arms_in_all)
        draws = uniform(self.salt ^ int(PAIRS), marks.ravel()).reshape(marks.shape)
        order = np.argsort(draws, axis=1)
        return np.take_along_axis(order, place[:, None], axis=1)[:, 0].astype(np.int64)


@dataclass(frozen=True, eq=False)
class ArmRouter:
    """Sends each request to the policy of its arm; propensities are those of that policy.

    Attributes:
        policies: of the arms, the control first.
        assignment: says which arm a request is in.
        name: in reports.
    """

    policies: Sequence[DecisionRule]
    assignment: ByUser | ByPeriod
    name: str = "online test"

    def open_counters(self) -> GuardCounters | None:
        """What the guards of the arms count: a user's pages, whichever arm showed them."""
        return open_counters_of(self.policies)

    def decide(self, requests: Requests, rng: Generator) -> Decisions:
        """Decide for n requests, arm by arm."""
        arm = self.assignment.arms(requests)
        return decide_in_parts(requests, [(arm == a, policy) for a, policy in enumerate(self.policies)], rng)
