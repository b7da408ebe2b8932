"""What order lines tell of a shop, in closed form or by maximum likelihood."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ...core.errors import InvalidInput
from ...simulators.market.market import YEAR
from ...simulators.people.arrivals import HOURS, WEEKDAYS, WEEKS
from ..bgnbd import BgNbd, fit_bgnbd
from ..shop_data import DAY
from .lines import Lines

WEEK = 7.0
CONVERSION = 0.025
"""Share of visits with an order where no visits are given: pub_session_conversion_rate, 0.01 to 0.04."""
FEWEST_RETURNS, FEWEST_WEEKS = 30, 4
SOONEST = 1.0
NEEDS_PAGES = ("people.boredom", "people.learning", "people.worth_weight", "people.retention.rate_effect")
NOT_IN_LINES = ("campaigns", "shocks", "market.season", "delivery.weight", "stock.lead_time")


@dataclass(frozen=True)
class Found:
    """A number that the data identify.

    Attributes:
        name: dotted, in ``ShopConfig`` or ``catalog.``.
        value, low, high: with its 95% interval where there is one, else NaN.
        unit, how: how it was found.
    """

    name: str
    value: Any
    unit: str
    how: str
    low: float = float("nan")
    high: float = float("nan")


@dataclass(frozen=True)
class Unknown:
    """A number that the data do not identify, and why; the profile's stays."""

    name: str
    why: str


def from_lines(lines: Lines, conversion: float | None) -> tuple[list[Found], list[Unknown]]:
    """All that order lines identify.

    Args:
        lines: of the shop.
        conversion: share of visits with an order, from the shop's visits; None = assume ``CONVERSION``.

    Returns:
        (found, unknown).
    """
    sold = lines.sold
    orders = sold.groupby("order", as_index=False).agg(time=("time", "min"), customer=("customer", "first"))
    found: list[Found] = []
    unknown: list[Unknown] = []
    days = float(orders["time"].max() - orders["time"].min()) / DAY
    found += _shapes(orders["time"], days, unknown)
    found += _units(sold)
    found += _returns(lines, unknown)
    try:
        model, span = bgnbd(orders)
        found += retention(
            model, CONVERSION if conversion is None else conversion, assumed=conversion is None
        )
        found += _people(orders, CONVERSION if conversion is None else conversion, span)
    except InvalidInput as error:
        unknown.append(Unknown("people.retention", str(error)))
        unknown.append(Unknown("arrivals.per_day", "needs known customers who come back"))
    unknown.append(
        Unknown("choice.price_sensitivity", "prices in a log are not drawn at random: run a price test")
    )
    unknown += [
        Unknown(name, "needs what was shown before and after, visit by visit") for name in NEEDS_PAGES
    ]
    unknown += [Unknown(name, "not in order lines") for name in NOT_IN_LINES]
    return found, unknown


def bgnbd(orders: pd.DataFrame) -> tuple[BgNbd, float]:
    """(model in weeks, days watched) of orders with time (s) and customer, to the second.

    Raises:
        InvalidInput: no customers are known, or the likelihood has no maximum.
    """
    known = orders.dropna(subset="customer")
    if known.empty:
        raise InvalidInput("transactions.customer", 0, "no customer is known: who comes back cannot be told")
    end, start = float(orders["time"].max()), float(orders["time"].min())
    by = known["time"].groupby(known["customer"])
    first = np.asarray(by.min().to_numpy(np.float64))
    week = WEEK * DAY
    x = np.asarray(by.size().to_numpy(np.float64) - 1.0)
    recency = np.asarray((by.max().to_numpy(np.float64) - first) / week)
    return fit_bgnbd(x, recency, np.asarray((end - first) / week)), (end - start) / DAY


def retention(model: BgNbd, conversion: float, *, assumed: bool) -> list[Found]:
    """Visits behind the orders: an order every ``1 / conversion`` visits at random.

    Thinning a gamma-mixed Poisson process by q divides its rate by q: alpha of visits is q alpha. A chance p
    of dropping out per order is about q p per visit: b is chosen so that a / (a + b) falls by q.
    """
    r, alpha, a, b = model.parameters
    q = conversion
    how = "maximum likelihood of BG/NBD on orders (Fader, Hardie & Lee 2005)"
    if assumed:
        how += f"; an order in {q:.1%} of visits is assumed, give --sessions"
    scaled = (r, q * WEEK * alpha, a, (a + b) / q - a)
    names = ("r", "alpha", "a", "b")
    low, high = model.intervals.T
    ranges = [(low[0], high[0]), (q * WEEK * low[1], q * WEEK * high[1]), (low[2], high[2]), (np.nan, np.nan)]
    return [
        Found(
            f"people.retention.{name}",
            float(value),
            "days" if name == "alpha" else "1",
            how,
            float(lo),
            float(hi),
        )
        for name, value, (lo, hi) in zip(names, scaled, ranges, strict=True)
    ]


def _people(orders: pd.DataFrame, conversion: float, days: float) -> list[Found]:
    """New visitors a day from new customers a day in the second half, and who was there before the first."""
    first = orders.dropna(subset="customer").groupby("customer")["time"].min()
    middle = (orders["time"].min() + orders["time"].max()) / 2
    new = int((first >= middle).sum())
    half = days / 2
    before = max(int((first < middle).sum()) - new, 0)
    how = "customers first seen in the second half of the time, over the share of visits with an order"
    return [
        Found("arrivals.per_day", new / half / conversion, "visitors a day", how),
        Found("arrivals.established", before, "customers", "customers of the first half beyond the new ones"),
    ]


def _shapes(time: pd.Series, days: float, unknown: list[Unknown]) -> list[Found]:
    found = []
    if (time % DAY == 0).all():
        unknown.append(Unknown("arrivals.hours", "the file has days without hours"))
    else:
        hour = (time % DAY // 3600).astype(int)
        found.append(_shape("hours", hour, HOURS, "orders by hour"))
    if days < FEWEST_WEEKS * WEEK:
        unknown.append(Unknown("arrivals.weekdays", f"needs {FEWEST_WEEKS} weeks"))
    else:
        found.append(_shape("weekdays", ((time // DAY + 3) % 7).astype(int), WEEKDAYS, "orders by weekday"))
    if days < YEAR - WEEK:
        unknown.append(Unknown("arrivals.weeks", "needs a whole year"))
    else:
        recent = time[time > time.max() - YEAR * DAY]
        moments = pd.to_datetime(recent, unit="s")
        week = np.minimum((moments.dt.day_of_year - 1) // 7, WEEKS - 1)
        found.append(_shape("weeks", week, WEEKS, "orders by week of the last year"))
    return found


def _shape(name: str, place: pd.Series, count: int, how: str) -> Found:
    shares = np.bincount(place, minlength=count) * (count / len(place))
    return Found(f"arrivals.{name}", tuple(float(round(x, 4)) for x in shares), "multipliers", how)


def _units(sold: pd.DataFrame) -> list[Found]:
    most = int(np.ceil(sold["quantity"].quantile(0.999)))
    return [Found("choice.max_units", max(most, 1), "units", "99.9% of the order lines hold no more")]


def _returns(lines: Lines, unknown: list[Unknown]) -> list[Found]:
    """Rate by line, and the delay to the last purchase of the item by the customer before it."""
    sold, back = lines.sold, lines.returned
    if len(back) < FEWEST_RETURNS:
        unknown.append(Unknown("returns.rate", f"{len(back)} returned lines: needs {FEWEST_RETURNS}"))
        return []
    share = len(back) / len(sold)
    half = 1.96 * (share * (1 - min(share, 1.0)) / len(sold)) ** 0.5
    found = [Found("returns.enabled", True, "switch", "lines with a negative quantity")]
    found.append(
        Found(
            "returns.rate",
            min(share, 0.99),
            "share of lines",
            "lines sent back per line sold",
            share - half,
            share + half,
        )
    )
    keys = ["customer", "item", "time"]
    pairs = pd.merge_asof(
        back.dropna(subset="customer")[keys].sort_values("time"),
        sold.dropna(subset="customer")[keys].assign(bought=sold["time"]).sort_values("time"),
        on="time",
        by=["customer", "item"],
    ).dropna(subset="bought")
    delay = (pairs["time"] - pairs["bought"]) / DAY
    delay = delay[delay >= SOONEST]
    if len(delay) < FEWEST_RETURNS:
        unknown.append(
            Unknown("returns.delay", f"{len(delay)} returns with a known purchase: needs {FEWEST_RETURNS}")
        )
        return found
    mean = max(float(delay.mean()) - SOONEST, 0.01)
    spread = 1.96 * float(delay.std()) / len(delay) ** 0.5
    how = "mean days from purchase to return, less the first day"
    return [*found, Found("returns.delay", mean, "days", how, mean - spread, mean + spread)]
