"""The one interface of everything that learns to retrieve."""

from __future__ import annotations

from typing import Protocol

from numpy.random import Generator

from ...policies.retrieval import Model
from .data import Sequences


class Recommender(Protocol):
    """Settings, as a frozen dataclass, that can be fitted."""

    def fit(self, data: Sequences, rng: Generator) -> Model:
        """A frozen model of ``data``; the same data and the same generator give the same bytes."""
        ...
