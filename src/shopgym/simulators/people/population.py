"""Everybody who may come during a season, and when: newcomers, and customers who come back.

Newcomers arrive as a non-homogeneous Poisson process (:mod:`.arrivals`). A customer's exponential gaps run
on the same calendar: a day at which the shop is twice as busy is worth two of its average days.
"""

from __future__ import annotations

import heapq
import math

import numpy as np

from ...core.batches import EMPTY
from ...core.errors import InvalidInput
from ...core.types import F32, F64, I32, Bool
from ..engine.hash_rng import GAP, LIFE, key, keys, units
from .arrivals import ArrivalConfig
from .users import Users
from .visits import Visits


class Population:
    """M users on one calendar of ``days`` days.

    The first ``established`` users are customers already; the others are new, in order of arrival.

    Args:
        users: the people.
        arrivals: how many are new and how busy each hour is.
        days: length of the season.
        seed: of who comes when; person u has the same luck in every season of this seed.
        remembers: whether customers come back and carry their experience along.
        history: how many of the items that they opened are remembered.
    """

    def __init__(
        self,
        users: Users,
        arrivals: ArrivalConfig,
        *,
        days: float,
        seed: int,
        remembers: bool,
        history: int = 0,
    ) -> None:
        self.users, self.arrivals, self.days, self.remembers = users, arrivals, days, remembers
        count = len(users)
        base = arrivals.established if remembers else 0
        expected = arrivals.expected(0.0, days)
        if base + expected + 5 * expected**0.5 > count:
            raise InvalidInput(
                "shop.users",
                count,
                f"{base} established and about {expected:.0f} new users come in {days:g} days: "
                f"give at least {int(base + expected + 5 * expected**0.5) + 1}",
            )
        known = np.arange(base)
        root = np.uint64(key(np.uint64(seed), LIFE))
        self.life = keys(root, np.arange(count, dtype=np.uint64))
        self.visits: I32 = np.zeros(count, np.int32)
        self.gap: F64 = np.zeros(count)
        self.satisfaction: F64 = np.zeros(count)
        self.habit: F64 = np.zeros(count)
        self.history: I32 = np.full((count, history if remembers else 0), EMPTY, np.int32)
        self.taste: F32 = users.taste.copy() if remembers else users.taste
        self.seen: F32 = np.zeros_like(users.taste) if remembers else users.taste
        self.visits[known] = 1
        draw = units(keys(np.uint64(key(root, GAP)), known.astype(np.uint64)))
        first = arrivals.after(np.zeros(base), -np.log1p(-draw) / users.rate[known]) if base else np.empty(0)
        new = arrivals.times(int(root), int(expected + 10 * expected**0.5) + 10)
        new = new[new < days][: count - base]
        times = np.concatenate([first, new])
        who = np.concatenate([known, base + np.arange(len(new))])
        coming = times < days
        self._queue = list(zip(times[coming].tolist(), who[coming].tolist(), strict=True))
        heapq.heapify(self._queue)

    def __len__(self) -> int:
        """Visits that are already certain to come."""
        return len(self._queue)

    @property
    def next_time(self) -> float:
        """Days until the next visit that is certain to come; inf after the last."""
        return self._queue[0][0] if self._queue else math.inf

    def assign(self, visits: Visits, begin: Bool, until: float) -> tuple[Bool, float]:
        """Put who comes before ``until`` into the lanes where ``begin``, in order, with luck and memory.

        Returns:
            ((n,) lanes that got somebody, time of the latest of them in days; 0 if there is nobody).
        """
        lanes = np.flatnonzero(begin)
        found: list[tuple[float, int]] = []
        while len(found) < len(lanes) and self.next_time < until:
            found.append(heapq.heappop(self._queue))
        lanes, filled = lanes[: len(found)], np.zeros(len(begin), np.bool_)
        if not found:
            return filled, 0.0
        times, who = np.array([time for time, _ in found]), np.array([user for _, user in found])
        filled[lanes] = True
        visits.user[lanes] = who
        visits.time[lanes] = times
        visits.life[lanes] = self.life[who]
        visits.visit[lanes] = self.visits[who]
        visits.gap[lanes] = self.gap[who]
        visits.satisfaction[lanes] = self.satisfaction[who]
        visits.habit[lanes] = self.habit[who]
        visits.history[lanes] = self.history[who] if self.remembers else EMPTY
        visits.taste[lanes] = self.taste[who]
        visits.seen[lanes] = self.seen[who] if self.remembers else 0.0
        return filled, float(times[-1])

    def store(self, visits: Visits, ended: Bool, stayed: Bool) -> None:
        """Take over what the visits that have ended left behind, and when those who stay come back."""
        if not self.remembers:
            return
        lanes = np.flatnonzero(ended)
        who = visits.user[lanes]
        self.visits[who] = visits.visit[lanes]
        self.gap[who] = visits.gap[lanes]
        self.satisfaction[who] = visits.satisfaction[lanes]
        self.habit[who] = visits.habit[lanes]
        self.history[who] = visits.history[lanes]
        self.taste[who] = visits.taste[lanes]
        self.seen[who] = visits.seen[lanes]
        back = np.flatnonzero(ended & stayed)
        times = self.arrivals.after(visits.time[back], visits.gap[back])
        for time, user in zip(times.tolist(), visits.user[back].tolist(), strict=True):
            if time < self.days:
                heapq.heappush(self._queue, (time, user))
