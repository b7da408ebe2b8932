"""Popularity: overall, recent, or within cohorts of users."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from ...core.errors import InvalidInput, in_range
from ...policies.retrieval import Popularity
from ...policies.retrieval.popularity import cohort_of
from .data import Sequences


@dataclass(frozen=True)
class Popular:
    """Scores are counts of interactions.

    Attributes:
        half_life: days after which an interaction counts half, before the latest of the data;
            infinity = all count alike.
        edges: bounds between cohorts of users, see :class:`.Popularity`.
        column: the user feature that decides the cohort.
        pull: number of interactions with which the shares of all users are added to those of a cohort.
    """

    half_life: float = math.inf
    edges: tuple[float, ...] = ()
    column: int = 0
    pull: float = 100.0

    def __post_init__(self) -> None:
        in_range("popular.half_life", self.half_life, 0.0, math.inf, open_low=True)
        in_range("popular.pull", self.pull, 0.0, 1e12)
        if list(self.edges) != sorted(set(self.edges)):
            raise InvalidInput("popular.edges", self.edges, "give rising numbers")

    def fit(self, data: Sequences, rng: Generator) -> Popularity:
        """See :class:`.Recommender`."""
        weight = np.ones(len(data.items))
        if not math.isinf(self.half_life):
            if data.time is None:
                raise InvalidInput("popular.half_life", self.half_life, "trends need the time of each event")
            weight = 0.5 ** ((data.time.max(initial=0.0) - data.time) / self.half_life)
        edges = np.asarray(self.edges, np.float32)
        cohort = cohort_of(edges, self.column, len(data), data.user)[data.owner]
        cell = cohort * data.num_items + data.items
        cells = (len(edges) + 1) * data.num_items
        table = np.bincount(cell, weight, minlength=cells).reshape(-1, data.num_items)
        overall = table.sum(axis=0)
        if len(edges) and overall.sum():
            table = table + self.pull * overall / overall.sum()
        return Popularity(table.astype(np.float32), self.column, edges)
