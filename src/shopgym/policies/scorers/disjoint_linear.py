"""Disjoint and hybrid linear models: one model for each item, and optionally one that all items share."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np

from ...core.batches import Requests
from ...core.errors import InvalidInput
from ...core.items import Items
from ...core.types import F64, I32
from ..features import FeatureMap
from ..state import Stored
from .scorer import scores_in_parts

_CELLS_AT_A_TIME = 2_000_000
"""Widths need (n, m, d, d) factors: so many cells at a time (16 MB)."""


@dataclass(frozen=True, eq=False)
class ArmScorer(Stored):
    """score_b = value(item) x (theta_b,arm . x + beta_b . z + width), x of the request, z of both.

    The width is that of Li et al. 2010, sec. 3.3: its square is ``|F'x|^2 + |G'(z - C'x)|^2``, where F F' is
    the covariance of the item's own model, C the part of z that this model explains, G G' the covariance of
    the shared model. Without a shared model z is empty. Items without observations are arm 0, the prior.

    Attributes:
        features: d features x of the request alone.
        shared: D features z; none for disjoint models.
        items: the catalogue.
        arm: (N,) int32, the model of each item among the S.
        theta: (B, S, d).
        beta: (B, D).
        value: (N,) multiplies the sum.
        factor: (S, d, d) F, or None for no width; then ``cross`` (S, d, D) is C and ``spread`` (D, D) is G.
    """

    kind: ClassVar[str] = "arms"
    features: FeatureMap
    shared: FeatureMap
    items: Items
    arm: I32
    theta: F64
    beta: F64
    value: F64
    factor: F64 | None = None
    cross: F64 | None = None
    spread: F64 | None = None

    def __post_init__(self) -> None:
        models, arms = self.theta.shape[:2]
        d, wide = len(self.features), len(self.shared)
        if any(column.startswith("item.") for term in self.features.terms for column in term):
            raise InvalidInput("scorer.features", "item columns", "an item's own model sees the request only")
        wanted = {"arm": (len(self.items),), "theta": (models, arms, d), "beta": (models, wide)}
        wanted |= {"value": (len(self.items),)}
        if self.factor is not None:
            wanted |= {"factor": (arms, d, d), "cross": (arms, d, wide), "spread": (wide, wide)}
        for name, shape in wanted.items():
            values = getattr(self, name)
            if values is None or values.shape != shape:
                raise InvalidInput(f"scorer.{name}", getattr(values, "shape", None), f"give shape {shape}")
            if not np.isfinite(values).all():
                raise InvalidInput(f"scorer.{name}", "not finite", "the learner diverged: scale its rewards")
        if self.arm.size and not (self.arm.min() >= 0 and self.arm.max() < arms):
            raise InvalidInput("scorer.arm", int(self.arm.max()), f"there are {arms} arms")

    @cached_property
    def item_side(self) -> F64:
        """(N, D)"""
        return self.shared.item_side(self.items)

    def scores(self, requests: Requests) -> F64:
        """(n, B, m)"""
        widths = len(self.features) * (len(self.theta) + len(self.features)) + len(self.shared)
        return scores_in_parts(requests, requests.num_candidates * widths, _CELLS_AT_A_TIME, self._scores)

    def _scores(self, requests: Requests) -> F64:
        rows = np.maximum(requests.candidates, 0)
        arm, x = self.arm[rows], self.features.request_side(requests)
        z = self.shared.request_side(requests)[:, None, :] * self.item_side[rows]
        out = np.einsum("bnmd,nd->nbm", self.theta[:, arm], x) + np.einsum("nmk,bk->nbm", z, self.beta)
        if self.factor is not None and self.cross is not None and self.spread is not None:
            own = (x[:, None, None, :] @ self.factor[arm])[:, :, 0, :]
            residual = (z - (x[:, None, None, :] @ self.cross[arm])[:, :, 0, :]) @ self.spread
            out = out + np.sqrt((own**2).sum(axis=2) + (residual**2).sum(axis=2))[:, None, :]
        scored: F64 = np.ascontiguousarray(out) * self.value[rows][:, None, :]
        return scored
