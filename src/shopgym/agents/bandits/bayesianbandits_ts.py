"""Thompson sampling by the library bayesianbandits, served without it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from bayesianbandits import NormalInverseGammaRegressor

from ...core.batches import Interactions
from ...core.errors import in_range
from ...policies.scorers import LinearScorer
from ..task import Task
from .bandit import Bandit
from .reward_scale import shown_items


class BayesianBanditsTS(Bandit):
    """Its ``NormalInverseGammaRegressor``: linear regression whose noise is integrated out.

    It learns and draws; the frozen policy holds ``draws`` vectors of coefficients and follows one of them for
    each request. Features, candidates and slots are those of :class:`.LinTS`.

    Args:
        draws: posterior samples that the frozen policy holds.
        ridge: its ``lam``, prior precision of the coefficients.
        power: it learns reward / value^power; 0 is the reward as it is.
        options: ``decay`` and ``floor`` of :class:`.Bandit`.
    """

    name = "bayesianbandits"

    def __init__(
        self,
        task: Task,
        rng: np.random.Generator,
        *,
        draws: int = 8,
        ridge: float = 1.0,
        power: float = 0.0,
        **options: Any,
    ) -> None:
        super().__init__(task, rng, power=power, **options)
        in_range(f"{self.name}.draws", draws, 1, 1000)
        in_range(f"{self.name}.ridge", ridge, 0.0, 1e12, open_low=True)
        self.draws = draws
        self.model = NormalInverseGammaRegressor(lam=ridge, random_state=rng)

    def learn(self, batch: Interactions) -> Mapping[str, float]:
        """One exact update with the filled slots of the batch."""
        x, y = self.task.regression_rows(batch)
        if len(y):
            self.model.partial_fit(x, self.scale.add(y, shown_items(batch))[:, 0])
        return {"slots": float(self.scale.count)}

    def scorer(self) -> LinearScorer:
        """New posterior samples."""
        theta = self.model.sample(np.eye(len(self.task.features)), size=self.draws)
        return LinearScorer(self.task.features, self.task.items, theta, self.scale.item_scale)
