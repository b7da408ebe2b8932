"""Sums of numbers that come in parts, and merge."""

from __future__ import annotations

import math

import numpy as np

from ...core.types import F64

KEPT = 1 << 20
"""Number of largest weights kept for a slot: the whole 1% tail of up to 104,857,600 rounds, 8 MB."""


class MeansAndScatter:
    """Count, means (p,) and centred cross products (p, p) of rows that come in parts."""

    def __init__(self, width: int) -> None:
        self.n = 0
        self.mean = np.zeros(width)
        self.scatter = np.zeros((width, width))

    def add(self, columns: F64) -> None:
        """Add rows (r, p)."""
        part = MeansAndScatter(columns.shape[1])
        part.n = len(columns)
        if part.n:
            away = np.array(columns.T, order="C")  # each column contiguous: several times faster
            part.mean = away.mean(axis=1)
            away -= part.mean[:, None]
            part.scatter = np.einsum("pn,qn->pq", away, away)  # so narrow a product is slow in BLAS
            self.merge(part)

    def merge(self, other: MeansAndScatter) -> None:
        """Add the rows of ``other``."""
        n = self.n + other.n
        if n:
            step = other.mean - self.mean
            self.scatter += other.scatter + np.outer(step, step) * (self.n * other.n / n)
            self.mean = self.mean + step * (other.n / n)
            self.n = n


class LargestValues:
    """The largest ``kept`` of numbers that come in parts."""

    def __init__(self, kept: int = KEPT) -> None:
        self.kept = kept
        self._floor = -math.inf
        self._parts: list[F64] = []
        self._held = 0

    def add(self, values: F64) -> None:
        """Add values (r,)."""
        large = values[values > self._floor]
        self._parts.append(large)
        self._held += len(large)
        if self._held >= 2 * self.kept:
            self._cut()

    def merge(self, other: LargestValues) -> None:
        """Add the values of ``other``."""
        self.add(other.descending())

    def descending(self) -> F64:
        """(at most kept,) the largest first."""
        self._cut()
        return np.sort(self._parts[0])[::-1]

    def _cut(self) -> None:
        values = np.concatenate([*self._parts, np.empty(0)])
        if len(values) > self.kept:
            values = np.partition(values, len(values) - self.kept)[len(values) - self.kept :]
            # later values equal to the floor would change nothing: enough of them are kept
            self._floor = float(values.min())
        self._parts, self._held = [values], len(values)
