"""The columns of a table, and checks of their values."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ....core.errors import InvalidInput
from ....core.types import F64
from ..checks import LARGEST, UNITS
from .validation import ValidationReport

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

FILL_IN = "fill in what is missing"
NESTED = (list, tuple, dict, set, np.ndarray)
ALL = "*"
"""As the only context column: every column that is nothing else."""


@dataclass(frozen=True)
class Columns:
    """Which columns of a table are what.

    Attributes:
        action, reward: the logged action and its reward.
        propensity: the action's logged probability; None: "propensity" where there is such a column, and
            otherwise it is estimated from the log.
        context: what the reward model sees, and the choice depended on; ``("*",)``: all other columns.
        user: equal values are one user, kept together in the folds.
        id: must not repeat.
        unit: the reward's unit, e.g. a currency: has to be the same in every row.
        actions: the labels of all actions, as text; empty: those that the log and the target name.
        groups: columns that are kept beside the rounds, for segments and times.
    """

    action: str = "action"
    reward: str = "reward"
    propensity: str | None = None
    context: tuple[str, ...] = ()
    user: str | None = None
    id: str | None = None
    unit: str | None = None
    actions: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    weight: str | None = None
    slate: str | None = None
    slot: str | None = None

    def resolved(self, header: Sequence[str], of_target: Sequence[str]) -> Columns:
        """These columns with the context spelt out and the propensity's name, "" where it is to be estimated.

        Raises:
            InvalidInput: a column that is not there or there twice; context that is the action or the reward.
        """
        propensity = self.propensity
        if propensity is None:
            propensity = "propensity" if "propensity" in header else ""
        named = [self.action, self.reward, propensity, self.user, self.id, self.unit, *of_target]
        context = self.context
        if context == (ALL,):
            context = tuple(name for name in header if name not in named)
        for name in filter(None, (*named, *context, *self.groups)):
            check_column(name, header)
        for name in context:
            if name in (self.action, self.reward):
                raise InvalidInput("context", name, "the context must not contain it: leave it out")
        return replace(self, propensity=propensity, context=context)

    @property
    def used(self) -> list[str]:
        """Every column that is read, once."""
        named = (self.action, self.reward, self.propensity, self.user, self.id, self.unit, *self.context)
        return list(dict.fromkeys(name for name in named if name))


def check_column(name: str, header: Sequence[str]) -> None:
    """Raise :class:`InvalidInput` unless the table has the column, once."""
    times = list(header).count(name)
    if times > 1:
        raise InvalidInput("column", name, f"the table has it {times} times: rename or drop one")
    if times == 0:
        fix = f"the table has {', '.join(header)}: say which column it is, e.g. --reward-column NAME"
        if len(header) == 1 and any(mark in header[0] for mark in ";\t|"):
            fix = f"the table has one column, {header[0]!r}: separate columns by commas"
        raise InvalidInput("column", name, fix)


def check_columns(
    frame: pd.DataFrame, columns: Columns, report: ValidationReport, first_row: int = 0
) -> None:
    """Count every value of the resolved ``columns`` that cannot be used."""
    for name in filter(None, (columns.action, columns.user, columns.id, columns.unit, *columns.context)):
        check_present(frame, name, report, first_row)
    action = frame[columns.action]
    if action.dtype.kind == "O":
        blank = action.astype(str).str.strip() == ""
        report.check(columns.action, action.to_numpy(dtype=object), blank.to_numpy(), FILL_IN, first_row)
    reward = numeric_column(frame, columns.reward, report, first_row)
    report.check(columns.reward, reward, np.isinf(reward), "remove infinity", first_row)
    size = np.abs(reward)
    report.check(columns.reward, reward, (size > LARGEST) & np.isfinite(size), UNITS, first_row)
    if columns.propensity:
        p = numeric_column(frame, columns.propensity, report, first_row)
        bad = ~np.isnan(p) & ~((p > 0) & (p <= 1))
        report.check(columns.propensity, p, bad, "give a probability in (0, 1]", first_row)
    for name in columns.context:
        if frame[name].dtype.kind == "f":
            values = frame[name].to_numpy()
            report.check(name, values, np.isinf(values), "remove infinity", first_row)
    if columns.id:
        repeated = frame[columns.id].astype(str).duplicated().to_numpy()
        report.check(columns.id, frame[columns.id].to_numpy(), repeated, "the id was there before", first_row)


def numeric_column(frame: pd.DataFrame, name: str, report: ValidationReport, first_row: int = 0) -> F64:
    """(r,) the column as numbers, NaN and a problem in the report where it is none."""
    import pandas as pd

    column = frame[name]
    if column.dtype.kind in "mMc":  # dates would be counted in nanoseconds
        values = np.full(len(frame), np.nan)
    else:
        converted = pd.to_numeric(column, errors="coerce")
        values = np.asarray(converted.to_numpy(dtype=np.float64, na_value=np.nan))
    missing = np.isnan(values)
    if missing.any():
        report.check(name, column.to_numpy(dtype=object), missing, "give a number", first_row)
    return values


def one_unit(frame: pd.DataFrame, name: str) -> str:
    """The only unit of the rewards.

    Raises:
        InvalidInput: there are several; they are counted.
    """
    counts = frame[name].value_counts()
    if len(counts) != 1:
        rows_by_unit = {str(unit): int(count) for unit, count in counts.items()}
        raise InvalidInput(name, rows_by_unit, f"rewards of {len(rows_by_unit)} units: convert them to one")
    return str(counts.index[0])


def check_present(frame: pd.DataFrame, name: str, report: ValidationReport, first_row: int) -> None:
    """Count the rows where the column is missing, or holds more than one value."""
    column = frame[name]
    missing = column.isna().to_numpy()
    values = column.to_numpy(dtype=object) if missing.any() or column.dtype.kind == "O" else None
    if values is None:  # words as objects are slow
        return
    if column.dtype == object:
        several = np.array([isinstance(value, NESTED) for value in values])
        report.check(name, values, several, "give one value in each row, not several", first_row)
        missing = missing & ~several
    report.check(name, values, missing, FILL_IN, first_row)
