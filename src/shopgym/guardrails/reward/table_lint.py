"""The lint from a table of one's own: an action a row, its probability, and the terms as columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.random import Generator, Philox

from ...core.errors import InvalidInput, in_range
from ...core.reward import RewardSpec
from ...core.types import F64, AnyArray
from ...evaluation.offline.from_dataframe import from_dataframe
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
    frame = table.copy()
    for name, weights in ((REWARD, spec.weights), (STAR, spec.star_weights)):
        for term in weights:
            if term not in frame:
                fix = (
                    f"give the amounts of the term in a column of that name; there are {list(table.columns)}"
                )
                raise InvalidInput("log", term, fix)
        frame[name] = sum(weight * frame[term].to_numpy(np.float64) for term, weight in weights.items())
    for name in (action, propensity, *context):
        if name not in frame:
            raise InvalidInput("log", name, f"there is no such column; there are {list(table.columns)}")
    labels = sorted(frame[action].unique().tolist())
    first, second = frame.iloc[: len(frame) // 2], frame.iloc[len(frame) // 2 :].reset_index(drop=True)
    x = _columns(frame, context)
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

    return LogLint(spec, judged_points(judge, pressures), len(second), tolerance)


def _columns(frame: pd.DataFrame, context: Sequence[str]) -> F64:
    """(n, D) a constant and the standardised context."""
    parts = [np.ones(len(frame))]
    for name in context:
        values = frame[name].to_numpy(np.float64)
        parts.append((values - values.mean()) / (values.std() or 1.0))
    return np.stack(parts, axis=1)


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
    logits = pressure * (values - values.max(axis=1, keepdims=True)) / max(scale, 1e-12)
    rates = np.exp(logits)
    probabilities: F64 = rates / rates.sum(axis=1, keepdims=True)
    return probabilities
