"""Weekly sales of items, with their prices: the panel behind the responses to price, marks and stockouts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ...core.types import F64, I64
from ..item_facts import HOUSEHOLD_UNITS
from ..shop_data import DAY

WEEK = 7.0 * DAY
MONDAY = 4.0 * DAY
"""Seconds from 1970-01-01, a Thursday, to the first Monday."""
MOST_ITEMS = 500
"""Items used, those with most units: the others add time and little else."""
FEWEST_WEEKS, MOST_WEEKS = 8, 1_000_000
SOLD_WEEKS = 0.5
"""An item is used if it sold in so many weeks, and in this share of those from its first sale to its last."""


@dataclass(frozen=True, eq=False)
class WeeklySales:
    """Weekly sales of items, from the week of an item's first sale to that of its last.

    Attributes:
        items: (N,) ids.
        item: (r,) rows of ``items``.
        week: (r,) weeks since 1970, Monday first.
        units: (r,) units sold in lines of up to ``HOUSEHOLD_UNITS``: larger ones are those of resellers.
        log_price: (r,) mean log price of those lines; without a sale that of the week before.
        within: share of the variance of log prices inside items that lies between orders of one week.
    """

    items: tuple[str, ...]
    item: I64
    week: I64
    units: F64
    log_price: F64
    within: float

    def later(self, values: F64, weeks: int) -> F64:
        """(r,) the ``values`` (r,) of the same item so many weeks later; NaN beyond its last week."""
        row = self.row_of(self.item, self.week + weeks)
        return np.where(row >= 0, values[row], np.nan)

    def row_of(self, item: I64, week: I64) -> I64:
        """(m,) the row of an item (row of ``items``) in a week; -1 where there is none."""
        key, asked = self.item * MOST_WEEKS + self.week, item * MOST_WEEKS + week
        row = np.minimum(np.searchsorted(key, asked), len(key) - 1)
        return np.where(key[row] == asked, row, -1)

    def at(self, item: pd.Series, week: I64, value: F64) -> F64:
        """(r,) the largest ``value`` (m,) that a table has for an item (m,) and week (m,), 0 where none."""
        row = pd.Index(self.items).get_indexer(pd.Index(item.astype(str)))
        key = pd.Series(row.astype(np.int64) * MOST_WEEKS + week)
        largest = pd.Series(value).where(row >= 0).groupby(key).max()
        values = largest.reindex(self.item * MOST_WEEKS + self.week).to_numpy(np.float64)
        return np.asarray(np.nan_to_num(values), np.float64)


def week_of(time: pd.Series | F64) -> I64:
    """Weeks since 1970, Monday first, of times in seconds."""
    return np.floor((np.asarray(time, np.float64) - MONDAY) / WEEK).astype(np.int64)


def weekly_sales(lines: pd.DataFrame) -> WeeklySales | None:
    """Weekly sales of order lines with item, time (s), quantity and price; None if no item sold often enough.

    Weeks without a sale count as 0 units.
    """
    lines = lines[lines["quantity"].le(HOUSEHOLD_UNITS) & lines["price"].gt(0)]
    week = pd.Series(week_of(lines["time"]), lines.index, name="week")
    log_price = np.log(lines["price"])
    keys = [lines["item"], week]
    table = pd.DataFrame({"units": lines["quantity"], "log_price": log_price}).groupby(keys)
    weekly = pd.DataFrame({"units": table["units"].sum(), "log_price": table["log_price"].mean()})
    weekly = weekly.reset_index()
    first, last = (weekly.groupby("item")["week"].transform(name) for name in ("min", "max"))
    sold = weekly.groupby("item")["week"].transform("size")
    weekly = weekly[(sold >= FEWEST_WEEKS) & (sold >= SOLD_WEEKS * (last - first + 1))]
    if weekly.empty:
        return None
    most = weekly.groupby("item")["units"].sum().nlargest(MOST_ITEMS).index
    weekly = weekly[weekly["item"].isin(most)]
    spans = weekly.groupby("item")["week"].agg(["min", "max"])
    weeks = (spans["max"] - spans["min"] + 1).to_numpy()
    item = np.repeat(np.arange(len(spans)), weeks)
    start = np.cumsum(weeks) - weeks
    every = np.arange(len(item)) - start[item] + spans["min"].to_numpy()[item]
    index = pd.MultiIndex.from_arrays([spans.index.to_numpy()[item], every])
    filled = weekly.set_index(["item", "week"]).reindex(index)
    prices = filled["log_price"].groupby(level=0, sort=False).ffill()  # the first week of an item has a sale
    inside = lines["item"].isin(spans.index)
    return WeeklySales(
        tuple(map(str, spans.index)),
        item.astype(np.int64),
        every.astype(np.int64),
        filled["units"].fillna(0.0).to_numpy(np.float64),
        prices.to_numpy(np.float64),
        _within_weeks(log_price[inside], lines.loc[inside, "item"], week[inside]),
    )


def _within_weeks(log_price: pd.Series, item: pd.Series, week: pd.Series) -> float:
    """Share of the variance inside items that lies inside weeks too."""
    total = float((log_price - log_price.groupby(item).transform("mean")).pow(2).sum())
    inside = float((log_price - log_price.groupby([item, week]).transform("mean")).pow(2).sum())
    return inside / total if total > 0 else 0.0
