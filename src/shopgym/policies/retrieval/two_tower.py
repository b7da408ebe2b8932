"""A two-tower model in numpy: a vector of the user and their history times the items' vectors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ...core.errors import InvalidInput
from ...core.types import F32, I32
from ..state import Stored
from .embedding import Embedding, mean_vectors
from .model import checked, distinct, user_columns


@dataclass(frozen=True, eq=False)
class TwoTowerModel(Stored, Embedding):
    """query = unit(relu([mean of history's vectors, features] W_1 + b_1) W_2 + b_2) x sharpness.

    ``vectors`` are the outputs of the items' tower, of length 1. An empty history has mean 0, so the features
    alone decide; without features all new users have the same query.

    Attributes:
        vectors: (N, d) float32, of length 1.
        bias: (N,) float32.
        first: (d + u, w), first_bias: (w,), second: (w, d), second_bias: (d,), all float32.
        centre, scale: (u,) float32, subtracted from the users' features, and divided by.
        sharpness: 1 / temperature of the softmax.
    """

    kind: ClassVar[str] = "two_tower"
    needs_history: ClassVar[bool] = True
    vectors: F32
    bias: F32
    first: F32
    first_bias: F32
    second: F32
    second_bias: F32
    centre: F32
    scale: F32
    sharpness: float

    def __post_init__(self) -> None:
        want = (self.vectors.shape[1] + len(self.centre), len(self.first_bias))
        if self.first.shape != want:
            raise InvalidInput("model.first", self.first.shape, f"give shape {want}")

    def queries(self, history: I32, user: F32 | None = None) -> F32:
        """(n, d); see :class:`.Embedding`."""
        history = distinct(checked(history, self.num_items))
        mean = mean_vectors(self.vectors, history)
        u = len(self.centre)
        if u:
            features = (user_columns(user, len(history), u) - self.centre) / self.scale
            mean = np.concatenate([mean, features.astype(np.float32)], axis=1)
        inner = np.maximum(mean[:, None, :] @ self.first + self.first_bias, 0.0)
        out = (inner @ self.second + self.second_bias)[:, 0]
        length = np.sqrt((out**2).sum(axis=1, keepdims=True) + np.float32(1e-12))
        query: F32 = out / length * np.float32(self.sharpness)
        return query
