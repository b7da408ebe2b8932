"""Bayesian ridge regression, kept as sums: batches add up exactly, and rewards can be corrected."""

from __future__ import annotations

import numpy as np
from scipy.linalg import cho_solve, cholesky, solve_triangular

from ...core.errors import in_range
from ...core.types import F64


class BayesianRidge:
    """Posterior of theta in y = x . theta + noise: mean A^-1 b, covariance sigma^2 A^-1.

    A = ridge I + X'X and b = X'y (Li et al. 2010, alg. 1, with all arms sharing one model); sigma^2 is
    the mean squared residual. y may be given on several scales, of which :meth:`solve` takes one.

    Args:
        dim: D.
        ridge: prior precision of the coefficients.
        scales: K, columns of y.
    """

    def __init__(self, dim: int, ridge: float, scales: int = 1) -> None:
        in_range("ridge", ridge, 0.0, 1e12, open_low=True)
        self.ridge = ridge
        self.a = ridge * np.eye(dim)
        self.b = np.zeros((dim, scales))
        self.squares = np.zeros(scales)
        self.count = 0

    def add(self, x: F64, y: F64) -> None:
        """Add r rows: x (r, D), y (r, K), or (r,) if there is one scale."""
        y = by_scale(y)
        self.a += x.T @ x
        for scale in range(
            y.shape[1]
        ):  # one by one: the sums of one scale do not depend on how many there are
            self.b[:, scale] += x.T @ y[:, scale]
            self.squares[scale] += y[:, scale] @ y[:, scale]
        self.count += len(y)

    def correct(self, x: F64, old: F64, new: F64) -> None:
        """Rows added as (x, old) become (x, new). This is exact, because y enters by sums only."""
        old, new = by_scale(old), by_scale(new)
        self.b += x.T @ (new - old)
        self.squares += (new**2).sum(axis=0) - (old**2).sum(axis=0)

    def solve(self, scale: int = 0) -> tuple[F64, F64, float]:
        """(mean (D,), factor (D, D) with factor factor' = A^-1, sigma) on one of the scales."""
        b = self.b[:, scale]
        lower = cholesky(self.a, lower=True)
        mean = cho_solve((lower, True), b)
        factor = solve_triangular(lower, np.eye(len(b)), lower=True, trans="T")
        squares = float(self.squares[scale] - mean @ b) - self.ridge * float(mean @ mean)  # |y - X mean|^2
        residual = max(squares, 0.0)
        sigma = np.sqrt(residual / self.count) if self.count else 1.0
        return mean, factor, float(sigma)


def by_scale(y: F64) -> F64:
    """(r, K) from (r, K), or from (r,) on one scale."""
    return y if y.ndim == 2 else y[:, None]
