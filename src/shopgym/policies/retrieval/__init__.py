"""Retrieval: from a user's history to the few items that are ranked.

The models here are frozen and need numpy alone; ``shopgym.agents.retrieval`` fits them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...core.errors import InvalidInput
from ...core.types import AnyArray
from .factors import FoldedFactors, MappedFactors
from .gru4rec import GRU4RecModel
from .item_weights import DenseWeights, SparseWeights
from .linear_retriever import LinearRetriever
from .model import Model
from .popularity import Popularity
from .sasrec import SASRecModel
from .topk import topk
from .two_tower import TwoTowerModel

__all__ = [
    "MODELS",
    "DenseWeights",
    "FoldedFactors",
    "GRU4RecModel",
    "LinearRetriever",
    "MappedFactors",
    "Model",
    "Popularity",
    "SASRecModel",
    "SparseWeights",
    "TwoTowerModel",
    "model_from_state",
    "topk",
]

MODELS: dict[str, type[Model]] = {
    c.kind: c
    for c in (
        Popularity,
        DenseWeights,
        SparseWeights,
        FoldedFactors,
        MappedFactors,
        LinearRetriever,
        TwoTowerModel,
        SASRecModel,
        GRU4RecModel,
    )
}


def model_from_state(spec: Mapping[str, Any], arrays: Mapping[str, AnyArray]) -> Model:
    """The model whose ``state()`` was (spec, arrays)."""
    kind = spec.get("kind")
    if kind not in MODELS:
        raise InvalidInput("model.kind", kind, f"this version knows {', '.join(MODELS)}")
    return MODELS[kind].from_state(spec, arrays)
