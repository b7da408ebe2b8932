"""Re-rank: what a candidate is worth next to those already on the page."""

from __future__ import annotations

from .calibrated import Calibrated
from .dpp import DPP
from .mmr import MMR
from .reranker import Reranker, Slots, reranker_spec

__all__ = ["DPP", "MMR", "RERANKERS", "Calibrated", "Reranker", "Slots", "reranker_spec"]

RERANKERS: dict[str, type[Reranker]] = {c.kind: c for c in (MMR, DPP, Calibrated)}
