"""LinUCB and linear Thompson sampling: one Bayesian ridge regression, two ways to explore."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from scipy.linalg import cho_solve, cholesky, solve_triangular

from ...core.errors import in_range
from ...core.nouns import Interactions
from ...core.types import F64
from ...policies.explorers import Ranked, SquareCB
from ...policies.policy import SlatePolicy
from ...policies.scorers import LinearScorer
from ..task import Task


class Ridge:
    """Posterior of theta in y = x . theta + noise: mean A^-1 b, covariance sigma^2 A^-1.

    A = ridge I + X'X and b = X'y (Li et al. 2010, alg. 1, with all arms sharing one model); sigma^2 is
    the mean squared residual.
    """

    def __init__(self, dim: int, ridge: float) -> None:
        in_range("ridge", ridge, 0.0, 1e12, open_low=True)
        self.ridge = ridge
        self.a = ridge * np.eye(dim)
        self.b = np.zeros(dim)
        self.squares = 0.0
        self.count = 0

    def add(self, x: F64, y: F64) -> None:
        """Take in r rows: x (r, D), y (r,)."""
        self.a += x.T @ x
        self.b += x.T @ y
        self.squares += float(y @ y)
        self.count += len(y)

    def solve(self) -> tuple[F64, F64, float]:
        """(mean (D,), factor (D, D) with factor factor' = A^-1, sigma)."""
        lower = cholesky(self.a, lower=True)
        mean = cho_solve((lower, True), self.b)
        factor = solve_triangular(lower, np.eye(len(self.b)), lower=True, trans="T")
        squares = self.squares - float(mean @ self.b) - self.ridge * float(mean @ mean)  # |y - X mean|^2
        residual = max(squares, 0.0)
        sigma = np.sqrt(residual / self.count) if self.count else 1.0
        return mean, factor, float(sigma)


class LinearAgent:
    """What LinUCB and LinTS share.

    Args:
        alpha: width of exploration in posterior standard deviations.
        ridge: prior precision of the coefficients.
        decay, floor: how the ranking is spread, see :class:`.Ranked`.
    """

    name = "linear"

    def __init__(
        self,
        task: Task,
        rng: np.random.Generator,
        *,
        alpha: float = 1.0,
        ridge: float = 1.0,
        decay: float = 3.0,
        floor: float = 0.05,
    ) -> None:
        in_range(f"{self.name}.alpha", alpha, 0.0, 1e6)
        self.task, self.rng, self.alpha = task, rng, alpha
        self.explorer = Ranked(decay, floor)
        self.model = Ridge(len(task.features), ridge)

    def learn(self, batch: Interactions) -> Mapping[str, float]:
        """One exact update with the filled slots of the batch."""
        x, y = self.task.shown(batch)
        self.model.add(x, y)
        return {"slots": float(self.model.count)}

    def policy(self) -> SlatePolicy:
        """The present posterior, frozen."""
        theta, bonus = self._models(*self.model.solve())
        scorer = LinearScorer(self.task.features, self.task.items, theta, self.task.item_value, bonus)
        return SlatePolicy(
            self.name, self.task.items, scorer, self.explorer, self.task.guards, self.task.slate_size
        )

    def _models(self, mean: F64, factor: F64, sigma: float) -> tuple[F64, F64 | None]:
        """(theta (B, D), bonus (D, r) or None)"""
        return mean[None], None


class LinUCB(LinearAgent):
    """Optimism: mean plus alpha standard deviations (Li, Chu, Langford & Schapire 2010)."""

    name = "linucb"

    def _models(self, mean: F64, factor: F64, sigma: float) -> tuple[F64, F64 | None]:
        return mean[None], self.alpha * sigma * factor


class LinTS(LinearAgent):
    """Thompson sampling from the Gaussian posterior (Agrawal & Goyal 2013).

    The frozen policy holds ``draws`` posterior samples and follows one of them, chosen anew for every
    request. So its propensities are a finite mixture, exact in closed form; a new policy has new draws.
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
        decay: float = 3.0,
        floor: float = 0.05,
    ) -> None:
        super().__init__(task, rng, alpha=alpha, ridge=ridge, decay=decay, floor=floor)
        in_range("lints.draws", draws, 1, 1000)
        self.draws = draws

    def _models(self, mean: F64, factor: F64, sigma: float) -> tuple[F64, F64 | None]:
        noise = self.rng.standard_normal((self.draws, len(mean)))
        return mean + self.alpha * sigma * noise @ factor.T, None


class EpsilonGreedy(LinearAgent):
    """The best by the mean with probability 1 - epsilon, else uniform (Sutton & Barto 2018, sec. 2.2)."""

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
        super().__init__(task, rng, alpha=0.0, ridge=ridge, decay=decay, floor=epsilon)


class SquareCBLinear(LinearAgent):
    """Inverse-gap weighting of the ridge regression's predictions (Foster & Rakhlin 2020).

    Args:
        gamma: how sharply it prefers the better, per unit of reward.
    """

    name = "squarecb"

    def __init__(
        self, task: Task, rng: np.random.Generator, *, gamma: float = 100.0, ridge: float = 1.0
    ) -> None:
        super().__init__(task, rng, alpha=0.0, ridge=ridge, floor=0.0)
        self.spread = SquareCB(gamma)

    def policy(self) -> SlatePolicy:
        """The present mean, frozen."""
        return replace(super().policy(), explorer=self.spread)
