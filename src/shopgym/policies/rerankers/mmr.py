"""Maximal marginal relevance: relevant items that differ from those already shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ...core.batches import Requests
from ...core.errors import in_range
from ...core.items import Items
from ...core.types import F64, I32, Bool
from .reranker import SlotScores, alike, directions, relevance


@dataclass(frozen=True)
class MMR:
    """score = trade x relevance - (1 - trade) x max over shown s of cos(i, s).

    Carbonell & Goldstein (1998), the equation of section 2, with the cosine of item columns for both
    similarities between items. At the first slot nothing is shown and the second term is 0.

    Attributes:
        trade: lambda in [0, 1]; 1 = relevance alone.
        scaled: whether relevance is the score scaled to [0, 1] within each request, so that it compares with
            a cosine whatever the unit of the score; else it is the plain score.
        features: item columns that define similarity; none = the embedding.
    """

    kind: ClassVar[str] = "mmr"
    trade: float = 0.7
    scaled: bool = True
    features: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        in_range("reranker.trade", self.trade, 0.0, 1.0)

    def begin(self, requests: Requests, items: Items, scores: F64, allowed: Bool) -> SlotScores:
        value = self.trade * relevance(scores, allowed, self.scaled)
        return MMRScores(value, 1.0 - self.trade, directions(requests, items, self.features))


class MMRScores:
    """See :class:`.SlotScores`."""

    def __init__(self, value: F64, weight: float, vectors: F64) -> None:
        self.value, self.weight, self.vectors = value, weight, vectors
        self.nearest = np.full(vectors.shape[:2], -np.inf)

    def scores(self) -> F64:
        nearest = np.where(self.nearest > -np.inf, self.nearest, 0.0)
        out: F64 = self.value - self.weight * nearest[:, None, :]
        return out

    def take(self, positions: I32) -> None:
        nearest = np.maximum(self.nearest, alike(self.vectors, positions))
        self.nearest = np.where((positions >= 0)[:, None], nearest, self.nearest)
