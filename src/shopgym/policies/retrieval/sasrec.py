"""SASRec in numpy: self-attention over the last items (Kang & McAuley 2018)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from ...core.types import F32, I32, I64
from .sequence import SequenceModel

NORM = 1e-5
"""Added to the variance in layer normalisation."""


class SASRecModel(SequenceModel):
    """b blocks of x + attention(norm x), then x + relu(norm x W_1) W_2; see :class:`.SequenceModel`.

    The layers of all blocks are stacked along the first axis. Positions count from the oldest item of
    the window, so a prefix is read in serving as it was in training.
    """

    kind: ClassVar[str] = "sasrec"
    shapes: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "positions": ("L", "d"),
        "attention_norm": ("b", "2d"),
        "attention_in": ("b", "d", "3d"),
        "attention_out": ("b", "d", "d"),
        "feed_norm": ("b", "2d"),
        "feed_in": ("b", "d", "d"),
        "feed_in_bias": ("b", "d"),
        "feed_out": ("b", "d", "d"),
        "feed_out_bias": ("b", "d"),
        "last_norm": ("2d",),
    }

    def read(self, rows: I32, size: I64) -> F32:
        """See :class:`.SequenceModel`."""
        w, d = self.weights, self.vectors.shape[1]
        x = self.vectors[np.maximum(rows, 0)] + w["positions"]
        later = np.triu(np.ones((self.length, self.length), np.bool_), 1)
        for b in range(len(w["feed_in"])):
            query, key, value = np.split(norm(x, w["attention_norm"][b]) @ w["attention_in"][b], 3, axis=2)
            weights = query @ key.transpose(0, 2, 1) / np.float32(d**0.5)
            weights[:, later] = -np.inf
            weights = np.exp(weights - weights.max(axis=2, keepdims=True))
            x = x + (weights / weights.sum(axis=2, keepdims=True)) @ value @ w["attention_out"][b]
            inner = np.maximum(norm(x, w["feed_norm"][b]) @ w["feed_in"][b] + w["feed_in_bias"][b], 0.0)
            x = x + inner @ w["feed_out"][b] + w["feed_out_bias"][b]
        last: F32 = norm(x[np.arange(len(x)), size - 1], w["last_norm"])
        return last


def norm(x: F32, scale_and_shift: F32) -> F32:
    """Layer normalisation over the last axis (Ba, Kiros & Hinton 2016)."""
    scale, shift = np.split(scale_and_shift, 2)
    middle = x - x.mean(axis=-1, keepdims=True)
    out: F32 = middle / np.sqrt((middle**2).mean(axis=-1, keepdims=True) + np.float32(NORM)) * scale + shift
    return out
