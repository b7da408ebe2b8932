"""The simplest baselines: random and popularity."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..core.batches import Interactions
from ..core.errors import in_range
from ..policies.explorers import PlackettLuceRanking, Softmax
from ..policies.policy import SlatePolicy
from ..policies.scorers import TableScorer
from .task import Task


class RandomAgent:
    """Every allowed candidate is as likely as any other. Learns nothing."""

    def __init__(self, task: Task, rng: np.random.Generator) -> None:
        self.task = task

    def learn(self, batch: Interactions) -> Mapping[str, float]:
        """Nothing to learn."""
        return {}

    def policy(self) -> SlatePolicy:
        """Uniform over the allowed candidates."""
        scorer = TableScorer(np.zeros(len(self.task.items)))
        return self.task.policy("random", scorer, Softmax())


class PopularityAgent:
    """Best sellers first: the shop's order history, updated with the purchases that it learns from.

    Args:
        history: number of order lines that the historic shares count for.
        decay, floor: of :class:`.PlackettLuceRanking`.
    """

    def __init__(
        self,
        task: Task,
        rng: np.random.Generator,
        *,
        history: float = 10_000.0,
        decay: float = 3.0,
        floor: float = 0.05,
    ) -> None:
        in_range("popularity.history", history, 0.0, 1e12)
        self.task = task
        self.explorer = PlackettLuceRanking(decay, floor)
        self.sales = history * task.items.popularity

    def learn(self, batch: Interactions) -> Mapping[str, float]:
        """Count the order lines in ``events["purchase"]``."""
        row, slot = np.nonzero(batch.events["purchase"] > 0)
        np.add.at(self.sales, batch.decisions.slates[row, slot], 1.0)
        return {"order_lines": float(len(row))}

    def policy(self) -> SlatePolicy:
        """Items by sales so far."""
        scorer = TableScorer(self.sales.copy())
        return self.task.policy("popularity", scorer, self.explorer)
