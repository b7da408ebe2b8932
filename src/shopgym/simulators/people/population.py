"""Who comes when during a season: newcomers, and customers who come back.

Newcomers arrive as a non-homogeneous Poisson process (:mod:`.arrivals`). A customer's exponential gaps run
on the same calendar: a day on which the shop is twice as busy counts as two average days.
"""

from __future__ import annotations

import heapq
import math

import numpy as np

from ...core.batches import EMPTY
from ...core.errors import InvalidInput
from ...core.types import AnyArray, Bool
from ..engine.hash_rng import DRAW_GAP, DRAW_LIFE, key, keys, units
from .arrivals import ArrivalConfig
from .users import Users
from .visits import Visits

REMEMBERED = ("visit", "gap", "satisfaction", "habit", "history", "purchases", "taste", "seen")
"""Columns of :class:`.visits.Visits` that people carry from one visit to the next."""


class Population:
    """M users on one calendar of ``days`` days.

    The first ``established`` users are customers already. The others are new, in order of arrival.

    Args:
        users: the people.
        arrivals: how many are new and how busy each hour is.
        days: length of the season.
        seed: of who comes when; person u has the same random draws in every season of this seed.
        remembers: whether customers come back and carry their experience along.
        history: h, how many of the items that they opened are remembered.
        purchases: b, how many of those that they bought.
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
        purchases: int = 0,
    ) -> None:
        self.users, self.arrivals, self.days, self.remembers = users, arrivals, days, remembers
        count = len(users)
        base = arrivals.established if remembers else 0
        expected = arrivals.expected(0.0, days)
        most = base + expected + 5 * expected**0.5
        if most > count:
            coming = f"{base} established and about {expected:.0f} new users come in {days:g} days"
            raise InvalidInput("shop.users", count, f"{coming}: give at least {int(most) + 1}")
        customers = np.arange(base)
        root = np.uint64(key(np.uint64(seed), DRAW_LIFE))
        self.life = keys(root, np.arange(count, dtype=np.uint64))
        self._memory: dict[str, AnyArray] = {"visit": np.zeros(count, np.int32)}
        if remembers:
            self._memory |= {name: np.zeros(count) for name in ("gap", "satisfaction", "habit")}
            for name, width in (("history", history), ("purchases", purchases)):
                self._memory[name] = np.full((count, width), EMPTY, np.int32)
            self._memory |= {"taste": users.taste.copy(), "seen": np.zeros_like(users.taste)}
        self._memory["visit"][customers] = 1
        draw = units(keys(np.uint64(key(root, DRAW_GAP)), customers.astype(np.uint64)))
        first = (
            arrivals.after(np.zeros(base), -np.log1p(-draw) / users.rate[customers]) if base else np.empty(0)
        )
        new = arrivals.times(int(root), int(expected + 10 * expected**0.5) + 10)
        new = new[new < days][: count - base]
        times = np.concatenate([first, new])
        people = np.concatenate([customers, base + np.arange(len(new))])
        inside = times < days
        self._queue = list(zip(times[inside].tolist(), people[inside].tolist(), strict=True))
        heapq.heapify(self._queue)

    def __len__(self) -> int:
        """Visits that are already certain to come."""
        return len(self._queue)

    @property
    def next_time(self) -> float:
        """Days until the next visit that is certain to come; inf after the last."""
        return self._queue[0][0] if self._queue else math.inf

    def assign(self, visits: Visits, begin: Bool, until: float) -> tuple[Bool, float]:
        """Put the people who come before ``until`` into the rows where ``begin`` (n,), with their memory.

        Returns:
            ((n,) the rows that were filled, time in days of the last person; 0 if nobody came).
        """
        rows = np.flatnonzero(begin)
        coming: list[tuple[float, int]] = []
        while len(coming) < len(rows) and self.next_time < until:
            coming.append(heapq.heappop(self._queue))
        rows, filled = rows[: len(coming)], np.zeros(len(begin), np.bool_)
        if not coming:
            return filled, 0.0
        times, users = np.array([time for time, _ in coming]), np.array([user for _, user in coming])
        filled[rows] = True
        visits.user[rows] = users
        visits.time[rows] = times
        visits.life[rows] = self.life[users]
        blank = {"history": EMPTY, "purchases": EMPTY, "taste": self.users.taste[users]}
        for name in REMEMBERED:
            remembered = self._memory[name][users] if name in self._memory else blank.get(name, 0)
            getattr(visits, name)[rows] = remembered
        return filled, float(times[-1])

    def store(self, visits: Visits, ended: Bool, stayed: Bool) -> None:
        """Store what the ``ended`` visits leave behind, and queue the next visits of those who stayed."""
        if not self.remembers:
            return
        rows = np.flatnonzero(ended)
        if not len(rows):
            return
        users = visits.user[rows]
        for name in REMEMBERED:
            self._memory[name][users] = getattr(visits, name)[rows]
        returning = np.flatnonzero(ended & stayed)
        times = self.arrivals.after(visits.time[returning], visits.gap[returning])
        for time, user in zip(times.tolist(), visits.user[returning].tolist(), strict=True):
            if time < self.days:
                heapq.heappush(self._queue, (time, user))
