"""Checks of logged columns; each error names the first bad row and counts the bad rows."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ...core.errors import InvalidInput
from ...core.types import F64, I64, AnyArray, Bool

ROW_SUM_TOLERANCE = 1e-6
"""The sum of a distribution may differ from 1 by this much."""
LARGEST = 1e40
"""Largest size of a reward or a weight: sums of sixth powers of larger numbers are infinite."""
UNITS = "give rewards in a larger unit"
CHUNK_CELLS = 4_000_000
"""Numbers in an array that is made chunk by chunk, e.g. rounds x actions: 32 MB."""


def chunks(n: int, cells: int) -> Iterator[slice]:
    """Slices over n rows of ``cells`` numbers each, of about ``CHUNK_CELLS`` numbers a slice."""
    step = max(1, CHUNK_CELLS // cells)
    return (slice(start, min(start + step, n)) for start in range(0, n, step))


def refuse(
    field: str, values: AnyArray, bad: Bool, fix: str, error: type[InvalidInput] = InvalidInput
) -> None:
    """Raise ``error`` that names the first bad row and counts them, if there is one."""
    if bad.any():
        rows = np.flatnonzero(bad.reshape(len(bad), -1).any(axis=1))
        value = values[rows[:1]].tolist()[0]
        raise error(f"{field}[{rows[0]}]", value, f"{fix} ({len(rows)} of {len(bad)} rows are wrong)")


def check_finite(field: str, values: AnyArray) -> None:
    """Raise :class:`InvalidInput` unless all of ``values`` are finite."""
    refuse(field, values, ~np.isfinite(values), "remove NaN and infinity")


def as_floats(field: str, values: AnyArray) -> F64:
    """``values`` as float64, or :class:`InvalidInput`."""
    try:
        array = np.asarray(values)
        if array.dtype.kind in "cmM":  # numpy would drop imaginary parts and turn dates into numbers
            raise TypeError(f"they are {array.dtype}")
        return array.astype(np.float64, copy=False)
    except (TypeError, ValueError) as error:
        raise InvalidInput(field, str(error), "give numbers") from error


def check_rewards(field: str, reward: F64) -> None:
    """Raise :class:`InvalidInput` unless all rewards are finite and small enough to be squared and summed."""
    check_finite(field, reward)
    refuse(field, reward, np.abs(reward) > LARGEST, f"beyond {LARGEST:g} nothing can be added up: {UNITS}")


def logged_probability(table: F64, action: AnyArray) -> F64:
    """(n,) the probability of the logged action in ``table`` (n, A); 1 where the action is invalid."""
    actions = np.asarray(action)
    if actions.shape != table.shape[:1] or actions.dtype.kind not in "iu":
        return np.ones(actions.shape)
    inside = (actions >= 0) & (actions < table.shape[1])
    return np.where(inside, table[np.arange(len(table)), np.where(inside, actions, 0)], 1.0)


def label_codes(field: str, labels: AnyArray) -> tuple[I64, int]:
    """(A,) the index of each label among the sorted distinct labels, and the number of these."""
    array = np.asarray(labels)
    if array.ndim != 1 or len(array) == 0:
        raise InvalidInput(field, array.shape, "give one label for each action")
    if array.dtype.kind in "fO":
        missing = np.array([label is None or label != label for label in array.tolist()])
        refuse(field, array, missing, "fill in what is missing")
    distinct, code = np.unique(array, return_inverse=True)
    return code.astype(np.int64), len(distinct)


def checked_actions(
    reward: AnyArray, action: AnyArray, propensity: AnyArray, n_actions: int
) -> tuple[F64, I64, F64]:
    """The logged columns of one-action rounds, checked: reward, action, propensity, each (n,)."""
    reward, propensity = as_floats("reward", reward), as_floats("propensity", propensity)
    action = np.asarray(action)
    if reward.ndim != 1 or len(reward) == 0:
        raise InvalidInput("reward", reward.shape, "give one number per round, at least one round")
    for name, column in (("action", action), ("propensity", propensity)):
        if column.shape != reward.shape:
            raise InvalidInput(name, column.shape, f"give shape {reward.shape}, one per reward")
    if action.dtype.kind not in "iu":
        raise InvalidInput("action", str(action.dtype), "give whole numbers, the columns of the target")
    action = action.astype(np.int64)
    outside = (action < 0) | (action >= n_actions)
    refuse("action", action, outside, f"the target has actions 0 to {n_actions - 1}")
    check_rewards("reward", reward)
    in_range = (propensity > 0) & (propensity <= 1)
    refuse("propensity", propensity, ~in_range, "give a probability in (0, 1]")
    return reward, action, propensity


def checked_policies(
    reward: AnyArray, action: AnyArray, behaviour: AnyArray, target: AnyArray
) -> tuple[F64, I64, F64, F64, F64]:
    """Rewards, actions, their propensities, and all probabilities (n, A) of both policies, checked.

    Raises:
        InvalidInput: shapes that differ, rows that are no distributions, an action that could not be logged.
    """
    behaviour, target = as_floats("behaviour", behaviour), as_floats("target", target)
    if target.ndim != 2 or behaviour.shape != target.shape:
        raise InvalidInput("target", (behaviour.shape, target.shape), "give both shape (rounds, actions)")
    check_target(target, len(target))
    check_target(behaviour, len(target), "behaviour")
    logged = logged_probability(behaviour, action)
    reward, action, logged = checked_actions(reward, action, logged, target.shape[1])
    if len(reward) != len(target):
        raise InvalidInput("reward", reward.shape, f"give one per row of the target ({len(target)})")
    return reward, action, logged, behaviour, target


def checked_predictions(q: AnyArray, target: F64) -> F64:
    """Predicted rewards ``q`` as floats; refuses another shape than that of the target (n, A)."""
    q = as_floats("q", q)
    if q.shape != target.shape:
        raise InvalidInput("q", q.shape, f"give shape {target.shape}, like the target")
    return q


def check_target(target: F64, n: int, field: str = "target") -> None:
    """Raise :class:`InvalidInput` unless ``target`` is n probability distributions, over its last axis."""
    if len(target) != n:
        raise InvalidInput(field, target.shape, f"give one row per logged round ({n})")
    refuse(field, target, ~(target >= 0), "give probabilities >= 0")
    off = ~(np.abs(target.sum(axis=-1) - 1.0) <= ROW_SUM_TOLERANCE)
    refuse(field, target, off, "each row has to sum to 1")


def shown(action: I64, n_actions: int) -> Bool:
    """(A,) whether an action is ever logged."""
    seen: Bool = np.bincount(action, minlength=n_actions) > 0
    return seen
