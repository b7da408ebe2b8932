"""A multilayer perceptron and a cross network over user, item, context and the moment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import softplus

from ...core.errors import in_range
from ...core.types import F64, AnyArray
from ...policies.scorers import NetworkScorer, Scorer
from ..network import Network, fit, scorer_of, torch_generator
from ..task import Task
from .features import deep_features
from .memory import Rows
from .ranker import Ranker


def examined_loss(z: Tensor, target: Tensor) -> Tensor:
    """The loss of :mod:`.examination`; |target| is the attention, its sign whether it happened."""
    attention = target.abs()
    return torch.where(target > 0, softplus(-z), -torch.log((1 - attention) + attention * torch.sigmoid(-z)))


class NetworkRanker(Ranker):
    """What the two share: a network of its own for every fit, trained from the start (Ash & Adams 2020).

    Args:
        hidden: widths of the hidden layers.
        crosses: cross layers before them.
        epochs: passes over the rows.
        batch: rows of a step.
        step: of Adam (Kingma & Ba 2015); ``shrink``: decoupled weight decay (Loshchilov & Hutter 2019).
        options: see :class:`.Ranker`.
    """

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

    def fit(self, rows: Rows) -> Scorer | None:
        if not len(rows):
            return None
        torch.set_num_threads(1)
        generator = torch_generator(self.rng)
        network = Network(len(self.features), hidden=self.hidden, crosses=self.crosses, generator=generator)
        network.standardise(rows.x.astype(np.float64))
        fit(
            network,
            rows.x,
            np.where(rows.y > 0, rows.attention, -rows.attention),
            loss=examined_loss,
            generator=generator,
            optimiser=torch.optim.AdamW(network.parameters(), lr=self.step, weight_decay=self.shrink),
            epochs=self.epochs,
            batch=self.batch,
        )
        one = np.ones(len(self.task.items))
        return scorer_of([network], self.task, value=one, features=self.features)

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
