"""What is bought, sent back, and when."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ..core.errors import InvalidInput
from .registry import fact
from .resampling import Bootstrap, Measured, units
from .shop_data import DAY, ShopData

ORDERS = ("purchase",)
PRICED = ("order_id", "quantity", "price")
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def weekday(time: pd.Series) -> pd.Series:
    """0 = Monday, of seconds since 1970-01-01, a Thursday."""
    return (time // DAY + 3) % 7


def weekday_shares(events: pd.DataFrame) -> pd.Series:
    """Share of the rows on each of the seven weekdays, Monday first."""
    shares = weekday(events["time"]).value_counts(normalize=True).reindex(range(7), fill_value=0.0)
    return shares.set_axis(pd.Index(WEEKDAYS, name="weekday"))


def hour_shares(events: pd.DataFrame) -> pd.Series:
    """Share of the rows in each of the 24 hours of the day."""
    hours = (events["time"] % DAY // 3600).astype(int)
    return hours.value_counts(normalize=True).reindex(pd.RangeIndex(24, name="hour"), fill_value=0.0)


def _of_orders(name: str, unit: str, column: str, how: str, what: str) -> None:
    """Register the mean, median or log sd of an order column; orders of value 0 have no log."""

    def measure(data: ShopData, boot: Bootstrap) -> Measured:
        orders = data.orders[data.orders[column] > 0] if how == "log sd" else data.orders
        unit_codes, values = units(orders["user_id"]), orders[column].to_numpy(np.float64)
        if how == "log sd":
            return boot.sd(np.log(values), unit_codes)
        return (boot.median if how == "median" else boot.mean)(values, unit_codes)

    measure.__doc__ = f"{how.capitalize()} over orders of {what}."
    columns = {"items": ("order_id", "item_id"), "units": PRICED[:2], "value": PRICED}[column]
    fact(name, unit, "basket", events=ORDERS, columns=columns)(measure)


for _how in ("mean", "median"):
    _of_orders(f"basket_items_{_how}", "distinct items", "items", _how, "distinct items")
    _of_orders(f"basket_units_{_how}", "units", "units", _how, "units")
    _of_orders(f"basket_value_{_how}", "currency", "value", _how, "value")
_of_orders("basket_value_log_sd", "log currency", "value", "log sd", "value")


@fact("single_item_basket_share", "share", "basket", events=ORDERS, columns=("order_id", "item_id"))
def _single(data: ShopData, boot: Bootstrap) -> Measured:
    """Share of orders with one distinct item."""
    return boot.mean(data.orders["items"] == 1, units(data.orders["user_id"]))


@fact("units_per_line_median", "units", "basket", events=ORDERS, columns=("quantity",))
def _units_per_line(data: ShopData, boot: Bootstrap) -> Measured:
    """Median units of an order line."""
    lines = data.of("purchase")
    orders = (lines["order_id"],) if "order_id" in lines.columns else ()
    return boot.median(lines["quantity"], units(lines["user_id"], *orders))


def _traded(data: ShopData) -> pd.DataFrame:
    """Purchases and returns of known users, with their value."""
    rows = data.of("purchase", "return").dropna(subset="user_id")
    return rows.assign(value=rows["quantity"] * rows["price"], back=rows["event"] == "return")


@fact(
    "returned_value_share",
    "share of gross value",
    "returns",
    events=("purchase", "return"),
    columns=PRICED[1:],
)
def _returned_value(data: ShopData, boot: Bootstrap) -> Measured:
    """Value of returns over that of purchases, of known users."""
    rows = _traded(data)
    return boot.ratio(rows["value"] * rows["back"], rows["value"] * ~rows["back"], units(rows["user_id"]))


@fact("returned_units_share", "share of units", "returns", events=("purchase", "return"), columns=PRICED[1:])
def _returned_units(data: ShopData, boot: Bootstrap) -> Measured:
    """Units sent back over units bought, of known users."""
    rows = _traded(data)
    return boot.ratio(
        rows["quantity"] * rows["back"], rows["quantity"] * ~rows["back"], units(rows["user_id"])
    )


@fact(
    "customers_with_a_return",
    "share of customers",
    "returns",
    events=("purchase", "return"),
    columns=("user_id",),
    grows=True,
)
def _with_return(data: ShopData, boot: Bootstrap) -> Measured:
    """Share of the users with a purchase or return who have a return."""
    rows = data.of("purchase", "return").dropna(subset="user_id")
    returned = (rows["event"] == "return").groupby(rows["user_id"]).any()
    return boot.mean(returned, np.arange(len(returned)))


@fact("order_share_10_15h", "share", "seasonality", events=ORDERS, columns=("order_id",))
def _by_day(data: ShopData, boot: Bootstrap) -> Measured:
    """Share of orders from 10:00 to 14:59."""
    hour = data.orders["time"] % DAY // 3600
    if (data.orders["time"] % DAY == 0).all():
        raise InvalidInput("events.time", "whole days", "hours were not recorded")
    return boot.mean((hour >= 10) & (hour < 15), units(data.orders["user_id"]))


@fact("event_share_19_23h", "share", "seasonality", events=("look",))
def _by_night(data: ShopData, boot: Bootstrap) -> Measured:
    """Share of all events but impressions from 19:00 to 22:59."""
    assert data.events is not None  # lacks() has seen to it
    rows = data.events[data.events["event"] != "impression"]
    hour = rows["time"] % DAY // 3600
    return boot.mean((hour >= 19) & (hour < 23), units(rows["user_id"], rows["session_id"]))


def _daily(data: ShopData) -> pd.Series:
    """Orders on each day that had any, by the time of the day's first order."""
    return (
        data.orders.groupby(data.orders["time"] // DAY)["time"].agg(["size", "min"]).set_index("min")["size"]
    )


@fact("orders_thu_over_sun", "ratio", "seasonality", events=ORDERS, columns=("order_id",))
def _thursday(data: ShopData, boot: Bootstrap) -> Measured:
    """Mean orders of an open Thursday over those of an open Sunday; days are the units."""
    daily = _daily(data)
    day = weekday(daily.index.to_series())
    chosen = day.isin((3, 6)).to_numpy()
    return boot.ratio_of_means(daily[chosen], (day == 3)[chosen], np.arange(chosen.sum()))


@fact("daily_orders_cv", "cv", "seasonality", events=ORDERS, columns=("order_id",))
def _daily_cv(data: ShopData, boot: Bootstrap) -> Measured:
    """Coefficient of variation of the orders of a day with any; days are the units."""
    daily = _daily(data)
    return boot.sd(daily, np.arange(len(daily)), relative=True)
