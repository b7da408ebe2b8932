"""A multilayer perceptron and a cross network over user, item, context and live features."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import softplus

from ...core.errors import in_range
from ...core.types import F32, F64, AnyArray
from ...policies.scorers import NetworkScorer, Scorer
from ..network import Network, fit, one_thread, scorer_of, torch_generator
from ..task import Task
from .features import deep_features
from .holdout_buffer import Rows
from .ranker import RankingAgent

PATIENCE = 2
"""Epochs without improvement after which training stops."""


def examined_loss(z: Tensor, target: Tensor) -> Tensor:
    """The loss of :mod:`.examination`; |target| is the attention, its sign whether the outcome happened."""
    attention = target.abs()
    return torch.where(target > 0, softplus(-z), -torch.log((1 - attention) + attention * torch.sigmoid(-z)))


def signed(rows: Rows) -> F32:
    """(r,) the targets of :func:`examined_loss`."""
    return np.where(rows.y > 0, rows.attention, -rows.attention).astype(np.float32)


class NetworkRanker(RankingAgent):
    """What both networks share: every fit trains a new network from scratch (Ash & Adams 2020).

    Training stops when the loss on pages held out no longer improves; the best network is kept.

    Args:
        hidden: widths of the hidden layers.
        crosses: cross layers before them.
        epochs: maximum number of passes over the rows.
        batch: rows of a step.
        step: of Adam (Kingma & Ba 2015); ``shrink``: decoupled weight decay (Loshchilov & Hutter 2019).
        options: see :class:`.RankingAgent`.
    """

    default_calibration = "platt"
    early_stopping = True

    def __init__(
        self,
        task: Task,
        rng: np.random.Generator,
        *,
        hidden: Sequence[int] = (32, 16),
        crosses: int = 0,
        epochs: int = 10,
        batch: int = 512,
        step: float = 0.005,
        shrink: float = 0.01,
        **options: Any,
    ) -> None:
        in_range(f"{self.name}.epochs", epochs, 1, 10_000)
        in_range(f"{self.name}.batch", batch, 1, 1e9)
        in_range(f"{self.name}.step", step, 0.0, 10.0, open_low=True)
        in_range(f"{self.name}.shrink", shrink, 0.0, 10.0)
        super().__init__(task, rng, deep_features(task), **options)
        self.hidden, self.crosses, self.epochs, self.batch = tuple(hidden), crosses, epochs, batch
        self.step, self.shrink = step, shrink

    def fit(self, rows: Rows, holdout: Rows) -> Scorer | None:
        if not len(rows):
            return None
        with one_thread():
            return self._fit(rows, holdout)

    def _fit(self, rows: Rows, holdout: Rows) -> Scorer:
        generator = torch_generator(self.rng)
        network = Network(len(self.features), hidden=self.hidden, crosses=self.crosses, generator=generator)
        network.standardise(rows.x.astype(np.float64))
        optimiser = torch.optim.AdamW(network.parameters(), lr=self.step, weight_decay=self.shrink)
        train = partial(fit, network, rows.x, signed(rows), loss=examined_loss, generator=generator)
        best_loss, best_state, epochs_without_gain = np.inf, network.state_dict(), 0
        for _ in range(self.epochs):
            train(optimiser=optimiser, batch=self.batch)
            with torch.no_grad():
                losses = examined_loss(network(torch.as_tensor(holdout.x)), torch.as_tensor(signed(holdout)))
            loss = float(losses.mean()) if len(holdout) else -np.inf
            if loss < best_loss or not len(holdout):
                best_loss, best_state, epochs_without_gain = loss, deepcopy(network.state_dict()), 0
            else:
                epochs_without_gain += 1
            if epochs_without_gain == PATIENCE:
                break
        network.load_state_dict(best_state)
        value = np.ones(len(self.task.items))
        return scorer_of([network], self.task, value=value, features=self.features)

    def predict(self, model: Scorer, x: AnyArray) -> F64:
        assert isinstance(model, NetworkScorer)
        z: F64 = model.evaluate(x)[:, 0].astype(np.float64)
        return z


class MLPRanker(NetworkRanker):
    """Dense layers with ReLU between them."""

    name = "mlp_ranker"


class CrossRanker(NetworkRanker):
    """Cross layers multiply features with each other before the dense ones (DCN-v2, Wang et al. 2021)."""

    name = "cross_ranker"

    def __init__(self, task: Task, rng: np.random.Generator, *, crosses: int = 2, **options: Any) -> None:
        super().__init__(task, rng, crosses=crosses, **options)
