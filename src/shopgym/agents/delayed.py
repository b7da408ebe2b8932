"""Rewards that change later: an order may be returned days after it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Protocol, runtime_checkable

import numpy as np

from ..core.batches import Interactions
from ..core.errors import InvalidInput, in_range
from ..core.protocols import Agent, Policy
from ..core.types import F64, U64


@runtime_checkable
class Correctable(Agent, Protocol):
    """An agent whose learnt rewards can be corrected exactly, such as those with a closed form."""

    def correct(self, batch: Interactions, reward: F64) -> None:
        """Replace the rewards of a batch that was learnt by ``reward`` (n, k)."""
        ...


class Delayed:
    """An agent whose rewards may change until ``horizon`` days after their batch.

    With ``early`` it learns at once and is corrected exactly when a reward changes, which needs a
    :class:`Correctable` agent. Otherwise a decision waits until its horizon has passed and is then learnt
    once, with its last reward. The present time is the latest time of any request that was given.

    A correction gives the new reward, not the change, so the same correction twice changes nothing. A
    correction after the horizon, or of an unknown decision, is counted and not learnt. A decision that is
    given again before its horizon is not learnt twice. A correction is learnt even if its item is sold out or
    no candidate any more.

    Args:
        agent: the agent that learns.
        horizon: days.
        early: learn at once and correct; None = if the agent is :class:`Correctable`.
    """

    def __init__(self, agent: Agent, horizon: float, *, early: bool | None = None) -> None:
        in_range("delayed.horizon", horizon, 0.0, 1e6)
        if early and not isinstance(agent, Correctable):
            raise InvalidInput("delayed.early", early, "this agent cannot be corrected: leave early out")
        self.agent, self.horizon = agent, horizon
        self._correctable = agent if isinstance(agent, Correctable) and early is not False else None
        self._waiting: list[Interactions] = []
        self._location: dict[int, tuple[Interactions, int]] = {}
        self._latest = -np.inf
        self.late, self.repeated = 0, 0

    def learn(self, batch: Interactions) -> Mapping[str, float]:
        """Decisions with their rewards so far."""
        ids = batch.requests.request_id.tolist()
        first_row = dict(zip(reversed(ids), range(len(ids) - 1, -1, -1)))
        new = np.array(sorted(row for name, row in first_row.items() if name not in self._location), np.int64)
        self.repeated += len(ids) - len(new)
        if len(batch):
            self._latest = max(self._latest, float(batch.requests.time.max()))
        fresh = batch.take(new)
        fresh = replace(fresh, reward=fresh.reward.copy())  # corrections are written into it
        if len(fresh):
            self._waiting.append(fresh)
            self._location |= {int(name): (fresh, row) for row, name in enumerate(fresh.requests.request_id)}
        report = dict(self.agent.learn(fresh)) if self._correctable else {}
        return {**report, **self._release()}

    def correct(self, request_id: Sequence[int] | U64, reward: F64) -> Mapping[str, float]:
        """Set the rewards of r decisions to ``reward`` (r, k).

        Raises:
            InvalidInput: a reward is not finite, or there are not k of them; then nothing is corrected.
        """
        reward = np.asarray(reward, np.float64)
        for name, row in zip(request_id, reward, strict=True):
            if int(name) in self._location:
                replace(self._interaction(int(name)), reward=row[None])  # raises
        for name, row in zip(request_id, reward, strict=True):
            if int(name) not in self._location:
                self.late += 1
                continue
            if self._correctable:
                self._correctable.correct(self._interaction(int(name)), row[None])
            batch, index = self._location[int(name)]
            batch.reward[index] = row
        return self._counts()

    def advance(self, time: float) -> Mapping[str, float]:
        """Set the present time to at least ``time`` (days), without a new batch."""
        self._latest = max(self._latest, time)
        return self._release()

    def policy(self) -> Policy:
        """What the agent would do now, frozen."""
        return self.agent.policy()

    def _interaction(self, name: int) -> Interactions:
        batch, index = self._location[name]
        return batch.take(slice(index, index + 1))

    def _release(self) -> dict[str, float]:
        """Drop the batches that cannot change any more; learn from them unless that was done at once."""
        last_days = [batch.requests.time.max() + self.horizon for batch in self._waiting]
        settled = [batch for batch, day in zip(self._waiting, last_days) if day < self._latest]
        self._waiting = [batch for batch, day in zip(self._waiting, last_days) if day >= self._latest]
        report: dict[str, float] = {}
        for batch in settled:
            if not self._correctable:
                report |= self.agent.learn(batch)
            for name in batch.requests.request_id.tolist():
                del self._location[name]
        return {**report, **self._counts()}

    def _counts(self) -> dict[str, float]:
        counts = {"waiting": len(self._location), "late": self.late, "repeated": self.repeated}
        return {name: float(count) for name, count in counts.items()}
