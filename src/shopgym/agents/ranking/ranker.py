"""What all rankers share: they remember what was shown, fit, calibrate and hand out a frozen policy."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from ...core.batches import Interactions
from ...core.errors import InvalidInput, in_range
from ...core.types import F64, AnyArray
from ...policies.explorers import PlackettLuceRanking
from ...policies.features import FeatureMap
from ...policies.live_values import unit_value
from ...policies.policy import SlatePolicy
from ...policies.rerankers import reranker_from_spec
from ...policies.scorers import Head, ObjectivesScorer, ProbabilityScorer, Scorer, TableScorer
from ..task import Task
from .calibration import METHODS, fit_isotonic, fit_platt
from .memory import Memory, Rows

REWARD = "reward"


class Ranker(ABC):
    """Predicts what happens to a slot that is looked at, and ranks by that times its worth.

    With target ``reward`` it predicts reward / worth, where worth is the task's value of the item, at the
    price or margin of the moment if requests say it; a classifier predicts whether there is any reward.
    With an event as the target it predicts the event, and ranks by that alone.

    Args:
        target: ``reward`` or the name of an event, e.g. ``click``.
        calibrate: ``none``, ``platt`` or ``isotonic``; fitted on pages held out of training.
        held_share: share of pages held out, where anything needs them.
        memory: filled slots to learn from, the latest.
        growth: it is fitted anew when so many times as many slots are there as at the last fit, so that
            all fits together cost a small multiple of the last.
        reranker: ``kind`` and settings of a re-ranker, e.g. ``{"kind": "mmr", "trade": 0.7}``.
        decay, floor: how the ranking is spread, see :class:`.PlackettLuceRanking`.
    """

    name: ClassVar[str]
    classifies: ClassVar[bool] = True
    """Whether y is made 0 or 1."""
    calibrated: ClassVar[str] = "none"
    """The default of ``calibrate``."""
    stops: ClassVar[bool] = False
    """Whether pages held out say when to stop training."""

    def __init__(
        self,
        task: Task,
        rng: np.random.Generator,
        features: FeatureMap,
        *,
        target: str = REWARD,
        calibrate: str | None = None,
        held_share: float = 0.2,
        memory: int = 1_000_000,
        growth: float = 1.5,
        reranker: Mapping[str, Any] | None = None,
        decay: float = 3.0,
        floor: float = 0.05,
    ) -> None:
        self.calibrate = self.calibrated if calibrate is None else calibrate
        if self.calibrate not in METHODS or (self.calibrate != "none" and not self.classifies):
            raise InvalidInput(
                f"{self.name}.calibrate", self.calibrate, f"choose one of {', '.join(METHODS)}"
            )
        in_range(f"{self.name}.held_share", held_share, 0.0, 1.0, open_high=True)
        if self.calibrate != "none":
            in_range(f"{self.name}.held_share", held_share, 0.0, 1.0, open_low=True)
        in_range(f"{self.name}.memory", memory, 1, 1e12)
        in_range(f"{self.name}.growth", growth, 1.0, 1e6)
        self.task, self.rng, self.features, self.target, self.growth = task, rng, features, target, growth
        self.explorer = PlackettLuceRanking(decay, floor)
        # relative to the slot that is looked at most: a measured curve may rise a little before it falls
        self.attention = task.attention / task.attention.max()
        self.reranker = None if reranker is None else reranker_from_spec(reranker)
        self.item_side = features.item_side(task.items)
        held = held_share if self.calibrate != "none" or self.stops else 0.0
        self.memory = Memory(memory, held, np.random.default_rng(int(rng.integers(2**62))))
        self.count, self.fitted = 0, 0
        self.model: Scorer = TableScorer(np.zeros(len(task.items)))

    @abstractmethod
    def fit(self, rows: Rows, held: Rows) -> Scorer | None:
        """The model of rows, of logits if it classifies; None while there is too little to go by.

        ``held`` are the rows of pages held out, perhaps none.
        """

    def learn(self, batch: Interactions) -> Mapping[str, float]:
        """Remember the filled slots of a batch; the next policy is fitted on them."""
        slates = batch.decisions.slates
        row, slot = np.nonzero(slates >= 0)
        if len(row):
            x = self.features.shown(batch.requests, batch.decisions, self.item_side).astype(np.float32)
            if not np.isfinite(x).all():
                bad = int(row[np.flatnonzero(~np.isfinite(x).all(axis=1))[0]])
                raise InvalidInput(f"interactions.requests[{bad}]", "NaN", "remove NaN and infinity")
            y = self._outcome(batch)[row, slot]
            self.memory.add(x, y, self.attention[slot], row, len(slates))
            self.count += len(row)
        return {"slots": float(self.count), "fitted": float(self.fitted)}

    def _outcome(self, batch: Interactions) -> F64:
        """(n, k) the target."""
        if self.target != REWARD:
            if self.target not in batch.events:
                known = ", ".join((REWARD, *batch.events))
                raise InvalidInput(f"{self.name}.target", self.target, f"choose one of {known}")
            y: AnyArray = batch.events[self.target]
        elif self.classifies:
            y = batch.reward
        else:
            shown = batch.requests.at(batch.decisions.positions)
            least = self.task.item_value.min()  # > 0; the margin of the moment may be less
            y = batch.reward / np.maximum(unit_value(self.task.value, shown, self.task.items), least)
        return (y > 0).astype(np.float64) if self.classifies else np.asarray(y, np.float64)

    def scorer(self) -> Scorer:
        """What is predicted of a slot that is looked at, frozen; fitted first if there is enough new."""
        if self.count > self.fitted and self.count >= self.growth * self.fitted:
            rows = self.memory.rows()
            held = rows.where(rows.held)
            model = self.fit(rows.where(~rows.held), held)
            if model is not None:
                self.model = self._calibrated(model, held)
            self.fitted = self.count
        return self.model

    def _calibrated(self, model: Scorer, held: Rows) -> Scorer:
        if not self.classifies:
            return model
        # not asked for, or nothing to tell apart: logits at their word
        if self.calibrate == "none" or len(np.unique(held.y)) < 2:
            return ProbabilityScorer(model, "platt", np.array([1.0, 0.0]))
        fitter = fit_platt if self.calibrate == "platt" else fit_isotonic
        curve = fitter(self.predict(model, held.x), held.y, held.attention)
        return ProbabilityScorer(model, self.calibrate, curve)

    @abstractmethod
    def predict(self, model: Scorer, x: AnyArray) -> F64:
        """(r,) the scores of a model that :meth:`fit` made, for rows x (r, D)."""

    def policy(self) -> SlatePolicy:
        """The present model, frozen."""
        value = self.task.value if self.target == REWARD else "one"
        head = Head(self.target, f"{self.target} per slot looked at", worth=value)
        scorer = ObjectivesScorer(self.task.items, (self.scorer(),), (head,))
        return self.task.policy(self.name, scorer, self.explorer, self.reranker)
