"""Parameters that order lines identify, in closed form or by maximum likelihood."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ...core.errors import InvalidInput
from ...core.statistics import normal_quantile
from ...simulators.market.seasons import YEAR
from ...simulators.people.arrivals import HOURS, WEEKDAYS, WEEKS
from ...tables.records import FEWEST_CUSTOMERS, FEWEST_DAYS, OrderLines
from ..bgnbd import BgNbd, fit_bgnbd
from ..resampling import LEVEL
from ..shop_data import DAY, weekday

WEEK = 7.0
ASSUMED_CONVERSION = 0.025
"""Share of visits with an order if no visits are given: the middle of pub_session_conversion_rate."""
FEWEST_RETURNS, FEWEST_WEEKS = 30, 4
MOST_UNITS = 10_000
"""Units of a line that a shop allows."""
FIRST_RETURN_DAY = 1.0
"""Days from a purchase to the earliest return in the simulator."""
NEEDS_PAGES = ("people.boredom", "people.learning", "people.worth_weight", "people.retention.rate_effect")
NOT_IN_LINES = ("campaigns", "shocks", "market.season", "delivery.weight", "stock.lead_time")
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


@dataclass(frozen=True)
class UnidentifiedParameter:
    """A parameter that the data do not identify, and why. It keeps the profile's value."""

    name: str
    why: str


def from_lines(
    lines: OrderLines, conversion: float | None
) -> tuple[list[FittedParameter], list[UnidentifiedParameter]]:
    """Estimate all parameters that order lines identify.

    Args:
        lines: of the shop.
        conversion: share of visits with an order, from the shop's visits; None: ``ASSUMED_CONVERSION``.

    Returns:
        (fitted, unidentified).
    """
    sold = lines.sold
    orders = sold.groupby("order", as_index=False).agg(time=("time", "min"), customer=("customer", "first"))
    unidentified: list[UnidentifiedParameter] = []
    days = float(orders["time"].max() - orders["time"].min()) / DAY
    fitted = _arrival_shapes(orders["time"], days, unidentified)
    fitted += _units(sold)
    fitted += _returns(lines, unidentified)
    share = ASSUMED_CONVERSION if conversion is None else conversion
    try:
        _require_repeats(orders, days)
        model, span = bgnbd(orders)
        fitted += retention(model, share, assumed=conversion is None)
        fitted += _arrivals(orders, share, span)
    except InvalidInput as error:
        unidentified.append(UnidentifiedParameter("people.retention", str(error)))
        unidentified.append(UnidentifiedParameter("arrivals.per_day", "needs known customers who come back"))
    test = "prices in a log are not drawn at random: run a price test"
    unidentified.append(UnidentifiedParameter("choice.price_sensitivity", test))
    pages = "needs what was shown before and after, visit by visit"
    unidentified += [UnidentifiedParameter(name, pages) for name in NEEDS_PAGES]
    unidentified += [UnidentifiedParameter(name, "not in order lines") for name in NOT_IN_LINES]
    return fitted, unidentified


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


def retention(model: BgNbd, conversion: float, *, assumed: bool) -> list[FittedParameter]:
    """The BG/NBD model of visits behind a model of orders, if each visit has an order with one probability.

    Thinning a gamma-mixed Poisson process by q divides its rate by q, so alpha of visits is q alpha. A
    probability p of dropping out per order is about q p per visit, so b is chosen so that a / (a + b) falls
    by the factor q.
    """
    r, alpha, a, b = model.parameters
    q = conversion
    how = "maximum likelihood of BG/NBD on orders (Fader, Hardie & Lee 2005)"
    if assumed:
        how += f"; an order in {q:.1%} of visits is assumed, give --sessions"
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


def _arrivals(orders: pd.DataFrame, conversion: float, days: float) -> list[FittedParameter]:
    """New visitors a day, from the customers who are new in the second half, and customers before that."""
    first = orders.dropna(subset="customer").groupby("customer")["time"].min()
    middle = (orders["time"].min() + orders["time"].max()) / 2
    new = int((first >= middle).sum())
    established = max(int((first < middle).sum()) - new, 0)
    per_day = new / (days / 2) / conversion
    how = "customers first seen in the second half of the time, over the share of visits with an order"
    beyond = "customers of the first half beyond the new ones"
    return [
        FittedParameter("arrivals.per_day", per_day, "visitors a day", how),
        FittedParameter("arrivals.established", established, "customers", beyond),
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


def _units(sold: pd.DataFrame) -> list[FittedParameter]:
    most = int(np.ceil(sold["quantity"].quantile(0.999)))
    how = "99.9% of the order lines hold no more"
    if most > MOST_UNITS:  # e.g. fuel by the hundredth of a litre
        how = f"99.9% of the order lines hold no more than {most:,}; the shop allows {MOST_UNITS:,}"
    return [FittedParameter("choice.max_units", min(max(most, 1), MOST_UNITS), "units", how)]


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
