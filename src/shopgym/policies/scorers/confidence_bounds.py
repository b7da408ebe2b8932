"""Two scores for each candidate: the lower and the upper confidence bound of its value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ...core.batches import Requests
from ...core.errors import InvalidInput
from ...core.types import F64
from ..state import OverFeatures


@dataclass(frozen=True, eq=False)
class BoundScorer(OverFeatures):
    """``value(item) x (theta . phi -+ |factor' phi|)``: the range of a ball of linear models.

    Attributes:
        features: D features of a request and an item.
        items: the catalogue.
        theta: (D,) the centre of the ball.
        factor: (D, D); the ball is ``theta + factor u`` with ``|u| <= 1``.
        value: (N,) multiplies both bounds.
    """

    kind: ClassVar[str] = "bounds"
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

    def scores(self, requests: Requests) -> F64:
        """(n, 2, m) lower, upper."""
        phi = self.features.phi(requests, self.item_side)
        middle, width = phi @ self.theta, np.linalg.norm(phi @ self.factor, axis=2)
        bounds: F64 = np.stack([middle - width, middle + width], axis=1)
        return bounds * self.value[np.maximum(requests.candidates, 0)][:, None, :]
