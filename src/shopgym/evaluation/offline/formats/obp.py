"""Open Bandit Pipeline's ``bandit_feedback`` dictionaries, in and out, without that package."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.random import Generator

from ....core.errors import InvalidInput
from ....core.types import AnyArray
from ..actions import cross_fitted_inputs
from ..checks import as_floats, check_finite, check_target, checked_actions, refuse
from ..from_dataframe import context_features
from ..support import Support
from .columns import Columns, check_columns
from .context import with_context
from .frames import as_frame, names_as_text
from .table import LogTable, check_labels
from .target import Target, codes
from .validation import ValidationReport
from .weighed_log import WeighedLog

if TYPE_CHECKING:
    import pandas as pd

NEEDED = ("n_actions", "action", "reward", "pscore")


def from_obp(
    feedback: Mapping[str, Any], action_dist: AnyArray | str, *, rng: Generator, unit: str = "reward"
) -> WeighedLog:
    """Weigh a ``bandit_feedback`` for a target policy.

    Args:
        feedback: with ``n_actions``, ``action``, ``reward`` and ``pscore`` (n,), for the reward model
            ``context`` (n, D) or None, ``position`` (n,) or None.
        action_dist: (n, A) or, as there, (n, A, positions): the target's probabilities; or ``"uniform"``.
        rng: decides the folds of the reward model.
        unit: of the reward.

    Raises:
        InvalidInput: a missing key, shapes that differ, values out of range with row numbers.
    """
    for key in NEEDED:
        if feedback.get(key) is None:
            raise InvalidInput("bandit_feedback", sorted(feedback), f"it has no {key}")
    if not isinstance(feedback["n_actions"], (int, np.integer)) or feedback["n_actions"] < 1:
        raise InvalidInput("n_actions", feedback["n_actions"], "give a whole number, 1 or more")
    actions = int(feedback["n_actions"])
    reward, action, propensity = (feedback[name] for name in ("reward", "action", "pscore"))
    reward, action, propensity = checked_actions(reward, action, propensity, actions)
    n = len(reward)
    if feedback.get("n_rounds", n) != n:
        raise InvalidInput("n_rounds", feedback["n_rounds"], f"there are {n} rewards")
    position = _position(feedback.get("position"), n)
    target = _target(action_dist, n, actions, position)
    features = _context(feedback.get("context"), n)
    if position.any():
        features = np.hstack([features, np.eye(int(position.max()) + 1)[position]])
    inputs = cross_fitted_inputs(
        reward, action, propensity, lambda rows: target[rows], features, actions, rng=rng, unit=unit
    )
    support = Support(actions, features.shape[1])
    support.add(action, propensity, target.sum(axis=0), features)
    return WeighedLog(inputs, support, tuple(map(str, range(actions))), {"actions": actions})


def to_obp(frame: pd.DataFrame, columns: Columns | None = None) -> dict[str, Any]:
    """A table as a ``bandit_feedback`` that Open Bandit Pipeline's estimators and models take.

    Actions become 0 to A - 1 in the order of their sorted labels, context columns numbers as the reward model
    sees them. ``expected_reward`` and ``pi_b``, which no log knows, are left out.

    Raises:
        InvalidInput: as :func:`.table.table_source`; a table without propensities.
    """
    columns = columns or Columns()
    frame = names_as_text(as_frame(frame), columns.names())
    columns, _ = with_context(frame, columns.resolved(list(frame.columns)), ())
    if not columns.propensity:
        raise InvalidInput("column", "propensity", "Open Bandit Pipeline needs logged propensities")
    report = ValidationReport()
    check_columns(frame, columns, report)
    labels = check_labels(frame, columns, Target("uniform"), report)
    report.stop(len(frame))
    log = LogTable(frame, columns, Target("uniform"), columns.reward)
    action = codes(frame[columns.action], labels)
    return {
        "n_rounds": len(frame),
        "n_actions": len(labels),
        "context": context_features(frame, columns.context),
        "action_context": np.eye(len(labels)),
        "action": action,
        "position": None,
        "reward": log.reward,
        "pscore": log.propensity(),
    }


def _position(position: Any, n: int) -> AnyArray:
    if position is None:
        return np.zeros(n, dtype=np.int64)
    positions = np.asarray(position)
    if positions.shape != (n,) or positions.dtype.kind not in "iu":
        received = (positions.shape, str(positions.dtype))
        raise InvalidInput("position", received, f"give {n} whole numbers, or None")
    refuse("position", positions, positions < 0, "give 0 or more")
    return positions


def _target(action_dist: AnyArray | str, n: int, actions: int, position: AnyArray) -> AnyArray:
    if isinstance(action_dist, str):
        if action_dist != "uniform":
            raise InvalidInput("action_dist", action_dist, "write uniform, or give probabilities (n, A)")
        return np.full((n, actions), 1.0 / actions)
    target = as_floats("action_dist", action_dist)
    if target.ndim == 3 and target.shape[:2] == (n, actions) and target.shape[2] > position.max():
        target = target[np.arange(n), :, position]
    if target.shape != (n, actions):
        fix = f"give shape ({n}, {actions}) or ({n}, {actions}, positions)"
        raise InvalidInput("action_dist", target.shape, fix)
    check_target(target, n)
    return target


def _context(context: Any, n: int) -> AnyArray:
    if context is None:
        return np.empty((n, 0))
    features = as_floats("context", context)
    if features.ndim != 2 or len(features) != n:
        raise InvalidInput("context", features.shape, f"give shape ({n}, features)")
    check_finite("context", features)
    spread = features.std(axis=0)
    return np.asarray((features - features.mean(axis=0)) / np.where(spread > 0, spread, 1.0))
