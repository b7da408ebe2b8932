"""A small decision transformer over the user's history and a wanted return, evaluated by numpy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np

from ...core.batches import Requests
from ...core.errors import InvalidInput
from ...core.types import F32, F64, AnyArray, Bool
from ..state import OverFeatures

EPSILON = 1e-5
"""Of layer normalisation."""


def weight_shapes(
    states: int, items: int, width: int, history: int, blocks: int
) -> dict[str, tuple[int, ...]]:
    """The shape of every weight by name: S request features, f item features, d wide, h opened items.

    The tokens are the wanted return, the h items from the earliest to the latest, and the request itself,
    each with its own position embedding. Each block is attention and then two dense layers, both with layer
    normalisation before and a residual connection (Vaswani et al. 2017; pre-norm, one head).
    """
    shapes: dict[str, tuple[int, ...]] = {
        "goal": (1, width),
        "item": (items, width),
        "item_bias": (width,),
        "state": (states, width),
        "place": (history + 2, width),
    }
    for b in range(blocks):
        shapes |= {
            f"{b}_norm": (2, width),
            f"{b}_attend": (width, 3 * width),
            f"{b}_mix": (width, width),
            f"{b}_norm2": (2, width),
            f"{b}_up": (width, 4 * width),
            f"{b}_up_bias": (4 * width,),
            f"{b}_down": (4 * width, width),
            f"{b}_down_bias": (width,),
        }
    return {**shapes, "norm": (2, width), "query": (width, width), "query_bias": (width,)}


@dataclass(frozen=True, eq=False)
class TransformerScorer(OverFeatures):
    """score_i = query(goal, history, request) . embedding(item i).

    Attributes:
        features: S features of a request alone.
        items: the catalogue.
        weights: float32 by name, see :func:`weight_shapes`.
        mean, scale: (S,) of the request features; centre, spread: (f,) of the item features.
        goal: the wanted return, in standard deviations above the mean of the logged returns.
        history, blocks: h and the number of blocks.
    """

    kind: ClassVar[str] = "transformer"
    weights: Mapping[str, F32]
    mean: F32
    scale: F32
    centre: F32
    spread: F32
    goal: float
    history: int
    blocks: int

    def __post_init__(self) -> None:
        width = self.weights["goal"].shape[-1]
        want = weight_shapes(len(self.features), len(self.centre), width, self.history, self.blocks)
        got = {name: values.shape for name, values in self.weights.items()}
        if got != want:
            wrong = sorted(name for name in got.keys() | want.keys() if got.get(name) != want.get(name))
            raise InvalidInput("scorer.weights", wrong, "give the shapes that weight_shapes names")
        for name, values in self.weights.items():
            if not np.isfinite(values).all():
                fix = "training diverged: lower its step"
                raise InvalidInput(f"scorer.weights_{name}", "not finite", fix)

    @cached_property
    def embedding(self) -> F32:
        """(N, d)"""
        plain: AnyArray = (self.items.features - self.centre) / self.spread
        out: F32 = plain @ self.weights["item"] + self.weights["item_bias"]
        return out

    def scores(self, requests: Requests) -> F64:
        """(n, 1, m)"""
        w = self.weights
        opened, present = opened_items(requests, self.history)
        state = (self.features.request_side(requests).astype(np.float32) - self.mean) / self.scale
        goal = np.float32(self.goal) * w["goal"]
        parts = [np.broadcast_to(goal, (len(requests), 1, goal.shape[1])), self.embedding[opened]]
        x: AnyArray = np.concatenate([*parts, (state @ w["state"])[:, None]], axis=1) + w["place"]
        for b in range(self.blocks):
            x = x + _attended(_normed(x, w[f"{b}_norm"]), w[f"{b}_attend"], present) @ w[f"{b}_mix"]
            up = np.maximum(_normed(x, w[f"{b}_norm2"]) @ w[f"{b}_up"] + w[f"{b}_up_bias"], 0)
            x = x + up @ w[f"{b}_down"] + w[f"{b}_down_bias"]
        query = _normed(x[:, -1], w["norm"]) @ w["query"] + w["query_bias"]
        candidates = self.embedding[np.maximum(requests.candidates, 0)]
        out: F64 = (candidates @ query[:, :, None])[:, None, :, 0].astype(np.float64)
        return out


def opened_items(requests: Requests, history: int) -> tuple[AnyArray, Bool]:
    """((n, h) item rows from the earliest to the latest, (n, h + 2) which tokens are present)."""
    opened = np.full((len(requests), history), -1, np.int32)
    if requests.history is not None and history:
        latest = requests.history[:, :history]
        opened[:, history - latest.shape[1] :] = latest[:, ::-1]
    present = np.pad(opened >= 0, ((0, 0), (1, 1)), constant_values=True)
    return np.maximum(opened, 0), present


def _normed(x: AnyArray, gain_bias: F32) -> F32:
    centred = x - x.mean(axis=-1, keepdims=True)
    spread = np.sqrt(np.square(centred).mean(axis=-1, keepdims=True) + EPSILON)
    out: F32 = centred / spread * gain_bias[0] + gain_bias[1]
    return out


def _attended(x: AnyArray, weight: F32, present: Bool) -> F32:
    query, key, value = np.split(x @ weight, 3, axis=-1)
    logits = query @ key.transpose(0, 2, 1) / np.float32(x.shape[-1] ** 0.5)
    logits = np.where(present[:, None, :], logits, -np.inf)
    rates = np.exp(logits - logits.max(axis=-1, keepdims=True))
    out: F32 = (rates / rates.sum(axis=-1, keepdims=True)) @ value
    return out
