"""Spells of items: from when to when an item was marked or out of stock."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from ...core.errors import InvalidInput
from ...core.types import F64, I64
from ...tables import read_table
from ...tables.records.times import read_times
from ..shop_data import DAY
from .trial import columns_of
from .weekly import MONDAY, WEEK, week_of

NAMES = {
    "item": ("item", "item_id", "sku", "product", "product_id"),
    "start": ("from", "start", "week", "date"),
    "end": ("to", "end", "until"),
}


def read_spells(path: Path, field: str) -> pd.DataFrame:
    """Spells: item (str), start and end (s since 1970), from columns item, from, to.

    A date without an hour ends with its day. Without ``to`` a spell lasts a week from its start.

    Raises:
        InvalidInput: a column is missing, a time cannot be read, or a spell ends before it starts.
    """
    table = read_table(path, field, text=NAMES["item"])
    columns = columns_of(table, field, NAMES, ("item", "start"))
    start = _times(table, columns["start"], field)
    end = start + WEEK
    if "end" in columns:
        end = _times(table, columns["end"], field)
        end = np.where(end % DAY == 0, end + DAY, end)
    bad = ~(end > start)
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        raise InvalidInput(
            f"{field}[{row}]", str(table.iloc[row].to_dict()), "a spell must end after it starts"
        )
    return pd.DataFrame({"item": table[columns["item"]].astype(str), "start": start, "end": end})


def item_weeks(spells: pd.DataFrame) -> tuple[pd.Series, I64, F64]:
    """(item, week, share of the week that lies in a spell) of every week that a spell touches, each (m,)."""
    first, last = week_of(spells["start"]), week_of(spells["end"] - 1e-3)
    length = last - first + 1
    row = np.repeat(np.arange(len(spells)), length)
    week = first[row] + np.arange(len(row)) - np.repeat(np.cumsum(length) - length, length)
    begin = MONDAY + week * WEEK
    start, end = (spells[name].to_numpy(np.float64)[row] for name in ("start", "end"))
    share = (np.minimum(end, begin + WEEK) - np.maximum(start, begin)) / WEEK
    return spells["item"].iloc[row].reset_index(drop=True), week, share


def _times(table: pd.DataFrame, column: str, field: str) -> F64:
    seconds = read_times(table[column], f"{field} {column}", day_first=None, time_zone=None).seconds
    values = np.asarray(seconds, np.float64)
    bad = ~np.isfinite(values)
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        raise InvalidInput(
            f"{field}[{row}].{column}", table[column].iloc[row], "give a date, e.g. 2024-11-25"
        )
    return values
