"""Facts of the seasons of goods: how differently the categories sell over the year."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ..core.errors import InvalidInput
from ..core.types import F64
from .registry import fact
from .resampling import ClusterBootstrap, Measurement, units
from .shop_data import ShopData

ORDERS, BOUGHT = ("purchase",), ("order_id", "item_id")
LEAST_DAYS = 180
LEAST_ORDERS = 200
"""A category counts with this many orders or more."""
LEAST_CATEGORIES = 3
MONTHS = {"march": 3, "october": 10}
WORD = "christmas"


def month_of(time: pd.Series) -> F64:
    """Calendar month, 1 to 12, of seconds since 1970."""
    months = time.to_numpy().astype("datetime64[s]").astype("datetime64[M]").astype(np.int64)
    return np.asarray(months % 12 + 1, np.float64)


@fact(
    "category_season",
    "cv",
    "seasonality",
    events=ORDERS,
    columns=BOUGHT,
    items=("category",),
    cumulative=True,
)
def _category_season(data: ShopData, boot: ClusterBootstrap) -> Measurement:
    """Root mean square over categories and months of the category's share of orders in the month over that of
    all categories, minus 1; less what chance alone gives.

    The square is weighted by the orders of the category and the share of the month. Chance is that of
    independent orders: a category of n orders has (months - 1) / n of it. Categories are the units.
    """
    if not data.days >= LEAST_DAYS:
        raise InvalidInput("days", f"{data.days:.0f}", f"give {LEAST_DAYS} days or more")
    assert data.items is not None
    lines = data.select("purchase")
    category = lines["item_id"].map(data.items["category"])
    rows = pd.DataFrame({"category": category, "order": lines["order_id"], "month": month_of(lines["time"])})
    rows = rows.dropna().drop_duplicates(["category", "order"])
    table = pd.crosstab(rows["category"], rows["month"])
    table = table[table.sum(axis=1) >= LEAST_ORDERS]
    if len(table) < LEAST_CATEGORIES:
        fix = f"give {LEAST_CATEGORIES} categories of {LEAST_ORDERS} orders or more"
        raise InvalidInput("categories", len(table), fix)
    counts = table.to_numpy(np.float64)
    n, whole = counts.sum(axis=1), counts.sum(axis=0) / counts.sum()
    chi2 = ((counts / n[:, None] - whole) ** 2 / whole).sum(axis=1)
    excess = n * (chi2 - (counts.shape[1] - 1) / n)

    def statistic(times: F64) -> float:
        total = times @ n
        return float(np.sqrt(max(times @ excess / total, 0.0))) if total else float("nan")

    return boot.measure(statistic, len(n))


def _register_christmas(month: str, number: int) -> None:
    def measure(data: ShopData, boot: ClusterBootstrap) -> Measurement:
        assert data.items is not None
        lines = data.select("purchase")
        lines = lines[month_of(lines["time"]) == number]
        name = lines["item_id"].map(data.items["name"]).fillna("").astype(str)
        if data.items["name"].astype(str).str.contains(WORD, case=False).sum() == 0:
            raise InvalidInput("items.name", "", f"no item has {WORD} in its name")
        return boot.mean(name.str.contains(WORD, case=False), units(lines["user_id"], lines["order_id"]))

    measure.__doc__ = (
        f"Share of the order lines in {month.capitalize()} of items with '{WORD}' in their name."
    )
    name = f"{WORD}_line_share_{month}"
    fact(name, "share of lines", "seasonality", events=ORDERS, columns=BOUGHT, items=("name",))(measure)


for _month, _number in MONTHS.items():
    _register_christmas(_month, _number)
