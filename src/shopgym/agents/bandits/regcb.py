"""RegCB: explore what some regression that fits nearly as well would still call the best."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ...core.batches import Interactions
from ...core.errors import in_range
from ...policies.explorers import Elimination, Explorer, PlackettLuceRanking
from ...policies.scorers import BoundScorer, Scorer
from ..task import Task
from .linear import LinearAgent


class RegCB(LinearAgent):
    """Models are plausible if their loss is within beta of the least (Foster et al. 2018, alg. 1, 3).

    In ridge regression the plausible models are the ball (theta - mean)' A (theta - mean) <= beta. Their
    predictions are mean . phi -+ beta^0.5 |phi| in the norm of A^-1, so the paper's search for the bounds has
    a closed form. After t slots with m candidates beta = mellowness x sigma^2 x log(m t). This is Vowpal
    Wabbit's ``--mellowness`` in units of the residuals' variance sigma^2.

    Args:
        mellowness: how slowly models become implausible.
        optimistic: show the greatest upper bounds first (alg. 3) instead of any that is not eliminated.
        decay, floor: of :class:`.PlackettLuceRanking` if optimistic, else of :class:`.Elimination`.
        options: ``ridge`` and ``noise`` (sigma) of :class:`.LinearAgent`.
    """

    name = "regcb"

    def __init__(
        self,
        task: Task,
        rng: np.random.Generator,
        *,
        mellowness: float = 0.1,
        optimistic: bool = False,
        decay: float = 20.0,
        floor: float = 0.0,
        **options: Any,
    ) -> None:
        explorer: Explorer = PlackettLuceRanking(decay, floor) if optimistic else Elimination(decay, floor)
        super().__init__(task, rng, explorer, **options)
        in_range("regcb.mellowness", mellowness, 0.0, 1e6)
        self.mellowness, self.optimistic = mellowness, optimistic
        self.candidates = 2

    def learn(self, batch: Interactions) -> Mapping[str, float]:
        """One exact update with the filled slots of the batch."""
        self.candidates = max(self.candidates, batch.requests.num_candidates)
        return super().learn(batch)

    def scorer(self) -> Scorer:
        """Both bounds, or the upper bounds if optimistic."""
        mean, factor = self.posterior()
        factor = factor * (self.mellowness * np.log(self.candidates * max(self.model.count, 1))) ** 0.5
        if self.optimistic:
            return self._scorer(mean[None], factor)
        return BoundScorer(self.task.features, self.task.items, mean, factor, self.scale.item_scale)
