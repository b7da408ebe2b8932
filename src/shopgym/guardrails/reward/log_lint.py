"""The lint from a log alone: what policies fitted to the reward would earn of the north star.

On the first half of the log, by time, one model is fitted to the reward and one to the north star. On the
second half the pages that each would choose, under rising pressure, are judged by doubly robust estimates,
the two policies paired. Without a shop nothing else is known: a pressure at which the log has too little to
say is not told, and the verdict goes no further than the pressures that are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.random import Generator, Philox

from ...agents import Task, make_agent
from ...core.batches import Decisions, Interactions
from ...core.errors import InvalidInput, in_range
from ...core.items import Items
from ...core.reward import RewardSpec
from ...core.reward.amounts import bounded_slots
from ...core.types import F64, I64
from ...evaluation.errors import NotEstimable
from ...evaluation.offline.compare import compare_inputs
from ...evaluation.offline.estimate import Estimate
from ...evaluation.offline.inputs import OpeInputs
from ...evaluation.offline.log import item_features, outcome_inputs
from ...evaluation.offline.verdict import REFUSE
from ...policies.decision_log.log import DecisionLog
from ...policies.explorers import Softmax
from ...policies.policy import SlatePolicy
from .trained import value_of

PRESSURES = (0.5, 1.0, 2.0, 4.0, 8.0)
"""In units of one over the standard deviation of what the model predicts within a page."""
LEAST_ROUNDS = 200
REWARD, STAR = "reward", "north star"

NO_SHARE = "pages chosen for the north star earn none of it here, so there is nothing to keep a share of"

Outcomes = Mapping[str, OpeInputs]
"""The inputs of an estimate of the reward and of the north star, for one policy."""
Judge = Callable[[str, float], Outcomes]
"""From what a policy was fitted to (``REWARD`` or ``STAR``) and the pressure to its outcomes."""


@dataclass(frozen=True)
class LogPoint:
    """One pressure.

    Attributes:
        pressure: see :data:`PRESSURES`.
        share: north star of the policy fitted to the reward, over that of the one fitted to the north star,
            less 1; None if the log gives no estimate.
        why: what is against the estimate; empty if nothing is.
        same: whether the two policies are one, so that nothing can be lost.
    """

    pressure: float
    share: Estimate | None
    why: str
    same: bool = False

    @property
    def told(self) -> bool:
        """Whether the number may be shown: there is one, and it is not refused."""
        return self.same or (self.share is not None and self.share.verdict != REFUSE)

    @property
    def bounds(self) -> tuple[float, float, float]:
        """(share, low, high); NaN where it is not told."""
        if self.same:
            return 1.0, 1.0, 1.0
        if self.share is None or not self.told:
            return float("nan"), float("nan"), float("nan")
        return 1.0 + self.share.value, 1.0 + self.share.low, 1.0 + self.share.high


@dataclass(frozen=True)
class LogLint:
    """What a log says of a reward.

    Attributes:
        spec: the reward.
        points: by rising pressure.
        rounds: of the half that judges.
        tolerance: share of the north star that may be lost.
        constant: of ``REWARD`` and ``STAR`` what is the same in every round.
    """

    spec: RewardSpec
    points: tuple[LogPoint, ...]
    rounds: int
    tolerance: float
    constant: tuple[str, ...] = ()

    @property
    def told(self) -> tuple[LogPoint, ...]:
        """The pressures of which the log says something."""
        return tuple(point for point in self.points if point.told)

    @property
    def gamed(self) -> LogPoint | None:
        """The pressure at which most is lost for certain, None if at none more than the tolerance is."""
        lost = [point for point in self.told if point.bounds[2] < 1.0 - self.tolerance]
        return min(lost, key=lambda point: point.bounds[2], default=None)

    @property
    def excluded(self) -> bool:
        """Whether at the strongest pressure that is told a greater loss is excluded."""
        return bool(self.told) and self.told[-1].bounds[1] >= 1.0 - self.tolerance


def log_lint(
    spec: RewardSpec,
    log: DecisionLog,
    items: Items,
    *,
    tolerance: float = 0.05,
    pressures: Sequence[float] = PRESSURES,
    seed: int = 0,
) -> LogLint:
    """Judge a reward from a decision log whose events hold the terms.

    Raises:
        InvalidInput: a term is not in the log, too few decisions have a reward, or the catalogue is another.
    """
    in_range("lint.tolerance", tolerance, 0.0, 1.0, open_low=True, open_high=True)
    log = log.rewarded_only()
    log.require_items(items)
    if len(log) < 2 * LEAST_ROUNDS:
        raise InvalidInput("log", len(log), f"give {2 * LEAST_ROUNDS} decisions with a reward, or more")
    amounts = _amounts(spec, log)
    _, second = _halves(log)
    policies, judged = fitted_policies(spec, log, items, seed=seed), log.take(second)
    scales = {name: score_spread(policy, judged) for name, policy in policies.items()}
    features = item_features(judged, items, _task(spec, log, items).item_value)
    logs = {name: judged.with_reward(values[second], name) for name, values in amounts.items()}

    def judge(fitted_to: str, pressure: float) -> Outcomes:
        policy = under_pressure(policies[fitted_to], pressure, scales[fitted_to])
        return outcome_inputs(logs, policy, rng=Generator(Philox(key=seed)), features=features)

    constant = tuple(name for name, values in amounts.items() if not np.ptp(values.sum(axis=1)))
    return LogLint(spec, judged_points(judge, pressures), len(second), tolerance, constant)


def judged_points(judge: Judge, pressures: Sequence[float]) -> tuple[LogPoint, ...]:
    """The price of the proxy at each pressure."""
    points = []
    for pressure in pressures:
        ours, honest = (judge(name, pressure)[STAR] for name in (REWARD, STAR))
        if np.array_equal(ours.weight, honest.weight):
            points.append(LogPoint(pressure, None, "", same=True))
            continue
        try:
            lift = compare_inputs(ours, honest, estimator="dr", relative=True)
        except NotEstimable as doubt:
            points.append(LogPoint(pressure, None, doubt.fix))
            continue
        if np.isnan(lift.value):
            points.append(LogPoint(pressure, None, NO_SHARE))
            continue
        points.append(LogPoint(pressure, lift, lift.reason))
    return tuple(points)


def slot_sum(
    log: DecisionLog,
    weights: Mapping[str, float],
    part: str,
    clip: Mapping[str, tuple[float, float]] | None = None,
) -> F64:
    """(n, k) the weighted sum of terms of each slot; ``clip`` bounds a page's amount of a term."""
    total: F64 = np.zeros(log.positions.shape)
    for name, weight in weights.items():
        if name not in log.events:
            fix = f"the log has {', '.join(log.events) or 'no terms'}: log it as an event"
            raise InvalidInput(f"reward.{part}", name, fix)
        amount = np.nan_to_num(log.events[name])
        total += weight * (bounded_slots(amount, clip[name]) if clip and name in clip else amount)
    return total


def fitted_policies(
    spec: RewardSpec, log: DecisionLog, items: Items, *, seed: int = 0
) -> dict[str, SlatePolicy]:
    """The policies of linear models of the reward and of the north star, from the first half of the log."""
    part = log.take(_halves(log)[0])
    decisions = Decisions(part.positions, part.slates, part.propensities)
    policies = {}
    for name, values in _amounts(spec, part).items():
        agent = make_agent("linear_ranker", _task(spec, log, items), Generator(Philox(key=seed)))
        agent.learn(Interactions(part.requests(), decisions, values))
        policy: Any = agent.policy()
        policies[name] = policy
    return policies


def under_pressure(policy: SlatePolicy, pressure: float, scale: float) -> SlatePolicy:
    """The same scores, drawn by Plackett-Luce with exp(pressure x score / scale)."""
    return replace(policy, explorer=Softmax(temperature=max(scale, 1e-12) / pressure))


def _amounts(spec: RewardSpec, log: DecisionLog) -> dict[str, F64]:
    star = slot_sum(log, spec.star_weights, "north_star")
    return {REWARD: slot_sum(log, spec.weights, "terms", spec.clip), STAR: star}


def _halves(log: DecisionLog) -> tuple[I64, I64]:
    order = np.argsort(log.time, kind="stable")
    return order[: len(log) // 2], order[len(log) // 2 :]


def _task(spec: RewardSpec, log: DecisionLog, items: Items) -> Task:
    size, names = log.slate_size, (log.user_names, log.context_names)
    return Task(items, *names, size, attention=np.ones(size), value=value_of(spec))


def score_spread(policy: SlatePolicy, log: DecisionLog) -> float:
    """Standard deviation of the scores of the candidates of a page, over the first pages of a log."""
    requests = log.requests().take(slice(0, 2000))
    scores = policy.scorer.scores(requests).mean(axis=1)
    within = np.where(requests.candidates >= 0, scores, np.nan)
    return float(np.sqrt(np.nanvar(within, axis=1).mean()))
