"""Pointwise linear models: ridge regression of the reward, logistic regression of the outcome."""

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
from .holdout_buffer import Rows
from .ranker import RankingAgent


class LinearRanker(RankingAgent):
    """What both linear rankers share. The constant is not penalised.

    Args:
        ridge: precision of the prior of the coefficients.
        options: see :class:`.RankingAgent`.
    """

    def __init__(self, task: Task, rng: np.random.Generator, *, ridge: float = 1.0, **options: Any) -> None:
        in_range(f"{self.name}.ridge", ridge, 0.0, 1e12, open_low=True)
        super().__init__(task, rng, linear_features(task), **options)
        self.penalty = np.array([ridge if term else 0.0 for term in self.features.terms])
        self.theta = np.zeros(len(self.features))

    def fit(self, rows: Rows, holdout: Rows) -> Scorer | None:
        if not len(rows):
            return None
        self.theta = self.solve(rows)
        value = np.ones(len(self.task.items))
        return LinearScorer(self.features, self.task.items, self.theta[None], value)

    @abstractmethod
    def solve(self, rows: Rows) -> F64:
        """(D,) the coefficients."""

    def predict(self, model: Scorer, x: AnyArray) -> F64:
        z: F64 = x.astype(np.float64) @ self.theta
        return z


class LinearRegression(LinearRanker):
    """Ridge regression (Hoerl & Kennard 1970) of reward / value, whose mean is attention x theta . phi."""

    name = "linear_ranker"
    classifies = False

    def solve(self, rows: Rows) -> F64:
        x = rows.x * rows.attention[:, None]
        # a tiny penalty keeps the constant solvable if all rows are zero
        precision = x.T @ x + np.diag(np.maximum(self.penalty, 1e-9))
        return np.asarray(np.linalg.solve(precision, x.T @ rows.y), np.float64)


class LogisticRegression(LinearRanker):
    """P(outcome) = attention x sigmoid(theta . phi), by maximum likelihood; see :mod:`.examination`."""

    name = "logistic_ranker"

    def solve(self, rows: Rows) -> F64:
        # a tiny penalty keeps the constant finite if no outcome has happened yet
        penalty = np.maximum(self.penalty, 1e-9)
        return examination.fit(rows.x.astype(np.float64), rows.y, rows.attention, penalty, self.theta)
