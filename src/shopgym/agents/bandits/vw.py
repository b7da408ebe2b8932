"""Vowpal Wabbit's contextual bandits: learnt by it, served without it where its weights say all."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ...core.batches import Interactions, Requests
from ...core.errors import InvalidInput, in_range
from ...core.types import F64, I32, I64
from ...policies.decision_log.log import DecisionLog
from ...policies.explorers import Softmax
from ...policies.policy import SlatePolicy
from ...policies.scorers import LinearScorer, Scorer
from ..task import Task
from .bandit import Bandit
from .vw_explore import FAMILIES
from .vw_format import Lines
from .vw_hash import Space, checked
from .vw_process import LiveScorer

SERVE = ("numpy", "vw")
CHUNK = 4096
"""Decisions whose text is held at a time."""


class VowpalWabbitAgent(Bandit):
    """``--cb_explore_adf`` (Bietti et al. 2021): a decision for each filled slot, among what is left.

    The cost is minus reward / value; the probability is that of the slot given those before it. Under
    ``--cb_type mtr`` only the action taken is learnt from, and most often it is sent alone.

    Args:
        explore: ``epsilon``, ``softmax``, ``squarecb`` (Foster & Rakhlin 2020), ``bag``, ``cover``,
            ``regcb``, ``regcbopt`` or ``large_action_space``.
        knob: epsilon, lambda, gamma_scale, bags, policies, mellowness or max_actions; None = the default.
        cb_type: ``mtr``, ``dr`` or ``ips``.
        pairs: False, the task's features; True, all columns and pairs of a request's and an item's (``-q``).
        serve: ``numpy``, the weights are read out and Vowpal Wabbit is not needed to decide; ``vw``, the
            frozen policy holds a copy of the model and asks it, and cannot be exported.
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
        one_of(f"{self.name}.explore", explore, tuple(FAMILIES))
        one_of(f"{self.name}.cb_type", cb_type, FAMILIES[explore].cb_types)
        one_of(f"{self.name}.serve", serve, SERVE)
        self.family, self.cb_type, self.serve = FAMILIES[explore], cb_type, serve
        self.knob = self.family.knob if knob is None else knob
        in_range(f"{self.name}.knob", self.knob, 0.0, 1e12)
        in_range(f"{self.name}.learning_rate", learning_rate, 0.0, 100.0, open_low=True)
        in_range(f"{self.name}.floor", floor, 0.0, 1.0, open_low=serve == "vw")
        in_range(f"{self.name}.bits", bits, 10, 30)
        if serve == "numpy" and (self.family.offsets is None or (explore == "cover" and cb_type == "ips")):
            why = self.family.why or "where its models lie is not known"
            raise InvalidInput(f"{self.name}.explore", explore, f"{why}: say serve='vw'")
        self.floor, self.seen = floor, 0
        self._lines = Lines()
        super().__init__(task, rng, Softmax())
        self.space = Space(task.features, task.items.feature_names, pairs=pairs)
        flags = f"--cb_explore_adf {self.family.flags.format(knob=self.knob)} --cb_type {cb_type}"
        self.arguments = (
            f"{flags} {self.space.flags} --quiet -b {bits} -l {learning_rate} --save_resume {checked(args)}"
        )
        self.workspace, self._label = opened(f"{self.arguments} --random_seed {int(rng.integers(2**31))}")
        self._at = np.zeros(0, np.int64)
        self._offsets: list[int] = []
        if self.family.offsets is not None and serve == "numpy":
            self._at, apart = self.space.places(_probe(self.arguments))
            self._offsets = self.family.offsets(int(self.knob), cb_type)
            if apart <= max(self._offsets):
                raise InvalidInput(f"{self.name}.knob", self.knob, "its models are not where they should be")

    def learn(self, batch: Interactions) -> Mapping[str, float]:
        """Learn from every filled slot, in order."""
        for text in self._examples(batch):
            example = self.workspace.parse(text, self._label)
            self.workspace.learn(example)
            self.workspace.finish_example(example)
        self.seen += int((batch.decisions.slates >= 0).sum())
        return {"slots": float(self.seen)}

    def train_file(self, log: DecisionLog) -> Mapping[str, float]:
        """Learn from a log as ``learn`` does, by Vowpal Wabbit's own reading of a text file: much faster.

        Under ``mtr`` the weights are the same. Under ``dr`` they are if nothing was learnt before: what it
        keeps beside its weights is not in its saved model.
        """
        with tempfile.TemporaryDirectory() as folder:
            model, data = (str(Path(folder) / name) for name in ("model.vw", "log.txt"))
            with open(data, "w", encoding="ascii") as file:
                for start in range(0, len(log), CHUNK):
                    batch = log.take(slice(start, start + CHUNK)).interactions()
                    file.writelines(f"{text}\n\n" for text in self._examples(batch))
                    self.seen += int((batch.decisions.slates >= 0).sum())
            self.workspace.save(model)
            self.workspace.finish()
            self.workspace = opened(f"{self.arguments} -i {model} -d {data}")[0]
        return {"slots": float(self.seen)}

    def scorer(self) -> Scorer:
        """The present weights; or a copy of the model."""
        task = self.task
        if self.serve == "vw":
            return LiveScorer(self.workspace, self.arguments, self.lines, self._label, self.floor)
        mask, get = self.workspace.num_weights() - 1, self.workspace.get_weight
        theta = np.array([[-get(int(at + o) & mask, 0) for at in self._at] for o in self._offsets])
        return LinearScorer(self.space.features, task.items, theta, task.item_value)

    def policy(self) -> SlatePolicy:
        """What it would do now, frozen."""
        if self.serve == "numpy":
            value = float(np.median(self.task.item_value))
            self.explorer = self.family.explorer(self.knob, self.floor, self.seen, value)
        return super().policy()

    def lines(self, requests: Requests) -> list[str]:
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
        task.shown(batch)  # raises if a feature is not finite or an item is gone
        median = np.full(len(task.items), np.median(task.item_value))
        value = task.item_value if self.serve == "numpy" else median
        row, slot = np.nonzero(decisions.slates >= 0)
        attention = task.attention[slot]
        cost = -batch.reward[row, slot] / value[decisions.slates[row, slot]]
        scale = np.ones(len(row)) if space.pairs else attention
        cost = cost / attention if space.pairs else cost
        whole = self.family.whole or self.cb_type != "mtr"
        shared, action = self._numbers(requests, requests.candidates if whole else decisions.slates)
        chosen = scale[:, None] * action[row, decisions.positions[row, slot] if whole else slot]
        finite = np.isfinite(np.column_stack([shared[row], chosen])).all(axis=1)
        if not finite.all():  # with pairs every column is sent
            fix = "remove NaN and infinity from user and context features"
            raise InvalidInput(f"interactions.requests[{row[~finite][0]}]", "a feature is not finite", fix)
        p, lines = np.ones(len(row)), np.ones(len(row), np.int64)
        if self.family.weighted:
            p = decisions.propensities[row, slot]
        if whole:
            after = self._others(batch, action, row, slot, scale)
        else:
            if self.family.weighted:
                left = (requests.candidates >= 0).sum(axis=1)[row] - before(decisions.slates)[row, slot]
                p, lines = self._lines.needed(p, left)
            after = iter([f"\n{space.action[:2]}" * (more - 1) for more in lines.tolist()])
        line = f"{space.shared}0:%.9g:%.9g {space.action}"
        numbers = np.column_stack([shared[row], cost, p, chosen])
        for one, rest in zip(numbers.tolist(), after):
            yield line % tuple(one) + rest

    def _others(self, batch: Interactions, action: F64, row: I64, slot: I64, scale: F64) -> Iterator[str]:
        """For each filled slot the lines of the candidates that are left."""
        positions, real = batch.decisions.positions, batch.requests.candidates >= 0
        for r, j, by in zip(row.tolist(), slot.tolist(), scale.tolist()):
            left = real[r].copy()
            left[positions[r, : j + 1][positions[r, : j + 1] >= 0]] = False
            lines = f"\n{self.space.action}" * int(left.sum())
            yield lines % tuple((by * action[r, left]).ravel().tolist())

    def _numbers(self, requests: Requests, items: I32) -> tuple[F64, F64]:
        """(n, u + c) of the request and (n, j, D) of the items (n, j), as the lines name them."""
        task, rows = self.task, np.maximum(items, 0)
        if not self.space.pairs:
            left = task.features.request_side(requests)
            return np.zeros((len(requests), 0)), left[:, None, :] * task.item_side[rows]
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


def before(slates: I32) -> I64:
    """(n, k) how many slots before are filled."""
    filled = slates >= 0
    out: I64 = filled.cumsum(axis=1) - filled
    return out


def one_of(field: str, value: str, known: tuple[str, ...]) -> None:
    """Raise unless ``value`` is known."""
    if value not in known:
        raise InvalidInput(field, value, f"choose one of {', '.join(known)}")


def opened(arguments: str, label: str = "CONTEXTUAL_BANDIT") -> tuple[Any, Any]:
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


def _probe(arguments: str) -> Any:
    """A workspace that has learnt from one feature, to see where weights lie."""
    workspace, label = opened(arguments)
    for _ in range(20):  # bags leave out some
        example = workspace.parse("0:-1:0.5 |f probe:1\n|f other:1", label)
        workspace.learn(example)
        workspace.finish_example(example)
    return workspace
