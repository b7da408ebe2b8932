"""Learners on fresh pages only: they collect some batches, learn from them together, and forget them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from ...core.batches import Interactions
from ...core.errors import in_range
from ...core.types import F64
from ...policies.policy import SlatePolicy
from ..network import Network, one_thread, torch_generator
from ..task import Task
from .actor import Actor
from .advantages import advantages
from .batch_tensors import BatchTensors, Discount, what_came_next
from .replay import concat
from .values import each


class RolloutAgent:
    """An :class:`.Actor` and a critic V(s), improved every ``rollout`` batches.

    Args:
        gamma, daily: see :class:`.Discount`.
        trace: of the advantages, see :func:`.advantages`.
        rollout: batches that are learnt from together.
        epochs, batch: passes over them; interactions per gradient step.
        hidden, step: of both networks; of Adam.
        device: ``cpu`` or ``cuda``.
    """

    name: str

    def __init__(
        self,
        task: Task,
        rng: np.random.Generator,
        *,
        trace: float,
        epochs: int,
        gamma: float = 0.99,
        daily: float = 1.0,
        rollout: int = 16,
        batch: int = 512,
        hidden: Sequence[int] = (64, 32),
        step: float = 1e-3,
        device: str = "cpu",
    ) -> None:
        in_range("rl.trace", trace, 0.0, 1.0)
        in_range("rl.rollout", rollout, 1, 2**20)
        in_range("rl.epochs", epochs, 1, 10_000)
        in_range("rl.batch", batch, 1, 2**20)
        in_range("rl.step", step, 0.0, 10.0, open_low=True)
        self.task, self.discount, self.trace = task, Discount(gamma, daily), trace
        self.rollout, self.epochs, self.batch = rollout, epochs, batch
        self.views, self.generator = BatchTensors(task, device), torch_generator(rng)
        self.actor = Actor(self.views, hidden, self.generator)
        width = len(self.views.state_features)
        self.critic = Network(width, hidden=hidden, generator=self.generator, device=device)
        self.optimiser = torch.optim.Adam(
            [{"params": self.actor.network.parameters()}, {"params": self.critic.parameters()}], lr=step
        )
        self.collected: list[Interactions] = []
        self.begun = False

    @one_thread()
    def learn(self, batch: Interactions) -> Mapping[str, float]:
        """Collect; with the last batch of a rollout, improve.

        Raises:
            InvalidInput: the batch does not say what came next, or something in it is not finite.
        """
        what_came_next(batch)
        if len(batch):
            self.collected.append(batch)
        if len(self.collected) < self.rollout:
            return {"collected": float(len(self.collected))}
        rollout, self.collected = concat(self.collected), []
        if not self.begun:
            self.actor.standardise(rollout.requests)
            self.critic.standardise(self.views.state(rollout.requests).cpu().double().numpy())
            self.begun = True
        value, surprise = self._judged(rollout)
        goal, losses = surprise + value, []
        for _ in range(self.epochs):
            order = torch.randperm(len(rollout), generator=self.generator).numpy()
            parts = np.array_split(order, -(-len(order) // self.batch))
            losses += [self.improve(rollout.take(rows), surprise[rows], goal[rows]) for rows in parts]
        return {"collected": 0.0, "loss": float(np.mean(losses)), "value": float(value.mean())}

    def _judged(self, rollout: Interactions) -> tuple[F64, F64]:
        """(n,) the critic's value of each request, and each page's advantage."""
        following, _ = what_came_next(rollout)
        with torch.no_grad():
            value, later = (
                self.value(self.views.state(requests)).cpu().double().numpy()
                for requests in (rollout.requests, following)
            )
        reward, ahead = rollout.reward.sum(axis=1), self.discount.of(rollout)
        return value, advantages(rollout, reward, ahead, value, later, self.trace)

    def value(self, state: Tensor) -> Tensor:
        """(n,) from (n, S)."""
        return each(self.critic, state)

    def improve(self, batch: Interactions, surprise: F64, goal: F64) -> float:
        """One gradient step; ``surprise`` (n,) advantages, ``goal`` (n,) returns; the loss."""
        raise NotImplementedError

    def policy(self) -> SlatePolicy:
        """What it would do now, frozen."""
        return self.actor.policy(self.name)
