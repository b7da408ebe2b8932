"""On-policy learners: they collect batches, learn from them together, and drop them."""

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
from .batch_tensors import BatchTensors, Discount, next_state
from .replay import concat
from .values import rowwise


class RolloutAgent:
    """An :class:`.Actor` and a critic V(s), improved every ``rollout`` batches.

    Args:
        gamma, daily: see :class:`.Discount`.
        trace: of the advantages, see :func:`.advantages`.
        rollout: number of batches that are learnt from together.
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
        self.tensors, self.generator = BatchTensors(task, device), torch_generator(rng)
        self.actor = Actor(self.tensors, hidden, self.generator)
        width = len(self.tensors.state_features)
        self.critic = Network(width, hidden=hidden, generator=self.generator, device=device)
        self.optimiser = torch.optim.Adam(
            [{"params": self.actor.network.parameters()}, {"params": self.critic.parameters()}], lr=step
        )
        self.collected: list[Interactions] = []
        self.standardised = False

    @one_thread()
    def learn(self, batch: Interactions) -> Mapping[str, float]:
        """Collect the batch; with the last batch of a rollout, train on all of them.

        Raises:
            InvalidInput: the batch has no ``next`` or ``terminated``, or a number is not finite.
        """
        next_state(batch)
        if len(batch):
            self.collected.append(batch)
        if len(self.collected) < self.rollout:
            return {"collected": float(len(self.collected))}
        rollout, self.collected = concat(self.collected), []
        if not self.standardised:
            self.actor.standardise(rollout.requests)
            self.critic.standardise(self.tensors.state(rollout.requests).cpu().double().numpy())
            self.standardised = True
        value, advantage = self._evaluate(rollout)
        returns, losses = advantage + value, []
        for _ in range(self.epochs):
            order = torch.randperm(len(rollout), generator=self.generator).numpy()
            parts = np.array_split(order, -(-len(order) // self.batch))
            losses += [
                self.gradient_step(rollout.take(rows), advantage[rows], returns[rows]) for rows in parts
            ]
        return {"collected": 0.0, "loss": float(np.mean(losses)), "value": float(value.mean())}

    def _evaluate(self, rollout: Interactions) -> tuple[F64, F64]:
        """(n,) the critic's value of each request, and (n,) advantages."""
        following, _ = next_state(rollout)
        with torch.no_grad():
            value, next_value = (
                self.value(self.tensors.state(requests)).cpu().double().numpy()
                for requests in (rollout.requests, following)
            )
        reward, discounts = rollout.reward.sum(axis=1), self.discount.factors(rollout)
        return value, advantages(rollout, reward, discounts, value, next_value, self.trace)

    def value(self, state: Tensor) -> Tensor:
        """(n,) from (n, S)."""
        return rowwise(self.critic, state)

    def gradient_step(self, batch: Interactions, advantage: F64, returns: F64) -> float:
        """One gradient step; returns the loss. ``advantage`` and ``returns`` are (n,)."""
        raise NotImplementedError

    def policy(self) -> SlatePolicy:
        """What the agent would do now, frozen."""
        return self.actor.policy(self.name)
