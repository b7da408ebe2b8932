"""Conservative Q-learning from a log: low values for what was not shown (Kumar et al. 2020)."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...core.batches import Interactions
from ...core.errors import in_range
from ..task import Task
from .dqn import DQN
from .listwise import slot_log_probs


class CQL(DQN):
    """:class:`.DQN` plus ``alpha`` x (log sum of exp Q over what could be shown - Q of what was shown).

    Summed over slots, each among what the slots before left, this penalty (their eq. 4, CQL(H)) is minus the
    Plackett-Luce log-likelihood of the slate under the gains: V0 is the same for all items and cancels.

    Args:
        alpha: weight of the penalty, in the unit of the reward; 0 = DQN.
        updates: gradient steps for each batch of ``learn``, which may be a whole log.
        options: see :class:`.DQN`.
    """

    name = "cql"

    def __init__(
        self, task: Task, rng: np.random.Generator, *, alpha: float = 0.1, updates: int = 1000, **options: Any
    ) -> None:
        super().__init__(task, rng, updates=updates, **options)
        in_range("cql.alpha", alpha, 0.0, 1e6)
        self.alpha = alpha

    def loss(self, batch: Interactions) -> Tensor:
        tensors, requests = self.tensors, batch.requests
        gain = self.values.item_gain(tensors.pairs(requests, requests.candidates))
        positions = torch.as_tensor(batch.decisions.positions, device=tensors.device).long()
        penalty = -slot_log_probs(gain, tensors.allowed(requests), positions).sum(1).mean()
        return super().loss(batch) + self.alpha * penalty
