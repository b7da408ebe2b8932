"""Vectors: a score is the dot product of a request's vector with an item's, plus a bias."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np

from ...core.types import F32, I32


class Embedding(ABC):
    """What all models have that turn a history into one vector; see :class:`.Model`.

    An empty history has the vector 0, so that the bias decides: popularity.
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
        """(n, d) the requests' vectors, each bit for bit as if it stood alone."""

    def scores(self, history: I32, user: F32 | None = None) -> F32:
        """(n, N); see :class:`.Model`."""
        query = self.queries(history, user)
        # matrix products of three axes go request by request, so that no other one changes a last bit
        out: F32 = (query[:, None, :] @ self.vectors.T)[:, 0] + self.bias
        return out

    def scores_at(self, history: I32, rows: I32, user: F32 | None = None) -> F32:
        """(n, m); see :class:`.Model`."""
        rows = np.maximum(rows, 0)
        query = self.queries(history, user)
        out: F32 = (self.vectors[rows] @ query[:, :, None])[:, :, 0] + self.bias[rows]
        return out
