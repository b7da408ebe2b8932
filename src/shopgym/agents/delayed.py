"""Rewards that change later: an order now, its return days after."""

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
    """An agent whose past can be put right exactly, as closed forms can."""

    def correct(self, batch: Interactions, reward: F64) -> None:
        """``batch`` was learnt; its rewards are ``reward`` (n, k)."""
        ...


class Delayed:
    """An agent whose rewards may change until ``horizon`` days after their batch.

    Early, it learns from what is known at once and is corrected exactly when more is known; this needs a
    :class:`Correctable` agent. Otherwise a decision is held back until its horizon has passed, and learnt
    from once, with its last reward. What time it is, is the latest time of any request that it was given.

    A correction gives the reward as it is now known, not the change, so one that comes twice changes nothing
    more. One that comes after the horizon, or for a decision that is not known, is counted and not learnt. A
    decision that is handed in again while it is known is not learnt twice. Whether the item is still a
    candidate, or still in stock, does not matter: what is corrected is what was shown.

    Args:
        agent: who learns.
        horizon: days.
        early: learn at once and correct; None = if the agent can.
    """

    def __init__(self, agent: Agent, horizon: float, *, early: bool | None = None) -> None:
        in_range("delayed.horizon", horizon, 0.0, 1e6)
        if early and not isinstance(agent, Correctable):
            raise InvalidInput("delayed.early", early, "this agent cannot be corrected: hold decisions back")
        self.agent, self.horizon = agent, horizon
        self._correctable = agent if isinstance(agent, Correctable) and early is not False else None
        self._held: list[Interactions] = []
        self._where: dict[int, tuple[Interactions, int]] = {}
        self._now = -np.inf
        self.late, self.repeated = 0, 0

    def learn(self, batch: Interactions) -> Mapping[str, float]:
        """Decisions with what is known of their rewards by now."""
        ids = batch.requests.request_id.tolist()
        first = dict(zip(reversed(ids), range(len(ids) - 1, -1, -1)))
        new = np.array(sorted(row for name, row in first.items() if name not in self._where), np.int64)
        self.repeated += len(ids) - len(new)
        if len(batch):
            self._now = max(self._now, float(batch.requests.time.max()))
        held = batch.take(new)
        held = replace(held, reward=held.reward.copy())  # corrections are written into it
        if len(held):
            self._held.append(held)
            self._where |= {int(name): (held, row) for row, name in enumerate(held.requests.request_id)}
        found = dict(self.agent.learn(held)) if self._correctable else {}
        return {**found, **self._release()}

    def correct(self, request_id: Sequence[int] | U64, reward: F64) -> Mapping[str, float]:
        """Rewards (r, k) of r decisions as they are now known.

        Raises:
            InvalidInput: a reward is not finite, or there are not k of them; nothing is corrected then.
        """
        reward = np.asarray(reward, np.float64)
        for name, row in zip(request_id, reward, strict=True):
            if int(name) in self._where:
                replace(self._one(int(name)), reward=row[None])  # raises
        for name, row in zip(request_id, reward, strict=True):
            if int(name) not in self._where:
                self.late += 1
                continue
            if self._correctable:
                self._correctable.correct(self._one(int(name)), row[None])
            held, at = self._where[int(name)]
            held.reward[at] = row
        return self._counts()

    def at(self, time: float) -> Mapping[str, float]:
        """It is ``time`` (days) now, though nobody asked for a page."""
        self._now = max(self._now, time)
        return self._release()

    def policy(self) -> Policy:
        """What the agent would do now, frozen."""
        return self.agent.policy()

    def _one(self, name: int) -> Interactions:
        held, at = self._where[name]
        return held.take(slice(at, at + 1))

    def _release(self) -> dict[str, float]:
        """Let go of what cannot change any more; learn from it unless that was done at first."""
        over = [held for held in self._held if held.requests.time.max() + self.horizon < self._now]
        self._held = [held for held in self._held if held.requests.time.max() + self.horizon >= self._now]
        found: dict[str, float] = {}
        for held in over:
            if not self._correctable:
                found |= self.agent.learn(held)
            for name in held.requests.request_id.tolist():
                del self._where[name]
        return {**found, **self._counts()}

    def _counts(self) -> dict[str, float]:
        counts = {"waiting": len(self._where), "late": self.late, "repeated": self.repeated}
        return {name: float(count) for name, count in counts.items()}
