"""Vowpal Wabbit's cb_explore_adf with SquareCB, its linear model exported after every batch."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ...core.errors import InvalidInput, in_range
from ...core.nouns import Interactions
from ...core.types import F64
from ...policies.explorers import SquareCB
from ...policies.policy import SlatePolicy
from ...policies.scorers import LinearScorer
from ..task import Task


class VowpalWabbitAgent:
    """``--cb_explore_adf --squarecb --cb_type mtr`` (Foster & Rakhlin 2020; Bietti et al. 2021).

    Every filled slot is one example. Under ``mtr`` only the line of the action taken is learnt from, so
    only that line is sent, and SquareCB regresses without importance weights, so its probability is 1
    (Vowpal Wabbit resets it to 1 too, unless the action stands last). The model is linear in the
    task's features: its weights are read out and the frozen policy decides without Vowpal Wabbit.

    Args:
        gamma: greed of SquareCB when one slot has been seen; it grows with the square root of the count
            (VW's ``--gamma_scale`` and ``--gamma_exponent 0.5``).
        learning_rate: VW's ``-l``.
        floor: probability of a uniform slate.
    """

    def __init__(
        self,
        task: Task,
        rng: np.random.Generator,
        *,
        gamma: float = 100.0,
        learning_rate: float = 0.5,
        floor: float = 0.05,
    ) -> None:
        try:
            import vowpalwabbit
        except ImportError as error:
            raise InvalidInput(
                "agent", "vw_squarecb", "install Vowpal Wabbit: pip install 'shopgym[bandits]'"
            ) from error
        in_range("vw_squarecb.gamma", gamma, 0.0, 1e12)
        in_range("vw_squarecb.learning_rate", learning_rate, 0.0, 100.0, open_low=True)
        in_range("vw_squarecb.floor", floor, 0.0, 1.0)
        self.task, self.gamma, self.floor = task, gamma, floor
        self.count = 0
        self._label = vowpalwabbit.LabelType.CONTEXTUAL_BANDIT
        self.workspace = vowpalwabbit.Workspace(
            f"--cb_explore_adf --squarecb --cb_type mtr --noconstant --quiet -b 18 -l {learning_rate} "
            f"--random_seed {int(rng.integers(2**31))}"
        )
        space = self.workspace.hash_space("f")
        mask = self.workspace.num_weights() - 1
        self._index = [self.workspace.hash_feature(str(i), space) & mask for i in range(len(task.features))]

    def learn(self, batch: Interactions) -> Mapping[str, float]:
        """Learn from every filled slot, in order."""
        x, y = self.task.shown(batch)
        for features, cost in zip(x.tolist(), (-y).tolist(), strict=True):
            line = " ".join(f"{i}:{value:.9g}" for i, value in enumerate(features))
            example = self.workspace.parse(f"0:{cost:.9g}:1 |f {line}", self._label)
            self.workspace.learn(example)
            self.workspace.finish_example(example)
        self.count += len(y)
        return {"slots": float(self.count)}

    def policy(self) -> SlatePolicy:
        """The present weights, frozen; SquareCB explores over them."""
        theta: F64 = -np.array([[self.workspace.get_weight(i, 0) for i in self._index]])
        scorer = LinearScorer(self.task.features, self.task.items, theta, self.task.item_value)
        gamma = self.gamma * max(self.count, 1) ** 0.5 / float(np.median(self.task.item_value))
        return SlatePolicy(
            "vw_squarecb",
            self.task.items,
            scorer,
            SquareCB(gamma, self.floor),
            self.task.guards,
            self.task.slate_size,
        )
