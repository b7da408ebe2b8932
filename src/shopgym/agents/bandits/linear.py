"""LinUCB and linear Thompson sampling: one Bayesian ridge regression, several ways to explore."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from ...core.batches import Interactions
from ...core.errors import in_range
from ...core.types import F64
from ...policies.explorers import Explorer, PlackettLuceRanking, SquareCB
from ...policies.scorers import LinearScorer, Scorer
from ..task import Task
from .bandit import Bandit
from .ridge import Ridge


class LinearAgent(Bandit):
    """One regression for all items, over the features of request and item.

    Args:
        ridge: prior precision of the coefficients.
        noise: standard deviation of reward / value; None = that of the residuals.
        explorer: how scores are spread.
    """

    name = "linear"

    def __init__(
        self,
        task: Task,
        rng: np.random.Generator,
        explorer: Explorer,
        *,
        ridge: float,
        noise: float | None = None,
    ) -> None:
        super().__init__(task, rng, explorer)
        if noise is not None:
            in_range(f"{self.name}.noise", noise, 0.0, 1e12)
        self.noise = noise
        self.model = Ridge(len(task.features), ridge)

    def learn(self, batch: Interactions) -> Mapping[str, float]:
        """One exact update with the filled slots of the batch."""
        self.model.add(*self.task.shown(batch))
        return {"slots": float(self.model.count)}

    def correct(self, batch: Interactions, reward: F64) -> None:
        """``batch`` was learnt; its rewards turn out to be ``reward`` (n, k): as if learnt so at first."""
        after = self.task.shown(replace(batch, reward=reward))[1]
        self.model.correct(*self.task.shown(batch), after)

    def posterior(self) -> tuple[F64, F64]:
        """(mean (D,), factor (D, D) with factor factor' the covariance)."""
        mean, factor, sigma = self.model.solve()
        return mean, factor * (sigma if self.noise is None else self.noise)

    def scorer(self) -> Scorer:
        """The posterior mean."""
        return self._scorer(self.model.solve()[0][None])

    def _scorer(self, theta: F64, bonus: F64 | None = None) -> LinearScorer:
        return LinearScorer(self.task.features, self.task.items, theta, self.task.item_value, bonus)


class LinUCB(LinearAgent):
    """Optimism: mean plus alpha standard deviations (Li, Chu, Langford & Schapire 2010).

    Args:
        alpha: width of exploration in posterior standard deviations.
        ridge, noise: see :class:`LinearAgent`.
        decay, floor: how the ranking is spread, see :class:`.PlackettLuceRanking`.
    """

    name = "linucb"

    def __init__(
        self,
        task: Task,
        rng: np.random.Generator,
        *,
        alpha: float = 1.0,
        ridge: float = 1.0,
        noise: float | None = None,
        decay: float = 3.0,
        floor: float = 0.05,
    ) -> None:
        super().__init__(task, rng, PlackettLuceRanking(decay, floor), ridge=ridge, noise=noise)
        in_range(f"{self.name}.alpha", alpha, 0.0, 1e6)
        self.alpha = alpha

    def scorer(self) -> LinearScorer:
        """Mean and width."""
        mean, factor = self.posterior()
        return self._scorer(mean[None], self.alpha * factor)


class LinTS(LinearAgent):
    """Thompson sampling from the Gaussian posterior (Agrawal & Goyal 2013).

    The frozen policy holds ``draws`` posterior samples and follows one of them, chosen anew for every
    request. So its propensities are a finite mixture, exact in closed form; a new policy has new draws.

    Args:
        draws: posterior samples that the frozen policy holds.
        alpha, ridge, noise, decay, floor: see :class:`LinUCB`.
    """

    name = "lints"

    def __init__(
        self,
        task: Task,
        rng: np.random.Generator,
        *,
        draws: int = 8,
        alpha: float = 1.0,
        ridge: float = 1.0,
        noise: float | None = None,
        decay: float = 3.0,
        floor: float = 0.05,
    ) -> None:
        super().__init__(task, rng, PlackettLuceRanking(decay, floor), ridge=ridge, noise=noise)
        in_range(f"{self.name}.draws", draws, 1, 1000)
        in_range(f"{self.name}.alpha", alpha, 0.0, 1e6)
        self.draws, self.alpha = draws, alpha

    def scorer(self) -> LinearScorer:
        """New draws."""
        mean, factor = self.posterior()
        noise = self.rng.standard_normal((self.draws, len(mean)))
        return self._scorer(mean + self.alpha * noise @ factor.T)


class EpsilonGreedy(LinearAgent):
    """The best by the mean with probability 1 - epsilon, else uniform (Sutton & Barto 2018, sec. 2.2).

    Args:
        epsilon: probability of a uniform slate.
        ridge: see :class:`LinearAgent`.
        decay: see :class:`.PlackettLuceRanking`.
    """

    name = "epsilon_greedy"

    def __init__(
        self,
        task: Task,
        rng: np.random.Generator,
        *,
        epsilon: float = 0.1,
        ridge: float = 1.0,
        decay: float = 20.0,
    ) -> None:
        in_range("epsilon_greedy.epsilon", epsilon, 0.0, 1.0)
        super().__init__(task, rng, PlackettLuceRanking(decay, floor=epsilon), ridge=ridge)


class SquareCBLinear(LinearAgent):
    """Inverse-gap weighting of the ridge regression's predictions (Foster & Rakhlin 2020).

    Args:
        gamma: how sharply it prefers the better, per unit of reward.
        ridge: see :class:`LinearAgent`.
    """

    name = "squarecb"

    def __init__(
        self, task: Task, rng: np.random.Generator, *, gamma: float = 100.0, ridge: float = 1.0
    ) -> None:
        super().__init__(task, rng, SquareCB(gamma), ridge=ridge)
