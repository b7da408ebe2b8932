"""Vectors: a score is the dot product of a request's vector with an item's, plus a bias."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np

from ...core.types import F32, I32


class Embedding(ABC):
    """Base of the models that turn a history into one vector; see :class:`.Model`.

    An empty history has the vector 0, so the bias decides, which is popularity.
    """

    needs_context: ClassVar[bool] = False
    vectors: F32
    """(N, d) of the items."""
    bias: F32
    """(N,)"""

    @property
    def num_items(self) -> int:
        """N."""
        return len(self.bias)

    @abstractmethod
    def queries(self, history: I32, user: F32 | None = None) -> F32:
        """(n, d) the requests' vectors; each has the same bits whatever other requests are in the batch."""

    def scores(self, history: I32, user: F32 | None = None) -> F32:
        """(n, N); see :class:`.Model`."""
        query = self.queries(history, user)
        # a matrix product of three axes goes request by request: so no other request changes the last bit
        out: F32 = (query[:, None, :] @ self.vectors.T)[:, 0] + self.bias
        return out

    def scores_at(self, history: I32, rows: I32, user: F32 | None = None) -> F32:
        """(n, m); see :class:`.Model`."""
        rows = np.maximum(rows, 0)
        query = self.queries(history, user)
        out: F32 = (self.vectors[rows] @ query[:, :, None])[:, :, 0] + self.bias[rows]
        return out


def mean_vectors(vectors: F32, history: I32) -> F32:
    """(n, d) the mean of the ``vectors`` (N, d) of each history's items; 0 where it is empty."""
    real = history >= 0
    total = np.zeros((len(history), vectors.shape[1]), np.float32)
    for rows, in_history in zip(history.T, real.T):
        total[in_history] += vectors[rows[in_history]]
    mean: F32 = total / np.maximum(real.sum(axis=1, keepdims=True), 1).astype(np.float32)
    return mean
