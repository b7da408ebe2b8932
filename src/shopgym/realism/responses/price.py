"""Price response from order lines: how an item's weekly units move with its own price."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.random import Generator

from ...core.types import F64, I64
from ..resampling import RESAMPLES
from .panel import Panel, fit_panel, moved_at_once, not_identified, too_few, within_sd
from .poisson import interval
from .response import MeasuredResponses, Response, refused
from .weekly import WeeklySales, weekly_sales

NAME = "price_elasticity"
LEAST_PRICE_SD = 0.03
"""Standard deviation of an item's weekly log price below which its price is taken as constant."""
LEAST_CHANGE = 0.01
MOST_WITHIN = 0.5
"""Share of the variance of an item's prices that may lie between the orders of one week."""


def measure_price(lines: pd.DataFrame, rng: Generator, *, resamples: int = RESAMPLES) -> MeasuredResponses:
    """Elasticity of weekly units to an item's own price.

    A Poisson regression of weekly units on log price, with an effect of each item and of each week. The
    interval is the percentile bootstrap over items. It is refused where prices hardly moved, differ between
    customers of one week, moved at the same moments, or follow demand.

    Args:
        lines: order lines: item, time (s), quantity, price.
        rng: of the bootstrap.
        resamples: of the bootstrap.
    """
    sales = weekly_sales(lines)
    if sales is None:
        return refused("no item sold in enough weeks", NAME)
    panel = price_panel(sales, sales.log_price[:, None], rng, resamples)
    if isinstance(panel, str):
        return refused(panel, NAME)
    how = "order lines: weekly units on log price, item and week held constant; observational"
    return elasticity(panel, how)


def price_panel(sales: WeeklySales, columns: F64, rng: Generator, resamples: int) -> Panel | str:
    """The panel of items whose price moved; why not, if it says nothing. The first column is log price."""
    moved = within_sd(sales.log_price, sales) > LEAST_PRICE_SD
    why = (
        too_few(sales, moved, "prices")
        or _differs_between_customers(sales)
        or moved_at_once(sales, moved, sales.log_price, "prices")
    )
    if why:  # before the fit, which takes longest
        return why
    panel = fit_panel(sales, columns, moved, rng, resamples)
    return not_identified(panel, 0, "prices", rng) or panel


def elasticity(panel: Panel, how: str) -> MeasuredResponses:
    """The slope of the first column as a response."""
    low, high = interval(panel.slopes[:, 0])
    value, rows = float(panel.fit.slope[0]), len(panel.counts.y)
    change = _usual_change(panel.counts.x[:, 0], panel.counts.unit)
    return MeasuredResponses((Response(NAME, value, low, high, "elasticity", how, rows, change),))


def _usual_change(log_price: F64, item: I64) -> float:
    """Root mean square of the log prices that differ from an item's median, with the sign of their mean."""
    usual = pd.Series(log_price).groupby(item).transform("median").to_numpy()
    moved = (log_price - usual)[np.abs(log_price - usual) > LEAST_CHANGE]
    return float(np.copysign(np.sqrt(np.mean(np.square(moved))), moved.mean()))


def _differs_between_customers(sales: WeeklySales) -> str:
    if sales.within <= MOST_WITHIN or not np.isfinite(sales.within):
        return ""
    return (
        f"{sales.within:.0%} of what prices moved lies between orders of one item in one week: "
        "customers pay different prices, so a price says who bought"
    )
