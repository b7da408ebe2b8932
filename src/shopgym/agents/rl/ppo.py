"""Proximal policy optimisation of slates (Schulman et al. 2017)."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from ...core.batches import Interactions
from ...core.errors import in_range
from ...core.types import F64
from ..task import Task
from .listwise import entropy
from .rollouts import RolloutAgent
from .values import gradient_step


class PPO(RolloutAgent):
    """Maximises min(r A, clip(r, 1 - clip, 1 + clip) A) (their eq. 7) for pages.

    r is the ratio of a slate's probability now and when it was shown: exp of the sum over slots of the
    Plackett-Luce log-probabilities, less the logged propensities, which are exact. A is the generalised
    advantage (Schulman et al. 2016, eq. 16), standardised within a rollout.

    Args:
        clip: in (0, 1).
        entropy: weight of the entropy of the first slot.
        trace, epochs, options: see :class:`.RolloutAgent`.
    """

    name = "ppo"

    def __init__(
        self,
        task: Task,
        rng: np.random.Generator,
        *,
        clip: float = 0.2,
        entropy: float = 0.003,
        trace: float = 0.95,
        epochs: int = 4,
        **options: Any,
    ) -> None:
        super().__init__(task, rng, trace=trace, epochs=epochs, **options)
        in_range("ppo.clip", clip, 0.0, 1.0, open_low=True, open_high=True)
        in_range("ppo.entropy", entropy, 0.0, 1e6)
        self.clip, self.entropy = clip, entropy

    def gradient_step(self, batch: Interactions, advantage: F64, returns: F64) -> float:
        tensors, requests = self.tensors, batch.requests
        logged = tensors.on_device(np.log(batch.decisions.propensities).sum(axis=1))
        ratio = torch.exp(self.actor.log_probs(batch).sum(1) - logged)
        standard_advantage = tensors.on_device((advantage - advantage.mean()) / (advantage.std() + 1e-8))
        clipped = ratio.clamp(1 - self.clip, 1 + self.clip)
        value_loss = (self.value(tensors.state(requests)) - tensors.on_device(returns)).square().mean()
        mean_entropy = entropy(self.actor.scores(requests), tensors.allowed(requests)).mean()
        loss = (
            -torch.minimum(ratio * standard_advantage, clipped * standard_advantage).mean()
            + 0.5 * value_loss
            - self.entropy * mean_entropy
        )
        return gradient_step(self.optimiser, loss)
