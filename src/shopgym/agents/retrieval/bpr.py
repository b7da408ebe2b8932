"""BPR: matrix factorisation that ranks what was seen above what was not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.random import Generator

from ...core.errors import in_range
from ...core.types import F64, AnyArray
from ...policies.retrieval import MappedFactors
from ...policies.retrieval.model import popularity_bias
from .data import Sequences


@dataclass(frozen=True)
class BPR:
    """Stochastic gradient ascent on ln sigmoid(x_u . (y_i - y_j) + b_i - b_j) (Rendle et al. 2009, fig. 4).

    u, i is a pair that was seen, j any item that u has not seen. The vectors of users are learnt freely. So
    that every user with a history can be served, the frozen model predicts them from the mean vector of the
    history, by ridge regression (``fold_ridge``).

    Attributes:
        factors: d.
        rate: step size.
        ridge: shrinkage in each step of the vectors that it changes.
        epochs: passes over the pairs.
    """

    factors: int = 64
    rate: float = 0.05
    ridge: float = 0.02
    epochs: int = 100
    fold_ridge: float = 1.0

    def __post_init__(self) -> None:
        in_range("bpr.factors", self.factors, 1, 4096)
        in_range("bpr.rate", self.rate, 0.0, 10.0, open_low=True)
        in_range("bpr.ridge", self.ridge, 0.0, 10.0)
        in_range("bpr.epochs", self.epochs, 1, 100_000)
        in_range("bpr.fold_ridge", self.fold_ridge, 0.0, 1e12, open_low=True)

    def fit(self, data: Sequences, rng: Generator) -> MappedFactors:
        """See :class:`.Recommender`."""
        x, y, b = self.factorise(data, rng)
        seen = data.matrix().csr
        size = np.diff(seen.indptr)
        mean = (seen @ y) / np.maximum(size, 1)[:, None]
        gram = mean.T @ mean + self.fold_ridge * np.eye(self.factors)
        mapping = np.linalg.solve(gram, mean.T @ x)
        return MappedFactors(
            y.astype(np.float32),
            b.astype(np.float32) + popularity_bias(data.counts),
            mapping.astype(np.float32),
        )

    def factorise(self, data: Sequences, rng: Generator) -> tuple[F64, F64, F64]:
        """The vectors of users (M, d) and items (N, d), and the items' biases (N,)."""
        seen = data.matrix().csr.sorted_indices()
        users, items = seen.shape
        x, y = (rng.normal(0.0, 0.1 / self.factors**0.5, (n, self.factors)) for n in (users, items))
        b = np.zeros(items)
        owner = np.repeat(np.arange(users), np.diff(seen.indptr))
        for _ in range(self.epochs):
            pairs = rng.integers(0, max(seen.nnz, 1), seen.nnz)
            negatives = rng.integers(0, items, seen.nnz)
            _epoch(x, y, b, seen.indptr, seen.indices, owner, pairs, negatives, self.rate, self.ridge)
        return x, y, b


@njit(cache=True, nogil=True, error_model="numpy")
def _epoch(
    x: F64,
    y: F64,
    b: F64,
    start: AnyArray,
    item: AnyArray,
    owner: AnyArray,
    pairs: AnyArray,
    negatives: AnyArray,
    rate: float,
    ridge: float,
) -> None:
    for step in range(len(pairs)):
        u, i, j = owner[pairs[step]], item[pairs[step]], negatives[step]
        seen_items = item[start[u] : start[u + 1]]
        place = np.searchsorted(seen_items, j)
        if place < len(seen_items) and seen_items[place] == j:
            continue  # the user has seen j too
        gap = b[i] - b[j]
        for f in range(x.shape[1]):
            gap += x[u, f] * (y[i, f] - y[j, f])
        pull = 1.0 / (1.0 + np.exp(gap))
        b[i] += rate * (pull - ridge * b[i])
        b[j] += rate * (-pull - ridge * b[j])
        for f in range(x.shape[1]):
            xu, yi, yj = x[u, f], y[i, f], y[j, f]
            x[u, f] += rate * (pull * (yi - yj) - ridge * xu)
            y[i, f] += rate * (pull * xu - ridge * yi)
            y[j, f] += rate * (-pull * xu - ridge * yj)
