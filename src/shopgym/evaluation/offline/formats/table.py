"""A table in memory, one logged action per row: checked, weighed, its propensities estimated if need be."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.random import Generator

from ....core.errors import InvalidInput
from ....core.types import F64, I64
from ..from_dataframe import context_features, from_dataframe
from ..reward_model import FOLDS
from ..support import Support
from ..verdict import CAUTION, Reason
from .columns import Columns, check_columns, one_unit
from .propensities import estimated_propensities
from .target import OFFERED, Target, all_labels, codes
from .validation import ValidationReport
from .weighed_log import WeighedLog

if TYPE_CHECKING:
    import pandas as pd

ESTIMATED = "estimated propensity"


def table_source(
    frame: pd.DataFrame,
    policy: str,
    columns: Columns,
    *,
    rng: Generator,
    unit: str | None = None,
    note: str = "",
    by_user: bool | None = None,
) -> WeighedLog:
    """Weigh the rows of ``frame`` for ``policy``.

    Args:
        frame: one row per round.
        policy: see :class:`.target.Target`.
        columns: which columns are what. Without a propensity column the propensities are estimated from the
            context columns (:mod:`.propensities`), and no verdict is better than caution.
        rng: decides the folds.
        unit: of the reward; default: the value of the unit column, or the reward column's name.
        by_user: whether intervals take the users of ``columns.user`` as independent, not the rows
            (:func:`..users.user_clusters`).
        note: what the reader of an estimate has to know of the log.

    Raises:
        InvalidInput: a missing column, or one error about every value that cannot be used, with row numbers.
    """
    frame = frame.rename(columns=str)
    header = list(frame.columns)
    target = Target.parse(policy, header)
    if len(frame) < FOLDS:
        raise InvalidInput("LOG", f"{len(frame)} rows", f"{FOLDS} rounds are the least: give more")
    columns = columns.resolved(header, target.columns(header))
    report = ValidationReport()
    check_columns(frame, columns, report)
    target.check(frame, report)
    labels = _labels(frame, columns, target, report)
    report.stop(len(frame))
    if columns.unit:
        unit = one_unit(frame, columns.unit)
    action = codes(frame[columns.action], labels)
    features = context_features(frame, columns.context)
    facts: dict[str, Any] = {"actions": len(labels)}
    if len(labels) == 1:
        note = "; ".join(filter(None, (note, f"the log and the policy know one action, {labels[0]}")))
    doubts: list[Reason] = []
    others = [name for name in header if name not in (*columns.used, *target.columns(header))]
    if others and not columns.propensity and not columns.context:
        unused = f"{', '.join(others[:5])}{', ...' if len(others) > 5 else ''}"
        advice = f"if the choice depended on {unused}, name it as context (--context-column)"
        note = "; ".join(filter(None, (note, advice)))
    name = columns.propensity or ESTIMATED
    if not columns.propensity:
        users = frame[columns.user].to_numpy() if columns.user else None
        estimated = estimated_propensities(
            action, features, len(labels), rng=rng, context=columns.context, users=users
        )
        frame = frame.assign(**{ESTIMATED: estimated.logged})
        facts["propensities"] = estimated.facts
        doubts.append((CAUTION, estimated.warning))
    propensity = frame[name].to_numpy(dtype=np.float64)
    in_a_word = target.kind == "column" or _plain_uniform(target, frame)
    inputs = from_dataframe(
        frame,
        str(target) if in_a_word else target.matrix(frame, labels),
        rng=rng,
        action=columns.action,
        reward=columns.reward,
        propensity=name,
        context=columns.context,
        user=columns.user,
        actions=labels,
        unit=unit or columns.reward,
        by_user=by_user,
    )
    support = Support(len(labels), features.shape[1])
    mass = _mass(target, frame, labels) if target.all_actions else None
    support.add(action, propensity, mass, features)
    notes = "; ".join(filter(None, (inputs.note, note)))
    doubts += inputs.doubts
    inputs = replace(inputs, note=notes, doubts=tuple(doubts), **support.calibration())
    if OFFERED in frame.columns and frame[OFFERED].nunique() > 1:
        p = _p_value_by_offer(frame[OFFERED].to_numpy(), action, propensity, features)
        inputs, facts["varying_offer"] = replace(inputs, propensity_p=p), True
    return WeighedLog(inputs, support, tuple(map(str, labels)), facts)


def _p_value_by_offer(offered: I64, action: I64, propensity: F64, features: F64) -> float:
    """The propensities' p-value where an action may not be on offer: within rounds of the same offer."""
    p_values = []
    for size in np.unique(offered):
        rows = offered == size
        support = Support(int(size), features.shape[1])
        support.add(action[rows], propensity[rows], None, features[rows])
        p_values.append(support.p_value())
    return min(1.0, len(p_values) * float(np.nanmin(p_values))) if np.isfinite(p_values).any() else np.nan


def _plain_uniform(target: Target, frame: pd.DataFrame) -> bool:
    return target.kind == "uniform" and OFFERED not in frame.columns


def _labels(frame: pd.DataFrame, columns: Columns, target: Target, report: ValidationReport) -> list[Any]:
    try:
        logged = frame[columns.action].dropna().unique().tolist()
    except TypeError:  # several values in a row, which was found
        logged = []
    if not logged:
        report.stop(len(frame))
    chosen = frame[target.name].dropna().unique().tolist() if target.kind == "choice" else []
    named = target.labels(frame.columns, chosen)
    if OFFERED in frame.columns:
        named += range(1, int(frame[OFFERED].max()) + 1)
    labels = all_labels(logged, named, columns.actions)
    for name in (columns.action, *([target.name] if target.kind == "choice" else [])):
        outside = (codes(frame[name], labels) < 0) & frame[name].notna().to_numpy()
        fix = f"the actions are {', '.join(map(str, labels[:10]))}{', ...' if len(labels) > 10 else ''}"
        report.check(name, frame[name].to_numpy(dtype=object), outside, fix)
    return labels


def _mass(target: Target, frame: pd.DataFrame, labels: list[Any]) -> F64:
    """(A,) the target's probability of each action, summed over rows."""
    if _plain_uniform(target, frame):
        return np.full(len(labels), len(frame) / len(labels))
    return np.asarray(target.matrix(frame, labels).sum(axis=0))
