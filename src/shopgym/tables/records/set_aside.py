"""Rows that are not used: the row, the column, its value and the reason, and no personal data."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...core.files import new_file
from .mapping import NUMBERS

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("row", "column", "value", "reason")
WITHHELD = "(withheld)"
"""Stands for a value that may say who somebody is."""
PERSONAL = ("customer", "user_id", "guest")
IDS = ("order", "item", "line", "currency", "status", "event", "order_id", "item_id", "session_id", "product")
SHORT_ID = re.compile(r"[\w#./:+-]{1,32}")
PLAIN_NUMBER = re.compile(r"[-+\d.,'\u00a0 %£€$¥eE]{1,24}|[A-Za-z]{1,4}")
PLAIN_TIME = re.compile(
    r"\d{1,4}([./-])\d{1,2}\1\d{1,4}(?:[T ,]+[\d:.,]{4,16}[ Z\d:+-]{0,7})?|[1-9]\d{0,18}(?:\.\d+)?"
)


class Refusals:
    """The first reason against each row."""

    def __init__(self, rows: int) -> None:
        self.column = np.full(rows, "", dtype=object)
        self.reason = np.full(rows, "", dtype=object)

    def refuse(self, bad: Any, column: str, reason: Any) -> None:
        """Refuse the rows that are ``bad`` (r,) bool and were not refused before.

        Args:
            bad: (r,) bool.
            column: that the reason is about.
            reason: of all, or (r,) one for each row.
        """
        new = np.asarray(bad, dtype=bool) & (self.reason == "")
        self.column[new] = column
        self.reason[new] = reason if isinstance(reason, str) else np.asarray(reason, dtype=object)[new]

    @property
    def good(self) -> Any:
        """(r,) whether a row was not refused."""
        return self.reason == ""

    def table(self, row: Any, raw: pd.DataFrame, file: Any = None) -> pd.DataFrame:
        """The refused rows.

        Args:
            row: (r,) number of each in its file, from 0.
            raw: (r, fields) the values as they were read.
            file: (r,) its file, where there are several.
        """
        import pandas as pd

        places = np.flatnonzero(self.reason != "")
        values = [
            shown(self.column[place], raw[self.column[place]].iloc[place])
            if self.column[place] in raw
            else ""
            for place in places
        ]
        columns = {"row": np.asarray(row)[places], "column": self.column[places]}
        table = pd.DataFrame({**columns, "value": values, "reason": self.reason[places]}, columns=COLUMNS)
        if file is not None:
            table.insert(0, "file", file[places])
        return table


def shown(column: str, value: Any) -> str:
    """The value as it may be written down: short ids, numbers and times; nothing that may be a name, an
    address, an e-mail address or a telephone number."""
    import pandas as pd

    if value is None or value is pd.NA or value is pd.NaT or value != value or str(value).strip() == "":
        return ""
    text = str(value).strip()
    if column in PERSONAL or "@" in text:
        return WITHHELD
    if column in IDS:
        pattern = SHORT_ID
    elif column in NUMBERS:
        pattern = PLAIN_NUMBER
    else:
        pattern = PLAIN_TIME
    return text if pattern.fullmatch(text) else WITHHELD


def reasons_of(set_aside: pd.DataFrame) -> dict[str, int]:
    """Number of rows by column and reason, the most frequent first."""
    counts = (set_aside["column"] + ": " + set_aside["reason"]).value_counts()
    return {str(why): int(count) for why, count in counts.items()}


def save_set_aside(set_aside: pd.DataFrame, path: Path) -> None:
    """Write the rows as CSV, whole or not at all."""
    with new_file(path) as temporary:
        set_aside.to_csv(temporary, index=False)
