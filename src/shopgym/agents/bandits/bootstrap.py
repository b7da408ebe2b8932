"""Bootstrapped Thompson sampling: several regressions, each on its own resample of the data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ...core.batches import Interactions
from ...core.errors import in_range
from ...core.types import F64
from ...policies.scorers import LinearScorer
from ..task import Task
from .bandit import Bandit
from .reward_scale import shown_items
from .ridge import BayesianRidge


class BootstrapTS(Bandit):
    """B ridge regressions see every slot a Poisson(1) number of times; each request follows one of them.

    The spread of the models replaces a posterior (Eckles & Kaptein 2014; Osband & Van Roy 2015), so nothing
    is assumed about the noise. Each model starts from its own draw of the prior.

    Args:
        models: B.
        ridge: prior precision of the coefficients.
        options: see :class:`.Bandit`.
    """

    name = "bootstrap_ts"

    def __init__(
        self, task: Task, rng: np.random.Generator, *, models: int = 8, ridge: float = 1.0, **options: Any
    ) -> None:
        super().__init__(task, rng, **options)
        in_range("bootstrap_ts.models", models, 1, 1000)
        dim = len(task.features)
        self.models = [BayesianRidge(dim, ridge, len(self.scale)) for _ in range(models)]
        self.priors = ridge**0.5 * rng.standard_normal((models, dim))

    def learn(self, batch: Interactions) -> Mapping[str, float]:
        """Every model learns its own resample of the filled slots."""
        x, y = self.task.regression_rows(batch)
        y = self.scale.add(y, shown_items(batch))
        for model in self.models:
            copies = self.rng.poisson(1.0, len(y))
            model.add(np.repeat(x, copies, axis=0), np.repeat(y, copies, axis=0))
        return {"slots": float(sum(model.count for model in self.models) / len(self.models))}

    def scorer(self) -> LinearScorer:
        """The present models."""
        task, theta = self.task, np.stack(list(map(self._sample, self.models, self.priors)))
        return LinearScorer(task.features, task.items, theta, self.scale.item_scale)

    def _sample(self, model: BayesianRidge, prior: F64) -> F64:
        """(D,) the mean of a model whose prior mean is drawn, in units of the rewards' spread."""
        mean, factor, _ = model.solve(self.scale.column)
        return mean + self.scale.spread * factor @ (factor.T @ prior)
