"""Exports that overlap: a line or an event that two files have is one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...core.types import AnyArray, Bool
from .mapping import EVENTS, LINES

if TYPE_CHECKING:
    import pandas as pd

SAME = {
    LINES: ("order", "customer", "time", "item", "line", "quantity", "price", "value"),
    EVENTS: ("user_id", "session_id", "time", "event", "item_id", "order_id", "position"),
}
"""Fields by which a row is the same in another export; its status may have changed meanwhile."""
PLACED = ("order", "order_id", "time")
"""Without any of these, equal rows may well be two."""
FEWEST, LEAST_SHARE = 10, 0.01
"""Repeated rows of one file that are worth a remark: so many, and so much of the file."""


def in_later_files(table: pd.DataFrame, file: AnyArray, kind: str) -> Bool:
    """(r,) rows that a later file has too: of rows that are equal, as many as that file has.

    Args:
        table: our fields, as they were read.
        file: (r,) number of the file of each row, in the order in which they were given.
        kind: of the records.
    """
    repeated = np.zeros(len(table), np.bool_)
    group = _groups(table, kind)
    if group is None:
        return repeated
    later = np.zeros(group.max(initial=-1) + 1, np.int64)
    for number in sorted(set(file.tolist()), reverse=True):
        rows = np.flatnonzero(file == number)
        nth = _nth(group[rows])
        repeated[rows] = nth < later[group[rows]]
        later = np.maximum(later, np.bincount(group[rows], minlength=len(later)))
    return repeated


def repeats_in_file(lines: pd.DataFrame) -> list[str]:
    """A remark where many rows repeat one that stands in another place of the file, among other orders."""
    group = _groups(lines, LINES)
    if group is None or "order" not in lines:
        return []
    order = lines["order"]
    block = (order != order.shift()).cumsum().to_numpy()
    first_block = np.full(group.max(initial=-1) + 1, np.iinfo(np.int64).max)
    np.minimum.at(first_block, group, block)
    count = int((block > first_block[group]).sum())
    if count < max(FEWEST, LEAST_SHARE * len(lines)):
        return []
    return [
        f"{count:,} rows repeat a row of their order in another place of the file: if two exports overlap in "
        "it, give them as two files, and each row counts once"
    ]


def _groups(table: pd.DataFrame, kind: str) -> AnyArray | None:
    """(r,) number of the group of equal rows; None where equal rows may well be two."""
    fields = [name for name in SAME.get(kind, ()) if name in table]
    if not set(fields) & set(PLACED):
        return None
    return np.asarray(table.groupby(fields, sort=False, dropna=False).ngroup(), np.int64)


def _nth(group: AnyArray) -> AnyArray:
    """(r,) how many equal rows stand before each."""
    order = np.argsort(group, kind="stable")
    ordered = group[order]
    nth = np.empty(len(group), np.int64)
    nth[order] = np.arange(len(group)) - np.searchsorted(ordered, ordered)
    return nth
