"""Implicit ALS: matrix factorisation with high confidence in what was seen and low in what was not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.random import Generator

from ...core.errors import in_range
from ...core.types import F64, AnyArray
from ...policies.retrieval import FoldedFactors
from ...policies.retrieval.model import popularity_bias
from .data import Sequences


@dataclass(frozen=True)
class ALS:
    """Weighted least squares, users and items in turn (Hu, Koren & Volinsky 2008, eqs. 3 to 5).

    Minimises sum c_ui (p_ui - x_u . y_i)^2 + ridge (|X|^2 + |Y|^2), where p = 1 and c = 1 + weight for
    pairs that were seen, else p = 0 and c = 1. Every half-step runs a few conjugate-gradient steps from the
    last solution (Takács, Pilászy & Tikk 2011) rather than a solve of d^3 per row.

    Attributes:
        factors: d.
        weight, ridge: as above.
        rounds: times users and items are solved.
        steps: of conjugate gradients in each.
    """

    factors: int = 32
    weight: float = 1.0
    ridge: float = 15.0
    rounds: int = 10
    steps: int = 3

    def __post_init__(self) -> None:
        in_range("als.factors", self.factors, 1, 4096)
        in_range("als.weight", self.weight, 0.0, 1e9, open_low=True)
        in_range("als.ridge", self.ridge, 0.0, 1e12, open_low=True)
        in_range("als.rounds", self.rounds, 1, 10_000)
        in_range("als.steps", self.steps, 1, 10_000)

    def fit(self, data: Sequences, rng: Generator) -> FoldedFactors:
        """See :class:`.Recommender`."""
        seen = data.matrix().csr
        transposed = seen.T.tocsr()
        x, y = (rng.normal(0.0, 0.01, (count, self.factors)) for count in seen.shape)
        for _ in range(self.rounds):
            half_step(x, y, seen.indptr, seen.indices, self.weight, self.ridge, self.steps)
            half_step(y, x, transposed.indptr, transposed.indices, self.weight, self.ridge, self.steps)
        bias = popularity_bias(data.counts)
        return FoldedFactors(y.astype(np.float32), bias, self.weight, self.ridge)


def half_step(
    x: F64, y: F64, start: AnyArray, item: AnyArray, weight: float, ridge: float, steps: int
) -> None:
    """Move each row of x towards its solution of A x = b, given y; A and b as in :class:`.FoldedFactors`."""
    gram = y.T @ y + ridge * np.eye(y.shape[1])
    _half_step(x, y, gram, start, item, weight, steps)


@njit(cache=True, nogil=True, error_model="numpy")
def _half_step(x: F64, y: F64, gram: F64, start: AnyArray, item: AnyArray, weight: float, steps: int) -> None:
    d = x.shape[1]
    ap = np.empty(d)
    for u in range(x.shape[0]):
        seen = item[start[u] : start[u + 1]]
        r = -np.dot(gram, x[u])
        for i in seen:
            r += (1.0 + weight * (1.0 - np.dot(y[i], x[u]))) * y[i]
        p = r.copy()
        old_norm = np.dot(r, r)
        for _ in range(steps):
            if old_norm < 1e-20:
                break
            ap[:] = np.dot(gram, p)
            for i in seen:
                ap += weight * np.dot(y[i], p) * y[i]
            length = old_norm / np.dot(p, ap)
            x[u] += length * p
            r -= length * ap
            new_norm = np.dot(r, r)
            p = r + (new_norm / old_norm) * p
            old_norm = new_norm
