"""Rank: adding a scorer is one file and one name here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...core.errors import InvalidInput
from ...core.items import Items
from ...core.types import AnyArray
from .confidence_bounds import BoundScorer
from .disjoint_linear import ArmScorer
from .history import HistoryScorer
from .linear import LINKS, LinearScorer
from .network import NetworkScorer
from .objectives import Head, ObjectivesScorer
from .probability import ProbabilityScorer
from .scorer import Scorer, State
from .slate_value import SlateValueScorer
from .table import TableScorer
from .transformer import TransformerScorer
from .trees import TreeScorer
from .wolpertinger import ProtoScorer

__all__ = [
    "LINKS",
    "SCORERS",
    "ArmScorer",
    "BoundScorer",
    "Head",
    "HistoryScorer",
    "LinearScorer",
    "NetworkScorer",
    "ObjectivesScorer",
    "ProbabilityScorer",
    "ProtoScorer",
    "Scorer",
    "SlateValueScorer",
    "State",
    "TableScorer",
    "TransformerScorer",
    "TreeScorer",
    "scorer_from_state",
]

SCORERS: dict[str, type[Scorer]] = {
    c.kind: c
    for c in (
        TableScorer,
        LinearScorer,
        ArmScorer,
        BoundScorer,
        NetworkScorer,
        TreeScorer,
        HistoryScorer,
        ProbabilityScorer,
        ObjectivesScorer,
        SlateValueScorer,
        ProtoScorer,
        TransformerScorer,
    )
}


def scorer_from_state(spec: Mapping[str, Any], arrays: Mapping[str, AnyArray], items: Items) -> Scorer:
    """The scorer whose ``state()`` was (spec, arrays)."""
    if spec["kind"] not in SCORERS:
        raise InvalidInput("policy.scorer", spec["kind"], "this version does not know it")
    return SCORERS[spec["kind"]].from_state(spec, arrays, items)
