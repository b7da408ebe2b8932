"""REINFORCE from another policy's log, corrected for showing the top K (Chen et al. 2019)."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...core.batches import Interactions
from ...core.errors import in_range
from ...core.types import F64
from ..task import Task
from .batch_tensors import gathered
from .listwise import first_slot
from .rollouts import RolloutAgent
from .values import improve


def top_k_factor(probability: Tensor, k: int) -> Tensor:
    """lambda_K = K (1 - pi)^(K - 1): how much of an item's chance to be among K still rises with pi.

    The derivative of 1 - (1 - pi)^K (Chen et al. 2019, sec. 4.3): an item that is nearly sure to be shown
    stops asking for more.
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

    def improve(self, batch: Interactions, surprise: F64, goal: F64) -> float:
        views, requests, decisions = self.views, batch.requests, batch.decisions
        log_probs = self.actor.log_probs(batch)
        weight = self.weights(batch, log_probs)
        shown = views.tensor(decisions.slates >= 0)
        gain = views.tensor(surprise)[:, None]
        miss = (self.value(views.state(requests)) - views.tensor(goal)).square().mean()
        return improve(self.optimiser, 0.5 * miss - (weight * gain * shown * log_probs).sum(1).mean())

    def weights(self, batch: Interactions, log_probs: Tensor) -> Tensor:
        """(n, k) capped pi / beta, times lambda_K where asked for; no gradient flows through it."""
        with torch.no_grad():
            beta = self.views.tensor(batch.decisions.propensities)
            weight = (log_probs.exp() / beta).clamp(max=self.cap)
            if self.corrected:
                requests = batch.requests
                positions = torch.as_tensor(batch.decisions.positions, device=self.views.device).long()
                first = first_slot(self.actor.scores(requests), self.views.allowed(requests)).exp()
                weight = weight * top_k_factor(gathered(first, positions), self.task.slate_size)
        return weight
