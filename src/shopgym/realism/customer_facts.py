"""Facts of the orders of known customers: repeat purchases, times between orders, revenue."""

from __future__ import annotations

from weakref import WeakKeyDictionary

import numpy as np
import pandas as pd

from ..core.types import F64
from .bgnbd import BgNbd, fit_bgnbd, purchase_histories
from .registry import fact
from .resampling import ClusterBootstrap, Measurement, units
from .shop_data import DAY, ShopData

ORDERS = ("purchase",)
KNOWN = ("order_id", "user_id")
PAID = (*KNOWN, "price")


def _known_orders(data: ShopData) -> pd.DataFrame:
    return data.orders.dropna(subset="user_id")


@fact("repeat_customer_share", "share", "retention", events=ORDERS, columns=KNOWN, cumulative=True)
def _repeat(data: ShopData, boot: ClusterBootstrap) -> Measurement:
    """Share of customers with 2 orders or more in the time watched."""
    counts = _known_orders(data).groupby("user_id").size()
    return boot.mean(counts >= 2, np.arange(len(counts)))


@fact("orders_per_customer", "orders", "retention", events=ORDERS, columns=KNOWN, cumulative=True)
def _orders_per_customer(data: ShopData, boot: ClusterBootstrap) -> Measurement:
    """Orders per customer with any, in the time watched."""
    counts = _known_orders(data).groupby("user_id").size()
    return boot.mean(counts, np.arange(len(counts)))


@fact(
    "repeat_item_line_share",
    "share of lines",
    "retention",
    events=ORDERS,
    columns=(*KNOWN, "item_id"),
    cumulative=True,
)
def _repeat_items(data: ShopData, boot: ClusterBootstrap) -> Measurement:
    """Share of the lines of customers' later orders with an item that they ordered before."""
    lines = data.select("purchase").dropna(subset="user_id")
    lines = lines.drop_duplicates(["user_id", "order_id", "item_id"])
    later = lines["time"] > lines.groupby("user_id")["time"].transform("min")
    before = lines["time"] > lines.groupby(["user_id", "item_id"])["time"].transform("min")
    return boot.mean(before[later], units(lines.loc[later, "user_id"]))


def _order_gaps(orders: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    """Days between consecutive rows of a customer, and the customer."""
    orders = orders.sort_values(["user_id", "time"], kind="stable")
    same = orders["user_id"] == orders["user_id"].shift()
    return (orders["time"].diff() / DAY)[same], orders.loc[same, "user_id"]


def _day_gaps(data: ShopData) -> tuple[pd.Series, pd.Series]:
    orders = _known_orders(data)[["user_id", "time"]]
    return _order_gaps(orders.assign(time=orders["time"] // DAY * DAY).drop_duplicates())


@fact("interpurchase_median_days", "days", "retention", events=ORDERS, columns=KNOWN, cumulative=True)
def _gap_median(data: ShopData, boot: ClusterBootstrap) -> Measurement:
    """Median days between consecutive order days of a customer; the end of the record cuts off long gaps."""
    gaps, users = _day_gaps(data)
    return boot.median(gaps, units(users))


@fact("interpurchase_mean_days", "days", "retention", events=ORDERS, columns=KNOWN, cumulative=True)
def _gap_mean(data: ShopData, boot: ClusterBootstrap) -> Measurement:
    """Mean days between consecutive order days of a customer; the end of the record cuts off long gaps."""
    gaps, users = _day_gaps(data)
    return boot.mean(gaps, units(users))


@fact("interpurchase_tail", "ratio", "retention", events=ORDERS, columns=KNOWN, cumulative=True)
def _gap_tail(data: ShopData, boot: ClusterBootstrap) -> Measurement:
    """Days between order days of a customer that 5% of the gaps exceed, over the median."""
    gaps, users = _day_gaps(data)
    return boot.quantile_over_median(gaps, units(users), 0.95)


@fact("intertrip_median_days", "days", "retention", events=ORDERS, columns=KNOWN, cumulative=True)
def _trip_median(data: ShopData, boot: ClusterBootstrap) -> Measurement:
    """Median days between consecutive orders of a customer, to the second."""
    gaps, users = _order_gaps(_known_orders(data))
    return boot.median(gaps, units(users))


@fact(
    "returning_order_share_h2", "share of orders", "retention", events=ORDERS, columns=KNOWN, cumulative=True
)
def _returning(data: ShopData, boot: ClusterBootstrap) -> Measurement:
    """Share of the orders in the second half of the time watched by customers with an earlier order."""
    orders = _known_orders(data)
    returning = orders["time"] > orders.groupby("user_id")["time"].transform("min")
    late = orders["time"] >= (data.orders["time"].min() + data.orders["time"].max()) / 2
    return boot.mean(returning[late], units(orders.loc[late, "user_id"]))


@fact("cohort_active_month1", "share", "retention", events=ORDERS, columns=KNOWN, cumulative=True)
def _cohort(data: ShopData, boot: ClusterBootstrap) -> Measurement:
    """Share of customers who order again in the calendar month after that of their first order.

    Customers of the first month are left out, because they may have bought before. Customers of the last two
    months are left out, because the month after is not complete.
    """
    orders = _known_orders(data)
    month = pd.Series(_month(orders["time"]), orders.index)
    first = month.groupby(orders["user_id"]).transform("min")
    cohort = first.groupby(orders["user_id"]).first()
    active = (month == first + 1).groupby(orders["user_id"]).any()
    months = _month(data.orders["time"])
    chosen = (cohort > months.min()) & (cohort < months.max() - 1)
    return boot.mean(active[chosen], np.arange(int(chosen.sum())))


def _month(time: pd.Series) -> F64:
    """Calendar months since January 1970."""
    return time.to_numpy().astype("datetime64[s]").astype("datetime64[M]").astype(np.float64)


@fact("top20_customer_revenue_share", "share", "heterogeneity", events=ORDERS, columns=PAID, cumulative=True)
def _top_share(data: ShopData, boot: ClusterBootstrap) -> Measurement:
    """Share of the revenue of known customers that the top 20% of them bring."""

    def share(spent: F64) -> float:
        return float(spent[: int(0.2 * len(spent))].sum() / spent.sum())

    return boot.sorted_statistic(_known_orders(data).groupby("user_id")["value"].sum(), share)


_MODELS: WeakKeyDictionary[ShopData, BgNbd] = WeakKeyDictionary()


def _model(data: ShopData) -> BgNbd:
    """The BG/NBD model of these records, fitted once for all four parameters."""
    if data not in _MODELS:
        _MODELS[data] = fit_bgnbd(*purchase_histories(_known_orders(data), end=data.orders["time"].max()))
    return _MODELS[data]


def _register_bgnbd_fact(index: int, name: str) -> None:
    def measure(data: ShopData, boot: ClusterBootstrap) -> Measurement:
        model = _model(data)
        low, high = model.intervals[index]
        return Measurement(model.parameters[index], float(low), float(high), model.customers)

    measure.__doc__ = f"Parameter {name} of the BG/NBD model, time in weeks; Wald interval on the log scale."
    fact(f"bgnbd_{name}", "param (weeks)", "retention", events=ORDERS, columns=KNOWN)(measure)


for _index, _name in enumerate(("r", "alpha", "a", "b")):
    _register_bgnbd_fact(_index, _name)
