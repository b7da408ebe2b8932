"""Vowpal Wabbit's slates: a page is one decision with one cost; served without it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from ...core.batches import Interactions, Requests
from ...core.errors import InvalidInput, in_range
from ...core.types import F64, I32, I64
from ...policies.explorers import PlackettLuceRanking
from ...policies.policy import SlatePolicy
from ...policies.rerankers import BySlot
from ...policies.scorers import LinearScorer
from ..task import Task
from .bandit import Bandit
from .vw import before, one_of, opened
from .vw_format import Lines
from .vw_hash import FNV_PRIME, Space, checked, models_apart

CB_TYPES = ("mtr", "dr", "ips")
SLOT_SPACE = "_id"
"""Namespace of the number that it gives each slot, crossed with every other."""


class VowpalWabbitSlates(Bandit):
    """``--slates`` (Swaminathan et al. 2017): the page's reward is the sum of what its slots add.

    It is told the reward of the whole page only. Every slot is learnt from with that cost, its own
    probability given those before it, and what was left for it as its actions. A slot has a linear model of
    its own: weights that all share, and weights of the slot. So does the policy: slot j is ranked by model j
    among what is left, which Vowpal Wabbit itself does not do (its slots have actions of their own).

    Args:
        cb_type: ``mtr``, ``dr`` or ``ips``. Under ``mtr`` most often the action taken is sent alone.
        decay, floor: how the rankings are spread, see :class:`.PlackettLuceRanking`.
        learning_rate: its ``-l``.
        bits: its ``-b``.
        args: further options, e.g. ``"--power_t 0"``.
    """

    name = "vw_slates"

    def __init__(
        self,
        task: Task,
        rng: np.random.Generator,
        *,
        cb_type: str = "mtr",
        decay: float = 3.0,
        floor: float = 0.05,
        learning_rate: float = 0.5,
        bits: int = 18,
        args: str = "",
    ) -> None:
        one_of(f"{self.name}.cb_type", cb_type, CB_TYPES)
        in_range(f"{self.name}.learning_rate", learning_rate, 0.0, 100.0, open_low=True)
        in_range(f"{self.name}.bits", bits, 10, 30)
        super().__init__(task, rng, PlackettLuceRanking(decay, floor))
        self.cb_type, self._lines, self.seen = cb_type, Lines(), 0
        self.space = Space(task.features, task.items.feature_names, pairs=False)
        flags = f"--slates --cb_explore_adf --epsilon 0 --cb_type {cb_type} --quiet --save_resume"
        seed = int(rng.integers(2**31))
        arguments = f"{flags} -b {bits} -l {learning_rate} {checked(args)} --random_seed {seed}"
        self.workspace, self._label = opened(arguments, "SLATES")
        self._at = self._places(_apart(arguments))

    def learn(self, batch: Interactions) -> Mapping[str, float]:
        """Learn from every page on which something was shown."""
        for text in self._examples(batch):
            example = self.workspace.parse(text, self._label)
            self.workspace.learn(example)
            self.workspace.finish_example(example)
            self.seen += 1
        return {"pages": float(self.seen)}

    def scorer(self) -> LinearScorer:
        """(k, D) one linear model a slot."""
        get = self.workspace.get_weight
        weights = np.array([[get(int(at), 0) for at in row] for row in self._at])
        task = self.task
        return LinearScorer(task.features, task.items, -(weights[0] + weights[1:]), task.item_value)

    def policy(self) -> SlatePolicy:
        """What it would do now, frozen."""
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
        task.shown(batch)  # raises if a feature is not finite or an item is gone
        filled = decisions.slates >= 0
        row, slot = np.nonzero(filled)
        left = (requests.candidates >= 0).sum(axis=1)[row] - before(decisions.slates)[row, slot]
        p, lines = decisions.propensities[row, slot], left
        whole = self.cb_type != "mtr"
        if not whole:
            p, lines = self._lines.needed(p, left)
        cost = -batch.reward.sum(axis=1) / np.median(task.item_value)
        x = self._numbers(requests)
        at = 0
        for r in np.flatnonzero(filled.any(axis=1)).tolist():
            actions, slots = [], []
            for j in range(int(np.flatnonzero(filled[r])[-1]) + 1):
                if not filled[r, j]:  # a gap has nothing to choose from; its number stays the slot's
                    actions.append(f"slates action {j} |f")
                    slots.append("slates slot 0:1 |")
                    continue
                chosen = int(decisions.positions[r, j])
                others = self._others(requests, x[r], decisions.positions[r, : j + 1], r) if whole else None
                rest = ["|f"] * int(lines[at] - 1) if others is None else self._action(others, j)
                taken = self._action(x[r, chosen : chosen + 1], j)
                actions += [f"slates action {j} {line}" for line in (*taken, *rest)]
                slots.append(f"slates slot 0:{p[at]:.9g} |")
                at += 1
            yield "\n".join([f"slates shared {cost[r]:.9g} |", *actions, *slots])

    def _others(self, requests: Requests, x: F64, positions: I32, row: int) -> F64:
        """(m', D) the candidates that neither this slot nor one before it shows."""
        left = requests.candidates[row] >= 0
        left[positions[positions >= 0]] = False
        out: F64 = x[left]
        return out

    def _action(self, x: F64, slot: int) -> list[str]:
        return [self.space.action % tuple(line) for line in (self.task.attention[slot] * x).tolist()]

    def _numbers(self, requests: Requests) -> F64:
        """(n, m, D) features of the candidates times what they are worth, relative to the median item."""
        task = self.task
        worth = task.item_value[np.maximum(requests.candidates, 0)] / np.median(task.item_value)
        return task.features.phi(requests, task.item_side) * worth[:, :, None]

    def _places(self, apart: int) -> I64:
        """(1 + k, D) index of each weight: first those that all slots share, then each slot's.

        Raises:
            InvalidInput: two of them are one weight.
        """
        task, workspace = self.task, self.workspace
        mask, k = workspace.num_weights() - 1, task.slate_size

        def hashed(space: str, names: list[str]) -> I64:
            number = workspace.hash_space(space)
            return np.array([(workspace.hash_feature(name, number) & mask) * apart for name in names])

        shared = hashed("f", [f"f{t}" for t in range(len(task.features))])
        slots = hashed(SLOT_SPACE, [f"index{j}" for j in range(k)])
        at: I64 = np.stack([shared, *((FNV_PRIME * shared) ^ slot for slot in slots)]) & mask
        if len(np.unique(at)) < at.size:
            raise InvalidInput("vw_slates.bits", mask + 1, "two features share a weight: give more bits")
        return at


def _apart(arguments: str) -> int:
    """How many models lie side by side: asked of a workspace that has learnt from one feature."""
    workspace, label = opened(arguments, "SLATES")
    slots = range(2)
    actions = "\n".join(f"slates action {slot} |f probe:1\nslates action {slot} |f other:1" for slot in slots)
    example = workspace.parse(f"slates shared -1 |\n{actions}" + "\nslates slot 0:0.5 |" * len(slots), label)
    workspace.learn(example)
    workspace.finish_example(example)
    return models_apart(workspace)
