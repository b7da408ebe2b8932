"""Show what is clicked most: the myopic baseline of the agents that look ahead."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ...core.batches import Interactions
from ...policies.explorers import PlackettLuceRanking
from ...policies.policy import SlatePolicy
from ..network import one_thread, scorer_of, torch_generator
from ..task import Task
from .batch_tensors import BatchTensors, check_finite
from .choice_model import UserChoiceModel
from .replay import Replay


class GreedyClicks:
    """Ranks by the probability of a click, under the ``independent`` :class:`.UserChoiceModel`.

    It needs no ``next`` and learns from ``events["click"]``.

    Args:
        hidden, step, capacity, batch, updates, device, decay, floor: see :class:`.ValueAgent`.
    """

    name = "greedy_clicks"

    def __init__(
        self,
        task: Task,
        rng: np.random.Generator,
        *,
        hidden: Sequence[int] = (64, 32),
        step: float = 1e-3,
        capacity: int = 100_000,
        batch: int = 256,
        updates: int = 2,
        device: str = "cpu",
        decay: float = 3.0,
        floor: float = 0.1,
    ) -> None:
        self.task, self.rng, self.explorer = task, rng, PlackettLuceRanking(decay, floor)
        self.batch, self.updates = batch, updates
        self.tensors, self.replay = BatchTensors(task, device), Replay(capacity)
        self.choice = UserChoiceModel(self.tensors, "independent", hidden, step, torch_generator(rng))

    @one_thread()
    def learn(self, batch: Interactions) -> Mapping[str, float]:
        """Add the batch to the replay buffer, then take ``updates`` gradient steps."""
        check_finite("interactions.requests", batch.requests)
        if len(batch):
            if not len(self.replay):
                self.choice.network.standardise(
                    self.tensors.candidate_pairs(batch.requests).cpu().double().numpy()
                )
            self.replay.add(batch)
        losses = [
            self.choice.gradient_step(self.replay.sample(self.batch, self.rng))
            for _ in range(self.updates if len(self.replay) else 0)
        ]
        return {"loss": float(np.mean(losses)) if losses else 0.0, "remembered": float(len(self.replay))}

    def policy(self) -> SlatePolicy:
        """Items by the probability of a click."""
        task = self.task
        scorer = scorer_of([self.choice.network], task, link="logistic", value=np.ones(len(task.items)))
        return task.policy(self.name, scorer, self.explorer)
