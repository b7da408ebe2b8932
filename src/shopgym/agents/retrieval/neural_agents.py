"""Retrieval agents that are trained with torch; their policies do not need it."""

from __future__ import annotations

from typing import Any, ClassVar

from ..task import Task
from .agents import RecommenderAgent
from .gru4rec import GRU4Rec
from .sasrec import SASRec
from .two_tower import TwoTower

DEVICE = {"device": "cpu", "growth": 2.0}
"""Settings of all."""
SEQUENTIAL = {"dim": 64, "length": 20, "rate": 0.002, "negatives": 0, **DEVICE}
"""Settings of both models of sequences."""


class TwoTowerAgent(RecommenderAgent):
    """A network for users and one for items, by the catalogue's features; their vectors are multiplied.

    See :class:`.TwoTower`.
    """

    name = "two_tower"
    settings: ClassVar = {"dim": 32, "width": 64, "epochs": 5, "batch": 512, "rate": 0.005, **DEVICE}

    def recommender_for(self, task: Task, **settings: Any) -> TwoTower:
        return TwoTower(task.items.features, **settings)


class SASRecAgent(RecommenderAgent):
    """Self-attention over what the user opened, in order (Kang & McAuley 2018).

    See :class:`.SASRec`.
    """

    name = "sasrec"
    recommender_class = SASRec
    settings: ClassVar = {**SEQUENTIAL, "blocks": 2, "epochs": 8}


class GRU4RecAgent(RecommenderAgent):
    """A recurrent network over what the user opened, in order (Hidasi et al. 2016).

    See :class:`.GRU4Rec`.
    """

    name = "gru4rec"
    recommender_class = GRU4Rec
    settings: ClassVar = {**SEQUENTIAL, "epochs": 10}
