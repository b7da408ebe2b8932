"""A linear bandit under limits: one regression for the reward and one for each limit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ...core.batches import Interactions
from ...policies.scorers import LinearScorer
from ..bandits.linear import LinearAgent
from ..bandits.reward_scale import shown_items
from ..bandits.ridge import BayesianRidge
from ..task import Task
from .multiplier import Gains, Multipliers


class LagrangianLinear(LinearAgent):
    """Ranks by predicted reward less the price of the predicted excess of each limit.

    The regressions never mix: when a multiplier moves, the whole past is judged by the new price.

    Args:
        limits, gains: see :class:`.Multipliers`; ``integral`` ... are those of :class:`.Gains`.
        options: see :class:`.LinearAgent`.
    """

    name = "lagrangian_linear"

    def __init__(
        self,
        task: Task,
        rng: np.random.Generator,
        *,
        limits: Sequence[Any] = (),
        integral: float = 0.2,
        proportional: float = 0.0,
        derivative: float = 0.0,
        **options: Any,
    ) -> None:
        super().__init__(task, rng, **options)
        self.multipliers = Multipliers(limits, Gains(integral, proportional, derivative))
        self.excess_models = [
            BayesianRidge(len(task.features), self.model.ridge, len(self.scale))
            for _ in self.multipliers.limits
        ]

    def learn(self, batch: Interactions) -> Mapping[str, float]:
        """One exact update of each regression, then one step of the multipliers."""
        for model, excess in zip(self.excess_models, self.multipliers.excesses(batch), strict=True):
            x, y = self.task.regression_rows(replace(batch, reward=excess))
            model.add(x, self.scale.scaled(y, shown_items(batch)))
        return {**super().learn(batch), **self.multipliers.update(batch)}

    def scorer(self) -> LinearScorer:
        """The posterior mean of the reward less the prices."""
        theta = self.model.solve(self.scale.column)[0]
        for price, model in zip(self.multipliers.prices, self.excess_models, strict=True):
            theta = theta - price * model.solve(self.scale.column)[0]
        return self._scorer(theta[None])
