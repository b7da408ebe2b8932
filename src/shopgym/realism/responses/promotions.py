"""Promotions: how units move while an item is marked, at equal price and with its price cut."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.random import Generator

from ...core.errors import InvalidInput
from ...core.types import F64
from ..resampling import RESAMPLES
from .panel import LEAST_OWN, Panel, fit_panel, moved_at_once, not_identified, own_share, too_few, within_sd
from .poisson import interval
from .price import elasticity, price_panel
from .response import MeasuredResponses, Response, refused
from .spells import item_weeks, read_spells
from .weekly import WeeklySales, weekly_sales

LIFT, TOTAL = "promotion_lift", "promotion_total"
MARKED = 0.01
"""Standard deviation over weeks of the share of an item's weeks that are marked, above which it counts."""


def read_promotions(path: Path) -> pd.DataFrame:
    """Marked spells: item, start and end (s), from columns item, from, to or item, week.

    Raises:
        InvalidInput: names the column, the row and what to do.
    """
    return read_spells(path, "--promotions")


def measure_promotions(
    lines: pd.DataFrame, marked: pd.DataFrame, rng: Generator, *, resamples: int = RESAMPLES
) -> MeasuredResponses:
    """Lift of marked items, and the price response with marks held constant.

    The share of a week in which an item was marked stands beside its log price in the Poisson regression of
    :func:`.price.measure_price`. Where prices moved with the marks alone, only the total is identified.

    Args:
        lines: order lines: item, time (s), quantity, price.
        marked: item, start and end (s) of each marked spell.
        rng: of the bootstrap.
        resamples: of the bootstrap.

    Raises:
        InvalidInput: no marked item is among those sold.
    """
    sales = weekly_sales(lines)
    if sales is None:
        return refused("no item sold in enough weeks", LIFT, TOTAL)
    marks = sales.at(*item_weeks(marked))
    if not marks.any():
        example = sorted(marked["item"].astype(str).unique())[:3]
        fix = (
            "no marked week of an item that sells in most weeks: use the ids and the time of the order lines"
        )
        raise InvalidInput("--promotions", example, fix)
    moved = within_sd(marks, sales) > MARKED
    why = too_few(sales, moved, "marks") or moved_at_once(sales, moved, marks, "marks")
    if why:
        return refused(why, LIFT, TOTAL)
    total = _total(sales, marks, rng, resamples)
    both = fit_panel(sales, np.column_stack([marks, sales.log_price]), moved, rng, resamples)
    by_marks, by_price = both.counts.x.T
    if own_share(by_price, by_marks, both.counts.unit, both.fit.mean) < LEAST_OWN:
        return total + refused("prices moved with the marks alone: only their total is measured", LIFT)
    why = not_identified(both, 0, "marks", rng)
    if why:
        return total + refused(why, LIFT)
    how = "marked weeks: weekly units on marks, with price, item and week held constant; observational"
    measured = MeasuredResponses((_lift(LIFT, both, how),)) + total
    priced = price_panel(sales, np.column_stack([sales.log_price, marks]), rng, resamples)
    if isinstance(priced, str):
        return measured + refused(priced, "price_elasticity")
    how = "order lines: weekly units on log price, with marks, item and week held constant; observational"
    return measured + elasticity(priced, how)


def _total(sales: WeeklySales, marks: F64, rng: Generator, resamples: int) -> MeasuredResponses:
    panel = fit_panel(sales, marks[:, None], within_sd(marks, sales) > MARKED, rng, resamples)
    why = not_identified(panel, 0, "marks", rng)
    if why:
        return refused(why, TOTAL)
    how = "marked weeks: weekly units on marks, with item and week held constant; observational"
    return MeasuredResponses((_lift(TOTAL, panel, how),))


def _lift(name: str, panel: Panel, how: str) -> Response:
    low, high = (float(np.expm1(x)) for x in interval(panel.slopes[:, 0]))
    value = float(np.expm1(panel.fit.slope[0]))
    return Response(name, value, low, high, "relative change", how, len(panel.counts.y))
