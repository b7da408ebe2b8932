"""A network of scores; the policy draws slot by slot from their softmax, so its propensities are exact."""

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
from .values import rowwise


class Actor:
    """Scores (n, m) over ``task.network_features``; a slate is drawn by Plackett-Luce."""

    def __init__(self, tensors: BatchTensors, hidden: Sequence[int], generator: torch.Generator) -> None:
        self.tensors = tensors
        width = len(tensors.task.network_features)
        self.network = Network(width, hidden=hidden, generator=generator, device=tensors.device)

    def standardise(self, requests: Requests) -> None:
        """Set the means and scales of the inputs from these requests and their candidates."""
        self.network.standardise(self.tensors.candidate_pairs(requests).cpu().double().numpy())

    def scores(self, requests: Requests) -> Tensor:
        """(n, m)"""
        return rowwise(self.network, self.tensors.pairs(requests, requests.candidates))

    def log_probs(self, batch: Interactions) -> Tensor:
        """(n, k) log-probability of each item shown, given the slots before; 0 at empty slots."""
        positions = torch.as_tensor(batch.decisions.positions, device=self.tensors.device).long()
        return slot_log_probs(self.scores(batch.requests), self.tensors.allowed(batch.requests), positions)

    def policy(self, name: str) -> SlatePolicy:
        """The present scores, frozen."""
        task = self.tensors.task
        scorer = scorer_of([self.network], task, value=np.ones(len(task.items)))
        return task.policy(name, scorer, Softmax())
