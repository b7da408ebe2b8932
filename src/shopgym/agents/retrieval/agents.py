"""Retrieval models as agents: each ranks a page's candidates by what its user opened before."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ...core.batches import Interactions
from ...core.errors import InvalidInput, in_range
from ...policies.explorers import PlackettLuceRanking
from ...policies.policy import SlatePolicy
from ...policies.retrieval import Model, Popularity
from ...policies.scorers import HistoryScorer
from ..task import Task
from .als import ALS
from .bpr import BPR
from .ease import Ease
from .event_sequences import Trails
from .item_knn import ItemKNN
from .popular import Popular
from .recommender import Recommender


class RetrievalAgent:
    """What all have: it collects who opened what after what, and fits a model now and then.

    Until anything was opened, items rank by the catalogue's popularity.

    Args:
        recommender: what is fitted.
        decay, floor: how the ranking is spread, see :class:`.PlackettLuceRanking`.
        growth: it is fitted again when there are so many times the events of the last time; so all
            fits together cost a few times the last one.
        window: trails that are remembered, the latest.
    """

    name = "retrieval"

    def __init__(
        self,
        task: Task,
        rng: np.random.Generator,
        recommender: Recommender,
        decay: float,
        floor: float,
        growth: float,
        window: int = 200_000,
    ) -> None:
        in_range(f"{self.name}.growth", growth, 1.0, 1e6)
        self.task, self.rng, self.recommender = task, rng, recommender
        self.explorer, self.growth = PlackettLuceRanking(decay, floor), growth
        self.trails = Trails(len(task.items), window)
        self.fitted = 0
        popularity = task.items.popularity.astype(np.float32)
        self.model: Model = Popularity(popularity[None], 0, np.zeros(0, np.float32))

    def learn(self, batch: Interactions) -> Mapping[str, float]:
        """Remember what was clicked or bought, and what its user had opened before.

        Raises:
            InvalidInput: the requests have no history.
        """
        if batch.requests.history is None and self.needs_history:
            raise InvalidInput(
                "requests.history", None, f"{self.name} learns from histories: set shop.history (8, say)"
            )
        self.trails.add(batch)
        return {"opened": float(self.trails.events)}

    needs_history = True

    def policy(self) -> SlatePolicy:
        """The present model, frozen; fitted now if there is enough news."""
        if self.trails.events > self.growth * self.fitted:
            self.model = self.recommender.fit(self.trails.sequences(), self.rng)
            self.fitted = self.trails.events
        scorer, task = HistoryScorer(self.model), self.task
        return task.policy(self.name, scorer, self.explorer)


class TrendingAgent(RetrievalAgent):
    """What is opened most, lately: an event counts half after ``half_life`` days."""

    name = "popularity_trending"
    needs_history = False

    def __init__(
        self,
        task: Task,
        rng: np.random.Generator,
        *,
        half_life: float = 7.0,
        decay: float = 3.0,
        floor: float = 0.05,
        growth: float = 1.0,
    ) -> None:
        super().__init__(task, rng, Popular(half_life), decay, floor, growth)


class CohortAgent(RetrievalAgent):
    """What is opened most among users alike: as ``feature`` puts them below, between or above ``edges``."""

    name = "popularity_cohort"
    needs_history = False

    def __init__(
        self,
        task: Task,
        rng: np.random.Generator,
        *,
        feature: str | None = None,
        edges: tuple[float, ...] = (0.0,),
        pull: float = 100.0,
        decay: float = 3.0,
        floor: float = 0.05,
        growth: float = 1.0,
    ) -> None:
        names = task.user_names
        if not names or (feature is not None and feature not in names):
            raise InvalidInput("popularity_cohort.feature", feature, f"known: {', '.join(names)}")
        column = names.index(feature) if feature is not None else 0
        popular = Popular(edges=tuple(edges), column=column, pull=pull)
        super().__init__(task, rng, popular, decay, floor, growth)


class ItemKNNAgent(RetrievalAgent):
    """See :class:`.ItemKNN`."""

    name = "item_knn"

    def __init__(
        self,
        task: Task,
        rng: np.random.Generator,
        *,
        neighbours: int = 100,
        shrink: float = 20.0,
        decay: float = 3.0,
        floor: float = 0.05,
        growth: float = 1.1,
    ) -> None:
        super().__init__(task, rng, ItemKNN(neighbours, shrink), decay, floor, growth)


class EaseAgent(RetrievalAgent):
    """See :class:`.Ease`."""

    name = "ease"

    def __init__(
        self,
        task: Task,
        rng: np.random.Generator,
        *,
        ridge: float = 250.0,
        decay: float = 3.0,
        floor: float = 0.05,
        growth: float = 1.5,
    ) -> None:
        super().__init__(task, rng, Ease(ridge), decay, floor, growth)


class ALSAgent(RetrievalAgent):
    """See :class:`.ALS`."""

    name = "als"

    def __init__(
        self,
        task: Task,
        rng: np.random.Generator,
        *,
        factors: int = 32,
        weight: float = 1.0,
        ridge: float = 1.0,
        rounds: int = 10,
        decay: float = 3.0,
        floor: float = 0.05,
        growth: float = 1.5,
    ) -> None:
        super().__init__(task, rng, ALS(factors, weight, ridge, rounds), decay, floor, growth)


class BPRAgent(RetrievalAgent):
    """See :class:`.BPR`."""

    name = "bpr"

    def __init__(
        self,
        task: Task,
        rng: np.random.Generator,
        *,
        factors: int = 32,
        rate: float = 0.05,
        ridge: float = 0.02,
        epochs: int = 30,
        decay: float = 3.0,
        floor: float = 0.05,
        growth: float = 1.5,
    ) -> None:
        super().__init__(task, rng, BPR(factors, rate, ridge, epochs), decay, floor, growth)
