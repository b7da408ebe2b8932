"""EASE: a linear item-to-item model in closed form."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from scipy.linalg import cho_factor, cho_solve

from ...core.errors import in_range
from ...policies.retrieval import DenseWeights
from ...policies.retrieval.model import popularity_bias
from .data import Sequences

MAX_ITEMS = 20_000
"""The table grows with the square of the number of items, the work with its cube."""


@dataclass(frozen=True)
class Ease:
    """Least squares from all other items, with a zero diagonal (Steck 2019, eq. 8).

    W = I - P / diag(P) column by column, with P = (X'X + ridge I)^-1.
    """

    ridge: float = 250.0

    def __post_init__(self) -> None:
        in_range("ease.ridge", self.ridge, 0.0, 1e12, open_low=True)

    def fit(self, data: Sequences, rng: Generator) -> DenseWeights:
        """See :class:`.Recommender`.

        Raises:
            InvalidInput: more than 20,000 items.
        """
        in_range("ease.items", data.num_items, 1, MAX_ITEMS)
        x = data.matrix().csr
        gram = (x.T @ x).toarray() + self.ridge * np.eye(data.num_items)
        p = cho_solve(cho_factor(gram, overwrite_a=True), np.eye(data.num_items), overwrite_b=True)
        weights = -p / np.diag(p)
        np.fill_diagonal(weights, 0.0)
        return DenseWeights(weights.astype(np.float32), popularity_bias(data.counts))
