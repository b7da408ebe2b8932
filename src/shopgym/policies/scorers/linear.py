"""Linear models of a request and an item."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ...core.batches import Requests
from ...core.errors import InvalidInput, one_of
from ...core.statistics import sigmoid
from ...core.types import F64
from ..state import OverFeatures

LINKS = ("identity", "logistic")


@dataclass(frozen=True, eq=False)
class LinearScorer(OverFeatures):
    """B linear models over the same features: score_b = value(item) x link(theta_b . phi), plus a bonus.

    Attributes:
        features: D features of a request and an item.
        items: the catalogue.
        theta: (B, D).
        value: (N,) multiplies the linear part, e.g. margin per order where theta predicts orders.
        bonus: (D, r) or None; adds value(item) x ||bonus' phi||, the width of LinUCB (Li et al. 2010,
            eq. 5) when bonus bonus' = alpha^2 A^-1.
        link: ``identity``, or ``logistic`` where theta predicts the logit of a probability.
    """

    kind: ClassVar[str] = "linear"
    theta: F64
    value: F64
    bonus: F64 | None = None
    link: str = "identity"  # older bundles have none

    def __post_init__(self) -> None:
        one_of("scorer.link", self.link, LINKS)
        if self.theta.ndim != 2 or self.theta.shape[1] != len(self.features):
            raise InvalidInput("scorer.theta", self.theta.shape, f"give shape (B, {len(self.features)})")
        if self.value.shape != (len(self.items),):
            fix = f"give one number for each of {len(self.items)} items"
            raise InvalidInput("scorer.value", self.value.shape, fix)
        if not np.isfinite(self.theta).all():
            fix = "the learner diverged: lower its step or scale its rewards"
            raise InvalidInput("scorer.theta", "not finite", fix)

    def scores(self, requests: Requests) -> F64:
        """(n, B, m)"""
        rows = np.maximum(requests.candidates, 0)
        left = self.features.request_side(requests)
        right = self.item_side[rows]
        live = self.features.live_side(requests)
        if live is not None:
            right = right * live
        out = (left[:, None, :] * self.theta[None]) @ right.transpose(0, 2, 1)
        if self.link == "logistic":
            out = sigmoid(out)
        if self.bonus is not None:
            phi = left[:, None, :] * right
            out = out + np.linalg.norm(phi @ self.bonus, axis=2)[:, None, :]
        scored: F64 = out * self.value[rows][:, None, :]
        return scored
