"""Pointwise lines: ridge regression of the reward, logistic regression of whether it happens."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np

from ...core.errors import in_range
from ...core.types import F64, AnyArray
from ...policies.scorers import LinearScorer, Scorer
from ..task import Task
from . import examination
from .features import linear_features
from .memory import Rows
from .ranker import Ranker


class LinearRanker(Ranker):
    """What the two share. The constant is not penalised.

    Args:
        ridge: precision of the prior of the coefficients.
        options: see :class:`.Ranker`.
    """

    def __init__(self, task: Task, rng: np.random.Generator, *, ridge: float = 1.0, **options: Any) -> None:
        in_range(f"{self.name}.ridge", ridge, 0.0, 1e12, open_low=True)
        super().__init__(task, rng, linear_features(task), **options)
        self.penalty = np.array([ridge if term else 0.0 for term in self.features.terms])
        self.theta = np.zeros(len(self.features))

    def fit(self, rows: Rows, held: Rows) -> Scorer | None:
        if not len(rows):
            return None
        self.theta = self.solve(rows)
        one = np.ones(len(self.task.items))
        return LinearScorer(self.features, self.task.items, self.theta[None], one)

    @abstractmethod
    def solve(self, rows: Rows) -> F64:
        """(D,) the coefficients."""

    def predict(self, model: Scorer, x: AnyArray) -> F64:
        z: F64 = x.astype(np.float64) @ self.theta
        return z


class LinearRegression(LinearRanker):
    """Ridge regression (Hoerl & Kennard 1970) of reward / worth, whose mean is attention x theta . phi."""

    name = "linear_ranker"
    classifies = False

    def solve(self, rows: Rows) -> F64:
        x = rows.x * rows.attention[:, None]
        # a trace keeps the constant solvable where all that is known is zero
        precision = x.T @ x + np.diag(np.maximum(self.penalty, 1e-9))
        return np.asarray(np.linalg.solve(precision, x.T @ rows.y), np.float64)


class LogisticRegression(LinearRanker):
    """P(it happens) = attention x sigmoid(theta . phi), by maximum likelihood; see :mod:`.examination`."""

    name = "logistic_ranker"

    def solve(self, rows: Rows) -> F64:
        # a trace keeps the constant finite where nothing has happened yet
        penalty = np.maximum(self.penalty, 1e-9)
        return examination.fit(rows.x.astype(np.float64), rows.y, rows.attention, penalty, self.theta)
