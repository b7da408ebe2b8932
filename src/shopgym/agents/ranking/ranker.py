"""What all rankers share: they keep the rows shown, fit, calibrate and hand out a frozen policy."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from ...core.batches import Interactions
from ...core.errors import InvalidInput, in_range, one_of
from ...core.types import F64, AnyArray
from ...policies.explorers import PlackettLuceRanking
from ...policies.features import FeatureMap
from ...policies.live_values import unit_value
from ...policies.policy import SlatePolicy
from ...policies.rerankers import reranker_from_spec
from ...policies.scorers import Head, ObjectivesScorer, ProbabilityScorer, Scorer, TableScorer
from ..task import Task, check_features
from .calibration import METHODS, fit_isotonic, fit_platt
from .holdout_buffer import HoldoutBuffer, Rows

REWARD = "reward"


class RankingAgent(ABC):
    """Predicts the outcome of a slot that is looked at, and ranks by the prediction times the item's value.

    With target ``reward`` it predicts reward / value. The value is the task's, at the live price or margin if
    requests have them. A classifier predicts whether there is any reward. With an event as the target it
    predicts the event and ranks by that alone.

    Args:
        target: ``reward`` or the name of an event, e.g. ``click``.
        calibrate: ``none``, ``platt`` or ``isotonic``; fitted on pages held out of training.
        held_share: share of pages held out, if calibration or early stopping needs them.
        memory: number of filled slots to learn from, the latest.
        growth: it is fitted again when the number of slots has grown by this factor, so that all fits
            together cost a small multiple of the last.
        reranker: ``kind`` and settings of a re-ranker, e.g. ``{"kind": "mmr", "trade": 0.7}``.
        decay, floor: of :class:`.PlackettLuceRanking`.
    """

    name: ClassVar[str]
    classifies: ClassVar[bool] = True
    """Whether the target is made 0 or 1."""
    default_calibration: ClassVar[str] = "none"
    """The default of ``calibrate``."""
    early_stopping: ClassVar[bool] = False
    """Whether pages held out decide when training stops."""

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
        self.calibrate = self.default_calibration if calibrate is None else calibrate
        if self.calibrate not in METHODS or (self.calibrate != "none" and not self.classifies):
            fix = f"choose one of {', '.join(METHODS)}"
            raise InvalidInput(f"{self.name}.calibrate", self.calibrate, fix)
        in_range(f"{self.name}.held_share", held_share, 0.0, 1.0, open_high=True)
        if self.calibrate != "none":
            in_range(f"{self.name}.held_share", held_share, 0.0, 1.0, open_low=True)
        in_range(f"{self.name}.memory", memory, 1, 1e12)
        in_range(f"{self.name}.growth", growth, 1.0, 1e6)
        self.task, self.rng, self.features, self.target, self.growth = task, rng, features, target, growth
        self.explorer = PlackettLuceRanking(decay, floor)
        # relative to the slot that is looked at most, which need not be the first of a measured curve
        self.attention = task.attention / task.attention.max()
        self.reranker = None if reranker is None else reranker_from_spec(reranker)
        self.item_side = features.item_side(task.items)
        holdout = held_share if self.calibrate != "none" or self.early_stopping else 0.0
        self.memory = HoldoutBuffer(memory, holdout, np.random.default_rng(int(rng.integers(2**62))))
        self.count, self.fitted = 0, 0
        self.model: Scorer = TableScorer(np.zeros(len(task.items)))

    @abstractmethod
    def fit(self, rows: Rows, holdout: Rows) -> Scorer | None:
        """A model fitted to ``rows``, of logits if it classifies; None if there is too little to fit.

        ``holdout`` are the rows of pages held out; there may be none.
        """

    def learn(self, batch: Interactions) -> Mapping[str, float]:
        """Keep the filled slots of a batch; the next policy is fitted on them."""
        slates = batch.decisions.slates
        row, slot = np.nonzero(slates >= 0)
        if len(row):
            x = self.features.shown(batch.requests, batch.decisions, self.item_side).astype(np.float32)
            check_features(x, row)
            y = self._outcome(batch)[row, slot]
            self.memory.add(x, y, self.attention[slot], row, len(slates))
            self.count += len(row)
        return {"slots": float(self.count), "fitted": float(self.fitted)}

    def _outcome(self, batch: Interactions) -> F64:
        """(n, k) the target."""
        if self.target != REWARD:
            one_of(f"{self.name}.target", self.target, (REWARD, *batch.events))
            y: AnyArray = batch.events[self.target]
        elif self.classifies:
            y = batch.reward
        else:
            shown = batch.requests.at(batch.decisions.positions)
            least = self.task.item_value.min()  # > 0; the live margin may be less
            y = batch.reward / np.maximum(unit_value(self.task.value, shown, self.task.items), least)
        return (y > 0).astype(np.float64) if self.classifies else np.asarray(y, np.float64)

    def scorer(self) -> Scorer:
        """The prediction for a slot that is looked at, frozen; fitted first if there are enough new slots."""
        if self.count > self.fitted and self.count >= self.growth * self.fitted:
            rows = self.memory.rows()
            holdout = rows.select(rows.holdout)
            model = self.fit(rows.select(~rows.holdout), holdout)
            if model is not None:
                self.model = self._calibrated(model, holdout)
            self.fitted = self.count
        return self.model

    def _calibrated(self, model: Scorer, holdout: Rows) -> Scorer:
        if not self.classifies:
            return model
        # without calibration, or with one outcome only, logits become probabilities as they are
        if self.calibrate == "none" or len(np.unique(holdout.y)) < 2:
            return ProbabilityScorer(model, "platt", np.array([1.0, 0.0]))
        fitter = fit_platt if self.calibrate == "platt" else fit_isotonic
        curve = fitter(self.predict(model, holdout.x), holdout.y, holdout.attention)
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
