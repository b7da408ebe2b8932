"""Implicit Q-learning from a log: only values of logged slates (Kostrikov, Nair & Levine 2022)."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...core.batches import Interactions
from ...core.errors import in_range
from ...policies.policy import SlatePolicy
from ..network import Network, torch_generator
from ..task import Task
from .actor import Actor
from .batch_tensors import next_state
from .dqn import AdditiveValueAgent
from .values import rowwise


class IQL(AdditiveValueAgent):
    """Learns without the values of slates that were not shown.

    V(s) is the ``expectile`` of Q(s, A) over logged slates (their eq. 5), near their best; Q learns reward +
    discount x V(s') (eq. 6); the policy clones the log with weight exp(beta (Q - V)) (eq. 7; Peng et al.
    2019), at most 100.

    Args:
        expectile: in [0.5, 1); 0.5 is the mean of the log.
        beta: per unit of reward; 0 = behaviour cloning.
        updates: gradient steps for each batch of ``learn``, which may be a whole log.
        options: see :class:`.ValueAgent`.
    """

    name = "iql"

    def __init__(
        self,
        task: Task,
        rng: np.random.Generator,
        *,
        expectile: float = 0.8,
        beta: float = 3.0,
        updates: int = 1000,
        **options: Any,
    ) -> None:
        super().__init__(task, rng, updates=updates, **options)
        in_range("iql.expectile", expectile, 0.5, 1.0, open_high=True)
        in_range("iql.beta", beta, 0.0, 1e6)
        self.expectile, self.beta = expectile, beta
        generator = torch_generator(rng)
        self.actor = Actor(self.tensors, self.hidden, generator)
        width = len(self.tensors.state_features)
        self.expected = Network(width, hidden=self.hidden, generator=generator, device=self.device)
        for network in (self.actor.network, self.expected):
            self.optimiser.add_param_group({"params": network.parameters()})

    def standardise(self, batch: Interactions) -> None:
        super().standardise(batch)
        self.actor.standardise(batch.requests)
        self.expected.standardise(self.tensors.state(batch.requests).cpu().double().numpy())

    def loss(self, batch: Interactions) -> Tensor:
        with torch.no_grad():
            target_value = self.slate_value(batch, self.target)
        value = rowwise(self.expected, self.tensors.state(batch.requests))
        difference = target_value - value
        asymmetry = torch.where(difference > 0, self.expectile, 1.0 - self.expectile)
        weight = (self.beta * difference.detach()).clamp(max=float(np.log(100.0))).exp()
        likelihood = self.actor.log_probs(batch).sum(1)
        return super().loss(batch) + (asymmetry * difference.square() - weight * likelihood).mean()

    def next_value(self, batch: Interactions) -> Tensor:
        following, _ = next_state(batch)
        return rowwise(self.expected, self.tensors.state(following))

    def policy(self) -> SlatePolicy:
        """The weighted clone, frozen."""
        return self.actor.policy(self.name)
