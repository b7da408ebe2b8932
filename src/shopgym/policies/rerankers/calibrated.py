"""Calibrated recommendations: categories on the page in the proportions of the user's history."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ...core.batches import Requests
from ...core.errors import in_range
from ...core.items import Items
from ...core.types import F64, I32, Bool
from .reranker import SlotScores, relevance

SMOOTHING = 0.01
"""alpha of Steck (2018), eq. 6: q~ = (1 - alpha) q + alpha p."""


@dataclass(frozen=True)
class Calibrated:
    """score = trade x relevance - (1 - trade) x KL(p, q~ of the page with i).

    Steck (2018), eq. 7, chosen greedily: p is the distribution of categories in the request's history, q
    that on the page. Without a history relevance alone counts.

    Attributes:
        trade: 1 - lambda in [0, 1]; 1 = relevance alone.
        scaled: whether relevance is the score spread over [0, 1] within each request.
    """

    kind: ClassVar[str] = "calibrated"
    trade: float = 0.5
    scaled: bool = True

    def __post_init__(self) -> None:
        in_range("reranker.trade", self.trade, 0.0, 1.0)

    def begin(self, requests: Requests, items: Items, scores: F64, allowed: Bool) -> SlotScores:
        n, groups = len(requests), len(items.category_names)
        wanted = np.zeros((n, groups))
        if requests.history is not None:
            row, column = np.nonzero(requests.history >= 0)
            np.add.at(wanted, (row, items.category[requests.history[row, column]]), 1.0)
        wanted /= np.maximum(wanted.sum(axis=1, keepdims=True), 1.0)
        value = self.trade * relevance(scores, allowed, self.scaled)
        return CalibratedScores(
            value, 1.0 - self.trade, wanted, items.category[np.maximum(requests.candidates, 0)]
        )


class CalibratedScores:
    """See :class:`.SlotScores`."""

    def __init__(self, value: F64, weight: float, wanted: F64, category: I32) -> None:
        self.value, self.weight, self.wanted, self.category = value, weight, wanted, category
        self.count = np.zeros_like(wanted)

    def scores(self) -> F64:
        shown = self.count.sum(axis=1, keepdims=True) + 1.0
        without = self._terms(self.count / shown)
        changed = self._terms((self.count + 1.0) / shown) - without
        divergence = without.sum(axis=1, keepdims=True) + np.take_along_axis(changed, self.category, axis=1)
        out: F64 = self.value - self.weight * divergence[:, None, :]
        return out

    def _terms(self, share: F64) -> F64:
        """(n, C) p log(p / q~); 0 where p = 0."""
        smooth = (1.0 - SMOOTHING) * share + SMOOTHING * self.wanted
        positive = self.wanted > 0
        ratio = np.where(positive, self.wanted, 1.0) / np.where(positive, smooth, 1.0)
        out: F64 = self.wanted * np.log(ratio)
        return out

    def take(self, positions: I32) -> None:
        row = np.flatnonzero(positions >= 0)
        self.count[row, self.category[row, positions[row]]] += 1.0
