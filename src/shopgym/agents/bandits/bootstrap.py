"""Bootstrapped Thompson sampling: many regressions, each on a resample of its own."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ...core.batches import Interactions
from ...core.errors import in_range
from ...policies.explorers import PlackettLuceRanking
from ...policies.scorers import LinearScorer
from ..task import Task
from .bandit import Bandit
from .ridge import Ridge


class BootstrapTS(Bandit):
    """B ridge regressions see every slot a Poisson(1) number of times; a request follows one of them.

    The resamples' spread stands in for a posterior (Eckles & Kaptein 2014; Osband & Van Roy 2015), so
    nothing is assumed of the noise. Until data come, each model is pulled to a draw of its prior.

    Args:
        models: B.
        ridge: prior precision of the coefficients.
        decay, floor: how the ranking is spread, see :class:`.PlackettLuceRanking`.
    """

    name = "bootstrap_ts"

    def __init__(
        self,
        task: Task,
        rng: np.random.Generator,
        *,
        models: int = 8,
        ridge: float = 1.0,
        decay: float = 3.0,
        floor: float = 0.05,
    ) -> None:
        super().__init__(task, rng, PlackettLuceRanking(decay, floor))
        in_range("bootstrap_ts.models", models, 1, 1000)
        dim = len(task.features)
        self.models = [Ridge(dim, ridge) for _ in range(models)]
        for model in self.models:
            model.b = ridge**0.5 * rng.standard_normal(dim)

    def learn(self, batch: Interactions) -> Mapping[str, float]:
        """Every model takes in its resample of the filled slots."""
        x, y = self.task.shown(batch)
        for model in self.models:
            times = self.rng.poisson(1.0, len(y))
            model.add(np.repeat(x, times, axis=0), np.repeat(y, times))
        return {"slots": float(sum(model.count for model in self.models) / len(self.models))}

    def scorer(self) -> LinearScorer:
        """The present models."""
        task, theta = self.task, np.stack([model.solve()[0] for model in self.models])
        return LinearScorer(task.features, task.items, theta, task.item_value)
