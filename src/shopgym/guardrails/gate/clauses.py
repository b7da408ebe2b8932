"""The clauses of the gate: what is asked of a candidate, and what the log says of it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

from ...core.reward import CostLimit
from ...evaluation.errors import NotEstimable
from ...evaluation.intervals.statistic import Ratio, Statistic
from ...evaluation.offline.compare import combine_inputs, compare_inputs
from ...evaluation.offline.estimate import Estimate, without_infinity
from ...evaluation.offline.inputs import OpeInputs
from ...evaluation.offline.sample_size import sample_size
from ...evaluation.offline.verdict import CAUTION, REFUSE, TRUST
from ..reward.findings import GAMEABLE, NOT_LINTED, NOT_TOLD, LintReport

NORTH_STAR, LINT = "north star", "reward lint"
PAGE = "page"
"""What a cost is counted by where it is a mean per decision."""


@dataclass(frozen=True)
class Clause:
    """One thing that the gate asks for.

    Attributes:
        name: ``north star``, the label of a cost, or ``reward lint``.
        passed: whether the log shows that it holds.
        reason: in words; of a failed clause by how much, and what would settle it.
        value: the estimate; NaN where there is none.
        bound: its end on the side of the limit, at the clause's confidence.
        limit: what the bound is held against.
        missing: how far the bound is on the wrong side of the limit, 0 if it is not.
        further: decisions (or users) that would settle it if the truth is as estimated; 0 if it passed,
            infinite if more of the same would not help.
        unit: of value, bound, limit and missing.
        verdict: on the estimate: ``trust``, ``caution`` or ``refuse``.
    """

    name: str
    passed: bool
    reason: str
    value: float = math.nan
    bound: float = math.nan
    limit: float = math.nan
    missing: float = 0.0
    further: float = 0.0
    unit: str = ""
    verdict: str = TRUST

    def as_dict(self) -> dict[str, Any]:
        """JSON-able."""
        return without_infinity(asdict(self))


def north_star_clause(
    candidate: OpeInputs,
    baseline: OpeInputs,
    name: str,
    error: float,
    confidence: str,
    per: str = "decision",
) -> Clause:
    """Whether the candidate's north star is above the baseline's.

    Args:
        candidate, baseline: the north star under each policy, from the same rows of one log.
        name: of the baseline.
        error: of the one-sided bound.
        confidence: as the reason calls it, e.g. ``joint confidence 95%``.
        per: what a round is.
    """
    try:
        gain = compare_inputs(candidate, baseline, estimator="dr", level=1 - 2 * error)
    except NotEstimable as doubt:
        return _unknown(NORTH_STAR, doubt, candidate.unit)
    lowest = f"{gain.low:.4g} {gain.unit} a {per} at {confidence}"
    clause = _held(NORTH_STAR, gain, 0.0, upper=False)
    if clause.verdict == REFUSE:
        return clause
    if clause.passed:
        reason = f"on the log its gain over {name} is at least {lowest}"
        reason += f"; with caution: {gain.reason}" if gain.verdict == CAUTION else ""
    else:
        reason = f"on the log its gain over {name} may be as low as {lowest}; it must be above 0"
        reason += _what_would_settle(clause, gain)
    return replace(clause, reason=reason)


def cost_clause(
    cost: CostLimit,
    outcomes: Mapping[str, Mapping[str, OpeInputs]],
    candidate: str,
    error: float,
    confidence: str,
) -> Clause:
    """Whether a limit is kept: the bound of the cost is on the right side of it.

    A cost is a ratio of two values, and against a policy the ratio of two such ratios (a test of
    non-inferiority); its bound is that of the linear part (delta method), which uses all correlations.

    Args:
        cost: the limit.
        outcomes: by policy, the inputs by outcome (:func:`.outcomes.outcome_logs`).
        candidate: the policy that is judged.
        error, confidence: as in :func:`north_star_clause`.
    """
    policies = [candidate] if cost.versus is None else [candidate, cost.versus]
    names = cost_outcomes(cost)
    if cost.per == PAGE and PAGE in outcomes.get(candidate, {}):
        names = (*names, PAGE)  # rounds of several pages
    for policy in policies:
        for name in names:
            if name not in outcomes.get(policy, {}):
                why = f"the log does not tell {name} of {policy}"
                return Clause(cost.label, False, why, limit=cost.limit, further=math.inf, verdict=REFUSE)
    parts = [outcomes[policy][name] for policy in policies for name in names]
    unit = f"{parts[0].unit} per {cost.per}" if cost.versus is None else f"times {cost.versus}'s"
    try:
        estimate = combine_inputs(
            parts,
            partial(_cost_statistic, ratio=len(names) > 1, versus=cost.versus is not None),
            level=1 - 2 * error,
            unit=unit,
            note=cost.sentence,
        )
    except NotEstimable as doubt:
        return _unknown(cost.label, doubt, unit)
    upper = cost.at_most is not None
    clause = _held(cost.label, estimate, cost.limit, upper=upper)
    if clause.verdict == REFUSE:
        return clause
    may = f"may be as {'high' if upper else 'low'} as {clause.bound:.4g} {unit} at {confidence}"
    if clause.passed:
        side = "at most" if upper else "at least"
        reason = f"{cost.label} is {side} {clause.bound:.4g} {unit} at {confidence} (limit {cost.limit:.4g})"
        reason += f"; with caution: {estimate.reason}" if estimate.verdict == CAUTION else ""
    else:
        asked = "at most" if upper else "at least"
        reason = f"{cost.label} {may}; it must be {asked} {cost.limit:.4g}"
        reason += _what_would_settle(clause, estimate)
    return replace(clause, reason=reason)


def cost_outcomes(cost: CostLimit) -> tuple[str, ...]:
    """The outcomes that a cost is made of: :func:`.outcomes.outcome_logs` has them by these names."""
    counted = () if cost.per == PAGE else (cost.per,)
    return (cost.term if cost.items is None else cost.label, *counted)


def _cost_statistic(*parts: Statistic, ratio: bool, versus: bool) -> Statistic:
    if versus:
        half = len(parts) // 2
        one, other = (
            _cost_statistic(*half_parts, ratio=ratio, versus=False)
            for half_parts in (parts[:half], parts[half:])
        )
        return Ratio(one, other)
    return Ratio(parts[0], parts[1]) if ratio else parts[0]


def _held(name: str, estimate: Estimate, limit: float, *, upper: bool) -> Clause:
    """``estimate`` held against ``limit``: its bound may reach a limit, but a gain has to be above 0."""
    bound = estimate.high if upper else estimate.low
    over = bound - limit if upper else limit - bound
    told = estimate.verdict != REFUSE and math.isfinite(estimate.value) and math.isfinite(bound)
    if not told:
        why = estimate.reason or "its value is not finite"
        return Clause(
            name,
            False,
            _untold(name, why),
            estimate.value,
            bound,
            limit,
            further=math.inf,
            unit=estimate.unit,
            verdict=REFUSE,
        )
    passed = over <= 0 if name != NORTH_STAR else over < 0
    on_the_right_side = estimate.value < limit if upper else estimate.value > limit
    further = 0.0 if passed else math.inf
    if not passed and on_the_right_side:
        further = sample_size(estimate, limit, users=_users(estimate)).further
    return Clause(
        name,
        passed,
        "",
        estimate.value,
        bound,
        limit,
        missing=0.0 if passed else over,
        further=further,
        unit=estimate.unit,
        verdict=estimate.verdict,
    )


def _users(estimate: Estimate) -> int | None:
    return None if math.isnan(estimate.clusters) else int(estimate.clusters)


def _what_would_settle(clause: Clause, estimate: Estimate) -> str:
    """How far a failed clause is from passing, and how many more decisions it needs."""
    short = f" ({clause.missing:.3g} {clause.unit} short)"
    if math.isinf(clause.further):
        wrong = f"{short}; the estimate {estimate.value:.4g} is itself on the wrong side"
        return f"{wrong}: more decisions of the same kind are not expected to change that"
    sentence = sample_size(estimate, clause.limit, users=_users(estimate)).sentence
    return f"{short}; {sentence}" if sentence else short


def _unknown(name: str, doubt: NotEstimable, unit: str) -> Clause:
    reason = _untold(name, doubt.fix)
    return Clause(name, False, reason, bound=-math.inf, further=math.inf, unit=unit, verdict=REFUSE)


def _untold(name: str, why: str) -> str:
    return f"the log does not tell {'the ' * (name == NORTH_STAR)}{name}: {why}"


def lint_clause(report: LintReport) -> Clause:
    """Whether the reward that the candidates were trained on cannot be gamed in this shop.

    A reward that could not be linted or judged passes, with the verdict ``refuse``: nothing is known of it.
    """
    if report.verdict in (NOT_LINTED, NOT_TOLD):
        word = "linted" if report.verdict == NOT_LINTED else "judged"
        return Clause(LINT, True, f"the reward was not {word}: {report.headline}", verdict=REFUSE)
    if report.verdict != GAMEABLE:
        return Clause(LINT, True, f"the reward is {report.verdict} in this shop")
    fix = "more decisions would not change that: correct the reward (shopgym reward lint), and train again"
    reason = f"the reward can be gamed in this shop: {report.headline.rstrip('.')}; {fix}"
    return Clause(LINT, False, reason, further=math.inf)
