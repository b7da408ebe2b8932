"""Check a shop's own order lines: sales, returns, and rows that are set aside with a reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from ...core.errors import InvalidInput
from ...core.files import new_file
from ...tables import to_numbers, unique_columns

REQUIRED = ("order", "item", "customer", "time", "quantity", "price")
OPTIONAL = ("line", "currency", "description", "unit_cost", "category")
NAMES = ("order", "item", "customer", "line", "currency", "description", "category")
"""Columns that are text, whatever they look like."""
FEWEST_LINES = 100


@dataclass(frozen=True, eq=False)
class OrderLines:
    """Order lines.

    Attributes:
        sold: order, item, customer (str; missing if unknown), time (s since 1970, the shop's clock),
            quantity and price > 0, and the optional columns of the table.
        returned: the lines with a negative quantity: the same columns, with quantity > 0.
        set_aside: ``row`` (position in the file, from 0), ``column``, ``reason`` and the original row.
        rows: number of rows of the table.
        currency: of all lines used; "" if the table does not say.
    """

    sold: pd.DataFrame
    returned: pd.DataFrame
    set_aside: pd.DataFrame
    rows: int
    currency: str

    def reasons(self) -> dict[str, int]:
        """Number of rows set aside by column and reason, the largest first."""
        counts = (self.set_aside["column"] + ": " + self.set_aside["reason"]).value_counts()
        return {str(why): int(count) for why, count in counts.items()}

    def save_set_aside(self, path: Path) -> None:
        """Write the rows that were set aside as CSV, whole or not at all."""
        with new_file(path) as temporary:
            self.set_aside.to_csv(temporary, index=False)


def check_order_lines(table: pd.DataFrame, columns: Mapping[str, str] | None = None) -> OrderLines:
    """Separate sales, returns and rows that cannot be used.

    A row is set aside with the first reason that applies. A line with a negative quantity is a return.
    Returns are counted as returns and are listed in ``set_aside`` too, because they are no sales.

    Args:
        table: one row per order line.
        columns: from our names to those of ``table``. A name that is left out means the column of that name.

    Raises:
        InvalidInput: a column is missing or occurs twice, or too few rows can be used.
    """
    lines = _named(table, columns or {})
    raw = table.reset_index(drop=True)
    for name in ("order", "item", "customer"):
        lines[name] = _text(lines[name])
    for name in ("quantity", "price"):
        lines[name] = to_numbers(lines[name], name)
    lines["time"] = _seconds(lines["time"])
    reasons = pd.DataFrame({"column": "", "reason": ""}, index=lines.index, dtype=object)

    def refuse(bad: pd.Series[bool], column: str, reason: str) -> None:
        reasons.loc[bad & (reasons["reason"] == ""), ["column", "reason"]] = (column, reason)

    refuse(lines["order"].isna(), "order", "missing")
    refuse(lines["item"].isna(), "item", "missing")
    refuse(lines["time"].isna(), "time", "missing or no time")
    refuse(~np.isfinite(lines["quantity"]) | (lines["quantity"] == 0), "quantity", "missing, 0 or no number")
    refuse(~np.isfinite(lines["price"]), "price", "missing or no number")
    refuse(lines["price"] <= 0, "price", "0 or less")
    currency = ""
    if "currency" in lines:
        currency = str(lines["currency"].mode().iloc[0]) if lines["currency"].notna().any() else ""
        refuse(lines["currency"] != currency, "currency", f"not {currency}, the currency of most rows")
    if "line" in lines:
        refuse(lines["line"].duplicated() & lines["line"].notna(), "line", "this id was there before")
    owner = lines.groupby("order")["customer"].transform("first")
    refuse(
        lines["customer"].notna() & (lines["customer"] != owner), "order", "this id is another customer's too"
    )
    is_return = (lines["quantity"] < 0) & (reasons["reason"] == "")
    reasons.loc[is_return, ["column", "reason"]] = ("quantity", "below 0: counted as a return")

    good = reasons["reason"] == ""
    if good.sum() < FEWEST_LINES:
        counts = reasons.loc[~good].value_counts().to_dict()
        raise InvalidInput(
            "transactions", counts, f"{int(good.sum())} rows can be used: give {FEWEST_LINES} or more"
        )
    set_aside = pd.concat([reasons[~good], raw[~good].add_prefix("your_")], axis=1)
    set_aside.insert(0, "row", set_aside.index)
    returned = lines[is_return].assign(quantity=-lines["quantity"][is_return])
    return OrderLines(
        lines[good].reset_index(drop=True),
        returned.reset_index(drop=True),
        set_aside.reset_index(drop=True),
        len(lines),
        currency,
    )


def _named(table: pd.DataFrame, columns: Mapping[str, str]) -> pd.DataFrame:
    unknown = sorted(set(columns) - {*REQUIRED, *OPTIONAL})
    if unknown:
        raise InvalidInput("--column", unknown, f"map from these names: {', '.join((*REQUIRED, *OPTIONAL))}")
    missing = [name for name in (*REQUIRED, *columns) if columns.get(name, name) not in table.columns]
    if missing:
        fix = f"no column for {', '.join(missing)}: map it with --column {missing[0]}=NAME"
        raise InvalidInput("transactions", list(map(str, table.columns)), fix)
    names = {name: columns.get(name, name) for name in (*REQUIRED, *OPTIONAL)}
    unique_columns("--column", table, names.values())
    renamed = {ours: table[theirs] for ours, theirs in names.items() if theirs in table.columns}
    return pd.DataFrame(renamed).reset_index(drop=True)


def _text(ids: pd.Series) -> pd.Series:
    """Ids as str, missing if empty. Integers lose the ``.0`` that a missing value gives them."""
    if pd.api.types.is_float_dtype(ids) and (ids.dropna() % 1 == 0).all():
        ids = ids.astype("Int64")
    text = ids.astype("string").str.strip()
    return text.mask(text == "")


def _seconds(times: pd.Series) -> pd.Series:
    """Seconds since 1970 by the clock of the file, from numbers (s), dates or texts. Zones are dropped."""
    if pd.api.types.is_numeric_dtype(times):
        return times.astype("float64")
    moments = pd.to_datetime(times, errors="coerce", format="mixed" if times.dtype == object else None)
    if moments.dt.tz is not None:
        moments = moments.dt.tz_localize(None)
    return (moments - pd.Timestamp(0)) / pd.Timedelta(seconds=1)
