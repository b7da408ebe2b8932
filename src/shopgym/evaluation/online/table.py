"""The table of a test: one row for each user, visit or day of a user, with the arm it was in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...core.errors import InvalidInput, finite, one_of, refuse_rows
from ...core.types import F64, I64, AnyArray, Bool
from ...tables import AUTO, Dialect, as_text, read_table, to_numbers, unique_columns
from ...tables.nested import flatten, is_json, json_records
from ...tables.records.times import read_times
from .metrics import ROWS, Metric

if TYPE_CHECKING:
    import pandas as pd

CONTROLS = ("control", "a", "0", "baseline", "off")
"""Names of an arm that is the control where nobody says which it is; the case of letters is no matter."""
DAY = 86_400.0
MOST_SEGMENTS = 100
"""Values of a column that parts the effect."""


@dataclass(frozen=True)
class TestColumns:
    """Which columns of the table say what.

    Attributes:
        arm: the arm that a row was in; None = all rows are one arm, as before a test.
        user: whose rows belong together and who was assigned; None = each row is one independent user.
        cluster: columns that together name what was assigned instead of users, e.g. city and window of a
            switchback. Then a metric is a mean per row, and errors are those of clusters.
        segments: columns whose values part the effect.
        time: a column of times, for the effect day by day.
    """

    __test__ = False  # pytest collects classes that are called so

    arm: str | None = "arm"
    user: str | None = None
    cluster: tuple[str, ...] = ()
    segments: tuple[str, ...] = ()
    time: str | None = None

    def __post_init__(self) -> None:
        if self.user is not None and self.cluster:
            raise InvalidInput("--cluster", list(self.cluster), "give users or clusters: what was assigned")

    @property
    def unit(self) -> tuple[str, ...]:
        """The columns that name what was assigned; none = the row."""
        return self.cluster or (() if self.user is None else (self.user,))


@dataclass(frozen=True, eq=False)
class AssignedRows:
    """r rows of a test.

    Attributes:
        arms: names; the first is the control.
        arm: (r,) which of them.
        unit: (r,) the user or cluster, in [0, number of units).
        values: (r,) of each column that a metric needs.
        segments: by column: (labels, (r,) which of them).
        day: (r,) whole days since the first; None where there is no time.
        clustered: whether clusters were assigned, so that metrics are means per row.
        remarks: what is to be said, in words.
    """

    arms: tuple[str, ...]
    arm: I64
    unit: I64
    values: Mapping[str, F64]
    segments: Mapping[str, tuple[tuple[str, ...], I64]] = field(default_factory=dict)
    day: I64 | None = None
    clustered: bool = False
    remarks: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.arm)

    @cached_property
    def units(self) -> tuple[I64, I64, I64]:
        """((r,) which (arm, unit) a row is of, (n,) arm, (n,) unit of each): n units, in order of arms."""
        size = int(self.unit.max()) + 1
        keys, rows = np.unique(self.arm * size + self.unit, return_inverse=True)
        return np.asarray(rows, np.int64), keys // size, keys % size

    def column(self, name: str) -> F64:
        """(r,) values of a column; ``rows`` is 1 everywhere."""
        return np.ones(len(self)) if name == ROWS else self.values[name]

    def where(self, chosen: Bool) -> AssignedRows:
        """The rows that are ``chosen`` (r,)."""
        return AssignedRows(
            self.arms,
            self.arm[chosen],
            self.unit[chosen],
            {name: values[chosen] for name, values in self.values.items()},
            {name: (labels, codes[chosen]) for name, (labels, codes) in self.segments.items()},
            None if self.day is None else self.day[chosen],
            self.clustered,
            self.remarks,
        )


def read_test(
    source: Path | pd.DataFrame,
    metrics: Sequence[Metric],
    columns: TestColumns,
    *,
    control: str | None = None,
    expected: Sequence[str] = (),
    dialect: Dialect = AUTO,
    day_first: bool | None = None,
    repeats: bool = False,
) -> AssignedRows:
    """Read the table of a test.

    Args:
        source: CSV, JSON lines, Parquet, or a table.
        metrics: whose columns are read.
        control: the arm that others are compared with; None: the one that is called so.
        expected: arms that must have rows.
        dialect: of a text file.
        day_first: the order of day and month, where no row settles it.
        repeats: accept rows that are equal in every cell.

    Raises:
        InvalidInput: names the column, the row or the arm, and what to do.
    """
    table = _frame(source, columns, dialect)
    header = [str(name) for name in table.columns]
    needed = [
        name for name in (columns.arm, *columns.unit, *columns.segments, columns.time) if name is not None
    ]
    read_columns = [part for metric in metrics for part in metric.columns]
    for name in dict.fromkeys([*needed, *read_columns]):
        one_of("column", name, header)
    unique_columns("column", table, [*needed, *read_columns])
    for name in read_columns:
        if name in (columns.arm, *columns.unit):
            raise InvalidInput("--metric", name, "it names who or which arm a row is of: name what happened")
    if columns.unit and not repeats:
        _refuse_repeats(table)
    arms: tuple[str, ...] = ("all",)
    arm = np.zeros(len(table), np.int64)
    if columns.arm is not None:
        arms, arm = _labels(table, columns.arm)
        arms, arm = _control_first(arms, arm, columns.arm, control, expected)
    remarks: list[str] = []
    if not columns.unit:
        remarks.append("no user column: every row counts as an independent user")
    day = None
    if columns.time is not None:
        read = read_times(table[columns.time], columns.time, day_first=day_first)
        refuse_rows(columns.time, _shown(table[columns.time]), np.isnan(read.seconds), "give a time")
        whole = np.floor(read.seconds / DAY)
        day = (whole - whole.min()).astype(np.int64)
        remarks += read.remarks
    return AssignedRows(
        arms,
        arm,
        _unit_codes(table, columns.unit),
        {name: _numbers(table, name) for metric in metrics for name in metric.columns},
        {name: _segments(table, name) for name in columns.segments},
        day,
        bool(columns.cluster),
        tuple(remarks),
    )


def _frame(source: Path | pd.DataFrame, columns: TestColumns, dialect: Dialect) -> pd.DataFrame:
    if not isinstance(source, Path):
        if not len(source):
            raise InvalidInput("table", "no rows", "give a table with rows")
        return source.reset_index(drop=True)
    if is_json(source) and source.is_file():
        try:
            records, broken = json_records(source)
        except ValueError as error:
            raise InvalidInput("table", str(source), f"give one JSON object a line ({error})") from error
        if broken:
            raise InvalidInput(f"table, line {broken[0] + 1}", str(source), "it is no JSON object: mend it")
        table = flatten(records, "table").reset_index(drop=True)
        if not len(table):
            raise InvalidInput("table", str(source), "give a table with rows")
        return table
    return read_table(source, "table", dialect=dialect, text=[*columns.unit, *filter(None, [columns.arm])])


def _refuse_repeats(table: pd.DataFrame) -> None:
    again = table.astype(str).duplicated().to_numpy()
    if again.any():
        row = int(np.flatnonzero(again)[0])
        fix = f"{int(again.sum())} rows repeat an earlier one in every cell: drop them, or say --repeats"
        raise InvalidInput(f"table, row {row}", table.iloc[row].astype(str).tolist(), fix)


def _labels(table: pd.DataFrame, name: str) -> tuple[tuple[str, ...], I64]:
    """(different values in order, (r,) which of them)."""
    texts = _whole(table[name], name)
    labels, codes = np.unique(texts.astype(str), return_inverse=True)
    return tuple(labels.tolist()), np.asarray(codes, np.int64)


def _segments(table: pd.DataFrame, name: str) -> tuple[tuple[str, ...], I64]:
    labels, codes = _labels(table, name)
    if len(labels) > MOST_SEGMENTS:
        fix = f"this is no column of segments: give one of at most {MOST_SEGMENTS} values, e.g. ranges"
        raise InvalidInput(f"--segment {name}", f"{len(labels):,} values", fix)
    return labels, codes


def _unit_codes(table: pd.DataFrame, names: Sequence[str]) -> I64:
    if not names:
        return np.arange(len(table), dtype=np.int64)
    code = np.zeros(len(table), np.int64)
    for name in names:
        labels, own = _labels(table, name)
        code = np.unique(code * len(labels) + own, return_inverse=True)[1].astype(np.int64)
    return code


def _whole(column: pd.Series, name: str) -> AnyArray:
    """(r,) texts of a column without gaps; 1.0 and 1 are alike."""
    import pandas as pd

    if pd.api.types.is_float_dtype(column.dtype):
        numbers = column.to_numpy(np.float64, na_value=np.nan)
        if np.isfinite(numbers).all() and (numbers % 1 == 0).all():
            column = column.astype(np.int64)
    texts = as_text(column, name).to_numpy(dtype=object)
    missing = np.array([text is None or text != text for text in texts])
    refuse_rows(name, _shown(column), missing, "fill it, or leave the row out")
    return texts


def _shown(column: pd.Series) -> AnyArray:
    """(r,) cells as errors show them; an empty one is an empty text."""
    return np.array([text if isinstance(text, str) else "" for text in column.astype(str)], dtype=np.str_)


def _numbers(table: pd.DataFrame, name: str) -> F64:
    values = to_numbers(table[name], name)
    text = np.isnan(values) & table[name].notna().to_numpy()
    refuse_rows(name, _shown(table[name]), text, "give a number: a metric is no text and no date")
    finite(name, values, "give 0 where nothing happened, or leave the user out: a metric has no gaps")
    return values


def _control_first(
    arms: tuple[str, ...], arm: I64, field: str, control: str | None, expected: Sequence[str]
) -> tuple[tuple[str, ...], I64]:
    """The arms with the control in front."""
    if control is not None:
        one_of("--control", control, arms)
    for name in expected:
        if name not in arms:
            fix = f"no row is in this arm; the table has {', '.join(arms[:10])}: look at how rows are logged"
            raise InvalidInput("arm", name, fix)
    alike = [name.strip().casefold() for name in arms]
    for at, name in enumerate(alike):
        if name in alike[:at]:
            fix = "they differ in blanks or capitals alone: write one arm in one way"
            raise InvalidInput(field, [arms[alike.index(name)], arms[at]], fix)
    if len(arms) < 2:
        raise InvalidInput(field, list(arms), "a test compares two arms or more: this table has one")
    if len(arms) > 20:
        raise InvalidInput(field, f"{len(arms)} values", "this is no column of arms: name another one")
    if expected and (unplanned := set(arms) - set(expected)):
        raise InvalidInput("arm", sorted(unplanned)[0], f"the split plans {', '.join(expected)} alone")
    if control is None:
        named = [name for name in arms if name.lower() in CONTROLS]
        if len(named) != 1:
            raise InvalidInput("--control", None, f"say which arm is the control: {', '.join(arms)}")
        control = named[0]
    order = [arms.index(control), *(at for at, name in enumerate(arms) if name != control)]
    place = np.empty(len(arms), np.int64)
    place[order] = np.arange(len(arms))
    return tuple(arms[at] for at in order), place[arm]
