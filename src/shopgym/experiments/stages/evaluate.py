"""What the log alone tells of each policy: its inputs, and the estimates that are made of them."""

from __future__ import annotations

from functools import partial
from typing import Any

import pandas as pd
from numpy.random import Generator

from ...agents import Task
from ...evaluation.errors import NotEstimable
from ...evaluation.offline.estimators import ESTIMATORS
from ...evaluation.offline.inputs import OpeInputs
from ...evaluation.offline.log import item_features, outcome_inputs
from ...evaluation.offline.ranking import logged_ranking
from ...evaluation.offline.rl.slates import page_count_log, slate_sequence_inputs
from ...evaluation.offline.verdict import REFUSE
from ...guardrails.gate import LoggedRankings, north_star_log, outcome_logs
from ...guardrails.gate.clauses import PAGE
from ...policies.decision_log.log import DecisionLog
from ...policies.policy import SlatePolicy
from ...simulators.rollout import Episode
from .context import RunContext

REWARD, NORTH_STAR = "reward", "north star"
"""Outcomes that policies are judged by on the log, beside the terms of the limits."""
ONE_STOCK = (
    "a season is one shop with one stock: what a policy sells others cannot buy, so its visits are no "
    "independent episodes and no log of one season tells what another policy would have done: compare by "
    "paired deployment"
)
"""Why nothing is estimated from the log of a season."""

Inputs = dict[str, dict[str, OpeInputs]]
"""By policy and outcome."""


def log_inputs_of_all(
    context: RunContext, log: DecisionLog, task: Task, policies: dict[str, SlatePolicy]
) -> Inputs:
    """By policy: the reward, the north star where it is another, and what the limits are made of.

    A round is an episode: a page; or a visit or customer, whose pages are weighed one after the other.
    """
    reward, currency = context.reward, context.catalog.items.currency
    logs = {REWARD: log}
    if reward.star_weights != reward.weights or reward.clip:
        logs[NORTH_STAR] = north_star_log(log, reward, currency)
    logs |= outcome_logs(log, reward.limits, context.catalog.items, currency)
    read: Any = outcome_inputs
    if context.episode is not Episode.PAGE:
        read = slate_sequence_inputs
        logs |= {PAGE: page_count_log(log)} if reward.limits else {}
    features = item_features(log, context.catalog.items, task.item_value)
    inputs = {}
    for name, policy in policies.items():
        bar = context.progress.add_task(f"evaluate {name} on the log", total=len(log))

        def show(done: int, _: int, bar: Any = bar) -> None:
            context.progress.update(bar, completed=done)

        with context.failures.noted(name, "evaluation on the log"):
            rng = context.rng("folds")
            inputs[name] = read(logs, policy, rng=rng, features=features, progress=show)
    return inputs


def logged_rankings(
    context: RunContext, log: DecisionLog, policies: dict[str, SlatePolicy]
) -> LoggedRankings | None:
    """How the policies rank what users of the log chose, where the gate asks for it."""
    floor = context.config.gate.ranking
    if floor is None:
        return None
    values = {
        name: logged_ranking(log, policy, rng=context.rng("ranking", name), outcome=floor.outcome)[
            floor.metric
        ]
        for name, policy in policies.items()
    }
    return LoggedRankings(floor, values, log.user_id)


def estimates(context: RunContext, inputs: dict[str, OpeInputs], agents: pd.DataFrame) -> pd.DataFrame:
    """One row per policy, estimator and kind of interval, beside the truth.

    The truth is the value for the requests of the log where an episode is a page, else that when deployed.
    """
    section, rows = context.config.evaluation, []
    by_agent = agents.set_index("agent")
    deployed = by_agent["value"].to_dict()
    truth = by_agent["value_on_log"].to_dict() if context.episode is Episode.PAGE else deployed
    with context.bar("estimate and bootstrap", len(inputs) * len(section.estimators)) as on_progress:
        for name, of_policy in inputs.items():
            for estimator in section.estimators:
                for interval in ("delta", "bootstrap"):
                    rng = context.rng("bootstrap", name, estimator)
                    row = _estimate_row(of_policy, estimator, section.level, interval, rng)
                    rows.append({"agent": name, **row, **_against(row, truth[name], deployed[name])})
                on_progress()
    return pd.DataFrame(rows)


def refused_estimates(context: RunContext, log: DecisionLog, agents: pd.DataFrame) -> pd.DataFrame:
    """The same table for a season: every row is refused, with the reason, and has no number."""
    section = context.config.evaluation
    columns = partial(_refused_row, level=section.level, n=len(log), unit=log.unit, reason=ONE_STOCK)
    rows = [
        {"agent": name, **row, **_against(row, value, value)}
        for name, value in zip(agents["agent"], agents["value"], strict=True)
        for estimator in section.estimators
        for interval in ("delta", "bootstrap")
        for row in (columns(estimator=estimator, interval=interval),)
    ]
    return pd.DataFrame(rows)


def _estimate_row(
    inputs: OpeInputs, estimator: str, level: float, interval: str, rng: Generator
) -> dict[str, Any]:
    """The columns of an estimate; without a number where the log has none to give."""
    try:
        return ESTIMATORS[estimator].estimate(inputs, level=level, interval=interval, rng=rng).as_dict()
    except NotEstimable as error:
        names = {"estimator": estimator, "interval": interval, "level": level}
        return _refused_row(**names, n=len(inputs), unit=inputs.unit, reason=error.fix)


def _refused_row(**columns: Any) -> dict[str, Any]:
    reason = columns.pop("reason")
    unit = columns.pop("unit")
    return {**columns, "unit": unit, "verdict": REFUSE, "reason": reason}


def _against(row: dict[str, Any], truth: float, deployed: float) -> dict[str, Any]:
    """The exact values beside an estimate, and whether its interval holds them."""
    exact = {"truth": truth, "deployed": deployed}
    return exact | {f"covers_{kind}": _covers(row, value) for kind, value in exact.items()}


def _covers(row: dict[str, Any], value: float) -> bool | None:
    """Whether the interval of an estimate holds ``value``; None without an interval."""
    low, high = row.get("low"), row.get("high")
    return None if low is None or high is None else bool(low <= value <= high)
