"""Conservative Q-learning from a log: what was never shown is not believed (Kumar et al. 2020)."""

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
    """:class:`.DQN`, plus ``alpha`` x (log sum of exp Q over what could stand there - Q of what stood there).

    That penalty (their eq. 4, CQL(H)) slot by slot, over what the slots before it left, is minus the
    Plackett-Luce log-likelihood of the slate under the gains: V0 is the same for all and drops out.

    Args:
        alpha: 0 = DQN; rewards are compared with it, so it is in their unit.
        updates: steps for each batch of ``learn``, e.g. a whole log.
        options: see :class:`.ValueAgent`.
    """

    name = "cql"

    def __init__(
        self,
        task: Task,
        rng: np.random.Generator,
        *,
        alpha: float = 0.1,
        updates: int = 1000,
        **options: Any,
    ) -> None:
        super().__init__(task, rng, updates=updates, **options)
        in_range("cql.alpha", alpha, 0.0, 1e6)
        self.alpha = alpha

    def loss(self, batch: Interactions) -> Tensor:
        views, requests = self.views, batch.requests
        gain = self.values.of_items(views.pairs(requests, requests.candidates))
        positions = torch.as_tensor(batch.decisions.positions, device=views.device).long()
        penalty = -slot_log_probs(gain, views.allowed(requests), positions).sum(1).mean()
        return super().loss(batch) + self.alpha * penalty
