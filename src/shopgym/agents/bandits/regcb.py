"""RegCB: explore only what a regression that fits nearly as well might still call the best."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ...core.batches import Interactions
from ...core.errors import in_range
from ...policies.explorers import Elimination, Explorer, PlackettLuceRanking
from ...policies.scorers import BoundScorer, Scorer
from ..task import Task
from .linear import LinearAgent


class RegCB(LinearAgent):
    """The models whose loss is within beta of the least are plausible (Foster et al. 2018, alg. 1, 3).

    For ridge regression they are the ball (theta - mean)' A (theta - mean) <= beta, so that what they may
    predict is mean . phi -+ beta^0.5 |phi| in the norm of A^-1: the paper's search for the bounds has a
    closed form. beta = mellowness x sigma^2 x log(m t) after t slots with m candidates: as Vowpal
    Wabbit's ``--mellowness`` in units of the residuals' variance sigma^2.

    Args:
        mellowness: how slowly models are given up.
        optimistic: show the greatest upper bounds first (alg. 3) instead of any that is not eliminated.
        ridge, noise: see :class:`LinearAgent`; noise is sigma.
        decay, floor: how the ranking is spread, see :class:`.Elimination` and :class:`.PlackettLuceRanking`.
    """

    name = "regcb"

    def __init__(
        self,
        task: Task,
        rng: np.random.Generator,
        *,
        mellowness: float = 0.1,
        optimistic: bool = False,
        ridge: float = 1.0,
        noise: float | None = None,
        decay: float = 20.0,
        floor: float = 0.0,
    ) -> None:
        explorer: Explorer = PlackettLuceRanking(decay, floor) if optimistic else Elimination(decay, floor)
        super().__init__(task, rng, explorer, ridge=ridge, noise=noise)
        in_range("regcb.mellowness", mellowness, 0.0, 1e6)
        self.mellowness, self.optimistic = mellowness, optimistic
        self.candidates = 2

    def learn(self, batch: Interactions) -> Mapping[str, float]:
        """One exact update with the filled slots of the batch."""
        self.candidates = max(self.candidates, batch.requests.num_candidates)
        return super().learn(batch)

    def scorer(self) -> Scorer:
        """The bounds, or the upper ones alone."""
        mean, factor = self.posterior()
        factor = factor * (self.mellowness * np.log(self.candidates * max(self.model.count, 1))) ** 0.5
        if self.optimistic:
            return self._scorer(mean[None], factor)
        return BoundScorer(self.task.features, self.task.items, mean, factor, self.task.item_value)
