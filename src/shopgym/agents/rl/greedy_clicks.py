"""Show what is clicked most: the myopic baseline of the agents that look ahead."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...core.batches import Interactions
from ...policies.policy import SlatePolicy
from ..network import scorer_of, torch_generator
from ..task import Task
from .choice_model import UserChoiceModel
from .values import ExploringAgent


class GreedyClicks(ExploringAgent):
    """Ranks by the probability of a click, under the ``independent`` :class:`.UserChoiceModel`.

    It needs no ``next`` and learns from ``events["click"]``. Options are those of :class:`.ExploringAgent`.
    """

    name = "greedy_clicks"

    def __init__(self, task: Task, rng: np.random.Generator, **options: Any) -> None:
        super().__init__(task, rng, **options)
        generator = torch_generator(rng)
        self.choice = UserChoiceModel(self.tensors, "independent", self.hidden, self.step, generator)

    def standardise(self, batch: Interactions) -> None:
        self.choice.standardise(batch)

    def improve(self, batch: Interactions) -> float:
        return self.choice.gradient_step(batch)

    def policy(self) -> SlatePolicy:
        """Items by the probability of a click."""
        task = self.task
        scorer = scorer_of([self.choice.network], task, link="logistic", value=np.ones(len(task.items)))
        return task.policy(self.name, scorer, self.explorer)
