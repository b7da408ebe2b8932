"""What all bandits share: what they were told, and the policy around what they have learnt."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from ...core.errors import InvalidInput
from ...policies.explorers import Explorer
from ...policies.policy import SlatePolicy
from ...policies.scorers import Scorer
from ..task import Task


class Bandit:
    """A learner whose knowledge is a scorer, spread by one explorer.

    Args:
        task: what to show, to whom, from what.
        rng: the only source of chance.
        explorer: from scores to probabilities.
    """

    name: ClassVar[str]

    def __init__(self, task: Task, rng: np.random.Generator, explorer: Explorer) -> None:
        self.task, self.rng, self.explorer = task, rng, explorer

    def scorer(self) -> Scorer:
        """What is known now, frozen."""
        raise NotImplementedError

    def policy(self) -> SlatePolicy:
        """What it would do now, frozen."""
        task = self.task
        return task.policy(self.name, self.scorer(), self.explorer)

    def move(self, task: Task) -> None:
        """Go on with another catalogue: items that are new, items that are gone, rows in another order.

        Raises:
            InvalidInput: the features are not those that were learnt with.
        """
        for name in ("user_names", "context_names", "features", "network_features"):
            if getattr(task, name) != getattr(self.task, name):
                raise InvalidInput(f"task.{name}", "other features", "move to a task with the same features")
        self.task = task
