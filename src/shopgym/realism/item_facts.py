"""Facts of items: how demand is concentrated, and how it responds to price."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ..core.statistics import gini
from ..core.types import F64
from .registry import fact
from .resampling import ClusterBootstrap, Measurement
from .shop_data import DAY, PAGE_VIEW, ShopData

BOUGHT = ("order_id", "item_id")
HOUSEHOLD_UNITS = 12
"""Lines with more units are those of resellers, who pay another price: price slopes leave them out."""
MIN_WEEKS = 20
MIN_PRICE_SD = 0.03
"""An item is used for price slopes if it sold in this many weeks and its log price varied this much (sd)."""


def zipf_top20(counts: F64) -> float:
    """Exponent s of count ~ rank^-s: least squares in logs, top 20% of counts sorted from the largest."""
    top = np.log(counts[: int(0.2 * len(counts))])
    if len(top) < 2:
        return float("nan")
    rank = np.log(np.arange(1, len(top) + 1))
    rank = rank - rank.mean()
    return -float(rank @ top / (rank @ rank))


def _orders_per_item(data: ShopData) -> pd.Series:
    pairs = data.select("purchase")[["item_id", "order_id"]].drop_duplicates()
    return pairs["item_id"].value_counts(sort=False)


@fact("item_gini_orders", "gini", "popularity", events=("purchase",), columns=BOUGHT, cumulative=True)
def _gini_orders(data: ShopData, boot: ClusterBootstrap) -> Measurement:
    """Gini coefficient of orders per item sold at least once; items are the units."""
    return boot.sorted_statistic(_orders_per_item(data), gini)


@fact("item_zipf_top20_orders", "exponent", "popularity", events=("purchase",), columns=BOUGHT)
def _zipf_orders(data: ShopData, boot: ClusterBootstrap) -> Measurement:
    """Zipf exponent of orders per item, top 20% of the items sold; items are the units."""
    return boot.sorted_statistic(_orders_per_item(data), zipf_top20)


@fact("item_gini_clicks", "gini", "popularity", events=(PAGE_VIEW,), columns=("item_id",), cumulative=True)
def _gini_clicks(data: ShopData, boot: ClusterBootstrap) -> Measurement:
    """Gini coefficient of page openings per item opened at least once; items are the units."""
    return boot.sorted_statistic(data.select(data.page_view_kind)["item_id"].value_counts(sort=False), gini)


@fact("item_zipf_top20_clicks", "exponent", "popularity", events=(PAGE_VIEW,), columns=("item_id",))
def _zipf_clicks(data: ShopData, boot: ClusterBootstrap) -> Measurement:
    """Zipf exponent of page openings per item, top 20% of the items opened; items are the units."""
    return boot.sorted_statistic(
        data.select(data.page_view_kind)["item_id"].value_counts(sort=False), zipf_top20
    )


def price_slope_sums(lines: pd.DataFrame) -> pd.DataFrame:
    """Sums (item, [xy, xx]) for the within-item slope xy / xx of log weekly units on log price.

    Purchase lines of up to ``HOUSEHOLD_UNITS`` are summed by item and calendar week (Monday first). Price is
    revenue per unit. Only items are used that sold in ``MIN_WEEKS`` weeks, at a log price with a standard
    deviation above ``MIN_PRICE_SD``. The mean of log units over these items in a week is subtracted, then
    each item's means. The slope is observational: prices were not drawn at random.
    """
    lines = lines[lines["quantity"].le(HOUSEHOLD_UNITS) & lines["price"].gt(0)]
    week = ((lines["time"] // DAY + 3) // 7).rename("week")
    revenue = lines["quantity"] * lines["price"]
    weekly = (
        pd.DataFrame({"units": lines["quantity"], "revenue": revenue}).groupby([lines["item_id"], week]).sum()
    )
    weekly["x"], weekly["y"] = np.log(weekly["revenue"] / weekly["units"]), np.log(weekly["units"])
    by_item = weekly["x"].groupby(level="item_id")
    informative = (by_item.transform("size") >= MIN_WEEKS) & (by_item.transform("std") > MIN_PRICE_SD)
    x, y = weekly.loc[informative, "x"], weekly.loc[informative, "y"]
    y = y - y.groupby(level="week").transform("mean")
    x, y = (v - v.groupby(level="item_id").transform("mean") for v in (x, y))
    return pd.DataFrame({"xy": x * y, "xx": x * x}).groupby(level="item_id").sum()


PRICED = ("item_id", "quantity", "price")


@fact("price_elasticity_pooled", "elasticity", "elasticity", events=("purchase",), columns=PRICED)
def _pooled(data: ShopData, boot: ClusterBootstrap) -> Measurement:
    """Common within-item slope of log weekly units on log price, see price_slope_sums. Items are units."""
    sums = price_slope_sums(data.select("purchase"))
    return boot.ratio(sums["xy"], sums["xx"], np.arange(len(sums)))


@fact("price_elasticity_median_item", "elasticity", "elasticity", events=("purchase",), columns=PRICED)
def _median_item(data: ShopData, boot: ClusterBootstrap) -> Measurement:
    """Median over items of the within-item slope of log weekly units on log price, see price_slope_sums."""
    sums = price_slope_sums(data.select("purchase"))
    return boot.median(sums["xy"] / sums["xx"], np.arange(len(sums)))
