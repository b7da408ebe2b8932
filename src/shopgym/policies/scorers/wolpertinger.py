"""Wolpertinger: a proto-item, and a network that scores the candidates nearest to it alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from ...core.batches import Requests
from ...core.errors import InvalidInput, in_range
from ...core.items import Items
from ...core.types import F32, F64, AnyArray
from ..features import FeatureMap
from ..state import State, prefix_state, sub_state
from .network import Layer, NetworkScorer, layer_arrays, read_layers


@dataclass(frozen=True, eq=False)
class ProtoScorer:
    """The candidates in stock ``nearest`` to a proto-item by the score of ``judge``; behind them all others.

    An actor maps a request to a point in the space of the items' features, scaled to mean 0 and sd 1. The
    candidates nearest to it get the score of ``judge`` (Dulac-Arnold et al. 2015, algorithm 1); the others
    get lower scores, ordered by distance.

    Attributes:
        judge: scores the nearest candidates.
        features: S features of a request alone.
        actor: layers of (in, out) and (out,), ReLU between; the first in = S, the last out = item features.
        mean, scale: (S,) of the request features.
        centre, spread: (f,) of the item features.
        nearest: how many candidates the judge scores.
    """

    kind: ClassVar[str] = "proto"
    judge: NetworkScorer
    features: FeatureMap
    actor: tuple[Layer, ...]
    mean: F32
    scale: F32
    centre: F32
    spread: F32
    nearest: int

    def __post_init__(self) -> None:
        in_range("scorer.nearest", self.nearest, 1, 2**31)
        width = len(self.features)
        for i, (weight, bias) in enumerate(self.actor):
            if weight.shape != (width, len(bias)):
                raise InvalidInput(f"scorer.actor[{i}]", weight.shape, f"give shape ({width}, {len(bias)})")
            if not (np.isfinite(weight).all() and np.isfinite(bias).all()):
                raise InvalidInput(f"scorer.actor[{i}]", "not finite", "training diverged: lower its step")
            width = len(bias)
        if not self.actor or width != len(self.centre):
            raise InvalidInput("scorer.actor", width, f"end with {len(self.centre)} outputs")

    @cached_property
    def places(self) -> F32:
        """(N, f) the items' features, scaled."""
        return (self.judge.items.features - self.centre) / self.spread

    def proto(self, requests: Requests) -> F32:
        """(n, f) the proto-item of each request, scaled."""
        x = (self.features.request_side(requests).astype(np.float32) - self.mean) / self.scale
        for layer, (weight, bias) in enumerate(self.actor):
            x = (np.maximum(x, 0) if layer else x) @ weight + bias
        return x

    def scores(self, requests: Requests) -> F64:
        """(n, 1, m)"""
        m = requests.num_candidates
        rows, proto = np.maximum(requests.candidates, 0), self.proto(requests)
        distance = np.square(self.places[rows] - proto[:, None, :]).sum(axis=2, dtype=np.float64)
        unavailable = ~requests.in_stock | (requests.candidates < 0)
        distance[unavailable] += 1.0 + distance.max(initial=0.0)
        count = min(self.nearest, m)
        near = np.sort(np.argpartition(distance, count - 1, axis=1)[:, :count], axis=1) if count < m else None
        if near is None:
            return self.judge.scores(requests)
        judged = self.judge.scores(requests.at(near))[:, 0]
        scores: F64 = judged.min(axis=1, keepdims=True) - 1.0 - distance
        np.put_along_axis(scores, near, judged, axis=1)
        return scores[:, None, :]

    def state(self) -> State:
        judge, arrays = prefix_state("judge", self.judge)
        spec = {
            "kind": self.kind,
            "judge": judge,
            "features": self.features.spec(),
            "layers": len(self.actor),
            "nearest": self.nearest,
        }
        parts = arrays | {name: getattr(self, name) for name in ("mean", "scale", "centre", "spread")}
        return spec, parts | layer_arrays("actor", self.actor)

    @classmethod
    def from_state(cls, spec: Mapping[str, Any], arrays: Mapping[str, AnyArray], items: Items) -> ProtoScorer:
        return cls(
            NetworkScorer.from_state(spec["judge"], sub_state("judge", arrays), items),
            FeatureMap.from_spec(spec["features"]),
            read_layers("actor", spec["layers"], arrays),
            **{name: arrays[name] for name in ("mean", "scale", "centre", "spread")},
            nearest=spec["nearest"],
        )
