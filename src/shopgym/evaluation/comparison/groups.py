"""Parts of a log: its segments, and its days or weeks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ...core.errors import InvalidInput, one_of
from ...core.types import AnyArray, Bool

if TYPE_CHECKING:
    import pandas as pd

PERIODS = ("day", "week")
MOST_GROUPS = 200
"""A column with more different values than this makes no segments."""


@dataclass(frozen=True, eq=False)
class Group:
    """Some rounds of a log.

    Attributes:
        by: the column whose value they share; empty for the whole log.
        name: that value as text.
        rows: (n,) which rounds these are, None for all.
    """

    by: str = ""
    name: str = ""
    rows: Bool | None = None


@dataclass(frozen=True)
class Period:
    """A column with times, and whether to group by the ``day`` or the ``week``, which begins on Monday."""

    column: str
    length: str = "day"

    def __post_init__(self) -> None:
        one_of("--by-time", self.length, PERIODS)

    @property
    def by(self) -> str:
        """What the table says it is by."""
        return f"{self.column} by {self.length}"


def groups_of(
    values: Mapping[str, AnyArray], segments: Sequence[str], period: Period | None
) -> list[list[Group]]:
    """The groups of each segment column, then those of the periods, in the order of their values.

    Args:
        values: (n,) by column.
        segments: columns, one list of groups each.
        period: None for none.

    Raises:
        InvalidInput: a column with too many values, or times that are none.
    """
    for column in (*segments, *([] if period is None else [period.column])):
        if column not in values:
            fix = "of this log no such column is kept: segments and periods need a table that is not streamed"
            raise InvalidInput("column", column, fix)
    out = [_groups(column, column, _text(values[column])) for column in segments]
    if period is not None:
        out.append(_groups(period.by, period.column, _periods(period, values[period.column])))
    return out


def _groups(by: str, column: str, names: AnyArray) -> list[Group]:
    distinct, code = np.unique(names, return_inverse=True)
    if len(distinct) > MOST_GROUPS:
        fix = f"it has {len(distinct):,} different values, more than {MOST_GROUPS}: name a coarser one"
        raise InvalidInput("column", column, fix)
    return [Group(by, str(name), np.asarray(code == i)) for i, name in enumerate(distinct)]


def _text(values: AnyArray) -> AnyArray:
    import pandas as pd

    column = pd.Series(values)
    text = column.astype(str).to_numpy(dtype=object)
    text[column.isna().to_numpy()] = "(missing)"
    return np.asarray(text.astype(str))


def _periods(period: Period, values: AnyArray) -> AnyArray:
    import pandas as pd

    column = pd.Series(values)
    numbers = pd.api.types.is_numeric_dtype(column)
    times = pd.Series(pd.NaT, column.index) if numbers else _times(column)
    bad = times.isna().to_numpy()
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        fix = (
            f"give a date or a time such as 2026-01-31T18:00, in every row ({int(bad.sum())} rows have none)"
        )
        raise InvalidInput(f"{period.column}[{row}]", column.iloc[row], fix)
    days = times.dt.normalize()
    if period.length == "week":
        days = days - pd.to_timedelta(days.dt.day_of_week, unit="D")
    return np.asarray(days.dt.strftime("%Y-%m-%d").to_numpy(dtype=str))


def _times(column: pd.Series) -> pd.Series:
    import pandas as pd

    if pd.api.types.is_datetime64_any_dtype(column):
        return column
    return pd.to_datetime(column.astype(str), errors="coerce", format="ISO8601")
