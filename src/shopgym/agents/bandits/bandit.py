"""What all contextual bandits share: the task, and the policy around a scorer."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from ...core.errors import InvalidInput
from ...policies.explorers import Explorer, PlackettLuceRanking
from ...policies.policy import SlatePolicy
from ...policies.scorers import Scorer
from ..task import Task
from .reward_scale import RewardScale


class Bandit:
    """A learner that keeps a model of the reward and hands it out as a scorer with one explorer.

    Args:
        task: items, columns of a request and size of a slate.
        rng: every random draw of the agent comes from it.
        explorer: from scores to probabilities; None = :class:`.PlackettLuceRanking`.
        power: of the item's value with which the spread of rewards grows, see :class:`.RewardScale`.
        decay, floor: of :class:`.PlackettLuceRanking`.
    """

    name: ClassVar[str]
    fixed_options: ClassVar[tuple[str, ...]] = ()
    """Options of parents that the class sets itself."""

    def __init__(
        self,
        task: Task,
        rng: np.random.Generator,
        explorer: Explorer | None = None,
        *,
        power: float | None = None,
        decay: float = 3.0,
        floor: float = 0.05,
    ) -> None:
        self.task, self.rng, self.explorer = task, rng, explorer or PlackettLuceRanking(decay, floor)
        self.scale = RewardScale(task.item_value, power)

    def scorer(self) -> Scorer:
        """The present model, frozen."""
        raise NotImplementedError

    def policy(self) -> SlatePolicy:
        """What the agent would do now, frozen."""
        task = self.task
        return task.policy(self.name, self.scorer(), self.explorer)

    def move(self, task: Task) -> None:
        """Continue with another catalogue: items may be new, missing or in another order.

        Raises:
            InvalidInput: the features differ from those of the present task.
        """
        for name in ("user_names", "context_names", "features", "network_features"):
            if getattr(task, name) != getattr(self.task, name):
                raise InvalidInput(f"task.{name}", "other features", "move to a task with the same features")
        self.task = task
        self.scale.value = task.item_value
