"""Behaviour cloning: imitate the policy that wrote the log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch

from ...core.batches import Interactions
from ...core.errors import in_range
from ...policies.policy import SlatePolicy
from ..network import one_thread, torch_generator
from ..task import Task
from .actor import Actor
from .batch_tensors import BatchTensors, check_finite
from .values import gradient_step


class Cloning:
    """Maximises the likelihood of the logged slates under Plackett-Luce (ListMLE: Xia et al. 2008).

    It needs neither ``next`` nor rewards. Every learner from logs must beat it.

    Args:
        epochs, batch: passes over each batch of ``learn``; interactions per gradient step.
        hidden, step: of the network; of Adam.
        device: ``cpu`` or ``cuda``.
    """

    name = "cloning"

    def __init__(
        self,
        task: Task,
        rng: np.random.Generator,
        *,
        epochs: int = 10,
        batch: int = 256,
        hidden: Sequence[int] = (64, 32),
        step: float = 1e-3,
        device: str = "cpu",
    ) -> None:
        in_range("rl.epochs", epochs, 1, 10_000)
        in_range("rl.batch", batch, 1, 2**20)
        in_range("rl.step", step, 0.0, 10.0, open_low=True)
        self.epochs, self.batch, self.generator = epochs, batch, torch_generator(rng)
        self.actor = Actor(BatchTensors(task, device), hidden, self.generator)
        self.optimiser = torch.optim.Adam(self.actor.network.parameters(), lr=step)
        self.standardised = False

    @one_thread()
    def learn(self, batch: Interactions) -> Mapping[str, float]:
        """Train ``epochs`` times over the batch; ``loss`` is minus the mean log-likelihood of a slate."""
        check_finite("interactions.requests", batch.requests)
        if not len(batch):
            return {"loss": 0.0}
        if not self.standardised:
            self.actor.standardise(batch.requests)
            self.standardised = True
        loss = 0.0
        for _ in range(self.epochs):
            order = torch.randperm(len(batch), generator=self.generator).numpy()
            parts = np.array_split(order, -(-len(order) // self.batch))
            losses = [self._improve(batch.take(rows)) for rows in parts]
            loss = float(np.mean(losses))
        return {"loss": loss}

    def _improve(self, batch: Interactions) -> float:
        return gradient_step(self.optimiser, -self.actor.log_probs(batch).sum(1).mean())

    def policy(self) -> SlatePolicy:
        """The clone, frozen."""
        return self.actor.policy(self.name)
