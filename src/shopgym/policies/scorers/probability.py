"""From scores to probabilities: Platt's sigmoid or a rising curve, fitted on data held out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ...core.batches import Requests
from ...core.errors import InvalidInput, one_of
from ...core.items import Items
from ...core.types import F64, AnyArray
from .scorer import Scorer, State, nested, part_of

METHODS = ("platt", "isotonic")


@dataclass(frozen=True, eq=False)
class ProbabilityScorer:
    """P = curve(score).

    Attributes:
        scorer: what ranks.
        method: ``platt``: P = sigmoid(a x score + b) (Platt 1999), the curve is (2,) a, b.
            ``isotonic``: the curve is (2, K), scores that rise and the probabilities at them; straight lines
            between, constant beyond (Zadrozny & Elkan 2002).
        curve: see ``method``.
    """

    kind: ClassVar[str] = "probability"
    scorer: Scorer
    method: str
    curve: F64

    def __post_init__(self) -> None:
        one_of("scorer.method", self.method, METHODS)
        shape = self.curve.shape
        if shape[0] != 2 or len(shape) != 1 + (self.method == "isotonic") or not self.curve.size:
            raise InvalidInput("scorer.curve", shape, "give (2,) for platt, (2, K) for isotonic")
        if not np.isfinite(self.curve).all():
            raise InvalidInput("scorer.curve", "not finite", "fit it on data with both outcomes")

    def scores(self, requests: Requests) -> F64:
        """(n, B, m) in [0, 1]"""
        return apply(self.method, self.curve, self.scorer.scores(requests))

    def state(self) -> State:
        spec, arrays = nested("base", self.scorer)
        return {"kind": self.kind, "method": self.method, "base": spec}, {"curve": self.curve, **arrays}

    @classmethod
    def from_state(
        cls, spec: Mapping[str, Any], arrays: Mapping[str, AnyArray], items: Items
    ) -> ProbabilityScorer:
        return cls(part_of("base", spec["base"], arrays, items), spec["method"], arrays["curve"])


def apply(method: str, curve: F64, scores: F64) -> F64:
    """The probabilities of scores of any shape; NaN stays."""
    if method == "platt":
        p: F64 = 1.0 / (1.0 + np.exp(-np.clip(curve[0] * scores + curve[1], -700.0, 700.0)))
        return p
    p = np.interp(scores, curve[0], curve[1])
    return p
