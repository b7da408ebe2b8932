"""The columns of a table, and checks of their values."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np

from ....core.errors import InvalidInput, did_you_mean
from ....core.types import F64
from ....tables import to_numbers
from ..checks import LARGEST, UNITS
from .validation import ValidationReport

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

NESTED = (list, tuple, dict, set, np.ndarray, bytes)
VALUE = "value"
"""The kind of policy whose actions are numbers."""
FILL_IN = "fill in what is missing"
DROP = f"{FILL_IN}, or leave such rows out (--missing drop)"
ALL = "*"
"""As the only context column: every column that is nothing else and may be context."""


@dataclass(frozen=True)
class Columns:
    """Which columns of a table are what.

    Attributes:
        action, reward: the logged action and its reward.
        propensity: the action's logged probability, or its density where actions are numbers: a column, or
            one number or fraction for all rows, such as ``1/3`` for a trial of three arms; None: "propensity"
            where there is such a column, and otherwise it is estimated from the log.
        context: what the reward model sees, and the choice depended on; ``("*",)``: the other columns, see
            :func:`.context.other_columns`.
        user: equal values are one user, kept together in the folds.
        id: must not repeat.
        unit: the reward's unit, e.g. a currency: has to be the same in every row.
        actions: the labels of all actions, as text; empty: those that the log and the target name.
        weight: how many rounds each row stands for, above 0.
        slate, slot: of slates in long format, one row for each slot: which slate, and the slot's place in it.
        groups: columns whose values are kept beside the rounds, for segments and times.
        outcomes: other outcomes of the action, which are never context.
    """

    action: str = "action"
    reward: str = "reward"
    propensity: str | float | Fraction | None = None
    context: tuple[str, ...] = ()
    user: str | None = None
    id: str | None = None
    unit: str | None = None
    actions: tuple[str, ...] = ()
    weight: str | None = None
    slate: str | None = None
    slot: str | None = None
    groups: tuple[str, ...] = ()
    outcomes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        single = ("action", "reward", "user", "id", "unit", "weight", "slate", "slot")
        for name in single:
            if not isinstance(getattr(self, name), str | None):
                kind = type(getattr(self, name)).__name__
                raise InvalidInput(f"--{name}-column", kind, "give the name of a column of the log")
        if not isinstance(self.propensity, str | Real | None):
            fix = "give the name of a column of the log, or one number for all rows"
            raise InvalidInput("--propensity", type(self.propensity).__name__, fix)

    def resolved(self, header: Sequence[str], from_target: Sequence[str] = ()) -> Columns:
        """These columns, checked, with the propensity as the name of a column, as a number, or "" where it is
        to be estimated.

        Raises:
            InvalidInput: a column that is not there or there twice; context that is the action or an outcome;
                a slate without its slots.
        """
        propensity = self._propensity(header)
        options = {self.action: "action", self.reward: "reward"}
        for name in filter(None, (*self._single, *self.groups, *self.outcomes, *from_target)):
            check_column(name, header, options.get(name, ""))
        if isinstance(propensity, str) and propensity:
            check_column(propensity, header, "propensity")
        if self.context != (ALL,):
            for name in self.context:
                check_column(name, header)
                if name in (self.action, self.reward, *self.outcomes):
                    raise InvalidInput("context", name, "the context must not contain it: leave it out")
        if (self.slate is None) != (self.slot is None):
            fix = "slates need both --slate-column and --slot-column"
            raise InvalidInput("--slate-column", self.slate or self.slot, fix)
        return replace(self, propensity=propensity)

    def _propensity(self, header: Sequence[str]) -> str | float:
        if self.propensity is None:
            return "propensity" if "propensity" in header else ""
        if isinstance(self.propensity, str) and self.propensity in header:
            return self.propensity
        number = as_fraction(self.propensity)
        if number is None:
            return str(self.propensity)
        return number

    @property
    def constant(self) -> float | None:
        """The propensity of all rows, if it is one number."""
        return None if isinstance(self.propensity, str) or self.propensity is None else float(self.propensity)

    @property
    def propensity_column(self) -> str | None:
        """The column with the propensities, if there is one."""
        return self.propensity if isinstance(self.propensity, str) and self.propensity else None

    @property
    def _single(self) -> tuple[str | None, ...]:
        return self.action, self.reward, self.user, self.id, self.unit, self.weight, self.slate, self.slot

    @property
    def used(self) -> list[str]:
        """Every column that is read, once; the context is spelt out before."""
        names = (*self._single, self.propensity_column, *self.context, *self.groups, *self.outcomes)
        return list(dict.fromkeys(name for name in names if name))

    def names(self, policy: Any = "") -> list[str]:
        """The columns whose values are names, not numbers; ``policy`` may choose actions in one of them."""
        word = policy if isinstance(policy, str) else ""
        kind, _, column = word.partition(":")
        action = "" if kind == VALUE else self.action
        chosen = column if kind == "choice" else ""
        return [
            name for name in (action, self.user, self.id, self.unit, self.slate, chosen, *self.groups) if name
        ]


def as_fraction(value: object) -> float | None:
    """The number that ``1/3``, ``0.25`` or a number is; None for another text."""
    try:
        return float(Fraction(str(value)))
    except (ValueError, ZeroDivisionError, OverflowError):
        return None


def check_column(name: str, header: Sequence[str], option: str = "") -> None:
    """Raise :class:`InvalidInput` unless the table has the column, once; ``option`` names it."""
    times = list(header).count(name)
    if times > 1:
        raise InvalidInput("column", name, f"the table has it {times} times: rename or drop one")
    if times == 0:
        how = f"say which column it is, e.g. --{option}-column NAME"
        fix = f"the table has {', '.join(header)}: {how if option else 'name one of them'}"
        fix += did_you_mean(name, header)
        if len(header) == 1 and any(mark in header[0] for mark in ",;\t|"):
            fix = f"the table has one column, {header[0]!r}: say what separates columns (--separator)"
        raise InvalidInput("column", name, fix)


def check_columns(
    frame: pd.DataFrame,
    columns: Columns,
    report: ValidationReport,
    first_row: int = 0,
    *,
    continuous: bool = False,
) -> None:
    """Count every value of the resolved ``columns`` that cannot be used.

    With ``continuous`` actions are numbers, and the propensity is a density, which may be above 1.
    """
    for name in filter(None, (columns.action, columns.user, columns.id, columns.unit, *columns.context)):
        check_present(frame, name, report, first_row)
    if continuous:
        _check_finite(frame, columns.action, report, first_row)
    else:
        action = frame[columns.action]
        blank = [label for label in action.dropna().unique() if not str(label).strip()]
        if blank:
            wrong = action.isin(blank).to_numpy()
            report.check(columns.action, action.to_numpy(dtype=object), wrong, FILL_IN, first_row)
    reward = _check_finite(frame, columns.reward, report, first_row)
    size = np.abs(reward)
    report.check(columns.reward, reward, (size > LARGEST) & np.isfinite(size), UNITS, first_row)
    most, words = (np.inf, "give a density above 0") if continuous else (1.0, "give a probability in (0, 1]")
    if columns.propensity_column:
        p = numeric_column(frame, columns.propensity_column, report, first_row)
        bad = ~np.isnan(p) & ~((p > 0) & (p <= most) & (p < np.inf))
        report.check(columns.propensity_column, p, bad, words, first_row)
        tiny = (p > 0) & (p < 1.0 / LARGEST)
        report.check(columns.propensity_column, p, tiny, "so small a probability weighs nothing", first_row)
    elif columns.constant is not None and not (0.0 < columns.constant <= most and columns.constant < np.inf):
        raise InvalidInput("--propensity", columns.constant, words)
    if columns.weight:
        weight = numeric_column(frame, columns.weight, report, first_row)
        bad = ~np.isnan(weight) & ~((weight > 0) & (weight < np.inf))
        fix = "give how many rounds the row stands for, above 0"
        report.check(columns.weight, weight, bad, fix, first_row)
        huge = (weight > LARGEST) & np.isfinite(weight)
        report.check(columns.weight, weight, huge, f"give at most {LARGEST:g}", first_row)
        kept = (weight > 0) & (weight < 1) & bool(np.nanmax(weight, initial=0.0) <= 1)
        fix = "no row stands for more than one round: of a row kept with probability p give 1 / p"
        report.check(columns.weight, weight, kept, fix, first_row)
    for name in columns.context:
        if frame[name].dtype.kind == "f":
            values = frame[name].to_numpy(dtype=np.float64, na_value=np.nan)
            report.check(name, values, np.isinf(values), "remove infinity", first_row)
    if columns.id and not columns.slate:
        repeated = frame[columns.id].duplicated().to_numpy()
        report.check(columns.id, frame[columns.id].to_numpy(), repeated, "the id was there before", first_row)


def _check_finite(frame: pd.DataFrame, name: str, report: ValidationReport, first_row: int) -> F64:
    values = numeric_column(frame, name, report, first_row)
    report.check(name, values, np.isinf(values), "remove infinity", first_row)
    return values


def numeric_column(frame: pd.DataFrame, name: str, report: ValidationReport, first_row: int = 0) -> F64:
    """(r,) the column as numbers, NaN and a problem in the report where it is none."""
    column = frame[name]
    values = to_numbers(column, name)
    nothing = np.isnan(values)
    if nothing.any():
        missing = column.isna().to_numpy(dtype=bool)
        shown = column.to_numpy(dtype=object)
        report.check(name, shown, missing, DROP, first_row)
        report.check(name, shown, nothing & ~missing, "give a number", first_row)
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


def is_nested(column: pd.Series) -> bool:
    """Whether a cell holds several values."""
    return not _are_texts(column) and any(isinstance(value, NESTED) for value in column)


def _are_texts(column: pd.Series) -> bool:
    """Whether no cell can hold several values."""
    import pandas as pd

    return column.dtype != object or pd.api.types.infer_dtype(column, skipna=True) == "string"


def check_present(frame: pd.DataFrame, name: str, report: ValidationReport, first_row: int) -> None:
    """Count the rows where the column is missing, or holds more than one value."""
    column = frame[name]
    missing = column.isna().to_numpy(dtype=bool)
    texts = _are_texts(column)
    if texts and not missing.any():
        return
    values = column.to_numpy(dtype=object)
    several = np.zeros(len(values), dtype=np.bool_)
    if not texts:
        several = np.array([isinstance(value, NESTED) for value in values])
    report.check(name, values, several, "give one value in each row, not several", first_row)
    report.check(name, values, missing & ~several, DROP, first_row)
