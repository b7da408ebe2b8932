"""LinUCB, linear Thompson sampling, epsilon-greedy and SquareCB on one Bayesian ridge regression."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from ...core.batches import Interactions
from ...core.errors import in_range
from ...core.types import F64
from ...policies.explorers import Explorer, PlackettLuceRanking, SquareCB
from ...policies.policy import SlatePolicy
from ...policies.scorers import LinearScorer, Scorer
from ..task import Task
from .bandit import Bandit
from .reward_scale import shown_items, with_noise
from .ridge import BayesianRidge


class LinearAgent(Bandit):
    """One regression for all items, over the features of request and item.

    Args:
        explorer, options: see :class:`.Bandit`.
        ridge: prior precision of the coefficients.
        noise: standard deviation of reward / value; None = that of the residuals, see :class:`.RewardScale`.
    """

    name = "linear"

    def __init__(
        self,
        task: Task,
        rng: np.random.Generator,
        explorer: Explorer | None = None,
        *,
        ridge: float = 1.0,
        noise: float | None = None,
        **options: Any,
    ) -> None:
        super().__init__(task, rng, explorer, **with_noise(self.name, noise, options))
        self.noise = noise
        self.model = BayesianRidge(len(task.features), ridge, len(self.scale))

    def learn(self, batch: Interactions) -> Mapping[str, float]:
        """One exact update with the filled slots of the batch."""
        x, y = self.task.regression_rows(batch)
        self.model.add(x, self.scale.add(y, shown_items(batch)))
        return {"slots": float(self.model.count)}

    def correct(self, batch: Interactions, reward: F64) -> None:
        """Give a batch that was learnt the rewards ``reward`` (n, k), as if it had been learnt so."""
        x, old = self.task.regression_rows(batch)
        new = self.task.regression_rows(replace(batch, reward=reward))[1]
        self.model.correct(x, *self.scale.correct(old, new, shown_items(batch)))

    def posterior(self) -> tuple[F64, F64]:
        """(mean (D,), factor (D, D) with factor factor' the covariance), of reward / ``scale.item_scale``."""
        mean, factor, sigma = self.model.solve(self.scale.column)
        return mean, factor * (sigma if self.noise is None else self.noise)

    def scorer(self) -> Scorer:
        """The posterior mean."""
        return self._scorer(self.model.solve(self.scale.column)[0][None])

    def _scorer(self, theta: F64, bonus: F64 | None = None) -> LinearScorer:
        return LinearScorer(self.task.features, self.task.items, theta, self.scale.item_scale, bonus)


class LinUCB(LinearAgent):
    """Upper confidence bound: mean plus alpha standard deviations (Li, Chu, Langford & Schapire 2010).

    Args:
        alpha: width of exploration in posterior standard deviations.
        options: see :class:`LinearAgent`.
    """

    name = "linucb"

    def __init__(self, task: Task, rng: np.random.Generator, *, alpha: float = 1.0, **options: Any) -> None:
        super().__init__(task, rng, **options)
        in_range(f"{self.name}.alpha", alpha, 0.0, 1e6)
        self.alpha = alpha

    def scorer(self) -> LinearScorer:
        """Posterior mean and width."""
        mean, factor = self.posterior()
        return self._scorer(mean[None], self.alpha * factor)


class LinTS(LinearAgent):
    """Thompson sampling from the Gaussian posterior (Agrawal & Goyal 2013).

    The frozen policy holds ``draws`` posterior samples and follows one of them, drawn for every request. So
    its propensities are a finite mixture with a closed form. A new policy has new samples.

    Args:
        draws: posterior samples that the frozen policy holds.
        alpha: width of exploration in posterior standard deviations.
        options: see :class:`LinearAgent`.
    """

    name = "lints"

    def __init__(
        self, task: Task, rng: np.random.Generator, *, draws: int = 8, alpha: float = 1.0, **options: Any
    ) -> None:
        super().__init__(task, rng, **options)
        in_range(f"{self.name}.draws", draws, 1, 1000)
        in_range(f"{self.name}.alpha", alpha, 0.0, 1e6)
        self.draws, self.alpha = draws, alpha

    def scorer(self) -> LinearScorer:
        """New posterior samples."""
        mean, factor = self.posterior()
        noise = self.rng.standard_normal((self.draws, len(mean)))
        return self._scorer(mean + self.alpha * noise @ factor.T)


class EpsilonGreedy(LinearAgent):
    """Ranks by the mean with probability 1 - epsilon, else at random (Sutton & Barto 2018, sec. 2.2).

    Args:
        epsilon: probability of a uniform slate.
        ridge, power: see :class:`LinearAgent`.
        decay: of :class:`.PlackettLuceRanking`.
    """

    name = "epsilon_greedy"

    def __init__(
        self,
        task: Task,
        rng: np.random.Generator,
        *,
        epsilon: float = 0.1,
        ridge: float = 1.0,
        power: float | None = None,
        decay: float = 20.0,
    ) -> None:
        in_range("epsilon_greedy.epsilon", epsilon, 0.0, 1.0)
        super().__init__(task, rng, PlackettLuceRanking(decay, floor=epsilon), ridge=ridge, power=power)


class SquareCBLinear(LinearAgent):
    """Inverse-gap weighting of the ridge regression's predictions (Foster & Rakhlin 2020).

    Args:
        gamma: the greater, the greedier: of a gap as wide as the spread of a slot's reward, when one slot
            has been seen. It grows with the square root of their number (theorem 1).
        ridge, power: see :class:`LinearAgent`.
    """

    name = "squarecb"

    def __init__(
        self,
        task: Task,
        rng: np.random.Generator,
        *,
        gamma: float = 10.0,
        ridge: float = 1.0,
        power: float | None = None,
    ) -> None:
        in_range("squarecb.gamma", gamma, 0.0, 1e9)
        super().__init__(task, rng, SquareCB(gamma), ridge=ridge, power=power)
        self.gamma = gamma

    def policy(self) -> SlatePolicy:
        """What the agent would do now, frozen."""
        self.explorer = SquareCB(self.gamma * max(self.model.count, 1) ** 0.5 / self.scale.reward_spread)
        return super().policy()
