"""Two scores for each candidate: the lower and the upper confidence bound of its value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from ...core.batches import Requests
from ...core.errors import InvalidInput
from ...core.items import Items
from ...core.types import F64, AnyArray
from ..features import FeatureMap
from .scorer import State


@dataclass(frozen=True, eq=False)
class BoundScorer:
    """value(item) x (theta . phi -+ ||factor' phi||): the range of a ball of linear models.

    Attributes:
        features: D features of a request and an item.
        items: the catalogue.
        theta: (D,) the centre of the ball.
        factor: (D, D); the ball is theta + factor u with |u| <= 1.
        value: (N,) multiplies both bounds.
    """

    kind: ClassVar[str] = "bounds"
    features: FeatureMap
    items: Items
    theta: F64
    factor: F64
    value: F64

    def __post_init__(self) -> None:
        dim = len(self.features)
        for name, shape in (("theta", (dim,)), ("factor", (dim, dim)), ("value", (len(self.items),))):
            values = getattr(self, name)
            if values.shape != shape:
                raise InvalidInput(f"scorer.{name}", values.shape, f"give shape {shape}")
            if not np.isfinite(values).all():
                raise InvalidInput(f"scorer.{name}", "not finite", "the learner diverged: scale its rewards")

    @cached_property
    def item_side(self) -> F64:
        """(N, D)"""
        return self.features.item_side(self.items)

    def scores(self, requests: Requests) -> F64:
        """(n, 2, m) lower, upper."""
        phi = self.features.phi(requests, self.item_side)
        middle, width = phi @ self.theta, np.linalg.norm(phi @ self.factor, axis=2)
        bounds: F64 = np.stack([middle - width, middle + width], axis=1)
        return bounds * self.value[np.maximum(requests.candidates, 0)][:, None, :]

    def state(self) -> State:
        arrays: dict[str, AnyArray] = {"theta": self.theta, "factor": self.factor, "value": self.value}
        return {"kind": self.kind, "features": self.features.spec()}, arrays

    @classmethod
    def from_state(cls, spec: Mapping[str, Any], arrays: Mapping[str, AnyArray], items: Items) -> BoundScorer:
        features = FeatureMap.from_spec(spec["features"])
        return cls(features, items, arrays["theta"], arrays["factor"], arrays["value"])
