"""Base of the sequence models: they read a window of the latest items, in order of time."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np

from ...core.batches import EMPTY
from ...core.errors import InvalidInput, in_range
from ...core.types import F32, I32, I64, AnyArray
from ..state import State
from .embedding import Embedding
from .model import checked

ROWS = 512
"""Requests read at a time."""


class SequenceModel(Embedding):
    """Reads the last ``length`` items; its vector is the state after the latest.

    Attributes:
        vectors: (N, d) float32, of the items, for input and output alike.
        bias: (N,) float32, see :data:`.TIE`.
        weights: the layers, by name.
        length: L, the window.
    """

    kind: ClassVar[str]
    needs_history: ClassVar[bool] = True
    shapes: ClassVar[Mapping[str, tuple[str, ...]]]
    """The axes of each of the ``weights``: ``d``, multiples of it, ``L`` or the number of blocks ``b``."""

    def __init__(self, vectors: F32, bias: F32, weights: Mapping[str, F32], length: int) -> None:
        in_range("model.length", length, 1, 100_000)
        if set(weights) != set(self.shapes):
            raise InvalidInput("model.weights", sorted(weights), f"give {sorted(self.shapes)}")
        self.vectors, self.bias, self.weights, self.length = vectors, bias, dict(weights), length
        self._check_shapes()

    def _check_shapes(self) -> None:
        if self.vectors.ndim != 2 or len(self.vectors) != len(self.bias):
            raise InvalidInput("model.vectors", self.vectors.shape, f"give ({len(self.bias)}, d)")
        d = self.vectors.shape[1]
        sizes = {"d": d, "2d": 2 * d, "3d": 3 * d, "L": self.length}
        for name, axes in self.shapes.items():
            got = self.weights[name].shape
            if axes[0] == "b":
                sizes.setdefault("b", max(got[0], 1))
            want = tuple(sizes[axis] for axis in axes)
            if got != want:
                raise InvalidInput(f"model.{name}", got, f"give shape {want}")

    def queries(self, history: I32, user: F32 | None = None) -> F32:
        """(n, d); see :class:`.Embedding`."""
        history = checked(history, self.num_items)
        out = np.zeros((len(history), self.vectors.shape[1]), np.float32)
        for low in range(0, len(history), ROWS):
            rows, size = in_order(history[low : low + ROWS], self.length)
            nonempty = np.flatnonzero(size)
            out[low + nonempty] = self.read(rows[nonempty], size[nonempty])
        return out

    @abstractmethod
    def read(self, rows: I32, size: I64) -> F32:
        """(n, d) the state after the last of ``size`` (n,) >= 1 items; rows (n, L) as of :func:`in_order`."""

    def state(self) -> State:
        """See :class:`.Model`."""
        arrays = {"vectors": self.vectors, "bias": self.bias, **self.weights}
        return {"kind": self.kind, "length": self.length}, arrays

    @classmethod
    def from_state(cls, spec: Mapping[str, Any], arrays: Mapping[str, AnyArray]) -> Self:
        """See :class:`.Model`."""
        weights = {name: arrays[name] for name in cls.shapes}
        return cls(arrays["vectors"], arrays["bias"], weights, spec["length"])


def in_order(history: I32, length: int) -> tuple[I32, I64]:
    """The latest ``length`` items of each history, the oldest of them first.

    Returns:
        rows (n, length), ``EMPTY`` after the last; size (n,), the number of items.
    """
    n = len(history)
    real = history >= 0
    place = real.cumsum(axis=1) - 1  # 0 = the latest
    kept = real & (place < length)
    size = kept.sum(axis=1)
    rows = np.full((n, length), EMPTY, np.int32)
    request, column = np.nonzero(kept)
    rows[request, size[request] - 1 - place[request, column]] = history[request, column]
    return rows, size
