"""Retrieval models as agents: they rank the candidates of a page by what its user opened before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

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
from .event_sequences import EventSequences
from .item_knn import ItemKNN
from .popular import Popular
from .recommender import Recommender


class RetrievalAgent:
    """Collects sequences of opened items and fits a recommender to them as they grow.

    Until something was opened, items are ranked by the catalogue's popularity.

    Args:
        recommender: the model that is fitted.
        window: number of sequences that are kept, the latest.
        growth: the model is fitted again when the number of events has grown by this factor, so that all fits
            together cost a few times the last one.
        decay, floor: of :class:`.PlackettLuceRanking`.
    """

    name = "retrieval"

    def __init__(
        self,
        task: Task,
        rng: np.random.Generator,
        recommender: Recommender,
        window: int = 200_000,
        *,
        growth: float = 1.5,
        decay: float = 3.0,
        floor: float = 0.05,
    ) -> None:
        in_range(f"{self.name}.growth", growth, 1.0, 1e6)
        self.task, self.rng, self.recommender = task, rng, recommender
        self.explorer, self.growth = PlackettLuceRanking(decay, floor), growth
        self.sequences = EventSequences(len(task.items), window)
        self.fitted = 0
        popularity = task.items.popularity.astype(np.float32)
        self.model: Model = Popularity(popularity[None], 0, np.zeros(0, np.float32))

    def learn(self, batch: Interactions) -> Mapping[str, float]:
        """Add what was clicked or bought to the sequences.

        Raises:
            InvalidInput: there is no history, but the agent needs one; or see :class:`.EventSequences`.
        """
        if batch.requests.history is None and self.needs_history:
            raise InvalidInput(
                "requests.history", None, f"{self.name} learns from histories: set shop.history (8, say)"
            )
        self.sequences.add(batch)
        return {"opened": float(self.sequences.events)}

    needs_history = True

    def policy(self) -> SlatePolicy:
        """The present model, frozen; it is fitted first if there are enough new events."""
        if self.sequences.events > self.growth * self.fitted:
            self.model = self.recommender.fit(self.sequences.to_sequences(), self.rng)
            self.fitted = self.sequences.events
        scorer, task = HistoryScorer(self.model), self.task
        return task.policy(self.name, scorer, self.explorer)


class TrendingAgent(RetrievalAgent):
    """Ranks by how often items were opened lately: an event counts half after ``half_life`` days.

    Its other options are those of :class:`RetrievalAgent`, as for all agents below.
    """

    name = "popularity_trending"
    needs_history = False

    def __init__(
        self,
        task: Task,
        rng: np.random.Generator,
        *,
        half_life: float = 7.0,
        growth: float = 1.0,
        **options: Any,
    ) -> None:
        super().__init__(task, rng, Popular(half_life), growth=growth, **options)


class CohortAgent(RetrievalAgent):
    """Ranks by how often items were opened by users of the same cohort.

    The cohort is that interval between ``edges`` in which the user's ``feature`` lies.
    """

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
        growth: float = 1.0,
        **options: Any,
    ) -> None:
        names = task.user_names
        if not names or (feature is not None and feature not in names):
            raise InvalidInput("popularity_cohort.feature", feature, f"known: {', '.join(names)}")
        column = names.index(feature) if feature is not None else 0
        popular = Popular(edges=tuple(edges), column=column, pull=pull)
        super().__init__(task, rng, popular, growth=growth, **options)


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
        growth: float = 1.1,
        **options: Any,
    ) -> None:
        super().__init__(task, rng, ItemKNN(neighbours, shrink), growth=growth, **options)


class EaseAgent(RetrievalAgent):
    """See :class:`.Ease`."""

    name = "ease"

    def __init__(self, task: Task, rng: np.random.Generator, *, ridge: float = 250.0, **options: Any) -> None:
        super().__init__(task, rng, Ease(ridge), **options)


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
        **options: Any,
    ) -> None:
        super().__init__(task, rng, ALS(factors, weight, ridge, rounds), **options)


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
        **options: Any,
    ) -> None:
        super().__init__(task, rng, BPR(factors, rate, ridge, epochs), **options)
