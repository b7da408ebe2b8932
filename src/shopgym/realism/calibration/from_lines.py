"""Parameters that order lines identify, in closed form or by maximum likelihood."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from ...core.errors import InvalidInput
from ...core.statistics import normal_quantile
from ...core.types import F64
from ...simulators import ShopConfig
from ...simulators.market.seasons import YEAR
from ...simulators.people.arrivals import HOURS, WEEKDAYS, WEEKS
from ...simulators.people.retention import RetentionConfig, draw_habits, expected_visits
from ...tables.records import FEWEST_CUSTOMERS, FEWEST_DAYS, OrderLines
from ..bgnbd import BgNbd, fit_bgnbd
from ..resampling import LEVEL
from ..shop_data import DAY, weekday

WEEK = 7.0
FEWEST_RETURNS, FEWEST_WEEKS = 30, 4
WIDE = 100.0
"""An interval whose ends have this ratio says that a number is not identified."""
PEOPLE = 20_000
"""Drawn customers, for expectations over them."""
FIRST_RETURN_DAY = 1.0
"""Days from a purchase to the earliest return in the simulator."""
Z = normal_quantile(LEVEL)


@dataclass(frozen=True)
class FittedParameter:
    """A parameter that the data identify.

    Attributes:
        name: dotted, in ``ShopConfig`` or ``catalog.``.
        value, low, high: with its 95% interval; NaN if there is none.
        unit: of the value.
        how: how it was estimated.
    """

    name: str
    value: Any
    unit: str
    how: str
    low: float = float("nan")
    high: float = float("nan")

    @property
    def is_open(self) -> bool:
        """Whether the interval is so wide that the value says nothing."""
        return 0 < WIDE * self.low < self.high

    @property
    def why_open(self) -> str:
        """The same in words."""
        ends = f"{self.low:.2g} to {self.high:.2g}"
        return f"the records leave it anywhere from {ends}; {self.value:.3g} is likely"


@dataclass(frozen=True)
class UnidentifiedParameter:
    """A parameter that the data do not identify, and why. It has the profile's value, or one as likely."""

    name: str
    why: str


def from_lines(lines: OrderLines) -> tuple[list[FittedParameter], list[UnidentifiedParameter]]:
    """What order lines say in closed form: when orders come, and what comes back.

    How often customers come is in :func:`customers`, because it depends on how many of their visits bring an
    order.

    Returns:
        (fitted, unidentified).
    """
    time = lines.sold.groupby("order")["time"].min()
    unidentified: list[UnidentifiedParameter] = []
    days = float(time.max() - time.min()) / DAY
    fitted = _arrival_shapes(time, days, unidentified)
    fitted += _returns(lines, unidentified)
    return fitted, unidentified


def customers(
    lines: OrderLines, config: ShopConfig, orders_per_visit: float
) -> tuple[list[FittedParameter], list[UnidentifiedParameter]]:
    """How many customers come how often: where a search begins.

    The BG/NBD model of orders is thinned to visits.

    Args:
        lines: of the shop.
        config: for the share of people who pass by.
        orders_per_visit: of customers, from a simulated season.
    """
    sold = lines.sold
    orders = sold.groupby("order", as_index=False).agg(time=("time", "min"), customer=("customer", "first"))
    days = float(orders["time"].max() - orders["time"].min()) / DAY
    try:
        _require_repeats(orders, days)
        model, span = bgnbd(orders)
    except InvalidInput as error:
        why = f"{error.field}: {error.value}; {error.fix}"
        names = (f"people.retention.{name}" for name in ("r", "alpha", "a", "b"))
        return [], [UnidentifiedParameter(name, why) for name in names]
    open_ends = [i for i in (0, 1) if model.intervals[i, 1] > WIDE * model.intervals[i, 0]]
    if open_ends:
        (low, high), name = model.intervals[open_ends[0]], ("r", "alpha")[open_ends[0]]
        why = f"the orders leave {name} anywhere from {low:.2g} to {high:.2g}"
        names = (f"people.retention.{name}" for name in ("r", "alpha", "a", "b"))
        return [], [UnidentifiedParameter(name, why) for name in names]
    fitted = retention(model, orders_per_visit)
    values = {one.name.rsplit(".", 1)[1]: one.value for one in fitted}
    people = replace(config.people.retention, **values)
    first = orders.dropna(subset="customer").groupby("customer")["time"].min()
    late = first >= (orders["time"].min() + orders["time"].max()) / 2
    halves = int((~late).sum()), int(late.sum())
    return fitted + _arrivals(people, halves, span, orders_per_visit), []


def _arrivals(
    people: RetentionConfig, first: tuple[int, int], days: float, orders_per_visit: float
) -> list[FittedParameter]:
    """New visitors a day and established customers, from the customers first seen in each half of the record.

    Of customers who were so before the record, a share of 1 - (alpha / (alpha + t))^r has ordered after t
    days, at rates of orders. New ones come evenly. So the first half has more new faces than the second, and
    the difference tells how many were customers before.
    """
    alpha, half = people.alpha / orders_per_visit, days / 2
    seen = [1.0 - (alpha / (alpha + t)) ** people.r for t in (half, days)]
    by_half = seen[0], seen[1] - seen[0]
    established = max(first[0] - first[1], 0) / max(by_half[0] - by_half[1], 1e-9)
    established = min(established, first[1] / max(by_half[1], 1e-9))
    rate, dropout = draw_habits(PEOPLE, people, np.random.default_rng(0))
    visits = float(expected_visits(rate, dropout, half / 2).mean())
    ever = -np.expm1(-orders_per_visit * visits)  # of those who come, so many order in the time that is left
    coming = max(first[1] - established * by_half[1], 0.05 * first[1], 0.5) / half / max(ever, 0.05)
    per_day = coming / (1.0 - people.passing * (1.0 - people.passing_missions))
    how = "customers first seen in the second half of the record, less those who were customers before"
    return [
        FittedParameter(
            "arrivals.per_day", per_day, "visitors a day", f"{how}; who passes by as in the profile"
        ),
        FittedParameter(
            "arrivals.established", round(established), "customers", "customers first seen in the two halves"
        ),
    ]


def arrival_hours(orders: F64, delays: F64, turns: int = 200) -> tuple[float, ...]:
    """(24,) when visits begin, from (24,) orders by hour and the hours from the start of a visit to its end.

    The hours of orders are those of visits, spread by the delays. This is undone by the iteration of
    Richardson (1972) and Lucy (1974), which keeps shares at 0 or more. Visits begin at any
    minute of their hour.
    """
    spread = np.zeros((HOURS, HOURS))  # from the hour of the start to that of the order
    parts = (np.arange(4) + 0.5) / 4
    for part in parts:
        later = np.floor(part + delays).astype(np.int64) % HOURS
        shares = np.bincount(later, minlength=HOURS) / len(delays) / len(parts)
        for hour in range(HOURS):
            spread[hour] += np.roll(shares, hour)
    real = orders / orders.sum()
    begin = np.full(HOURS, 1.0 / HOURS)
    for _ in range(turns):
        expected = np.maximum(begin @ spread, 1e-12)
        begin = begin * (spread @ (real / expected))
    return tuple(float(round(x, 4)) for x in HOURS * begin / begin.sum())


def _require_repeats(orders: pd.DataFrame, days: float) -> None:
    """Raise :class:`InvalidInput` where the records are too few to say how often customers come back."""
    customers = int(orders["customer"].nunique())
    if customers and days < FEWEST_DAYS:
        raise InvalidInput("transactions.time", f"{days:.0f} days", f"give {FEWEST_DAYS:.0f} days or more")
    if 0 < customers < FEWEST_CUSTOMERS:
        fix = f"give the orders of {FEWEST_CUSTOMERS} known customers or more"
        raise InvalidInput("transactions.customer", customers, fix)


def bgnbd(orders: pd.DataFrame) -> tuple[BgNbd, float]:
    """(model in weeks, days watched) of orders with time (s) and customer. Times count to the second.

    Raises:
        InvalidInput: no customer is known, or the likelihood has no maximum.
    """
    of_customers = orders.dropna(subset="customer")
    if of_customers.empty:
        raise InvalidInput(
            "transactions.customer", 0, "no customer is known: repeat customers cannot be counted"
        )
    end, start = float(orders["time"].max()), float(orders["time"].min())
    by_customer = of_customers["time"].groupby(of_customers["customer"])
    first = np.asarray(by_customer.min().to_numpy(np.float64))
    week = WEEK * DAY
    x = np.asarray(by_customer.size().to_numpy(np.float64) - 1.0)
    recency = np.asarray((by_customer.max().to_numpy(np.float64) - first) / week)
    return fit_bgnbd(x, recency, np.asarray((end - first) / week)), (end - start) / DAY


def retention(model: BgNbd, orders_per_visit: float) -> list[FittedParameter]:
    """The BG/NBD model of visits behind a model of orders, if each visit has an order with one probability.

    Thinning a gamma-mixed Poisson process by q divides its rate by q, so alpha of visits is q alpha. A
    probability p of dropping out per order is about q p per visit, so b is chosen so that a / (a + b) falls
    by the factor q.
    """
    r, alpha, a, b = model.parameters
    q = orders_per_visit
    how = "maximum likelihood of BG/NBD on orders (Fader, Hardie & Lee 2005)"
    low, high = model.intervals.T
    days = q * WEEK
    return [
        FittedParameter(f"people.retention.{name}", float(value), unit, how, float(lower), float(upper))
        for name, value, unit, lower, upper in (
            ("r", r, "1", low[0], high[0]),
            ("alpha", days * alpha, "days", days * low[1], days * high[1]),
            ("a", a, "1", low[2], high[2]),
            ("b", (a + b) / q - a, "1", np.nan, np.nan),
        )
    ]


def _arrival_shapes(
    time: pd.Series, days: float, unidentified: list[UnidentifiedParameter]
) -> list[FittedParameter]:
    """How orders (s since 1970) spread over hours, weekdays and weeks."""
    fitted = []
    if (time % DAY == 0).all():
        unidentified.append(UnidentifiedParameter("arrivals.hours", "the file has days without hours"))
    else:
        hour = (time % DAY // 3600).astype(int)
        fitted.append(_shape("hours", hour, HOURS, "orders by hour"))
    if days < FEWEST_WEEKS * WEEK:
        unidentified.append(UnidentifiedParameter("arrivals.weekdays", f"needs {FEWEST_WEEKS} weeks"))
    else:
        fitted.append(_shape("weekdays", weekday(time).astype(int), WEEKDAYS, "orders by weekday"))
    if days < YEAR - WEEK:
        unidentified.append(UnidentifiedParameter("arrivals.weeks", "needs a whole year"))
    else:
        recent = time[time > time.max() - YEAR * DAY]
        moments = pd.to_datetime(recent, unit="s")
        week = np.minimum((moments.dt.day_of_year - 1) // 7, WEEKS - 1)
        fitted.append(_shape("weeks", week, WEEKS, "orders by week of the last year"))
    return fitted


def _shape(name: str, index: pd.Series, count: int, how: str) -> FittedParameter:
    shares = np.bincount(index, minlength=count) * (count / len(index))
    multipliers = tuple(float(round(x, 4)) for x in shares)
    return FittedParameter(f"arrivals.{name}", multipliers, "multipliers", how)


def _returns(lines: OrderLines, unidentified: list[UnidentifiedParameter]) -> list[FittedParameter]:
    """Rate by line, and the delay since the customer last bought the item."""
    sold, returned = lines.sold, lines.returned
    if len(returned) < FEWEST_RETURNS:
        why = f"{len(returned)} returned lines: needs {FEWEST_RETURNS}"
        unidentified.append(UnidentifiedParameter("returns.rate", why))
        return []
    share = len(returned) / len(sold)
    half = Z * (share * (1 - min(share, 1.0)) / len(sold)) ** 0.5
    rate, how = min(share, 0.99), "lines sent back per line sold"
    fitted = [
        FittedParameter("returns.enabled", True, "switch", "lines with a negative quantity"),
        FittedParameter("returns.rate", rate, "share of lines", how, share - half, share + half),
    ]
    keys = ["customer", "item", "time"]
    pairs = pd.merge_asof(
        returned.dropna(subset="customer")[keys].sort_values("time"),
        sold.dropna(subset="customer")[keys].assign(bought=sold["time"]).sort_values("time"),
        on="time",
        by=["customer", "item"],
    ).dropna(subset="bought")
    delay = (pairs["time"] - pairs["bought"]) / DAY
    delay = delay[delay >= FIRST_RETURN_DAY]
    if len(delay) < FEWEST_RETURNS:
        why = f"{len(delay)} returns with a known purchase: needs {FEWEST_RETURNS}"
        unidentified.append(UnidentifiedParameter("returns.delay", why))
        return fitted
    mean = max(float(delay.mean()) - FIRST_RETURN_DAY, 0.01)
    half = Z * float(delay.std()) / len(delay) ** 0.5
    how = "mean days from purchase to return, less the first day"
    return [*fitted, FittedParameter("returns.delay", mean, "days", how, mean - half, mean + half)]
