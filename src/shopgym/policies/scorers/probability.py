"""From scores to probabilities: Platt's sigmoid or isotonic regression, fitted on held-out data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ...core.batches import Requests
from ...core.errors import InvalidInput, one_of
from ...core.items import Items
from ...core.statistics import sigmoid
from ...core.types import F64, AnyArray
from ..state import State, prefix_state, sub_state
from .scorer import Scorer, scorer_from_state

METHODS = ("platt", "isotonic")


@dataclass(frozen=True, eq=False)
class ProbabilityScorer:
    """P = curve(score).

    Attributes:
        scorer: gives the scores.
        method: ``platt``: P = sigmoid(a x score + b) (Platt 1999), the curve is (2,) a, b.
            ``isotonic``: the curve is (2, K), rising scores and the probabilities at them, linear between
            them and constant beyond (Zadrozny & Elkan 2002).
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
        spec, arrays = prefix_state("base", self.scorer)
        return {"kind": self.kind, "method": self.method, "base": spec}, {"curve": self.curve, **arrays}

    @classmethod
    def from_state(
        cls, spec: Mapping[str, Any], arrays: Mapping[str, AnyArray], items: Items
    ) -> ProbabilityScorer:
        base = scorer_from_state(spec["base"], sub_state("base", arrays), items)
        return cls(base, spec["method"], arrays["curve"])


def apply(method: str, curve: F64, scores: F64) -> F64:
    """The probabilities of scores of any shape; NaN stays NaN."""
    if method == "platt":
        return sigmoid(curve[0] * scores + curve[1])
    p: F64 = np.interp(scores, curve[0], curve[1])
    return p
