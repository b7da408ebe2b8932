"""Vowpal Wabbit's slates: a page is one decision with one cost. Serving needs no Vowpal Wabbit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ...core.batches import Interactions, Requests
from ...core.errors import InvalidInput, in_range, one_of
from ...core.types import F64, I64
from ...policies.policy import SlatePolicy
from ...policies.rerankers import BySlot
from ...policies.scorers import LinearScorer
from ..task import Task
from .bandit import Bandit
from .vw import learn_text, num_actions, open_workspace
from .vw_format import MtrExampleSizes
from .vw_hash import FNV_PRIME, FeatureHashing, checked_options, model_stride

CB_TYPES = ("mtr", "dr", "ips")
SLOT_NAMESPACE = "_id"
"""Namespace of the number that it gives each slot, crossed with every other."""


class VowpalWabbitSlates(Bandit):
    """``--slates`` (Swaminathan et al. 2017): the page's reward is the sum of what its slots add.

    It learns from the reward of the whole page alone. Every slot is learnt from with that cost, its own
    probability given the slots before it, and the remaining candidates as its actions. Each slot has a linear
    model: weights that all slots share, plus weights of the slot. The policy ranks the remaining candidates
    of slot j by model j. Vowpal Wabbit itself does not do so: its slots have separate sets of actions.

    Args:
        cb_type: ``mtr``, ``dr`` or ``ips``. Under ``mtr`` the action taken is most often sent alone.
        learning_rate: its ``-l``.
        bits: its ``-b``.
        args: further options, e.g. ``"--power_t 0"``.
        options: see :class:`.Bandit`.
    """

    name = "vw_slates"

    def __init__(
        self,
        task: Task,
        rng: np.random.Generator,
        *,
        cb_type: str = "mtr",
        learning_rate: float = 0.5,
        bits: int = 18,
        args: str = "",
        **options: Any,
    ) -> None:
        one_of(f"{self.name}.cb_type", cb_type, CB_TYPES)
        in_range(f"{self.name}.learning_rate", learning_rate, 0.0, 100.0, open_low=True)
        in_range(f"{self.name}.bits", bits, 10, 30)
        super().__init__(task, rng, **options)
        self.cb_type, self._sizes, self.seen = cb_type, MtrExampleSizes(), 0
        self.space = FeatureHashing(task.features, task.items.feature_names, pairs=False)
        flags = f"--slates --cb_explore_adf --epsilon 0 --cb_type {cb_type} --quiet --save_resume"
        seed = int(rng.integers(2**31))
        arguments = f"{flags} -b {bits} -l {learning_rate} {checked_options(args)} --random_seed {seed}"
        self.workspace, self._label = open_workspace(arguments, "SLATES")
        self._weight_indices = self._find_weights(_model_stride(arguments))

    def learn(self, batch: Interactions) -> Mapping[str, float]:
        """Learn from every page on which something was shown."""
        for text in self._examples(batch):
            learn_text(self.workspace, text, self._label)
            self.seen += 1
        return {"pages": float(self.seen)}

    def scorer(self) -> LinearScorer:
        """(k, D) a linear model for each slot."""
        get = self.workspace.get_weight
        weights = np.array([[get(int(index), 0) for index in row] for row in self._weight_indices])
        task = self.task
        return LinearScorer(task.features, task.items, -(weights[0] + weights[1:]), task.item_value)

    def policy(self) -> SlatePolicy:
        """What the agent would do now, frozen."""
        several = self.task.slate_size > 1
        return self.task.policy(self.name, self.scorer(), self.explorer, BySlot() if several else None)

    def texts(self, requests: Requests) -> list[str]:
        """A text for each request that asks which of all its candidates each slot should show."""
        x = self._numbers(requests)
        texts = []
        for row, real in enumerate(requests.candidates >= 0):
            lines = [self.space.action % tuple(features) for features in x[row, real].tolist()]
            slots = range(self.task.slate_size)
            actions = "\n".join(f"slates action {slot} {line}" for slot in slots for line in lines)
            texts.append(f"slates shared |\n{actions}" + "\nslates slot |" * len(slots))
        return texts

    def _examples(self, batch: Interactions) -> Iterator[str]:
        """A text for each page on which something was shown."""
        requests, decisions, task = batch.requests, batch.decisions, self.task
        task.regression_rows(batch)  # raises if a feature is not finite or an item is unknown
        filled = decisions.slates >= 0
        row, slot = np.nonzero(filled)
        remaining = num_actions(requests, decisions)[row, slot]
        p, lines = decisions.propensities[row, slot], remaining
        all_candidates = self.cb_type != "mtr"
        if not all_candidates:
            p, lines = self._sizes.shorten(p, remaining)
        cost = -batch.reward.sum(axis=1) / np.median(task.item_value)
        x = self._numbers(requests)
        index = 0
        for r in np.flatnonzero(filled.any(axis=1)).tolist():
            actions, slots = [], []
            for j in range(int(np.flatnonzero(filled[r])[-1]) + 1):
                if not filled[r, j]:  # one action without features, so that later slots keep their numbers
                    actions.append(f"slates action {j} |f")
                    slots.append("slates slot 0:1 |")
                    continue
                chosen = int(decisions.positions[r, j])
                if all_candidates:
                    shown, remaining = decisions.positions[r, : j + 1], requests.candidates[r] >= 0
                    remaining[shown[shown >= 0]] = False
                    others = self._action(x[r, remaining], j)
                else:
                    others = ["|f"] * int(lines[index] - 1)
                taken = self._action(x[r, chosen : chosen + 1], j)
                actions += [f"slates action {j} {line}" for line in (*taken, *others)]
                slots.append(f"slates slot 0:{p[index]:.9g} |")
                index += 1
            yield "\n".join([f"slates shared {cost[r]:.9g} |", *actions, *slots])

    def _action(self, x: F64, slot: int) -> list[str]:
        return [self.space.action % tuple(line) for line in (self.task.attention[slot] * x).tolist()]

    def _numbers(self, requests: Requests) -> F64:
        """(n, m, D) features of the candidates times their value, relative to the median item."""
        task = self.task
        relative_value = task.item_value[np.maximum(requests.candidates, 0)] / np.median(task.item_value)
        return task.features.phi(requests, task.item_side) * relative_value[:, :, None]

    def _find_weights(self, stride: int) -> I64:
        """(1 + k, D) index of each weight: first those that all slots share, then each slot's.

        Raises:
            InvalidInput: two features share a weight.
        """
        task, workspace = self.task, self.workspace
        mask, k = workspace.num_weights() - 1, task.slate_size

        def hashed(space: str, names: list[str]) -> I64:
            number = workspace.hash_space(space)
            return np.array([(workspace.hash_feature(name, number) & mask) * stride for name in names])

        shared = hashed("f", [f"f{t}" for t in range(len(task.features))])
        slots = hashed(SLOT_NAMESPACE, [f"index{j}" for j in range(k)])
        index: I64 = np.stack([shared, *((FNV_PRIME * shared) ^ slot for slot in slots)]) & mask
        if len(np.unique(index)) < index.size:
            raise InvalidInput("vw_slates.bits", mask + 1, "two features share a weight: give more bits")
        return index


def _model_stride(arguments: str) -> int:
    """The stride between features, read from a workspace that has learnt from one feature."""
    workspace, label = open_workspace(arguments, "SLATES")
    slots = range(2)
    actions = "\n".join(f"slates action {slot} |f probe:1\nslates action {slot} |f other:1" for slot in slots)
    text = f"slates shared -1 |\n{actions}" + "\nslates slot 0:0.5 |" * len(slots)
    learn_text(workspace, text, label)
    return model_stride(workspace)
