"""The interface of all retrieval models before they are fitted."""

from __future__ import annotations

from typing import Protocol

from numpy.random import Generator

from ...policies.retrieval import Model
from .data import Sequences


class Recommender(Protocol):
    """Settings of a model, a frozen dataclass, with a method to fit it."""

    def fit(self, data: Sequences, rng: Generator) -> Model:
        """A frozen model of ``data``; the same data and the same generator give the same bytes."""
        ...
