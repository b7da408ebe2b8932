"""The gate of a run: on the log, or where no log can tell, on paired deployments."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from ...core.errors import InvalidInput
from ...evaluation.offline.inputs import OpeInputs
from ...guardrails.gate import (
    LoggedRankings,
    PairedOutcomes,
    Verdict,
    choose_candidate,
    judge_candidates,
    judge_paired,
    lint_clause,
)
from ...guardrails.reward.findings import LintReport
from .context import RunContext
from .deploy import Deployment
from .evaluate import NORTH_STAR, REWARD


def judge_on_log(
    context: RunContext,
    inputs: dict[str, dict[str, OpeInputs]],
    rankings: LoggedRankings | None,
    lint: LintReport,
) -> dict[str, Verdict]:
    """A verdict on every policy but the baseline, from the log."""
    stars = {name: outcomes.get(NORTH_STAR, outcomes[REWARD]) for name, outcomes in inputs.items()}
    gate, costs = context.config.gate, context.reward.limits
    return judge_candidates(
        stars,
        gate.baseline,
        gate.level,
        costs=costs,
        outcomes=inputs,
        rankings=rankings,
        others=[lint_clause(lint)],
        per=context.per,
    )


def judge_deployed(
    context: RunContext, deployments: dict[str, Deployment], lint: LintReport
) -> dict[str, Verdict]:
    """The same from deployments with the same visitors and the same luck, episode by episode.

    The north star is the exact expected reward of the episode where it is the reward, else what was realised.
    """
    gate, reward = context.config.gate, context.reward
    same = reward.star_weights == reward.weights and not reward.clip
    outcomes = {
        name: PairedOutcomes(each.expected if same else each.star, each.amounts)
        for name, each in deployments.items()
    }
    unit = context.unit if same else f"{reward.star_unit} of {reward.star.name}"
    return judge_paired(
        outcomes,
        gate.baseline,
        gate.level,
        costs=reward.limits,
        others=[lint_clause(lint)],
        unit=unit,
        per=context.per,
    )


def require_candidates(context: RunContext, judged: Collection[str]) -> None:
    """Raise unless somebody is left beside the baseline."""
    if len(judged) < 2:
        agent, reason = next(iter(context.failures.reasons.items()))
        raise InvalidInput("agents", agent, f"{reason}; no other agent is left to compare with the baseline")


def chosen_of(context: RunContext, verdicts: dict[str, Verdict]) -> Verdict:
    """The candidate; where the one that the config names failed, the best of the others, not let out."""
    candidate = context.config.gate.candidate
    if candidate not in context.failures.reasons:
        return choose_candidate(verdicts, candidate)
    reason = f"the config names {candidate}, which failed, and nothing leaves in its place"
    return replace(choose_candidate(verdicts, "best"), passed=False, reason=reason)
