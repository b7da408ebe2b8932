"""Which columns ``*`` takes as context, and why it leaves others out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ....core.types import F64, I64
from ..from_dataframe import MOST_CATEGORIES
from ..post_treatment import ENOUGH_ROUNDS, suspects
from ..verdict import CAUTION
from .columns import ALL, Columns
from .target import OFFERED

if TYPE_CHECKING:
    import pandas as pd

    from .table import LogTable

DATE = re.compile(
    r"(\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.](\d{2}|\d{4}))([ T]\d{1,2}:\d{2}.*)?"
)
"""2024-01-31 or 31.01.2024 or 1/31/24, maybe with a time."""
CENTURY = 946_684_800.0, 4_102_444_800.0
"""Seconds since 1970 of the years 2000 to 2100."""
CALENDAR = 19_500_101, 21_001_231
"""Days as numbers, yyyymmdd."""
SAMPLE = 1000
LEFT_OUT = "left_out"
"""The fact that says why ``*`` does not take a column; it is there only if ``*`` chose."""
UNTESTED = (
    f"* took the context, and fewer than {ENOUGH_ROUNDS:,} rounds do not show whether one of these columns "
    "is an outcome of the action: name each context column to settle it"
)


def with_context(
    frame: pd.DataFrame, columns: Columns, from_target: Sequence[str]
) -> tuple[Columns, dict[str, Any]]:
    """The columns with ``*`` spelt out, and the facts of it.

    ``context`` in the facts are the columns that are taken; ``left_out`` why each other column is not, if
    ``*`` chose.
    """
    if columns.context != (ALL,):
        return columns, {"context": list(columns.context)} if columns.context else {}
    used = replace(columns, groups=()).used  # what makes segments may be context too
    taken, left_out = other_columns(frame, [*used, *from_target, OFFERED])
    facts: dict[str, Any] = {"context": taken, LEFT_OUT: left_out}
    return replace(columns, context=tuple(taken)), facts


def other_columns(frame: pd.DataFrame, used: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """The columns that may be context, and the reason why each other one is left out.

    Dates, identifiers (all values different, unless they are fractions), columns of one value, columns of
    words with many values and columns that occur twice are no context.
    """
    taken: list[str] = []
    left_out: dict[str, str] = {}
    header = list(frame.columns)
    for name in dict.fromkeys(header):
        if name in used and name != ALL:
            continue
        why = "the table has it twice" if header.count(name) > 1 else _why_not(frame[name])
        if why:
            left_out[name] = why
        else:
            taken.append(name)
    return taken, left_out


def _why_not(column: pd.Series) -> str:
    import pandas as pd

    if column.dtype.kind in "mM" or isinstance(column.dtype, pd.PeriodDtype):
        return "dates"
    try:
        different = column.dropna().unique()
    except TypeError:  # lists and dictionaries
        return "several values in a cell"
    if len(different) <= 1:
        return "one value"
    numbers = pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)
    if _are_dates(np.asarray(different[:SAMPLE]), numbers):
        return "dates"
    if numbers:
        whole = column.dtype.kind in "iu"
        return "identifiers: all values differ" if whole and len(different) == len(column) else ""
    if len(different) == len(column):
        return "identifiers: all values differ"
    return f"more than {MOST_CATEGORIES} different words" if len(different) > MOST_CATEGORIES else ""


def _are_dates(values: Any, numbers: bool) -> bool:
    import pandas as pd

    if numbers:
        number = values.astype(np.float64)
        seconds = any(
            ((number >= CENTURY[0] * u) & (number <= CENTURY[1] * u)).all() for u in (1, 1e3, 1e6, 1e9)
        )
        if seconds:
            return True
        if not ((number >= CALENDAR[0]) & (number <= CALENDAR[1]) & (number % 1 == 0)).all():
            return False
        days = pd.to_datetime(
            pd.Series(number.astype(np.int64).astype(str)), format="%Y%m%d", errors="coerce"
        )
        return bool(days.notna().all())
    if not all(isinstance(value, str) for value in values):
        return any(hasattr(value, "isoformat") for value in values)
    return all(DATE.fullmatch(value.strip()) for value in values)


def without_outcomes(log: LogTable, action: I64, propensity: F64 | None) -> None:
    """Leave out of the context what looks like an outcome of the action if ``*`` took it; refuse every number
    if somebody named it (:mod:`..post_treatment`). Changes the columns, facts and doubts of ``log``.

    Args:
        log: with the context spelt out.
        action: (n,) codes of the logged actions.
        propensity: (n,) logged or given; None: they are to be estimated.

    Raises:
        InvalidInput: ``*`` took such columns, and without propensities nothing tells what they are.
    """
    if not log.columns.context:
        return
    chosen = LEFT_OUT in log.facts
    if propensity is None and not chosen:
        return  # nothing tells a cause from an outcome, and somebody named it
    seen = suspects(log.frame, log.columns.context, action, propensity, log.users, log.sample_weight)
    if chosen:
        seen.refuse_unclear()
    log.doubts.extend(seen.doubts(left_out=chosen))
    if chosen and len(log.frame) < ENOUGH_ROUNDS:
        log.doubts.append((CAUTION, UNTESTED))
    if chosen and seen.names:
        context = tuple(name for name in log.columns.context if name not in seen.names)
        log.columns = replace(log.columns, context=context)
        log.facts["context"] = list(context)
        log.facts[LEFT_OUT] |= dict.fromkeys(seen.names, "it looks like an outcome of the action")
