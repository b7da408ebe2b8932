"""Item-to-item models: a score is the sum of weights from the items of the history.

score_j = sum of W_ij over the different items i of the history, plus a bias. Item-KNN and EASE have this
form.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np

from ...core.errors import InvalidInput
from ...core.types import F32, I32, I64, AnyArray
from ..state import Stored
from .model import checked, distinct

CELLS = 20_000_000
"""Cells of (requests x items) that are added up at a time."""


@dataclass(frozen=True, eq=False)
class DenseWeights(Stored):
    """W as a full (N, N) table: for catalogues of up to about 20,000 items (1.6 GB).

    Attributes:
        weights: (N, N) float32, W_ij is the weight from item i of the history to item j.
        bias: (N,) float32, see :data:`.TIE`.
    """

    kind: ClassVar[str] = "dense_weights"
    needs_history: ClassVar[bool] = True
    needs_context: ClassVar[bool] = False
    weights: F32
    bias: F32

    def __post_init__(self) -> None:
        n = len(self.bias)
        if self.weights.shape != (n, n):
            raise InvalidInput("model.weights", self.weights.shape, f"give shape ({n}, {n})")

    @property
    def num_items(self) -> int:
        """N."""
        return len(self.bias)

    @cached_property
    def _padded(self) -> F32:
        """(N + 1, N), the last row zero: ``EMPTY`` (-1) reads it."""
        return np.concatenate([self.weights, np.zeros((1, self.num_items), np.float32)])

    def scores(self, history: I32, user: F32 | None = None) -> F32:
        """(n, N); see :class:`.Model`."""
        history = distinct(checked(history, self.num_items))
        out = np.repeat(self.bias[None], len(history), axis=0)
        for column in history.T:
            real = column >= 0
            out[real] += self.weights[column[real]]
        return out

    def scores_at(self, history: I32, rows: I32, user: F32 | None = None) -> F32:
        """(n, m); see :class:`.Model`."""
        history = distinct(checked(history, self.num_items))
        rows = np.maximum(rows, 0)
        out = self.bias[rows]
        for column in history.T:
            out += self._padded[column[:, None], rows]
        return out


@dataclass(frozen=True, eq=False)
class SparseWeights(Stored):
    """W by its entries, for catalogues of any size.

    Attributes:
        start: (N + 1,) int64, where the entries of each item i begin.
        item: (r,) int32, the item j of an entry.
        weight: (r,) float32, W_ij.
        bias: (N,) float32, see :data:`.TIE`.
    """

    kind: ClassVar[str] = "sparse_weights"
    needs_history: ClassVar[bool] = True
    needs_context: ClassVar[bool] = False
    start: I64
    item: I32
    weight: F32
    bias: F32

    def __post_init__(self) -> None:
        if self.start.shape != (len(self.bias) + 1,) or not len(self.item) == len(self.weight):
            raise InvalidInput("model.start", self.start.shape, f"give {len(self.bias) + 1} bounds")
        if len(self.item) != self.start[-1] or (np.diff(self.start) < 0).any():
            raise InvalidInput("model.start", int(self.start[-1]), f"end at {len(self.item)}, never falling")
        if len(self.item) and not 0 <= self.item.min() <= self.item.max() < len(self.bias):
            raise InvalidInput("model.item", int(self.item.max()), f"give rows below {len(self.bias)}")

    @property
    def num_items(self) -> int:
        """N."""
        return len(self.bias)

    def scores(self, history: I32, user: F32 | None = None) -> F32:
        """(n, N); see :class:`.Model`."""
        history = distinct(checked(history, self.num_items))
        out = np.empty((len(history), self.num_items), np.float32)
        step = max(1, CELLS // self.num_items)
        for low in range(0, len(history), step):
            out[low : low + step] = self._sums(history[low : low + step])
        return out

    def _sums(self, history: I32) -> AnyArray:
        request, column = np.nonzero(history >= 0)
        source = history[request, column]
        first, size = self.start[source], self.start[source + 1] - self.start[source]
        # the entries of all items of all histories, one run after the other
        ends = np.cumsum(size)
        entry = np.arange(ends[-1] if len(ends) else 0) + np.repeat(first - (ends - size), size)
        cell = np.repeat(request, size) * self.num_items + self.item[entry]
        total = np.bincount(cell, self.weight[entry], minlength=len(history) * self.num_items)
        return total.reshape(len(history), self.num_items) + self.bias

    def scores_at(self, history: I32, rows: I32, user: F32 | None = None) -> F32:
        """(n, m); see :class:`.Model`."""
        return np.take_along_axis(self.scores(history), np.maximum(rows, 0), axis=1)
