"""Networks of a request and an item: cross layers, then dense layers, evaluated by numpy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, ClassVar, Self

import numpy as np

from ...core.batches import Requests
from ...core.errors import InvalidInput, one_of
from ...core.items import Items
from ...core.statistics import sigmoid
from ...core.types import F32, F64, AnyArray
from ..features import FeatureMap
from ..state import OverFeatures, State
from .linear import LINKS
from .scorer import scores_in_parts

Layer = tuple[F32, F32]
"""Weights and biases: (B, in, out) and (B, out)."""

_CELLS_AT_A_TIME = 4_000_000
"""Features are (n, m, D): so many cells at a time (16 MB)."""


@dataclass(frozen=True, eq=False)
class NetworkScorer(OverFeatures):
    """B networks over the same features: score_b = value(item) x link(f_b(x)), x = (phi - mean) / scale.

    f_b is L cross layers, x' = x0 * (x W + c) + x (DCN-v2, Wang et al. 2021, eq. 1), then dense layers with
    ReLU between them, the last of width 1.

    Attributes:
        features: D features of a request and an item.
        items: the catalogue.
        mean, scale: (D,) float32, scale > 0.
        crosses: L layers of (B, D, D) and (B, D).
        dense: layers of (B, in, out) and (B, out), the first in = D, the last out = 1.
        value: (N,) multiplies the network's output.
        link: ``identity``, or ``logistic`` where it predicts the logit of a probability.
    """

    kind: ClassVar[str] = "network"
    mean: F32
    scale: F32
    crosses: tuple[Layer, ...]
    dense: tuple[Layer, ...]
    value: F64
    link: str = "identity"

    def __post_init__(self) -> None:
        one_of("scorer.link", self.link, LINKS)
        if not self.dense:
            raise InvalidInput("scorer.dense", 0, "give at least one dense layer")
        models, width = len(self.dense[0][0]), len(self.features)
        if self.mean.shape != (width,) or self.scale.shape != (width,) or not (self.scale > 0).all():
            raise InvalidInput("scorer.scale", self.scale.shape, f"give {width} means and positive scales")
        shapes = [(width, width)] * len(self.crosses)
        widths = [width, *(bias.shape[-1] for _, bias in self.dense)]
        shapes += list(pairwise(widths))
        for i, ((weight, bias), (low, high)) in enumerate(zip(self.crosses + self.dense, shapes)):
            if weight.shape != (models, low, high) or bias.shape != (models, high):
                want = f"give shapes ({models}, {low}, {high}) and ({models}, {high})"
                raise InvalidInput(f"scorer.layer[{i}]", (weight.shape, bias.shape), want)
            if not (np.isfinite(weight).all() and np.isfinite(bias).all()):
                fix = "training diverged: lower its step or scale its rewards"
                raise InvalidInput(f"scorer.layer[{i}]", "not finite", fix)
        if widths[-1] != 1:
            raise InvalidInput("scorer.dense", widths[-1], "the last layer has one output")
        if self.value.shape != (len(self.items),):
            fix = f"give one number for each of {len(self.items)} items"
            raise InvalidInput("scorer.value", self.value.shape, fix)

    @cached_property
    def item_side(self) -> F32:
        """(N, D)"""
        return self.features.item_side(self.items).astype(np.float32)

    def scores(self, requests: Requests) -> F64:
        """(n, B, m)"""
        cells = requests.num_candidates * len(self.features)
        out = scores_in_parts(requests, cells, _CELLS_AT_A_TIME, self._outputs)
        if self.link == "logistic":
            out = sigmoid(out)
        scored: F64 = out * self.value[np.maximum(requests.candidates, 0)][:, None, :]
        return scored

    def _outputs(self, requests: Requests) -> F64:
        """(n, B, m) before link and value."""
        x = self.features.phi(requests, self.item_side).astype(np.float32)
        z = self.evaluate(x.reshape(-1, x.shape[2])).reshape(*x.shape[:2], len(self.dense[0][0]))
        return z.transpose(0, 2, 1).astype(np.float64, order="C")

    def evaluate(self, x: F32) -> F32:
        """(r, B) the outputs for features (r, D), before link and value."""
        first = (x - self.mean) / self.scale
        return np.stack([self._forward(first, b) for b in range(len(self.dense[0][0]))], axis=1)

    def _forward(self, first: F32, b: int) -> F32:
        x = first
        for weight, bias in self.crosses:
            x = first * (x @ weight[b] + bias[b]) + x
        for layer, (weight, bias) in enumerate(self.dense):
            x = (np.maximum(x, 0) if layer else x) @ weight[b] + bias[b]
        return x[:, 0]

    def state(self) -> State:
        arrays: dict[str, AnyArray] = {"mean": self.mean, "scale": self.scale, "value": self.value}
        arrays |= layer_arrays("cross", self.crosses) | layer_arrays("dense", self.dense)
        sizes = {"crosses": len(self.crosses), "dense": len(self.dense)}
        return {"kind": self.kind, "features": self.features.spec(), "link": self.link, **sizes}, arrays

    @classmethod
    def from_state(
        cls, spec: Mapping[str, Any], arrays: Mapping[str, AnyArray], items: Items | None = None
    ) -> Self:
        assert items is not None
        features, mean, scale = FeatureMap.from_spec(spec["features"]), arrays["mean"], arrays["scale"]
        crosses = read_layers("cross", spec["crosses"], arrays)
        dense = read_layers("dense", spec["dense"], arrays)
        return cls(features, items, mean, scale, crosses, dense, arrays["value"], spec["link"])


def layer_arrays(name: str, layers: Sequence[Layer]) -> dict[str, AnyArray]:
    """Weights and biases by name."""
    return {
        f"{name}{i}_{part}": values
        for i, layer in enumerate(layers)
        for part, values in zip(("weight", "bias"), layer)
    }


def read_layers(name: str, count: int, arrays: Mapping[str, AnyArray]) -> tuple[Layer, ...]:
    """The layers that :func:`layer_arrays` named."""
    return tuple((arrays[f"{name}{i}_weight"], arrays[f"{name}{i}_bias"]) for i in range(count))
