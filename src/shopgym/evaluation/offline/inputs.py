"""The inputs of every estimator: rewards, importance weights and predictions of the logged rounds."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from ...core.errors import InvalidInput
from ...core.types import F64, I64, AnyArray
from ..intervals.clusters import cluster_codes, independent_draws
from ..intervals.statistic import Terms
from .agreement import disagreements
from .checks import (
    as_floats,
    check_finite,
    check_rewards,
    check_target,
    checked_actions,
    checked_predictions,
    refuse,
    shown,
)
from .diagnostics import Diagnostics, diagnose
from .support import calibration
from .verdict import CAUTION, REFUSE, THRESHOLDS, Reason, off


@dataclass(frozen=True, eq=False)
class OpeInputs:
    """n rounds of k slots; k = 1 for logs of single actions.

    Attributes:
        reward: (n, k) float64, reward of each slot, in ``unit``.
        weight: (n, k) float64 >= 0, target over behaviour probability of what the slot showed.
        q_logged: (n, k) predicted reward of what the slot showed, or None without a reward model.
        v_target: (n, k) predicted reward of the slot under the target policy, or None like ``q_logged``.
        unsupported: share of the target's probability on actions the log never shows; NaN if unknown.
        unit: unit of the reward.
        note: what the reader of an estimate has to know, e.g. a fallback; may be empty.
        propensity: (n, k) the behaviour policy's probability of what the slot showed, in (0, 1], or None.
        logger: (n,) which of several behaviour policies made the round, counted from 0, or None for one.
        propensity_p: p-value of the propensities (:meth:`.support.Support.p_value`); NaN if not tested.
        propensity_excess: share by which an action is logged more often than its propensities say, at least
            (:meth:`.support.Support.excess`); NaN if not tested.
        slate_weight: (n,) weight of a whole slate's reward, for :class:`.slate.PseudoInverse`; None: unknown.
        chained: whether weights are products over several slots, not each slot's own ratio.
        conditional_predictions: whether ``v_target`` is conditional on the earlier slots that the log
            shows, as cascade-dr needs it. False: it is the target's own mean, as dr needs it.
        cluster: (n,) integers from 0, equal for rounds that belong together, such as a user's; intervals and
            standard errors then take clusters as independent, not rounds. None: every round is its own.
        assumptions: what the weights assume beyond right propensities; empty for a ratio of probabilities of
            what was logged. With assumptions no verdict is better than caution.
        assumptions_z: how far the log contradicts the assumptions, in standard errors; NaN if unknown.
        doubts: what the reader of the log has against every number that is made of it, such as propensities
            that it had to estimate. They are among the reasons of every estimate and comparison.
        sample_weight: (n,) > 0, how many rounds each row stands for, e.g. 1 / p where a row was kept with
            probability p; None: one each. Means, diagnostics and intervals weigh with it.

    Raises:
        InvalidInput: shapes that differ, a value that is not finite, a negative weight, a sample weight that
            is not above 0; with row numbers.
    """

    reward: F64
    weight: F64
    q_logged: F64 | None = None
    v_target: F64 | None = None
    unsupported: float = math.nan
    unit: str = "reward"
    note: str = ""
    propensity: F64 | None = None
    logger: I64 | None = None
    propensity_p: float = math.nan
    propensity_excess: float = math.nan
    slate_weight: F64 | None = None
    chained: bool = False
    conditional_predictions: bool = False
    cluster: I64 | None = None
    assumptions: str = ""
    assumptions_z: float = math.nan
    doubts: tuple[Reason, ...] = ()
    sample_weight: F64 | None = None

    def __post_init__(self) -> None:
        if self.reward.ndim != 2 or 0 in self.reward.shape:
            raise InvalidInput("inputs.reward", self.reward.shape, "give shape (rounds, slots), none is 0")
        if (self.q_logged is None) != (self.v_target is None):
            raise InvalidInput("inputs.q_logged", None, "give q_logged and v_target together, or neither")
        for name in ("logger", "cluster", "slate_weight", "sample_weight"):
            values = getattr(self, name)
            if values is not None and values.shape != self.reward.shape[:1]:
                raise InvalidInput(f"inputs.{name}", values.shape, f"give one per round ({len(self.reward)})")
        for name in ("reward", "weight", "q_logged", "v_target", "propensity"):
            values = getattr(self, name)
            if values is None:
                continue
            if values.shape != self.reward.shape:
                raise InvalidInput(f"inputs.{name}", values.shape, f"give shape {self.reward.shape}")
            check_finite(f"inputs.{name}", values)
        check_rewards("inputs.reward", self.reward)
        refuse("inputs.weight", self.weight, self.weight < 0, "an importance weight is never negative")
        if self.sample_weight is not None:
            bad = ~(np.isfinite(self.sample_weight) & (self.sample_weight > 0))
            refuse("inputs.sample_weight", self.sample_weight, bad, "give numbers above 0")

    def __len__(self) -> int:
        return len(self.reward)

    @property
    def slots(self) -> int:
        """k."""
        return int(self.reward.shape[1])

    @property
    def logged_value(self) -> float:
        """Mean reward of a logged round."""
        return float(np.average(self.reward.sum(axis=1), weights=self.sample_weight))

    @property
    def logged_error(self) -> float:
        """Standard error of :attr:`logged_value`."""
        total = Terms(self.reward.sum(axis=1, keepdims=True))
        return independent_draws(total, self.cluster, self.sample_weight).standard_error

    @property
    def has_model(self) -> bool:
        """Whether there are predictions of a reward model."""
        return self.q_logged is not None

    def take(self, rows: AnyArray) -> OpeInputs:
        """The inputs of some rounds.

        Args:
            rows: (n,) truth values, or the numbers of the rounds.

        What is known of the log as a whole stays: ``unsupported``, ``propensity_p``, ``doubts``.
        """
        columns = {
            name: values[rows]
            for name, values in vars(self).items()
            if name in _COLUMNS and values is not None
        }
        if self.cluster is not None:
            columns["cluster"] = cluster_codes(columns["cluster"])
        return replace(self, **columns)

    @cached_property
    def diagnostics(self) -> Diagnostics:
        """Diagnostics of the weights and the model; computed once."""
        columns = (self.reward, self.weight, self.q_logged)
        draws = (self.cluster, self.sample_weight)
        made = diagnose(*columns, self.unsupported, self.propensity_p, *draws)
        return replace(made, propensity_excess=self.propensity_excess)

    @cached_property
    def disagreements(self) -> tuple[Reason, ...]:
        """See :func:`.agreement.disagreements`."""
        if self.assumptions or not self.ess > 0 or len(self) < 2:
            return ()  # under an assumption the weights alone may be off where dr is not
        model = None
        if self.q_logged is not None and self.v_target is not None and not self.conditional_predictions:
            model = self.q_logged, self.v_target
        return disagreements(self.reward, self.weight, model, self.cluster, self.sample_weight)

    @cached_property
    def control(self) -> F64:
        """(n,) the mean weight of a round's slots less 1: 0 in expectation."""
        mean: F64 = self.weight[:, 0] if self.slots == 1 else self.weight.mean(axis=1)
        return mean - 1.0

    def assumption_reasons(self) -> Iterator[Reason]:
        """Reasons against every estimate that uses the weights, from what these assume."""
        if self.assumptions:
            yield CAUTION, f"it takes for granted that {self.assumptions}"
        if abs(self.assumptions_z) > THRESHOLDS.z:
            another = f"weighed by the actions themselves the value is another, {off(self.assumptions_z)}"
            yield REFUSE, f"the log contradicts that {self.assumptions}: {another}"

    @property
    def ess(self) -> float:
        """Effective sample size, of the slot where it is smallest."""
        return self.diagnostics.ess

    @property
    def max_weight(self) -> float:
        """Largest importance weight."""
        return self.diagnostics.max_weight

    @property
    def mean_weight(self) -> float:
        """Mean importance weight, over rounds and slots."""
        return self.diagnostics.mean_weight

    @classmethod
    def of_rounds(
        cls,
        reward: F64,
        weight: F64,
        q_logged: F64 | None = None,
        v_target: F64 | None = None,
        *,
        propensity: F64 | None = None,
        **others: Any,
    ) -> OpeInputs:
        """Inputs of one slot: the five columns have shape (n,), ``others`` are any other fields."""
        optional = (None if each is None else each[:, None] for each in (q_logged, v_target, propensity))
        q_logged, v_target, propensity = optional
        return cls(reward[:, None], weight[:, None], q_logged, v_target, propensity=propensity, **others)

    @classmethod
    def from_actions(
        cls,
        reward: AnyArray,
        action: AnyArray,
        propensity: AnyArray,
        target: AnyArray,
        q: AnyArray | None = None,
        *,
        unit: str = "reward",
    ) -> OpeInputs:
        """Inputs from the usual bandit layout, one action a round.

        Args:
            reward: (n,) reward of the logged action.
            action: (n,) integers in [0, A).
            propensity: (n,) in (0, 1], the behaviour policy's probability of the logged action.
            target: (n, A) the target policy's probabilities; rows sum to 1 within 1e-6.
            q: (n, A) predicted reward of every action, or None: then only ips and snips have an answer.
            unit: unit of the reward.

        Raises:
            InvalidInput: anything that is not as above, with the first wrong row and the count.
        """
        target = as_floats("target", target)
        if target.ndim != 2 or target.shape[1] == 0:
            raise InvalidInput("target", target.shape, "give shape (rounds, actions)")
        reward, action, propensity = checked_actions(reward, action, propensity, target.shape[1])
        check_target(target, len(reward))
        q = None if q is None else checked_predictions(q, target)
        unseen = ~shown(action, target.shape[1])
        return cls.of_rounds(
            reward,
            *weigh(action, propensity, target, q),
            unsupported=float(target[:, unseen].sum()) / len(reward) if unseen.any() else 0.0,
            unit=unit,
            propensity=propensity,
            **calibration(action, propensity, target.shape[1]),
        )


_COLUMNS = (
    "reward",
    "weight",
    "q_logged",
    "v_target",
    "propensity",
    "logger",
    "slate_weight",
    "cluster",
    "sample_weight",
)
"""Fields with one row per round."""


def weigh(action: I64, propensity: F64, target: F64, q: F64 | None) -> tuple[F64, F64 | None, F64 | None]:
    """Importance weight, prediction for the logged action and for the target policy, each (n,)."""
    rows = np.arange(len(action))
    weight = target[rows, action] / propensity
    if q is None:
        return weight, None, None
    return weight, q[rows, action], np.einsum("na,na->n", target, q)
