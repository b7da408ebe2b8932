"""Re-rankers: the score of a candidate given the items already on the page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...core.config import build
from ...core.errors import one_of
from .by_slot import BySlot
from .calibrated import Calibrated
from .dpp import DPP
from .mmr import MMR
from .reranker import Reranker, reranker_spec

__all__ = ["DPP", "MMR", "BySlot", "Calibrated", "Reranker", "reranker_from_spec", "reranker_spec"]

RERANKERS: dict[str, type[Reranker]] = {c.kind: c for c in (MMR, DPP, Calibrated, BySlot)}


def reranker_from_spec(spec: Mapping[str, Any]) -> Reranker:
    """The re-ranker that ``spec`` describes: its ``kind`` and its settings."""
    options = dict(spec)
    kind = options.pop("kind", None)
    one_of("policy.reranker", kind, RERANKERS)
    return build(RERANKERS[kind], options, f"reranker.{kind}")
