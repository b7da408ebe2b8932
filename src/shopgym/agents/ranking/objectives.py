"""Revenue, margin and satisfaction in one score, by declared weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ...core.batches import Interactions
from ...core.errors import one_of
from ...policies.policy import SlatePolicy
from ...policies.scorers import Head, ObjectivesScorer
from ..task import Task
from .ranker import RankingAgent

RANKERS = ("logistic_ranker", "lambdamart", "mlp_ranker", "cross_ranker")


class ObjectivesRanker:
    """score = revenue x P(order) price + margin x P(order) margin + satisfaction x P(satisfied).

    Two classifiers predict orders and an event that stands for satisfaction. Price and margin are the live
    ones if requests have them.

    Args:
        revenue: points of the score per currency unit of revenue.
        margin: points per currency unit of margin.
        satisfaction: points per slot that is looked at and satisfies.
        satisfied: the event that stands for satisfaction.
        ranker: name of the classifier.
        options: of the classifier and of the policy, see :class:`.RankingAgent`.
    """

    name = "objectives_ranker"

    def __init__(
        self,
        task: Task,
        rng: np.random.Generator,
        *,
        revenue: float = 0.0,
        margin: float = 1.0,
        satisfaction: float = 0.0,
        satisfied: str = "click",
        ranker: str = "logistic_ranker",
        options: Mapping[str, Any] | None = None,
    ) -> None:
        from ..registry import make_agent  # the registry imports this module

        one_of("objectives_ranker.ranker", ranker, RANKERS)
        made = [
            make_agent(ranker, task, rng, target=target, **(options or {}))
            for target in ("purchase", satisfied)
        ]
        self.rankers = [ranker for ranker in made if isinstance(ranker, RankingAgent)]
        currency = task.items.currency
        self.heads = (
            Head("revenue", currency, revenue, 0, "price"),
            Head("margin", currency, margin, 0, "margin"),
            Head("satisfaction", f"{satisfied} per slot looked at", satisfaction, 1),
        )

    def learn(self, batch: Interactions) -> Mapping[str, float]:
        """Both classifiers learn."""
        return {
            f"{ranker.target}.{name}": value
            for ranker in self.rankers
            for name, value in ranker.learn(batch).items()
        }

    def policy(self) -> SlatePolicy:
        """The present models, frozen."""
        first_ranker = self.rankers[0]
        scorer = ObjectivesScorer(
            first_ranker.task.items, tuple(ranker.scorer() for ranker in self.rankers), self.heads
        )
        return first_ranker.task.policy(self.name, scorer, first_ranker.explorer, first_ranker.reranker)
