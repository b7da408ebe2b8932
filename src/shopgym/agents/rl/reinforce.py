"""Off-policy REINFORCE with the correction for slates of K items (Chen et al. 2019)."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...core.batches import Interactions
from ...core.errors import in_range
from ...core.types import F64
from ..task import Task
from .batch_tensors import gather_filled
from .listwise import first_slot
from .rollouts import RolloutAgent
from .values import gradient_step


def top_k_factor(probability: Tensor, k: int) -> Tensor:
    """lambda_K = K (1 - pi)^(K - 1), the derivative of 1 - (1 - pi)^K (Chen et al. 2019, sec. 4.3).

    1 - (1 - pi)^K is the probability of an item in K draws. If it is near 1 there is little to gain.
    """
    return k * (1.0 - probability) ** (k - 1)


class TopKReinforce(RolloutAgent):
    """grad = sum of (pi / beta) lambda_K R grad log pi over shown items (Chen et al. 2019, sec. 4.3).

    pi / beta is the probability of the slot's item given the slots before it, now and when it was shown
    (the logged propensity), capped at ``cap`` (their sec. 4.4); lambda_K takes the item's probability of
    standing first; R is the discounted return less the critic's value. ``corrected=False`` is K = 1.

    Args:
        corrected: whether lambda_K multiplies.
        cap: of pi / beta, at least 1.
        trace, epochs, options: see :class:`.RolloutAgent`; ``trace`` 1 takes whole returns as far as the
            rollout reaches.
    """

    name = "reinforce"

    def __init__(
        self,
        task: Task,
        rng: np.random.Generator,
        *,
        corrected: bool = True,
        cap: float = 10.0,
        trace: float = 1.0,
        epochs: int = 1,
        **options: Any,
    ) -> None:
        super().__init__(task, rng, trace=trace, epochs=epochs, **options)
        in_range("reinforce.cap", cap, 1.0, 1e12)
        self.corrected, self.cap = corrected, cap

    def gradient_step(self, batch: Interactions, advantage: F64, returns: F64) -> float:
        tensors, requests, decisions = self.tensors, batch.requests, batch.decisions
        log_probs = self.actor.log_probs(batch)
        weight = self.slot_weights(batch, log_probs)
        shown = tensors.on_device(decisions.slates >= 0)
        advantages = tensors.on_device(advantage)[:, None]
        value_loss = (self.value(tensors.state(requests)) - tensors.on_device(returns)).square().mean()
        return gradient_step(
            self.optimiser, 0.5 * value_loss - (weight * advantages * shown * log_probs).sum(1).mean()
        )

    def slot_weights(self, batch: Interactions, log_probs: Tensor) -> Tensor:
        """(n, k) capped pi / beta, times lambda_K if ``corrected``; no gradient flows through it."""
        with torch.no_grad():
            beta = self.tensors.on_device(batch.decisions.propensities)
            weight = (log_probs.exp() / beta).clamp(max=self.cap)
            if self.corrected:
                requests = batch.requests
                positions = torch.as_tensor(batch.decisions.positions, device=self.tensors.device).long()
                first_slot_probability = first_slot(
                    self.actor.scores(requests), self.tensors.allowed(requests)
                ).exp()
                weight = weight * top_k_factor(
                    gather_filled(first_slot_probability, positions), self.task.slate_size
                )
        return weight
