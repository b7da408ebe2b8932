"""When to order and how much: the rules of replenishment and the demand that they assume.

Demand for an item is compound Poisson: order lines come at random, a line holds a geometric number of
units (1, 2, ...). Its sum over some days is the Pólya-Aeppli distribution (Johnson, Kemp & Kotz 2005,
*Univariate Discrete Distributions*, section 9.7); with one unit a line it is Poisson.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numba import njit

from ...core.errors import InvalidInput, in_range, in_ranges, one_of
from ...core.types import F64, I64
from .item_stock import ItemStock

if TYPE_CHECKING:
    from ..catalog.catalog import Catalog

RULES = ("sS", "newsvendor")
DAYS_PER_YEAR = 365.0
MAX_LEAD_REVIEWS = 1000
"""Reviews that a delivery may take, at most: the shop stores one row of arrivals for each."""
MAX_SHARE = 1.0 - 1e-9
"""Largest quantile that is used: the quantile at 1 (goods that cost nothing to hold) is infinite."""


@dataclass(frozen=True)
class StockConfig:
    """Shared stock, reviewed periodically (Zipkin 2000, *Foundations of Inventory Management*, ch. 9).

    Attributes:
        enabled: off = nothing ever runs out.
        review: days between reviews, also the length of the bucket in which deliveries arrive.
        lead_time: days from order to delivery, rounded up to whole reviews.
        cover_days: days of expected demand that an order fills up beyond the lead time (rule ``sS``).
        safety: reorder point in lead times of expected demand (rule ``sS``).
        minimum: units of every item that the order-up-to level never goes below.
        conversion: order lines per page assumed when the levels are set.
        out_at_start: share of items out of stock on day 0; 0.083 is the worldwide average of Gruen,
            Corsten & Bharadwaj (2002).
        rule: ``sS``, at or below the reorder point s order up to S; or ``newsvendor``, at every review
            order up to the quantile of demand that weighs margin against holding: see :func:`levels`.
        holding_rate: cost of a year on the shelf as a share of unit cost, in [0, 10]; a fifth is an
            assumption in the middle of what textbooks of inventory give.
        order_cost: currency per replenishment order of one item, in [0, 1e9].
        deliveries_stop: (start day, days) of each supply shock: what is due in that span arrives at the
            first review after it.
        background: mean order lines per day, over the whole shop, of customers who are not simulated;
            in [0, 1e9]. The levels are set for them as well.
        items: items whose stock is not what the rule gives: see :class:`.item_stock.ItemStock`.
    """

    enabled: bool = True
    review: float = 1.0
    lead_time: int = 3
    cover_days: float = 7.0
    safety: float = 1.5
    minimum: int = 3
    conversion: float = 0.02
    out_at_start: float = 0.083
    rule: str = "sS"
    holding_rate: float = 0.2
    order_cost: float = 0.0
    deliveries_stop: tuple[tuple[float, float], ...] = ()
    background: float = 0.0
    items: tuple[ItemStock, ...] = ()

    def __post_init__(self) -> None:
        in_range("shop.stock.review", self.review, 0.0, 365.0, open_low=True)
        in_range("shop.stock.lead_time", self.lead_time, 1, 90)
        in_range("shop.stock.cover_days", self.cover_days, 0.0, 365.0)
        in_range("shop.stock.safety", self.safety, 0.0, 100.0)
        in_range("shop.stock.minimum", self.minimum, 1, 1_000_000)
        in_range("shop.stock.conversion", self.conversion, 0.0, 1000.0)
        in_range("shop.stock.out_at_start", self.out_at_start, 0.0, 1.0)
        one_of("shop.stock.rule", self.rule, RULES)
        in_range("shop.stock.holding_rate", self.holding_rate, 0.0, 10.0)
        in_ranges(self, "shop.stock", 0.0, 1e9, "order_cost", "background")
        object.__setattr__(self, "deliveries_stop", _spans(self.deliveries_stop))
        if self.lead_reviews > MAX_LEAD_REVIEWS:
            least = f"give {self.lead_time / MAX_LEAD_REVIEWS:g} days or more, or a shorter lead time"
            raise InvalidInput("shop.stock.review", self.review, least)

    @property
    def lead_reviews(self) -> int:
        """Reviews from order to delivery, at least 1."""
        return max(1, math.ceil(self.lead_time / self.review - 1e-9))


def _spans(stops: object) -> tuple[tuple[float, float], ...]:
    field, fix = "shop.stock.deliveries_stop", "give a list of [start day, days], neither below 0"
    if not isinstance(stops, tuple | list):
        raise InvalidInput(field, stops, fix)
    for i, span in enumerate(stops):
        numbers = isinstance(span, tuple | list) and len(span) == 2
        if not numbers or not all(isinstance(x, int | float) and 0 <= x < math.inf for x in span):
            raise InvalidInput(f"{field}[{i}]", span, fix)
    return tuple((float(start), float(days)) for start, days in stops)


def lines_per_day(catalog: Catalog, config: StockConfig, pages_per_day: float) -> F64:
    """(N,) mean order lines per day that the levels are set for: visitors' and background."""
    lines: F64 = (config.conversion * pages_per_day + config.background) * catalog.items.popularity
    return lines


def levels(catalog: Catalog, config: StockConfig, pages_per_day: float) -> tuple[I64, I64]:
    """((N,) reorder point s, (N,) order-up-to level S), in units: order up to S at or below s.

    ``newsvendor`` is the base-stock policy s = S - 1. S is the quantile of demand over lead time and
    one review at the critical ratio Cu / (Cu + Co), where Cu is the unit margin (what a unit short
    costs) and Co is what a unit left over costs until the next review: unit cost x ``holding_rate`` x
    ``review`` / 365 (Zipkin 2000, ch. 6 and 9). ``order_cost`` does not enter.
    """
    lines = lines_per_day(catalog, config, pages_per_day)
    if config.rule == "newsvendor":
        days = (config.lead_reviews + 1) * config.review
        short = np.maximum(catalog.items.margin, 0.0)
        left = catalog.items.unit_cost * config.holding_rate * config.review / DAYS_PER_YEAR
        ratio = np.divide(short, short + left, out=np.zeros_like(short), where=short > 0)
        order_up_to = np.maximum(demand_quantile(lines * days, catalog.units_mean, ratio), config.minimum)
        return order_up_to - 1, order_up_to
    demand = lines * catalog.units_mean
    reorder_point = np.floor(config.safety * (demand * config.lead_time)).astype(np.int64)
    return (
        reorder_point,
        reorder_point + np.ceil(demand * config.cover_days).astype(np.int64) + config.minimum,
    )


@njit(cache=True)
def demand_quantile(lines: F64, units_mean: F64, share: F64) -> I64:
    """(n,) the least x with P(units <= x) >= ``share``, exact: units of Poisson(``lines``) order lines.

    With p = 1 / ``units_mean`` and q = 1 - p, Panjer's recursion x P(x) = lines p sum_j j q^(j-1)
    P(x - j) keeps the sum T in T(x) = A(x) + q T(x-1), A(x) = P(x-1) + q A(x-1). All terms are positive,
    so it is stable; a common factor keeps it in range where P(0) = exp(-lines) is not.

    Args:
        lines: (n,) mean order lines, >= 0.
        units_mean: (n,) mean units of a line, >= 1.
        share: (n,) in [0, 1]; at most 1 - 1e-9 is used.
    """
    out = np.zeros(len(lines), np.int64)
    for i in range(len(lines)):
        p = 1.0 / units_mean[i]
        q, rate, target = 1.0 - p, lines[i] * p, min(share[i], MAX_SHARE)
        if rate <= 0.0 or target <= 0.0:
            continue
        goal, factor = math.log(target), -lines[i]
        mass, total, a, t, x = 1.0, 1.0, 0.0, 0.0, 0
        while math.log(total) + factor < goal:
            x += 1
            a = mass + q * a
            t = a + q * t
            mass = rate * t / x
            total += mass
            if total > 1e250:
                mass, total, a, t = mass * 1e-250, total * 1e-250, a * 1e-250, t * 1e-250
                factor += 250.0 * math.log(10.0)
        out[i] = x
    return out
