"""Inputs from a table with one logged action per row."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.random import Generator

from ...core.errors import InvalidInput
from ...core.types import F64, AnyArray
from .actions import cross_fitted_inputs
from .checks import as_floats, check_target, checked_actions, refuse
from .inputs import OpeInputs
from .reward_model import FOLDS
from .users import user_clusters

if TYPE_CHECKING:
    import pandas as pd

MOST_CATEGORIES = 100
"""A column of words with more different values than this is refused as context."""


def from_dataframe(
    frame: pd.DataFrame,
    target: str | AnyArray | Callable[[pd.DataFrame], AnyArray],
    *,
    rng: Generator,
    action: str = "action",
    reward: str = "reward",
    propensity: str = "propensity",
    context: Sequence[str] = (),
    user: str | None = None,
    weight: str | None = None,
    actions: Sequence[Any] | None = None,
    folds: int = FOLDS,
    penalty: float | None = None,
    unit: str = "reward",
    objective: str = "squares",
    by_user: bool | None = None,
) -> OpeInputs:
    """Inputs from a pandas DataFrame, one row per round.

    Args:
        frame: the log.
        target: the policy to evaluate: ``"uniform"`` over ``actions``; ``"column:NAME"``, a column with its
            probability of the logged action; a matrix (n, A), its probabilities in the order of ``actions``;
            or a callable that makes this matrix from the frame.
        rng: decides the folds of the reward model.
        action, reward, propensity: column names.
        context: columns for the reward model: numbers are standardised, anything else becomes one column
            per value.
        user: column whose equal values are one user; the folds keep users together.
        weight: column that says how many rounds a row stands for, above 0 (:class:`.inputs.OpeInputs`).
        actions: the action labels; default: those in the log, sorted.
        folds, penalty: of the reward model; penalty None is chosen from the log.
        unit: unit of the reward.
        objective: of the reward model, see :func:`.actions.cross_fitted_inputs`.
        by_user: whether intervals take the users of that column as independent, not the rows; None: where
            users come back (:func:`.users.user_clusters`).

    Returns:
        Inputs of one slot. With ``"column:NAME"`` nothing is known of the actions that were not logged: there
        is no reward model (dm and dr refuse, and the note says so) and ``unsupported`` is NaN.

    Raises:
        InvalidInput: a column that is missing or of the wrong kind, values out of range, with row numbers.
    """
    for name in filter(None, (action, reward, propensity, *context, user, weight)):
        _need(frame, name)
    labels, codes = _codes(frame, action, actions)
    logged = checked_actions(_numbers(frame, reward), codes, _numbers(frame, propensity), len(labels))
    sample_weight = None if weight is None else _numbers(frame, weight)
    users = None if user is None else frame[user].to_numpy()
    if user is not None:
        missing = frame[user].isna().to_numpy()
        refuse(user, frame[user].to_numpy(dtype=object), missing, "fill in what is missing")
    cluster, doubts = user_clusters(users, by_user)
    if isinstance(target, str) and target.startswith("column:"):
        inputs = _from_column(frame, target.removeprefix("column:"), logged[0], logged[2], unit)
        return replace(inputs, cluster=cluster, doubts=doubts, sample_weight=sample_weight)
    inputs = cross_fitted_inputs(
        *logged,
        _rows_of(target, frame, len(labels)),
        context_features(frame, context),
        len(labels),
        rng=rng,
        users=users,
        folds=folds,
        penalty=penalty,
        unit=unit,
        objective=objective,
        sample_weight=sample_weight,
    )
    return replace(inputs, cluster=cluster, doubts=doubts)


def context_features(frame: pd.DataFrame, columns: Sequence[str]) -> F64:
    """(n, D) numbers standardised to mean 0 and variance 1; other columns one-hot, by sorted value."""
    parts: list[F64] = []
    for name in columns:
        column = frame[name]
        missing = column.isna().to_numpy()
        refuse(name, column.to_numpy(dtype=object), missing, "fill in what is missing")
        if column.dtype.kind in "iufb":
            values = column.to_numpy(dtype=np.float64)
            refuse(name, values, ~np.isfinite(values), "remove infinity")
            spread = values.std()
            parts.append(((values - values.mean()) / (spread if spread > 0 else 1.0))[:, None])
        else:
            levels, code = np.unique(column.to_numpy().astype(str), return_inverse=True)
            if len(levels) > MOST_CATEGORIES:
                fix = f"too many different values for context, at most {MOST_CATEGORIES}"
                raise InvalidInput(name, len(levels), f"{fix}: leave it out, or turn it into a number")
            parts.append(np.eye(len(levels))[code])
    return np.hstack(parts) if parts else np.empty((len(frame), 0))


def _from_column(frame: pd.DataFrame, name: str, reward: F64, propensity: F64, unit: str) -> OpeInputs:
    _need(frame, name)
    probability = _numbers(frame, name)
    refuse(name, probability, ~((probability >= 0) & (probability <= 1)), "give a probability in [0, 1]")
    note = "only the target's probability of the logged action is known: no reward model, so no dm and dr"
    return OpeInputs.of_rounds(reward, probability / propensity, unit=unit, note=note, propensity=propensity)


def _rows_of(
    target: str | AnyArray | Callable[[pd.DataFrame], AnyArray], frame: pd.DataFrame, n_actions: int
) -> Callable[[slice], F64]:
    """From a slice of rows to their target probabilities."""
    if isinstance(target, str):
        if target != "uniform":
            raise InvalidInput("target", target, "write uniform or column:NAME, or give a matrix")
        return lambda rows: np.full((rows.stop - rows.start, n_actions), 1.0 / n_actions)
    matrix = as_floats("target", target(frame) if callable(target) else target)
    if matrix.ndim != 2 or matrix.shape[1] != n_actions:
        raise InvalidInput("target", matrix.shape, f"give one column for each of {n_actions} actions")
    check_target(matrix, len(frame))
    return lambda rows: matrix[rows]


def _codes(frame: pd.DataFrame, name: str, actions: Sequence[Any] | None) -> tuple[list[Any], AnyArray]:
    """The action labels, and the place of each row's action among them."""
    import pandas as pd

    column = frame[name]
    refuse(name, column.to_numpy(dtype=object), column.isna().to_numpy(), "fill in what is missing")
    try:
        labels = sorted(column.unique().tolist()) if actions is None else list(actions)
    except TypeError as error:
        raise InvalidInput(name, str(error), "several types of actions: make them all text") from error
    codes = pd.Index(labels).get_indexer(pd.Index(column))
    refuse(name, column.to_numpy(dtype=object), codes < 0, f"it is not among the {len(labels)} given actions")
    return labels, codes


def _numbers(frame: pd.DataFrame, name: str) -> F64:
    numeric = frame[name].dtype.kind in "iufb"
    return as_floats(name, frame[name].to_numpy(dtype=np.float64 if numeric else object))


def _need(frame: pd.DataFrame, name: str) -> None:
    if name not in frame.columns:
        raise InvalidInput("column", name, f"the table has {', '.join(map(str, frame.columns))}")
