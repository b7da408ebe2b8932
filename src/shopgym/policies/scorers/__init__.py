"""Rank: adding a scorer is one file and one name here."""

from __future__ import annotations

from .linear import LINKS, LinearScorer
from .network import NetworkScorer
from .scorer import Scorer, State
from .table import TableScorer

__all__ = ["LINKS", "SCORERS", "LinearScorer", "NetworkScorer", "Scorer", "State", "TableScorer"]

SCORERS: dict[str, type[Scorer]] = {c.kind: c for c in (TableScorer, LinearScorer, NetworkScorer)}
