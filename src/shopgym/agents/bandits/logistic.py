"""Thompson sampling for binary outcomes: Bayesian logistic regression."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy.linalg import cho_solve, cholesky, solve_triangular
from scipy.special import expit

from ...core.batches import Interactions
from ...core.errors import in_range
from ...core.types import F64
from ...policies.scorers import LinearScorer
from ..task import Task
from .bandit import Bandit

NEWTON_STEPS, TOLERANCE = 30, 1e-9


class BayesianLogistic:
    """Gaussian posterior of theta in P(y = 1) = sigmoid(x . theta + offset), batch after batch.

    Each batch moves the mean to the mode of prior x likelihood, by Newton's method, and adds the
    likelihood's curvature there to the precision (Laplace; Chapelle & Li 2011, alg. 3, with the whole
    precision in place of its diagonal).
    """

    def __init__(self, dim: int, ridge: float) -> None:
        in_range("ridge", ridge, 0.0, 1e12, open_low=True)
        self.mean = np.zeros(dim)
        self.precision = ridge * np.eye(dim)
        self.count = 0

    def add(self, x: F64, y: F64, offset: F64) -> None:
        """Add r rows: x (r, D), y (r,) in {0, 1}, offset (r,) in logits."""
        prior, theta = self.mean, self.mean.copy()
        for _ in range(NEWTON_STEPS):
            p = expit(x @ theta + offset)
            slope = x.T @ (p - y) + self.precision @ (theta - prior)
            curvature = self.precision + (x * (p * (1 - p))[:, None]).T @ x
            step = cho_solve((cholesky(curvature, lower=True), True), slope)
            theta -= step
            if float(step @ step) < TOLERANCE:
                break
        p = expit(x @ theta + offset)
        self.precision = self.precision + (x * (p * (1 - p))[:, None]).T @ x
        self.mean = theta
        self.count += len(y)

    def draw(self, draws: int, width: float, rng: np.random.Generator) -> F64:
        """(draws, D) from the posterior with standard deviations times ``width``."""
        factor = solve_triangular(
            cholesky(self.precision, lower=True), np.eye(len(self.mean)), lower=True, trans="T"
        )
        drawn: F64 = self.mean + width * rng.standard_normal((draws, len(self.mean))) @ factor.T
        return drawn


class LogisticTS(Bandit):
    """An item that is looked at is bought with probability sigmoid(theta . phi); the reward is its value.

    Args:
        draws: posterior samples that the frozen policy holds; it follows one of them for each request.
        alpha: width of exploration in posterior standard deviations.
        ridge: prior precision of the coefficients.
        options: see :class:`.Bandit`.
    """

    name = "logistic_ts"
    fixed_options = ("power",)

    def __init__(
        self,
        task: Task,
        rng: np.random.Generator,
        *,
        draws: int = 8,
        alpha: float = 1.0,
        ridge: float = 1.0,
        **options: Any,
    ) -> None:
        super().__init__(task, rng, **options)
        in_range("logistic_ts.draws", draws, 1, 1000)
        in_range("logistic_ts.alpha", alpha, 0.0, 1e6)
        self.draws, self.alpha = draws, alpha
        self.model = BayesianLogistic(len(task.features), ridge)

    def learn(self, batch: Interactions) -> Mapping[str, float]:
        """One Laplace update with the filled slots; the outcome is whether the reward is above 0."""
        x, y, attention = self.task.linear_rows(batch)
        # the log of attention is an offset of the logit, which is exact for rare events
        self.model.add(x, (y > 0).astype(np.float64), np.log(attention))
        return {"slots": float(self.model.count)}

    def scorer(self) -> LinearScorer:
        """New posterior samples."""
        task, theta = self.task, self.model.draw(self.draws, self.alpha, self.rng)
        return LinearScorer(task.features, task.items, theta, task.item_value, link="logistic")
