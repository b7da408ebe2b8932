"""Retrieval models as agents: they rank the candidates of a page by what its user opened before."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

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
            fix = f"{self.name} learns from histories: set shop.history (8, say)"
            raise InvalidInput("requests.history", None, fix)
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


class RecommenderAgent(RetrievalAgent):
    """An agent of one kind of recommender.

    Args:
        options: those in ``settings``, and ``growth``, ``decay`` and ``floor`` of :class:`RetrievalAgent`.
    """

    recommender_class: ClassVar[Callable[..., Recommender]]
    settings: ClassVar[Mapping[str, Any]]
    """The options of the recommender, and ``growth``, with their defaults here."""

    def __init__(self, task: Task, rng: np.random.Generator, **options: Any) -> None:
        chosen = {name: options.pop(name, default) for name, default in self.settings.items()}
        growth = chosen.pop("growth")
        super().__init__(task, rng, self.recommender_for(task, **chosen), growth=growth, **options)

    def recommender_for(self, task: Task, **settings: Any) -> Recommender:
        """The recommender with these settings."""
        return type(self).recommender_class(**settings)


class TrendingAgent(RecommenderAgent):
    """Ranks by how often items were opened lately: an event counts half after ``half_life`` days."""

    name = "popularity_trending"
    needs_history = False
    recommender_class = Popular
    settings: ClassVar = {"half_life": 7.0, "growth": 1.0}


class CohortAgent(RecommenderAgent):
    """Ranks by how often items were opened by users of the same cohort.

    The cohort is that interval between ``edges`` in which the user's ``feature`` lies.
    """

    name = "popularity_cohort"
    needs_history = False
    settings: ClassVar = {"feature": None, "edges": (0.0,), "pull": 100.0, "growth": 1.0}

    def recommender_for(self, task: Task, **settings: Any) -> Recommender:
        feature, names = settings["feature"], task.user_names
        if not names or (feature is not None and feature not in names):
            raise InvalidInput("popularity_cohort.feature", feature, f"known: {', '.join(names)}")
        column = names.index(feature) if feature is not None else 0
        return Popular(edges=tuple(settings["edges"]), column=column, pull=settings["pull"])


class ItemKNNAgent(RecommenderAgent):
    """Items that were often bought or opened together with those of the user.

    See :class:`.ItemKNN`.
    """

    name = "item_knn"
    recommender_class = ItemKNN
    settings: ClassVar = {"neighbours": 100, "shrink": 20.0, "growth": 1.1}


class EaseAgent(RecommenderAgent):
    """A linear model in which each item is told by all others, in closed form (Steck 2019).

    See :class:`.Ease`.
    """

    name = "ease"
    recommender_class = Ease
    settings: ClassVar = {"ridge": 250.0, "growth": 1.5}


class ALSAgent(RecommenderAgent):
    """Matrix factorisation of implicit feedback by alternating least squares (Hu, Koren & Volinsky 2008).

    See :class:`.ALS`.
    """

    name = "als"
    recommender_class = ALS
    settings: ClassVar = {"factors": 32, "weight": 1.0, "ridge": 1.0, "rounds": 10, "growth": 1.5}


class BPRAgent(RecommenderAgent):
    """Matrix factorisation that ranks what was chosen above what was not (Rendle et al. 2009).

    See :class:`.BPR`.
    """

    name = "bpr"
    recommender_class = BPR
    settings: ClassVar = {"factors": 32, "rate": 0.05, "ridge": 0.02, "epochs": 30, "growth": 1.5}
