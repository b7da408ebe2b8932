"""Scorers rank the candidates. To add one, write a file and name its class here."""

from __future__ import annotations

from ..state import State
from .confidence_bounds import BoundScorer
from .disjoint_linear import ArmScorer
from .history import HistoryScorer
from .linear import LINKS, LinearScorer
from .network import NetworkScorer
from .objectives import Head, ObjectivesScorer
from .probability import ProbabilityScorer
from .scorer import SCORERS, Scorer, scorer_from_state
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

SCORERS.update(
    (scorer.kind, scorer)
    for scorer in (
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
)
