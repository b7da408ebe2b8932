"""The interface of re-rankers, and what they share: scaled relevance and similarity of items."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, ClassVar, Protocol

import numpy as np

from ...core.batches import Requests
from ...core.items import Items
from ...core.types import F64, I32, Bool


class SlotScores(Protocol):
    """The scores of n pages, slot after slot."""

    def scores(self) -> F64:
        """(n, B, m) the score of each candidate at the next slot under each model."""
        ...

    def take(self, positions: I32) -> None:
        """The slot shows the candidates at ``positions`` (n,); ``EMPTY`` = nothing."""
        ...


class Reranker(Protocol):
    """Turns scores into scores that depend on the slots before. A frozen dataclass of plain settings.

    It acts inside the sampler, between ranking and exploring, so that propensities are those of the
    re-ranked policy. Slot marginals then have no closed form.
    """

    kind: ClassVar[str]

    def begin(self, requests: Requests, items: Items, scores: F64, allowed: Bool) -> SlotScores:
        """The first slot, from the scorer's scores (n, B, m) and the candidates allowed at all (n, m)."""
        ...


def reranker_spec(reranker: Any) -> dict[str, Any]:
    """JSON-able form; ``build(RERANKERS[kind], rest)`` reads it back."""
    return {"kind": reranker.kind, **asdict(reranker)}


def relevance(scores: F64, allowed: Bool, scaled: bool) -> F64:
    """(n, B, m) the scores, ``scaled`` so that the allowed candidates of a request span [0, 1]."""
    if not scaled:
        return scores
    on = allowed[:, None, :]
    low = np.where(on, scores, np.inf).min(axis=2, keepdims=True)
    span = np.where(on, scores, -np.inf).max(axis=2, keepdims=True) - low
    positive = span > 0  # False too where nothing is allowed
    out: F64 = np.where(on & positive, scores - np.where(positive, low, 0.0), 0.0)
    return out / np.where(positive, span, 1.0)


def directions(requests: Requests, items: Items, names: Sequence[str]) -> F64:
    """(n, m, d) unit vectors: products of two of them are cosines.

    ``names`` are item columns; none = those called ``embedding_...``, or all where there are none.
    """
    if not names:
        names = [name for name in items.feature_names if name.startswith("embedding_")] or items.feature_names
    columns = [items.feature(name) for name in names]
    rows = np.maximum(requests.candidates, 0)
    vectors = np.stack([column[rows] for column in columns], axis=2).astype(np.float64)
    length = np.linalg.norm(vectors, axis=2, keepdims=True)
    unit: F64 = vectors / np.where(length > 0, length, 1.0)
    return unit


def alike(vectors: F64, positions: I32) -> F64:
    """(n, m) cosine of each candidate with the one at ``positions`` (n,)."""
    shown = vectors[np.arange(len(vectors)), np.maximum(positions, 0)]
    out: F64 = (vectors @ shown[:, :, None])[:, :, 0]
    return out
