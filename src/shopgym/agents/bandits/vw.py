"""Vowpal Wabbit's contextual bandits, served without it where its weights describe the policy."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ...core.batches import Decisions, Interactions, Requests
from ...core.errors import InvalidInput, in_range, one_of
from ...core.types import F64, I32, I64
from ...policies.decision_log.log import DecisionLog
from ...policies.explorers import Softmax
from ...policies.policy import SlatePolicy
from ...policies.scorers import LinearScorer, Scorer
from ..task import Task, check_features
from .bandit import Bandit
from .vw_explore import EXPLORATIONS
from .vw_format import MtrExampleSizes
from .vw_hash import FeatureHashing, checked_options
from .vw_process import VowpalWabbitScorer

SERVE = ("numpy", "vw")
CHUNK_SIZE = 4096
"""Decisions whose text is held at a time."""


class VowpalWabbitAgent(Bandit):
    """``--cb_explore_adf`` (Bietti et al. 2021): a decision for each filled slot among the remaining items.

    The cost is minus reward / value; the probability is that of the slot given those before it. Under
    ``--cb_type mtr`` only the action taken is learnt from, and it is most often sent alone.

    Args:
        explore: ``epsilon``, ``softmax``, ``squarecb`` (Foster & Rakhlin 2020), ``bag``, ``cover``,
            ``regcb``, ``regcbopt`` or ``large_action_space``.
        knob: the parameter of the exploration: epsilon, lambda, gamma_scale, bags, policies, mellowness or
            max_actions; None = its default.
        cb_type: ``mtr``, ``dr`` or ``ips``.
        pairs: False, the task's features; True, all columns and pairs of a request's and an item's (``-q``).
        serve: ``numpy`` reads the weights out, so deciding needs no Vowpal Wabbit; with ``vw`` the frozen
            policy holds a copy of the model and asks it, and cannot be exported.
        learning_rate: its ``-l``.
        floor: probability of a uniform slate.
        bits: its ``-b``.
        args: further options, e.g. ``"--power_t 0"``.
    """

    name = "vw"

    def __init__(
        self,
        task: Task,
        rng: np.random.Generator,
        *,
        explore: str = "epsilon",
        knob: float | None = None,
        cb_type: str = "mtr",
        pairs: bool = False,
        serve: str = "numpy",
        learning_rate: float = 0.5,
        floor: float = 0.05,
        bits: int = 18,
        args: str = "",
    ) -> None:
        one_of(f"{self.name}.explore", explore, tuple(EXPLORATIONS))
        one_of(f"{self.name}.cb_type", cb_type, EXPLORATIONS[explore].cb_types)
        one_of(f"{self.name}.serve", serve, SERVE)
        self.exploration, self.cb_type, self.serve = EXPLORATIONS[explore], cb_type, serve
        self.knob = self.exploration.parameter if knob is None else knob
        in_range(f"{self.name}.knob", self.knob, 0.0, 1e12)
        in_range(f"{self.name}.learning_rate", learning_rate, 0.0, 100.0, open_low=True)
        in_range(f"{self.name}.floor", floor, 0.0, 1.0, open_low=serve == "vw")
        in_range(f"{self.name}.bits", bits, 10, 30)
        if serve == "numpy" and (
            self.exploration.offsets is None or (explore == "cover" and cb_type == "ips")
        ):
            reason = self.exploration.not_exportable or "where its models lie is not known"
            raise InvalidInput(f"{self.name}.explore", explore, f"{reason}: say serve='vw'")
        self.floor, self.seen = floor, 0
        self._sizes = MtrExampleSizes()
        super().__init__(task, rng, Softmax())
        self.space = FeatureHashing(task.features, task.items.feature_names, pairs=pairs)
        flags = f"--cb_explore_adf {self.exploration.flags.format(parameter=self.knob)} --cb_type {cb_type}"
        flags = f"{flags} {self.space.flags} --quiet -b {bits} -l {learning_rate} --save_resume"
        self.arguments = f"{flags} {checked_options(args)}"
        self.workspace, self._label = open_workspace(
            f"{self.arguments} --random_seed {int(rng.integers(2**31))}"
        )
        self._weight_indices = np.zeros(0, np.int64)
        self._offsets: list[int] = []
        if self.exploration.offsets is not None and serve == "numpy":
            self._weight_indices, stride = self.space.weight_indices(_probe(self.arguments))
            self._offsets = self.exploration.offsets(int(self.knob), cb_type)
            if stride <= max(self._offsets):
                raise InvalidInput(f"{self.name}.knob", self.knob, "its models are not where they should be")

    def learn(self, batch: Interactions) -> Mapping[str, float]:
        """Learn from every filled slot, in order."""
        for text in self._examples(batch):
            learn_text(self.workspace, text, self._label)
        self.seen += int((batch.decisions.slates >= 0).sum())
        return {"slots": float(self.seen)}

    def train_file(self, log: DecisionLog) -> Mapping[str, float]:
        """Learn from a log through a text file, which Vowpal Wabbit reads much faster than single examples.

        Under ``mtr`` the weights are those of ``learn``. Under ``dr`` they are if nothing was learnt before,
        because its saved model lacks what ``dr`` keeps beside the weights.
        """
        with tempfile.TemporaryDirectory() as folder:
            model, data = (str(Path(folder) / name) for name in ("model.vw", "log.txt"))
            with open(data, "w", encoding="ascii") as file:
                for start in range(0, len(log), CHUNK_SIZE):
                    batch = log.take(slice(start, start + CHUNK_SIZE)).interactions()
                    file.writelines(f"{text}\n\n" for text in self._examples(batch))
                    self.seen += int((batch.decisions.slates >= 0).sum())
            self.workspace.save(model)
            self.workspace.finish()
            self.workspace = open_workspace(f"{self.arguments} -i {model} -d {data}")[0]
        return {"slots": float(self.seen)}

    def scorer(self) -> Scorer:
        """The present weights, or a copy of the model."""
        task = self.task
        if self.serve == "vw":
            return VowpalWabbitScorer(self.workspace, self.arguments, self.texts, self._label, self.floor)
        mask, get = self.workspace.num_weights() - 1, self.workspace.get_weight
        theta = np.array(
            [[-get(int(index + o) & mask, 0) for index in self._weight_indices] for o in self._offsets]
        )
        return LinearScorer(self.space.features, task.items, theta, task.item_value)

    def policy(self) -> SlatePolicy:
        """What the agent would do now, frozen."""
        if self.serve == "numpy":
            value = float(np.median(self.task.item_value))
            self.explorer = self.exploration.explorer(self.knob, self.floor, self.seen, value)
        return super().policy()

    def texts(self, requests: Requests) -> list[str]:
        """A text for each request, one action for each candidate; "" where there is none."""
        shared, action = self._numbers(requests, requests.candidates)
        texts = []
        for row, real in enumerate(requests.candidates >= 0):
            lines = [self.space.action % tuple(x) for x in action[row, real].tolist()]
            texts.append(self._with_shared(shared, row) + "\n".join(lines) if lines else "")
        return texts

    def _examples(self, batch: Interactions) -> Iterator[str]:
        """A text for each filled slot, in order."""
        requests, decisions, task, space = batch.requests, batch.decisions, self.task, self.space
        task.regression_rows(batch)  # raises if a feature is not finite or an item is unknown
        median = np.full(len(task.items), np.median(task.item_value))
        value = task.item_value if self.serve == "numpy" else median
        row, slot = np.nonzero(decisions.slates >= 0)
        attention = task.attention[slot]
        cost = -batch.reward[row, slot] / value[decisions.slates[row, slot]]
        scale = np.ones(len(row)) if space.pairs else attention
        cost = cost / attention if space.pairs else cost
        all_candidates = self.exploration.all_candidates or self.cb_type != "mtr"
        shared, action = self._numbers(requests, requests.candidates if all_candidates else decisions.slates)
        chosen = scale[:, None] * action[row, decisions.positions[row, slot] if all_candidates else slot]
        check_features(np.column_stack([shared[row], chosen]), row)  # with pairs every column is sent
        p, lines = np.ones(len(row)), np.ones(len(row), np.int64)
        if self.exploration.weighted:
            p = decisions.propensities[row, slot]
        if all_candidates:
            others = self._others(batch, action, row, slot, scale)
        else:
            if self.exploration.weighted:
                p, lines = self._sizes.shorten(p, num_actions(requests, decisions)[row, slot])
            others = iter([f"\n{space.action[:2]}" * (count - 1) for count in lines.tolist()])
        line = f"{space.shared}0:%.9g:%.9g {space.action}"
        numbers = np.column_stack([shared[row], cost, p, chosen])
        for values, other_lines in zip(numbers.tolist(), others):
            yield line % tuple(values) + other_lines

    def _others(self, batch: Interactions, action: F64, row: I64, slot: I64, scale: F64) -> Iterator[str]:
        """For each filled slot the lines of the candidates that it and the slots before it do not show."""
        positions, real = batch.decisions.positions, batch.requests.candidates >= 0
        for r, j, factor in zip(row.tolist(), slot.tolist(), scale.tolist()):
            remaining = real[r].copy()
            remaining[positions[r, : j + 1][positions[r, : j + 1] >= 0]] = False
            lines = f"\n{self.space.action}" * int(remaining.sum())
            yield lines % tuple((factor * action[r, remaining]).ravel().tolist())

    def _numbers(self, requests: Requests, items: I32) -> tuple[F64, F64]:
        """(n, u + c) of the request and (n, j, D) of the items (n, j), as the lines name them."""
        task, rows = self.task, np.maximum(items, 0)
        if not self.space.pairs:
            request_side = task.features.request_side(requests)
            return np.zeros((len(requests), 0)), request_side[:, None, :] * task.item_side[rows]
        shared = np.concatenate([requests.user, requests.context], axis=1, dtype=np.float64)
        return shared, task.items.features.astype(np.float64)[rows]

    def _with_shared(self, shared: F64, row: int) -> str:
        return self.space.shared % tuple(shared[row].tolist()) if self.space.pairs else ""


class VowpalWabbitSquareCB(VowpalWabbitAgent):
    """``--cb_explore_adf --squarecb --cb_type mtr`` (Foster & Rakhlin 2020; Bietti et al. 2021).

    SquareCB regresses without importance weights, so its probability is 1 (Vowpal Wabbit resets it to 1 too,
    unless the action stands last) and the line of the action taken is sent alone.

    Args:
        gamma: greed of SquareCB when one slot has been seen; it grows with the square root of the count
            (VW's ``--gamma_scale`` and ``--gamma_exponent 0.5``).
        learning_rate: VW's ``-l``.
        floor: probability of a uniform slate.
    """

    name = "vw_squarecb"

    def __init__(
        self,
        task: Task,
        rng: np.random.Generator,
        *,
        gamma: float = 100.0,
        learning_rate: float = 0.5,
        floor: float = 0.05,
    ) -> None:
        super().__init__(task, rng, explore="squarecb", knob=gamma, learning_rate=learning_rate, floor=floor)


def num_actions(requests: Requests, decisions: Decisions) -> I64:
    """(n, k) how many candidates the slots before each slot do not show."""
    filled = decisions.slates >= 0
    out: I64 = (requests.candidates >= 0).sum(axis=1)[:, None] - filled.cumsum(axis=1) + filled
    return out


def open_workspace(arguments: str, label: str = "CONTEXTUAL_BANDIT") -> tuple[Any, Any]:
    """(a workspace, the kind of label).

    Raises:
        InvalidInput: Vowpal Wabbit is not installed.
    """
    try:
        import vowpalwabbit
    except ImportError as error:
        fix = "install Vowpal Wabbit: pip install 'shopgym[bandits]'"
        raise InvalidInput("agent", "vw", fix) from error
    return vowpalwabbit.Workspace(arguments), vowpalwabbit.LabelType[label]


def learn_text(workspace: Any, text: str, label: Any) -> None:
    """Learn from the text of one example."""
    example = workspace.parse(text, label)
    workspace.learn(example)
    workspace.finish_example(example)


def _probe(arguments: str) -> Any:
    """A workspace that has learnt from one feature, to see where weights lie."""
    workspace, label = open_workspace(arguments)
    for _ in range(20):  # bags leave out some
        learn_text(workspace, "0:-1:0.5 |f probe:1\n|f other:1", label)
    return workspace
