"""Determinantal point process: the page whose items span the largest volume."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ...core.batches import Requests
from ...core.errors import in_range, one_of
from ...core.items import Items
from ...core.types import F64, I32, Bool
from .reranker import SlotScores, alike, directions, relevance

KERNELS = ("shifted", "cosine")
SPENT = 1e-10
"""Least variance in the logarithm; an item below it lies in the span of those shown."""


@dataclass(frozen=True)
class DPP:
    """score = trade x relevance + (1 - trade) x log(det S of the page with i / det S of the page).

    Greedy MAP inference for log P(page) = trade x sum of relevance + (1 - trade) x log det S (Chen, Zhang &
    Zhou 2018, sec. 4). The ratio of determinants is the conditional variance d_i^2 of their algorithm 1,
    kept up by an incremental Cholesky factorisation.

    Attributes:
        trade: theta in [0, 1]; 1 = relevance alone.
        scaled: whether relevance is the score spread over [0, 1] within each request.
        features: item columns that define similarity; none = the embedding.
        kernel: S_ij, ``shifted`` = (1 + cos(i, j)) / 2, under which opposite items are the most diverse, or
            ``cosine``, under which opposite items count as copies.
    """

    kind: ClassVar[str] = "dpp"
    trade: float = 0.7
    scaled: bool = True
    features: tuple[str, ...] = ()
    kernel: str = "shifted"

    def __post_init__(self) -> None:
        in_range("reranker.trade", self.trade, 0.0, 1.0)
        one_of("reranker.kernel", self.kernel, KERNELS)

    def begin(self, requests: Requests, items: Items, scores: F64, allowed: Bool) -> SlotScores:
        value = self.trade * relevance(scores, allowed, self.scaled)
        vectors = directions(requests, items, self.features)
        return DPPScores(value, 1.0 - self.trade, vectors, 0.5 if self.kernel == "shifted" else 0.0)


class DPPScores:
    """See :class:`.SlotScores`."""

    def __init__(self, value: F64, weight: float, vectors: F64, shift: float) -> None:
        self.value, self.weight, self.vectors, self.shift = value, weight, vectors, shift
        self.variance = np.ones(vectors.shape[:2])  # d^2
        self.factor = np.empty((*vectors.shape[:2], 0))  # c, one more column per slot

    def scores(self) -> F64:
        out: F64 = self.value + self.weight * np.log(np.maximum(self.variance, SPENT))[:, None, :]
        return out

    def take(self, positions: I32) -> None:
        rows, shown = np.arange(len(positions)), np.maximum(positions, 0)
        kernel = self.shift + (1.0 - self.shift) * alike(self.vectors, positions)
        left = self.variance[rows, shown]
        explained = (self.factor @ self.factor[rows, shown][:, :, None])[:, :, 0]
        # an empty slot, or an item in the span of those shown, changes nothing
        new = (positions >= 0) & (left > SPENT)
        column = np.where(new[:, None], kernel - explained, 0.0) / np.sqrt(np.where(new, left, 1.0))[:, None]
        self.variance = self.variance - column**2
        self.factor = np.concatenate([self.factor, column[:, :, None]], axis=2)
