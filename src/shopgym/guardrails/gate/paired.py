"""The gate where no log can tell: the policies were deployed, each with the same visitors and the same luck.

A season is one shop with one stock, so its visits are not independent and the seasons are: intervals are
Student's t over the differences of paired episodes (deployments with common random numbers), and of a ratio
over its linear part (delta method).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ...core.reward import CostLimit
from ...core.types import F64
from ...evaluation.intervals.normal import student_interval
from ...evaluation.offline.verdict import CAUTION, REFUSE, TRUST
from .clauses import NORTH_STAR, PAGE, Clause
from .judge import judge_each
from .verdict import Verdict

FEW = 10
"""Episodes below which an interval is stated with caution: a t-interval then leans on normal differences."""


@dataclass(frozen=True)
class PairedOutcomes:
    """What one policy brought in E episodes.

    Attributes:
        star: (E,) the north star of each.
        amounts: (E,) of each limit by its label, of what it is counted by, and of ``page``.
    """

    star: F64
    amounts: Mapping[str, F64]


def judge_paired(
    outcomes: Mapping[str, PairedOutcomes],
    baseline: str,
    level: float,
    *,
    costs: Sequence[CostLimit] = (),
    others: Sequence[Clause] = (),
    unit: str = "reward",
    per: str = "season",
) -> dict[str, Verdict]:
    """A verdict on every policy but the baseline, from paired deployments.

    Args:
        outcomes: by policy; episode i of all is the same but for what the policies did.
        baseline, level, costs, others: as in :func:`.judge.judge_candidates`.
        unit: of the north star.
        per: what an episode is.

    Raises:
        InvalidInput: the baseline, or a policy that a cost is held against, was not deployed.
    """

    def clauses(name: str, error: float, words: str) -> list[Clause]:
        gain = outcomes[name].star - outcomes[baseline].star
        star = _north_star(gain, baseline, error, words, unit, per)
        return [star, *(_cost(cost, outcomes, name, error, words, per) for cost in costs), *others]

    return judge_each(outcomes, baseline, level, costs, clauses)


def _north_star(gain: F64, baseline: str, error: float, words: str, unit: str, per: str) -> Clause:
    value, bound = float(gain.mean()), _bound(gain, error, upper=False)
    passed, verdict = bound > 0, _verdict(gain)
    least = f"{bound:.4g} {unit} a {per} at {words}"
    how = f"over {len(gain)} paired {per}s of deployment its gain over {baseline}"
    reason = f"{how} is at least {least}"
    if not passed:
        reason = f"{how} may be as low as {least}; it must be above 0"
    missing = 0.0 if passed else -bound
    return Clause(NORTH_STAR, passed, reason, value, bound, 0.0, missing, unit=unit, verdict=verdict)


def _cost(
    cost: CostLimit,
    outcomes: Mapping[str, PairedOutcomes],
    candidate: str,
    error: float,
    words: str,
    per: str,
) -> Clause:
    value, influence = _ratio(cost, outcomes[candidate].amounts, per)
    unit = f"per {cost.per}"
    if cost.versus is not None:
        other, of_other = _ratio(cost, outcomes[cost.versus].amounts, per)
        influence = (
            influence / other - value / other**2 * of_other if other else np.full_like(of_other, np.nan)
        )
        value, unit = value / other if other else float("nan"), f"times {cost.versus}'s"
    upper = cost.at_most is not None
    bound = value + _bound(influence, error, upper=upper)
    clause = Clause(cost.label, False, "", value, bound, cost.limit, unit=unit, verdict=_verdict(influence))
    if not np.isfinite(bound):
        return replace(clause, reason=f"{cost.label} is not known: nothing was counted", verdict=REFUSE)
    over = bound - cost.limit if upper else cost.limit - bound
    side = "at most" if upper else "at least"
    if over <= 0:
        reason = f"{cost.label} is {side} {bound:.4g} {unit} at {words} (limit {cost.limit:.4g})"
        return replace(clause, passed=True, reason=reason)
    far = "high" if upper else "low"
    reason = (
        f"{cost.label} may be as {far} as {bound:.4g} {unit} at {words}; it must be {side} {cost.limit:.4g}"
    )
    return replace(clause, reason=reason, missing=over)


def _ratio(cost: CostLimit, amounts: Mapping[str, F64], per: str) -> tuple[float, F64]:
    """A cost over what it is counted by, and (E,) the influence of each episode on it, mean 0."""
    top = amounts[cost.label]
    if cost.per == per:
        return float(top.mean()), top - top.mean()
    below = amounts.get(cost.per, np.full(len(top), np.nan)) if cost.per != PAGE else amounts[PAGE]
    count = float(below.mean())
    if not count:
        return float("nan"), np.full(len(top), np.nan)
    value = float(top.mean()) / count
    return value, (top - value * below) / count


def _bound(values: F64, error: float, *, upper: bool) -> float:
    """The one-sided end of Student's t for the mean of independent values."""
    _, low, high = student_interval(values, 1 - 2 * error)
    return high if upper else low


def _verdict(values: F64) -> str:
    return CAUTION if len(values) < FEW else TRUST
