"""The gate: a policy may leave only if the log shows that it beats the baseline and keeps every limit.

One log judges m candidates by several clauses each. A candidate passes only if all its clauses do, so each
clause may be tested at the candidate's whole error: if one of them is false, passing needs a false pass of
that very clause (intersection-union test: Berger 1982, Multiparameter hypothesis testing and acceptance
sampling). The error 1 - level is split evenly over the candidates (Bonferroni). So the probability that any
candidate passes that ought not to is at most 1 - level, and picking the best of those that passed is allowed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace

from ...core.errors import InvalidInput
from ...core.reward import CostLimit
from ...evaluation.offline.inputs import OpeInputs
from ...evaluation.offline.verdict import REFUSE
from .clauses import Clause, cost_clause, north_star_clause
from .ranking import LoggedRankings
from .verdict import Verdict


def judge_candidates(
    inputs: Mapping[str, OpeInputs],
    baseline: str,
    level: float,
    *,
    costs: Sequence[CostLimit] = (),
    outcomes: Mapping[str, Mapping[str, OpeInputs]] | None = None,
    rankings: LoggedRankings | None = None,
    others: Sequence[Clause] = (),
    per: str = "decision",
) -> dict[str, Verdict]:
    """A verdict on every policy but the baseline, from one log.

    Args:
        inputs: the north star under each policy.
        baseline: one of them.
        level: 1 - the probability that any candidate passes that ought not to.
        costs: limits that a candidate has to keep.
        outcomes: what the costs are made of under each policy (:func:`.outcomes.outcome_logs`).
        rankings: how each policy ranks what users of the log chose, where the gate asks for that.
        others: clauses that the log does not decide, such as :func:`.clauses.lint_clause`.
        per: what a round of the inputs is, e.g. ``decision`` or ``visit``.

    Raises:
        InvalidInput: the baseline, or a policy that a cost is held against, was not evaluated.
    """

    def clauses(name: str, error: float, confidence: str) -> list[Clause]:
        star = north_star_clause(inputs[name], inputs[baseline], baseline, error, confidence, per)
        limits = [cost_clause(cost, outcomes or {}, name, error, confidence) for cost in costs]
        ranking = [] if rankings is None else [rankings.clause(name, baseline, error, confidence)]
        return [star, *limits, *ranking, *others]

    return judge_each(inputs, baseline, level, costs, clauses)


def judge_each(
    evaluated: Collection[str],
    baseline: str,
    level: float,
    costs: Sequence[CostLimit],
    clauses: Callable[[str, float, str], Sequence[Clause]],
) -> dict[str, Verdict]:
    """A verdict on every policy but the baseline; the error is split evenly over these candidates.

    Args:
        evaluated: names of all policies.
        baseline, level, costs: as in :func:`judge_candidates`.
        clauses: of a candidate, the north star first: called with its name, the error of each clause and how
            reasons call the confidence.

    Raises:
        InvalidInput: as :func:`judge_candidates`.
    """
    _check_policies(evaluated, baseline, costs)
    candidates = [name for name in evaluated if name != baseline]
    error, confidence = (1 - level) / len(candidates), f"joint confidence {level:.0%}"
    return {
        name: _verdict_of(name, baseline, level, tuple(clauses(name, error, confidence)))
        for name in candidates
    }


def _check_policies(evaluated: Collection[str], baseline: str, costs: Sequence[CostLimit]) -> None:
    """Raise :class:`InvalidInput` unless the baseline, a candidate and whom costs name were evaluated."""
    if baseline not in evaluated or len(evaluated) < 2:
        raise InvalidInput("gate.baseline", baseline, "evaluate it and at least one other policy")
    for cost in costs:
        if cost.versus is not None and cost.versus not in evaluated:
            fix = f"evaluate it beside the others: {', '.join(evaluated)}"
            raise InvalidInput(f"reward.costs.{cost.label}.versus", cost.versus, fix)


def _verdict_of(name: str, baseline: str, level: float, clauses: tuple[Clause, ...]) -> Verdict:
    """The verdict on a candidate from its clauses, the north star first.

    A clause that passed although nothing is known of it is told with the verdict.
    """
    star, failed = clauses[0], [clause.reason for clause in clauses if not clause.passed]
    unknown = [clause.reason for clause in clauses if clause.passed and clause.verdict == REFUSE]
    return Verdict(
        name,
        baseline,
        star.value,
        star.bound,
        level,
        star.unit,
        not failed,
        "; ".join([*(failed or [star.reason]), *unknown]),
        star.verdict,
        clauses,
    )


def choose_candidate(verdicts: Mapping[str, Verdict], candidate: str) -> Verdict:
    """The verdict on ``candidate``; with ``"best"`` that with the highest lower bound, of those that passed.

    If none passed it is the one with the highest lower bound of all.
    """
    if candidate == "best":
        return max(verdicts.values(), key=lambda verdict: (verdict.passed, verdict.low))
    if candidate not in verdicts:
        raise InvalidInput("gate.candidate", candidate, f"choose 'best' or one of {', '.join(verdicts)}")
    return verdicts[candidate]


def overridden(verdict: Verdict, reason: str) -> Verdict:
    """The verdict of a candidate that leaves although the gate refused it, because of ``reason``.

    One that passed needs no reason, and stays as it is.
    """
    check_reason(reason)
    return verdict if verdict.passed else replace(verdict, override=reason.strip())


def check_reason(reason: str) -> None:
    """Raise :class:`InvalidInput` unless ``reason`` says something."""
    if not reason.strip():
        fix = "say why, in words: the reason stands in the bundle's evidence, and the server shows it"
        raise InvalidInput("override", reason, fix)
