"""A shop's own order lines: what can be used, what was sent back, and what is set aside, row by row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from ...core.errors import InvalidInput
from ...core.files import new_file

REQUIRED = ("order", "item", "customer", "time", "quantity", "price")
OPTIONAL = ("line", "currency", "description", "unit_cost", "category")
FEWEST_LINES = 100


@dataclass(frozen=True, eq=False)
class Lines:
    """Order lines.

    Attributes:
        sold: order, item, customer (str; missing where not known), time (s since 1970, the shop's clock),
            quantity and price > 0, and what else there was.
        returned: the same columns, quantity > 0: lines with a negative quantity.
        set_aside: ``row`` (position in the file, from 0), ``column``, ``reason`` and the row as it was.
        rows: read.
        currency: of all lines used; "" if the file does not say.
    """

    sold: pd.DataFrame
    returned: pd.DataFrame
    set_aside: pd.DataFrame
    rows: int
    currency: str

    def reasons(self) -> dict[str, int]:
        """Rows set aside by column and reason, most first."""
        counts = (self.set_aside["column"] + ": " + self.set_aside["reason"]).value_counts()
        return {str(why): int(count) for why, count in counts.items()}

    def save_set_aside(self, path: Path) -> None:
        """Write what was set aside as CSV, whole or not at all; without rows if there is none."""
        with new_file(path) as temporary:
            self.set_aside.to_csv(temporary, index=False)


def read_table(path: Path, option: str) -> pd.DataFrame:
    """A CSV or Parquet file.

    Raises:
        InvalidInput: naming ``option``, if it is missing or is neither.
    """
    try:
        return pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path)
    except (ValueError, OSError) as error:
        raise InvalidInput(option, str(path), f"it is no readable table ({error})") from error


def order_lines(table: pd.DataFrame, columns: Mapping[str, str] | None = None) -> Lines:
    """Part the rows.

    A row is set aside under the first reason that applies. Lines with a negative quantity are returns: they
    are counted as such and listed with what was set aside, because they are no sales.

    Args:
        table: one row per order line.
        columns: from our names to those of ``table``; a name left out is looked for as it is.

    Raises:
        InvalidInput: a column is missing, or too few rows can be used.
    """
    lines = _named(table, columns or {})
    raw = table.reset_index(drop=True)
    for name in ("order", "item", "customer"):
        lines[name] = _text(lines[name])
    for name in ("quantity", "price"):
        lines[name] = pd.to_numeric(lines[name], errors="coerce").astype("float64")
    lines["time"] = _seconds(lines["time"])
    why = pd.DataFrame({"column": "", "reason": ""}, index=lines.index, dtype=object)

    def refuse(bad: pd.Series[bool], column: str, reason: str) -> None:
        why.loc[bad & (why["reason"] == ""), ["column", "reason"]] = (column, reason)

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
    back = (lines["quantity"] < 0) & (why["reason"] == "")
    why.loc[back, ["column", "reason"]] = ("quantity", "below 0: counted as a return")

    good = why["reason"] == ""
    if good.sum() < FEWEST_LINES:
        counts = why.loc[~good].value_counts().to_dict()
        raise InvalidInput(
            "transactions", counts, f"{int(good.sum())} rows can be used: give {FEWEST_LINES} or more"
        )
    aside = pd.concat([why[~good], raw[~good].add_prefix("your_")], axis=1)
    aside.insert(0, "row", aside.index)
    returned = lines[back].assign(quantity=-lines["quantity"][back])
    return Lines(
        lines[good].reset_index(drop=True),
        returned.reset_index(drop=True),
        aside.reset_index(drop=True),
        len(lines),
        currency,
    )


def _named(table: pd.DataFrame, columns: Mapping[str, str]) -> pd.DataFrame:
    unknown = sorted(set(columns) - {*REQUIRED, *OPTIONAL})
    if unknown:
        raise InvalidInput("--column", unknown, f"map from these names: {', '.join((*REQUIRED, *OPTIONAL))}")
    missing = [name for name in (*REQUIRED, *columns) if columns.get(name, name) not in table.columns]
    if missing:
        raise InvalidInput(
            "transactions",
            list(map(str, table.columns)),
            f"no column for {', '.join(missing)}: map it with --column {missing[0]}=NAME",
        )
    names = {name: columns.get(name, name) for name in (*REQUIRED, *OPTIONAL)}
    found = {ours: table[theirs] for ours, theirs in names.items() if theirs in table.columns}
    return pd.DataFrame(found).reset_index(drop=True)


def _text(ids: pd.Series) -> pd.Series:
    """Ids as str; numbers that a missing value made float lose their ``.0``; empty ones are missing."""
    if pd.api.types.is_float_dtype(ids) and (ids.dropna() % 1 == 0).all():
        ids = ids.astype("Int64")
    text = ids.astype("string").str.strip()
    return text.mask(text == "")


def _seconds(times: pd.Series) -> pd.Series:
    """Seconds since 1970 by the clock of the file, from numbers (s), dates or texts; a zone is dropped."""
    if pd.api.types.is_numeric_dtype(times):
        return times.astype("float64")
    moments = pd.to_datetime(times, errors="coerce", format="mixed" if times.dtype == object else None)
    if moments.dt.tz is not None:
        moments = moments.dt.tz_localize(None)
    return (moments - pd.Timestamp(0)) / pd.Timedelta(seconds=1)
