"""Sums of regression trees, evaluated by numpy whatever library fitted them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ...core.batches import Requests
from ...core.errors import InvalidInput
from ...core.types import F64, I32
from ..state import OverFeatures
from .scorer import scores_in_parts

_CELLS_AT_A_TIME = 1_000_000
"""Rows are evaluated in parts of so many (row, tree) pairs (8 MB)."""


@dataclass(frozen=True, eq=False)
class TreeScorer(OverFeatures):
    """score = sum over T trees of the value of the leaf that a candidate falls into.

    At an inner node a candidate goes to the first child if its feature is at most the threshold, else to the
    second. A leaf is its own child, so all trees take ``depth`` steps, all rows at once.

    Attributes:
        features: D features of a request and an item.
        items: the catalogue.
        roots: (T,) int32 nodes.
        feature, threshold: (S,) int32 in [0, D) and float64, of each of S nodes.
        children: (S, 2) int32 nodes.
        value: (S,) float64, at leaves.
        depth: steps from a root to the deepest leaf.
    """

    kind: ClassVar[str] = "trees"
    roots: I32
    feature: I32
    threshold: F64
    children: I32
    value: F64
    depth: int

    def __post_init__(self) -> None:
        size = len(self.value)
        if self.children.shape != (size, 2) or not len(self.feature) == len(self.threshold) == size:
            raise InvalidInput("scorer.children", self.children.shape, f"give two children of {size} nodes")
        for name, bound in (("roots", size), ("children", size), ("feature", len(self.features))):
            values = getattr(self, name)
            if values.size and not 0 <= values.min() <= values.max() < bound:
                raise InvalidInput(f"scorer.{name}", int(values.max()), f"give numbers in [0, {bound})")
        if not np.isfinite(self.value).all():
            raise InvalidInput("scorer.value", "not finite", "the learner diverged: lower its step")

    def scores(self, requests: Requests) -> F64:
        """(n, 1, m); NaN where a feature is not finite, which a comparison would hide."""
        m = requests.num_candidates
        return scores_in_parts(requests, m * len(self.roots), _CELLS_AT_A_TIME, self._scores)

    def _scores(self, requests: Requests) -> F64:
        x = self.features.phi(requests, self.item_side)
        return self.evaluate(x.reshape(-1, x.shape[2])).reshape(len(x), 1, x.shape[1])

    def evaluate(self, x: F64) -> F64:
        """(r,) from features (r, D)."""
        row = np.arange(len(x))[:, None] * x.shape[1]
        flat, children = x.ravel(), self.children.ravel()
        node = np.broadcast_to(self.roots, (len(x), len(self.roots)))
        for _ in range(self.depth):
            second = flat[row + self.feature[node]] > self.threshold[node]
            node = children[2 * node + second]
        out: F64 = self.value[node].sum(axis=1)
        out[~np.isfinite(x).all(axis=1)] = np.nan
        return out
