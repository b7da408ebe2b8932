"""Bayesian ridge regression, kept as sums: batches add up exactly, and rewards can be corrected."""

from __future__ import annotations

import numpy as np
from scipy.linalg import cho_solve, cholesky, solve_triangular

from ...core.errors import in_range
from ...core.types import F64


class BayesianRidge:
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
        """Add r rows: x (r, D), y (r,)."""
        self.a += x.T @ x
        self.b += x.T @ y
        self.squares += float(y @ y)
        self.count += len(y)

    def correct(self, x: F64, old: F64, new: F64) -> None:
        """Rows added as (x, old) become (x, new). This is exact, because y enters by sums only."""
        self.b += x.T @ (new - old)
        self.squares += float(new @ new - old @ old)

    def solve(self) -> tuple[F64, F64, float]:
        """(mean (D,), factor (D, D) with factor factor' = A^-1, sigma)."""
        lower = cholesky(self.a, lower=True)
        mean = cho_solve((lower, True), self.b)
        factor = solve_triangular(lower, np.eye(len(self.b)), lower=True, trans="T")
        squares = self.squares - float(mean @ self.b) - self.ridge * float(mean @ mean)  # |y - X mean|^2
        residual = max(squares, 0.0)
        sigma = np.sqrt(residual / self.count) if self.count else 1.0
        return mean, factor, float(sigma)
