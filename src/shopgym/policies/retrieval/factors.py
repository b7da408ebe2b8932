"""Matrix factorisation for any history: the user's vector is computed from it, also for new users."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np

from ...core.errors import in_range
from ...core.types import F32, F64, I32
from ..state import Stored
from .embedding import Embedding, mean_vectors
from .model import checked, distinct

ROWS = 256
"""Users solved at a time."""


@dataclass(frozen=True, eq=False)
class FoldedFactors(Stored, Embedding):
    """Implicit ALS: the vector of a user is the exact solution for their history.

    x = (Y'Y + weight Y_h'Y_h + ridge I)^-1 (1 + weight) Y_h' 1 for the history's items h
    (Hu, Koren & Volinsky 2008, eq. 4, with confidence 1 + weight).

    Attributes:
        vectors: (N, d) float32, Y.
        bias: (N,) float32, see :data:`.TIE`.
        weight, ridge: of the fit.
    """

    kind: ClassVar[str] = "folded_factors"
    needs_history: ClassVar[bool] = True
    vectors: F32
    bias: F32
    weight: float
    ridge: float

    def __post_init__(self) -> None:
        in_range("model.ridge", self.ridge, 0.0, 1e12, open_low=True)

    @cached_property
    def _all(self) -> F64:
        """(d, d) Y'Y + ridge I."""
        y = self.vectors.astype(np.float64)
        out: F64 = y.T @ y + self.ridge * np.eye(y.shape[1])
        return out

    def queries(self, history: I32, user: F32 | None = None) -> F32:
        """(n, d); see :class:`.Embedding`."""
        history = distinct(checked(history, self.num_items))
        out = np.zeros((len(history), self.vectors.shape[1]), np.float32)
        for low in range(0, len(history), ROWS):
            rows = history[low : low + ROWS]
            y = np.where((rows >= 0)[:, :, None], self.vectors[rows], 0.0).astype(np.float64)
            a = self._all + self.weight * (y.transpose(0, 2, 1) @ y)
            b = (1.0 + self.weight) * y.sum(axis=1)
            out[low : low + ROWS] = np.linalg.solve(a, b[:, :, None])[:, :, 0]
        return out


@dataclass(frozen=True, eq=False)
class MappedFactors(Stored, Embedding):
    """The vector of a user is a linear map of the mean vector of the history's different items.

    Attributes:
        vectors: (N, d) float32.
        bias: (N,) float32.
        mapping: (d, d) float32.
    """

    kind: ClassVar[str] = "mapped_factors"
    needs_history: ClassVar[bool] = True
    vectors: F32
    bias: F32
    mapping: F32

    def queries(self, history: I32, user: F32 | None = None) -> F32:
        """(n, d); see :class:`.Embedding`."""
        history = distinct(checked(history, self.num_items))
        mean = mean_vectors(self.vectors, history)
        out: F32 = (mean[:, None, :] @ self.mapping)[:, 0]
        return out
