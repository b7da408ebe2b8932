"""A table in memory, one logged action per row: checked, weighed, its propensities estimated if need be."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.random import Generator

from ....core.errors import InvalidInput
from ....core.types import F64, I64, AnyArray
from ....tables import RECOGNISED, to_numbers
from ..actions import cross_fitted_inputs
from ..bandit.continuous import kernel_inputs
from ..duplicates import repeated_rows
from ..from_dataframe import context_features
from ..inputs import OpeInputs
from ..reward_model import FOLDS
from ..slate import slate_inputs
from ..support import FEWEST, Support
from ..users import user_clusters
from ..verdict import CAUTION, Reason
from .columns import VALUE, Columns, check_columns, is_nested, one_unit
from .context import other_columns, with_context, without_outcomes
from .frames import as_frame, names_as_text
from .long_slates import LongSlates, check_slates
from .missing import leave_out
from .models import policy_columns
from .propensities import estimated_propensities
from .target import OFFERED, Target, all_labels, codes, listed
from .validation import ValidationReport
from .weighed_log import WeighedLog

if TYPE_CHECKING:
    import pandas as pd

KNOWN_CHANCES = "if the choice was drawn with known probabilities, as in a trial, give their column or number"
LOGGED_ONLY = "only the target's probability of the logged action is known: no reward model, so no dm and dr"


@dataclass
class LogTable:
    """A table whose values were checked.

    Attributes:
        frame: the rows that are used.
        columns: resolved, the context spelt out.
        target: the policy.
        unit: of the reward.
        labels: of the actions; empty where these are numbers, or of slates.
        facts, notes, doubts: what the reader found out.
    """

    frame: pd.DataFrame
    columns: Columns
    target: Target
    unit: str
    labels: list[str] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    doubts: list[Reason] = field(default_factory=list)

    def numbers(self, name: str) -> F64:
        """(n,) a column."""
        return to_numbers(self.frame[name], name)

    @property
    def reward(self) -> F64:
        """(n,)."""
        return self.numbers(self.columns.reward)

    @property
    def sample_weight(self) -> F64 | None:
        """(n,) how many rounds each row stands for, or None."""
        return None if self.columns.weight is None else self.numbers(self.columns.weight)

    @property
    def users(self) -> AnyArray | None:
        """(n,) numbers from 0, or None."""
        import pandas as pd

        return None if self.columns.user is None else pd.factorize(self.frame[self.columns.user])[0]

    def propensity(self) -> F64 | None:
        """(n,) logged or given, or None."""
        if self.columns.constant is not None:
            return np.full(len(self.frame), self.columns.constant)
        name = self.columns.propensity_column
        return None if name is None else self.numbers(name)

    def weighed(
        self, inputs: OpeInputs, by_user: bool | None, slates: LongSlates | None = None, **others: Any
    ) -> WeighedLog:
        """The log of these inputs, with what was found out about it; ``slates`` if these are the rounds."""

        def each(name: str, values: AnyArray | None) -> Any:
            return values if values is None or slates is None else slates.one_each(name, values)

        cluster, by_users = user_clusters(each(str(self.columns.user), self.users), by_user)
        inputs = replace(
            inputs,
            note="; ".join(dict.fromkeys(filter(None, (inputs.note, *self.notes)))),
            doubts=(*self.doubts, *by_users, *inputs.doubts),
            cluster=cluster,
            sample_weight=each(str(self.columns.weight), self.sample_weight),
        )
        groups = {name: each(name, self.frame[name].to_numpy()) for name in self.columns.groups}
        return WeighedLog(inputs, facts=self.facts, groups=groups, **others)


def table_source(
    frame: Any,
    policy: Any,
    columns: Columns,
    *,
    rng: Generator,
    unit: str | None = None,
    note: str = "",
    by_user: bool | None = None,
    missing: str = "refuse",
) -> WeighedLog:
    """Weigh the rows of ``frame`` for ``policy``.

    Args:
        frame: a table of pandas, polars or pyarrow, one row per round, or one per slot if ``columns`` name
            slates.
        policy: a word (:class:`.target.Target`), a model, a function or an array
            (:func:`.models.policy_columns`).
        columns: which columns are what. Without a propensity column the propensities are estimated from the
            context columns (:mod:`.propensities`), and no verdict is better than caution.
        rng: decides the folds.
        unit: of the reward; default: the value of the unit column, or the reward column's name.
        note: what the reader of an estimate has to know of the log.
        by_user: whether intervals take the users of ``columns.user`` as independent, not the rows
            (:func:`..users.user_clusters`).
        missing: ``refuse`` rows that lack a value, or ``drop`` them (:func:`.missing.leave_out`).

    Raises:
        InvalidInput: a missing column, or one error about every value that cannot be used, with row numbers.
    """
    log = _checked(as_frame(frame), policy, columns, unit, missing)
    if note:
        log.notes.append(note)
    if log.columns.slate:
        return _slates(log, by_user)
    _doubt_repeated_rows(log)
    if log.target.kind == VALUE:
        return _continuous(log, by_user)
    return _actions(log, by_user, rng)


def _checked(frame: pd.DataFrame, policy: Any, columns: Columns, unit: str | None, missing: str) -> LogTable:
    """The table with the policy's columns, without rows that are left out, all values checked."""
    recognised = frame.attrs.get(RECOGNISED)
    facts: dict[str, Any] = {"table": recognised} if recognised else {}
    frame = names_as_text(frame, columns.names(policy))
    from_word = _from_word(policy, list(frame.columns))
    columns, about_context = with_context(frame, columns.resolved(list(frame.columns), from_word), from_word)
    left = leave_out(frame, columns, missing)
    frame = frame.iloc[left.kept].reset_index(drop=True)
    if len(frame) < FOLDS:
        raise InvalidInput("LOG", f"{len(frame)} rows", f"{FOLDS} rounds are the least: give more")
    frame, word = policy_columns(frame, policy, columns)
    target = Target.parse(word, list(frame.columns))
    report = ValidationReport()
    labels: list[str] = []
    check_columns(frame, columns, report, continuous=target.kind == VALUE)
    target.check(frame, report)
    if columns.slate:
        check_slates(frame, columns, target, report)
    elif target.kind != VALUE:
        labels = check_labels(frame, columns, target, report)
    report.stop(len(frame), left.kept)
    if columns.unit:
        unit = one_unit(frame, columns.unit)
    facts |= about_context | left.facts
    notes, doubts = list(left.notes), list(left.doubts)
    return LogTable(frame, columns, target, unit or columns.reward, labels, facts, notes, doubts)


def _from_word(policy: Any, header: list[str]) -> list[str]:
    """The columns that a policy in a word reads."""
    if not isinstance(policy, str) or policy.partition(":")[0] in ("sklearn", "sklearn-proba"):
        return []
    return Target.parse(policy, header).columns(header)


def _slates(log: LogTable, by_user: bool | None) -> WeighedLog:
    """Rounds of several slots, weighed under the cascade model: a slot's reward depends on its own action and
    those before it."""
    slates = LongSlates(log.frame, log.columns)
    propensity = log.propensity()
    assert propensity is not None  # it was checked
    inputs = slate_inputs(
        slates.wide(log.reward, 0.0),
        slates.wide(propensity, 1.0),
        slates.wide(log.numbers(log.target.name), 1.0),
        model="cascade",
        unit=log.unit,
    )
    log.notes.append("weights are products over the slots so far")
    log.facts["slates"] = slates.shape[0]
    return log.weighed(inputs, by_user, slates)


def _continuous(log: LogTable, by_user: bool | None) -> WeighedLog:
    """Actions that are numbers, weighed by how near they are to the target's."""
    density = log.propensity()
    if density is None:
        fix = "actions that are numbers need their density in the log: name its column (--propensity-column)"
        raise InvalidInput("--propensity-column", None, fix)
    name, bandwidth = log.target.value_column
    action = log.numbers(log.columns.action)
    inputs = kernel_inputs(log.reward, action, density, log.numbers(name), bandwidth=bandwidth, unit=log.unit)
    log.facts["bandwidth"] = float(action.std() * len(action) ** -0.2) if bandwidth is None else bandwidth
    return log.weighed(inputs, by_user)


def _actions(log: LogTable, by_user: bool | None, rng: Generator) -> WeighedLog:
    frame, target, labels = log.frame, log.target, log.labels
    action = codes(frame[log.columns.action], labels)
    propensity = log.propensity()
    if not _offers_differ(frame):
        without_outcomes(log, action, propensity)
    columns = log.columns
    features = context_features(frame, columns.context)
    log.facts["actions"] = len(labels)
    if len(labels) == 1:
        log.notes.append(f"the log and the policy know one action, {labels[0]}")
    _say_unlogged(log, labels, action)
    sample_weight, users = log.sample_weight, log.users
    if propensity is None:
        _say_unused(log)
        estimated = estimated_propensities(
            action,
            features,
            len(labels),
            rng=rng,
            context=columns.context,
            users=users,
            sample_weight=sample_weight,
        )
        propensity = estimated.logged
        log.facts["propensities"] = estimated.facts
        log.doubts.append((CAUTION, estimated.warning))
    size = np.ones(len(frame)) if sample_weight is None else sample_weight
    mass = None
    if target.kind == "column":
        inputs = OpeInputs.of_rounds(
            log.reward,
            log.numbers(target.name) / propensity,
            unit=log.unit,
            note=LOGGED_ONLY,
            propensity=propensity,
        )
    else:
        whole = None if _plain_uniform(target, frame) else target.matrix(frame, labels)
        inputs = cross_fitted_inputs(
            log.reward,
            action,
            propensity,
            partial(_uniform, len(labels)) if whole is None else whole.__getitem__,
            features,
            len(labels),
            rng=rng,
            users=users,
            unit=log.unit,
            sample_weight=sample_weight,
        )
        mass = np.full(len(labels), size.sum() / len(labels)) if whole is None else size @ whole
    support = Support(len(labels), features.shape[1])
    support.add(action, propensity, mass, features, sample_weight)
    calibration = support.calibration()
    if _offers_differ(frame):
        p = _p_value_by_offer(frame[OFFERED], labels, action, propensity, features, size)
        calibration["propensity_p"] = p
        log.facts["varying_offer"] = True
    inputs = replace(inputs, **calibration)
    return log.weighed(inputs, by_user, support=support, labels=tuple(labels))


def _offers_differ(frame: pd.DataFrame) -> bool:
    return OFFERED in frame.columns and frame[OFFERED].nunique() > 1


def _uniform(actions: int, rows: slice) -> F64:
    return np.full((rows.stop - rows.start, actions), 1.0 / actions)


def _doubt_repeated_rows(log: LogTable) -> None:
    """Rows that are there twice (:mod:`..duplicates`)."""
    frame, columns = log.frame, log.columns
    if any(frame[name].is_unique for name in frame.columns if frame[name].dtype.kind == "f"):
        return  # no need to compare whole rows, which is slow
    nested = [name for name in frame.columns if is_nested(frame[name])]
    repeated = repeated_rows(
        frame.drop(columns=nested),
        columns.action,
        columns.reward,
        propensity=columns.propensity_column,
        user=columns.user,
        id=columns.id,
        others=log.target.columns(frame.columns),
    )
    if repeated.count:
        log.facts["repeated_rows"] = repeated.count
        log.doubts.extend(repeated.doubts)


def _say_unused(log: LogTable) -> None:
    """What the reader can do where propensities are estimated without context."""
    if log.columns.context:
        return
    used = (*log.columns.used, *log.target.columns(log.frame.columns))
    others, _ = other_columns(log.frame, used)
    if others:
        log.notes.append(f"if the choice depended on {listed(others, 5)}, name it as context")
    log.notes.append(f"{KNOWN_CHANCES} (propensity)")


def _say_unlogged(log: LogTable, labels: list[str], action: I64) -> None:
    """The actions of a rule that the log never shows, and in how many rows it takes them."""
    if log.target.kind != "choice":
        return
    unlogged = set(range(len(labels))) - set(np.unique(action).tolist())
    chosen = codes(log.frame[log.target.name], labels)
    counts = {labels[i]: int((chosen == i).sum()) for i in sorted(unlogged)}
    counts = {label: count for label, count in counts.items() if count}
    if counts:
        log.facts["unlogged_choices"] = counts
        words = listed([f"{label} ({count:,} rows)" for label, count in counts.items()], 5)
        log.notes.append(f"the policy takes actions that the log never shows: {words}")


def _p_value_by_offer(
    offered: pd.Series, labels: list[str], action: I64, propensity: F64, features: F64, size: F64
) -> float:
    """The propensities' p-value where an action may not be on offer: within rounds of the same offer."""
    import pandas as pd

    group, _ = pd.factorize(offered)
    p_values = []
    for code in np.flatnonzero(np.bincount(group) >= FEWEST):
        rows = group == code
        support = Support(len(labels), features.shape[1])
        support.add(action[rows], propensity[rows], None, features[rows], size[rows])
        p_values.append(support.p_value())
    return min(1.0, len(p_values) * float(np.nanmin(p_values))) if np.isfinite(p_values).any() else np.nan


def _plain_uniform(target: Target, frame: pd.DataFrame) -> bool:
    return target.kind == "uniform" and OFFERED not in frame.columns


def check_labels(
    frame: pd.DataFrame, columns: Columns, target: Target, report: ValidationReport
) -> list[str]:
    """All actions; the rows with others are counted.

    Raises:
        InvalidInput: the policy names an action that the log lacks and nobody declared.
    """
    logged = frame[columns.action].dropna().unique().tolist()
    if not logged:
        report.stop(len(frame))
    chosen = frame[target.name].dropna().unique().tolist() if target.kind == "choice" else []
    named = target.labels(frame.columns, chosen)
    if OFFERED in frame.columns:
        offered = frame[OFFERED]
        if offered.dtype == object:
            named += [name for names in offered.unique() for name in names]
        else:
            named += [str(number) for number in range(1, int(offered.max()) + 1)]
    labels = all_labels(logged, target, named, columns.actions)
    for name, values in ((columns.action, logged), (target.name, chosen)):
        others = set(values) - set(labels)
        if others:
            column, fix = frame[name], f"the actions are {listed(labels)}"
            report.check(name, column.to_numpy(dtype=object), column.isin(others).to_numpy(), fix)
    return labels
