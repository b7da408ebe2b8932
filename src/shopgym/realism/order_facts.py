"""Facts of orders: baskets, returns and season."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ..core.errors import InvalidInput
from .registry import fact
from .resampling import ClusterBootstrap, Measurement, units
from .shop_data import DAY, PAGE_VIEW, ShopData, weekday

ORDERS, TRADES = ("purchase",), ("purchase", "return")
USERS = ("user_id",)
PRICED = ("order_id", "quantity", "price")


def _register_order_fact(name: str, unit: str, column: str, how: str, what: str) -> None:
    """Register the mean, median or log sd of an order column. Orders of value 0 have no log."""

    def measure(data: ShopData, boot: ClusterBootstrap) -> Measurement:
        orders = data.orders[data.orders[column] > 0] if how == "log sd" else data.orders
        codes, values = units(orders["user_id"]), orders[column].to_numpy(np.float64)
        if how == "log sd":
            return boot.sd(np.log(values), codes)
        return (boot.median if how == "median" else boot.mean)(values, codes)

    measure.__doc__ = f"{how.capitalize()} over orders of {what}."
    columns = {"items": ("order_id", "item_id"), "units": PRICED[:2], "value": PRICED}[column]
    fact(name, unit, "basket", events=ORDERS, columns=columns)(measure)


for _how in ("mean", "median"):
    _register_order_fact(f"basket_items_{_how}", "distinct items", "items", _how, "distinct items")
    _register_order_fact(f"basket_units_{_how}", "units", "units", _how, "units")
    _register_order_fact(f"basket_value_{_how}", "currency", "value", _how, "value")
_register_order_fact("basket_value_log_sd", "log currency", "value", "log sd", "value")


@fact("basket_value_tail", "ratio", "basket", events=ORDERS, columns=PRICED)
def _value_tail(data: ShopData, boot: ClusterBootstrap) -> Measurement:
    """Value that 5% of the orders exceed, over the median value of an order."""
    return boot.quantile_over_median(data.orders["value"], units(data.orders["user_id"]), 0.95)


@fact("basket_items_tail", "ratio", "basket", events=ORDERS, columns=("order_id", "item_id"))
def _items_tail(data: ShopData, boot: ClusterBootstrap) -> Measurement:
    """Distinct items that 5% of the orders exceed, over the median of an order."""
    return boot.quantile_over_median(data.orders["items"], units(data.orders["user_id"]), 0.95)


@fact("single_item_basket_share", "share", "basket", events=ORDERS, columns=("order_id", "item_id"))
def _single(data: ShopData, boot: ClusterBootstrap) -> Measurement:
    """Share of orders with one distinct item."""
    return boot.mean(data.orders["items"] == 1, units(data.orders["user_id"]))


@fact("units_per_line_median", "units", "basket", events=ORDERS, columns=("quantity",))
def _units_per_line(data: ShopData, boot: ClusterBootstrap) -> Measurement:
    """Median units of an order line."""
    lines = data.select("purchase")
    orders = (lines["order_id"],) if "order_id" in lines.columns else ()
    return boot.median(lines["quantity"], units(lines["user_id"], *orders))


@fact("units_per_line_mean", "units", "basket", events=ORDERS, columns=("quantity",))
def _mean_units_per_line(data: ShopData, boot: ClusterBootstrap) -> Measurement:
    """Mean units of an order line."""
    lines = data.select("purchase")
    orders = (lines["order_id"],) if "order_id" in lines.columns else ()
    return boot.mean(lines["quantity"], units(lines["user_id"], *orders))


@fact("returned_line_share", "share of lines", "returns", events=TRADES)
def _returned_lines(data: ShopData, boot: ClusterBootstrap) -> Measurement:
    """Lines that came back per line sold."""
    rows = data.select("purchase", "return")
    back = rows["event"] == "return"
    return boot.ratio(back, ~back, units(rows["user_id"], rows["order_id"]))


def _traded(data: ShopData) -> pd.DataFrame:
    """Purchases and returns of known users, with their value."""
    rows = data.select("purchase", "return").dropna(subset="user_id")
    return rows.assign(value=rows["quantity"] * rows["price"], returned=rows["event"] == "return")


def _returned_over_bought(rows: pd.DataFrame, boot: ClusterBootstrap, column: str) -> Measurement:
    amount, returned = rows[column], rows["returned"]
    return boot.ratio(amount * returned, amount * ~returned, units(rows["user_id"]))


@fact("returned_value_share", "share of gross value", "returns", events=TRADES, columns=PRICED[1:])
def _returned_value(data: ShopData, boot: ClusterBootstrap) -> Measurement:
    """Value of returns over that of purchases, of known users."""
    return _returned_over_bought(_traded(data), boot, "value")


@fact("returned_units_share", "share of units", "returns", events=TRADES, columns=PRICED[1:])
def _returned_units(data: ShopData, boot: ClusterBootstrap) -> Measurement:
    """Units sent back over units bought, of known users."""
    return _returned_over_bought(_traded(data), boot, "quantity")


@fact(
    "customers_with_a_return", "share of customers", "returns", events=TRADES, columns=USERS, cumulative=True
)
def _with_return(data: ShopData, boot: ClusterBootstrap) -> Measurement:
    """Share of the users with a purchase or return who have a return."""
    rows = data.select("purchase", "return").dropna(subset="user_id")
    returned = (rows["event"] == "return").groupby(rows["user_id"]).any()
    return boot.mean(returned, np.arange(len(returned)))


@fact("order_share_10_15h", "share", "seasonality", events=ORDERS, columns=("order_id",))
def _daytime(data: ShopData, boot: ClusterBootstrap) -> Measurement:
    """Share of orders from 10:00 to 14:59."""
    hour = data.orders["time"] % DAY // 3600
    if (data.orders["time"] % DAY == 0).all():
        raise InvalidInput("events.time", "whole days", "hours were not recorded")
    return boot.mean((hour >= 10) & (hour < 15), units(data.orders["user_id"]))


@fact("event_share_19_23h", "share", "seasonality", events=(PAGE_VIEW,))
def _evening(data: ShopData, boot: ClusterBootstrap) -> Measurement:
    """Share of all events but impressions from 19:00 to 22:59."""
    events = data.required_events()
    rows = events[events["event"] != "impression"]
    hour = rows["time"] % DAY // 3600
    return boot.mean((hour >= 19) & (hour < 23), units(rows["user_id"], rows["session_id"]))


def _daily(data: ShopData) -> pd.Series:
    """Number of orders on each day with an order, indexed by the time of the day's first order."""
    return (
        data.orders.groupby(data.orders["time"] // DAY)["time"].agg(["size", "min"]).set_index("min")["size"]
    )


@fact("orders_thu_over_sun", "ratio", "seasonality", events=ORDERS, columns=("order_id",))
def _thursday(data: ShopData, boot: ClusterBootstrap) -> Measurement:
    """Mean orders of an open Thursday over those of an open Sunday; days are the units."""
    daily = _daily(data)
    day = weekday(daily.index.to_series())
    chosen = day.isin((3, 6)).to_numpy()
    return boot.ratio_of_means(daily[chosen], (day == 3)[chosen], np.arange(chosen.sum()))


@fact("daily_orders_cv", "cv", "seasonality", events=ORDERS, columns=("order_id",))
def _daily_cv(data: ShopData, boot: ClusterBootstrap) -> Measurement:
    """Coefficient of variation of the orders of a day with any; days are the units."""
    daily = _daily(data)
    return boot.sd(daily, np.arange(len(daily)), relative=True)
