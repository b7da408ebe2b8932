"""The lint from a table of one's own: an action a row, its probability, and the terms as columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.random import Generator, Philox

from ...core.errors import InvalidInput, finite, in_range, refuse_rows
from ...core.reward import RewardSpec
from ...core.types import F64, AnyArray
from ...evaluation.offline.checks import as_floats
from ...evaluation.offline.from_dataframe import context_features, from_dataframe
from .log_lint import LEAST_ROUNDS, PRESSURES, REWARD, STAR, LogLint, Outcomes, judged_points

if TYPE_CHECKING:
    import pandas as pd

RIDGE = 10.0
"""Penalty of the weights of the context in the model of each action, in rows."""


def table_lint(
    spec: RewardSpec,
    table: pd.DataFrame,
    *,
    action: str = "action",
    propensity: str = "propensity",
    context: Sequence[str] = (),
    tolerance: float = 0.05,
    pressures: Sequence[float] = PRESSURES,
    seed: int = 0,
) -> LogLint:
    """Judge a reward from a table with one action a row, in the order of time.

    Args:
        table: with a column for every term of the reward and the north star, under the term's name.
        action, propensity: columns of what was done and of its probability.
        context: columns of numbers that are known before the action.

    Raises:
        InvalidInput: a column is missing or holds no numbers, or there are too few rows.
    """
    in_range("lint.tolerance", tolerance, 0.0, 1.0, open_low=True, open_high=True)
    if len(table) < 2 * LEAST_ROUNDS:
        raise InvalidInput("log", len(table), f"give {2 * LEAST_ROUNDS} rows or more")
    frame = _checked(spec, table, action, propensity, context)
    labels = sorted(frame[action].unique().tolist())
    first, second = frame.iloc[: len(frame) // 2], frame.iloc[len(frame) // 2 :].reset_index(drop=True)
    x = np.hstack([np.ones((len(frame), 1)), context_features(frame, context)])
    predicted = {
        name: _predict(
            x[: len(first)], first[action].to_numpy(), first[name].to_numpy(), labels, x[len(first) :]
        )
        for name in (REWARD, STAR)
    }

    def judge(fitted_to: str, pressure: float) -> Outcomes:
        target = _tilted(predicted[fitted_to], pressure)
        return {
            name: from_dataframe(
                second,
                target,
                rng=Generator(Philox(key=seed)),
                action=action,
                reward=name,
                propensity=propensity,
                context=context,
                actions=labels,
                unit=name,
            )
            for name in (STAR,)
        }

    constant = tuple(name for name in (REWARD, STAR) if not np.ptp(frame[name].to_numpy(np.float64)))
    return LogLint(spec, judged_points(judge, pressures), len(second), tolerance, constant)


def _checked(
    spec: RewardSpec, table: pd.DataFrame, action: str, propensity: str, context: Sequence[str]
) -> pd.DataFrame:
    """The table with the reward and the north star of each row; every row of it is looked at."""
    columns, frame = ", ".join(map(str, table.columns)), table.copy()
    terms = dict.fromkeys((*spec.weights, *spec.star_weights))
    for name in (*terms, action, propensity, *context):
        if name not in frame:
            fix = "give the amounts of the term in a column of that name" if name in terms else ""
            raise InvalidInput("log", name, f"{fix or 'there is no such column'}; there are {columns}")
    for name in (action, propensity, *context):
        if name in terms or (name in context and name in (action, propensity)):
            fix = "it is known only after the action: name columns that are known before it"
            raise InvalidInput("log", name, fix)
    for name in (*terms, propensity):
        values = as_floats(name, frame[name].to_numpy())
        finite(name, values, f"remove NaN and infinity: every row needs its {name}")
    refuse_rows(action, frame[action].to_numpy(object), frame[action].isna().to_numpy(), "name the action")
    share = frame[propensity].to_numpy(np.float64)
    refuse_rows(propensity, share, ~((share > 0.0) & (share <= 1.0)), "give a probability in (0, 1]")
    if frame[action].nunique() < 2:
        fix = "the log shows one action alone, and nothing of what another would have earned: explore"
        raise InvalidInput("log", frame[action].iloc[0], fix)
    amounts = {name: frame[name].to_numpy(np.float64) for name in terms}
    frame[REWARD], frame[STAR] = spec.weigh(amounts), spec.north_star_amount(amounts)
    return frame


def _predict(x: F64, action: AnyArray, value: F64, labels: Sequence[object], ahead: F64) -> F64:
    """(rows ahead, A) ridge regression of the value, one model for each action."""
    penalty = np.diag([1e-9] + [RIDGE] * (x.shape[1] - 1))
    out = np.empty((len(ahead), len(labels)))
    for number, label in enumerate(labels):
        rows = action == label
        theta = np.linalg.solve(x[rows].T @ x[rows] + penalty, x[rows].T @ value[rows])
        out[:, number] = ahead @ theta
    return out


def _tilted(values: F64, pressure: float) -> F64:
    """(n, A) probabilities proportional to exp(pressure x value / its standard deviation within a row)."""
    scale = float(np.sqrt(values.var(axis=1).mean()))
    logits = pressure * (values - values.max(axis=1, keepdims=True)) / (scale or 1.0)
    rates = np.exp(logits)
    probabilities: F64 = rates / rates.sum(axis=1, keepdims=True)
    return probabilities
