"""Facts of days: how much happens in one, and how it is spread over hours and weekdays.

A day counts whether anything happened or not. Neighbouring days are alike and weekdays differ, so the
bootstrap draws weeks of seven days from the start of the record (blocks, Künsch 1989); of less than four
weeks it draws days.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from ..core.errors import InvalidInput
from ..core.types import F64, I64
from .registry import fact
from .resampling import ClusterBootstrap, Measurement, units
from .shop_data import DAY, ShopData, weekday

ORDERS, ORDER = ("purchase",), ("order_id",)
KNOWN = ("order_id", "user_id")
LEAST_DAYS = 7
WEEK, LEAST_WEEKS = 7, 4
HOURS = ((0, 6), (6, 12), (12, 18), (18, 24))


def _counts(data: ShopData, times: pd.Series) -> F64:
    """(d,) how many of these times fall on each day watched, from the day of the first one by default."""
    start, end = data.watched or (times.min(), (times.max() // DAY + 1) * DAY)
    start = start // DAY * DAY
    days = int(np.ceil((end - start) / DAY - 1e-9))
    if days < LEAST_DAYS:
        raise InvalidInput("days", days, f"give records of {LEAST_DAYS} days or more")
    inside = times[(times >= start) & (times < end)]
    day = ((inside - start) // DAY).to_numpy(np.int64)
    return np.bincount(day, minlength=days).astype(np.float64)


def _blocks(days: int) -> I64:
    """(d,) the week of each day; of less than four weeks, the day."""
    day = np.arange(days, dtype=np.int64)
    return day if days < LEAST_WEEKS * WEEK else day // WEEK


def _per_day(data: ShopData, boot: ClusterBootstrap, times: pd.Series) -> Measurement:
    counts = _counts(data, times)
    mean = boot.mean(counts, _blocks(len(counts)))
    return Measurement(mean.value, mean.low, mean.high, len(counts))


@fact("orders_per_day", "orders", "volume", events=ORDERS, columns=ORDER)
def _orders(data: ShopData, boot: ClusterBootstrap) -> Measurement:
    """Orders a day, days without one included."""
    return _per_day(data, boot, data.orders["time"])


@fact("visits_per_day", "visits", "volume", sessions=("start",))
def _visits(data: ShopData, boot: ClusterBootstrap) -> Measurement:
    """Sessions with an action a day, days without one included."""
    return _per_day(data, boot, data.sessions["start"])


@fact("new_customers_per_day", "customers", "volume", events=ORDERS, columns=KNOWN, cumulative=True)
def _new_customers(data: ShopData, boot: ClusterBootstrap) -> Measurement:
    """Customers with their first order in the record, a day; in a short record many of them are not new."""
    orders = data.orders.dropna(subset="user_id")
    return _per_day(data, boot, orders.groupby("user_id")["time"].min())


@fact("busy_day_orders_over_median", "ratio", "seasonality", events=ORDERS, columns=ORDER)
def _busy_days(data: ShopData, boot: ClusterBootstrap) -> Measurement:
    """Orders that 5% of the days with any exceed, over their median."""
    counts = _counts(data, data.orders["time"])
    open_day = counts > 0
    block = pd.factorize(_blocks(len(counts))[open_day])[0].astype(np.int64)
    ratio = boot.quantile_over_median(counts[open_day], block, 0.95)
    return Measurement(ratio.value, ratio.low, ratio.high, int(open_day.sum()))


def _hours(times: pd.Series) -> pd.Series:
    if (times % DAY == 0).all():
        raise InvalidInput("events.time", "whole days", "hours were not recorded")
    return times % DAY / 3600.0


def _weekends(data: ShopData, boot: ClusterBootstrap, times: pd.Series) -> Measurement:
    """Share of the times on Saturday and Sunday; a record must hold whole weeks, within a day."""
    counts = _counts(data, times)
    first = (times.min() if data.watched is None else data.watched[0]) // DAY * DAY
    day = weekday(pd.Series(first + DAY * np.arange(len(counts))))
    share = boot.ratio(counts * (day >= 5).to_numpy(), counts, _blocks(len(counts)))
    return Measurement(share.value, share.low, share.high, len(counts))


@fact("order_share_weekend", "share", "seasonality", events=ORDERS, columns=ORDER)
def _order_weekend(data: ShopData, boot: ClusterBootstrap) -> Measurement:
    """Share of the orders on Saturday and Sunday."""
    return _weekends(data, boot, data.orders["time"])


@fact("visit_share_weekend", "share", "seasonality", sessions=("start",))
def _visit_weekend(data: ShopData, boot: ClusterBootstrap) -> Measurement:
    """Share of the sessions that begin on Saturday or Sunday."""
    return _weekends(data, boot, data.sessions["start"])


@fact("busiest_weekday_order_share", "share", "seasonality", events=ORDERS, columns=ORDER)
def _busiest_weekday(data: ShopData, boot: ClusterBootstrap) -> Measurement:
    """Share of the orders on the weekday that has most of them in the record."""
    day = weekday(data.orders["time"])
    return boot.mean(day == day.mode().iloc[0], units(data.orders["user_id"]))


def _register_hours(first: int, last: int) -> None:
    def of_orders(data: ShopData, boot: ClusterBootstrap) -> Measurement:
        hour = _hours(data.orders["time"])
        return boot.mean((hour >= first) & (hour < last), units(data.orders["user_id"]))

    def of_visits(data: ShopData, boot: ClusterBootstrap) -> Measurement:
        hour, sessions = _hours(data.sessions["start"]), data.sessions
        return boot.mean((hour >= first) & (hour < last), units(sessions["user_id"], sessions["session_id"]))

    of_orders.__doc__ = f"Share of the orders from {first}:00 to {last - 1}:59."
    of_visits.__doc__ = f"Share of the sessions that begin from {first}:00 to {last - 1}:59."
    hours = f"{first:02d}_{last:02d}h"
    fact(f"order_share_{hours}", "share", "seasonality", events=ORDERS, columns=ORDER)(of_orders)
    fact(f"visit_share_{hours}", "share", "seasonality", sessions=("start",))(of_visits)


for _first, _last in HOURS:
    _register_hours(_first, _last)
