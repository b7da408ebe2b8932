"""A network of scores whose softmax, slot by slot, is the policy; frozen, its propensities are exact."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from ...core.batches import Interactions, Requests
from ...policies.explorers import Softmax
from ...policies.policy import SlatePolicy
from ..network import Network, scorer_of
from .batch_tensors import BatchTensors
from .listwise import slot_log_probs
from .values import each


class Actor:
    """Scores (n, m) over ``task.network_features``; a slate is drawn by Plackett-Luce."""

    def __init__(self, views: BatchTensors, hidden: Sequence[int], generator: torch.Generator) -> None:
        self.views = views
        width = len(views.task.network_features)
        self.network = Network(width, hidden=hidden, generator=generator, device=views.device)

    def standardise(self, requests: Requests) -> None:
        """Take means and scales from these requests and their candidates."""
        self.network.standardise(self.views.each_pair(requests).cpu().double().numpy())

    def scores(self, requests: Requests) -> Tensor:
        """(n, m)"""
        return each(self.network, self.views.pairs(requests, requests.candidates))

    def log_probs(self, batch: Interactions) -> Tensor:
        """(n, k) of what was shown, slot by slot; 0 at empty slots."""
        positions = torch.as_tensor(batch.decisions.positions, device=self.views.device).long()
        return slot_log_probs(self.scores(batch.requests), self.views.allowed(batch.requests), positions)

    def policy(self, name: str) -> SlatePolicy:
        """Frozen."""
        task = self.views.task
        scorer = scorer_of([self.network], task, value=np.ones(len(task.items)))
        return task.policy(name, scorer, Softmax())
