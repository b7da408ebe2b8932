"""The season of the year: when a shop is busier than its growth and its customers' habits explain."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ...core.types import F64
from ...simulators.people.arrivals import WEEKS
from ..shop_data import DAY, ShopData
from .from_lines import FittedParameter

FEWEST_WEEKS, SMOOTHED, LATEST = 8, 5, 8
"""Weeks of a record that say something of the season; weeks in a moving mean; the latest ones, whose level
goes on into weeks that the record does not hold."""


def season_of_year(
    weeks: tuple[float, ...], real: ShopData, simulated: ShopData, start_week: int
) -> FittedParameter | None:
    """Multipliers by week at which the simulated shop is as busy as the record; None if that is short.

    A shop whose customers become more is busier at the end of a record, whatever the time of the year. So
    orders by week are divided by those of the simulated shop, which grows as well. In weeks of the year that
    the record does not hold nobody knows the season or the growth: the shop stays as busy as the record was
    in its latest weeks.

    Args:
        weeks: (52,) multipliers of the simulated shop.
        real: the record.
        simulated: a season that begins on the same day and is as long or longer.
        start_week: week of the year in which both begin.
    """
    count, total = int(real.days // 7), int(simulated.days // 7)
    if count < FEWEST_WEEKS:
        return None
    recorded = _by_week(real, count)
    later = np.full(max(min(total, WEEKS) - count, 0), recorded[-LATEST:].mean())
    goal = np.concatenate([recorded, later])
    week = (start_week + np.arange(len(goal))) % WEEKS
    before = np.asarray(weeks, np.float64)
    reached = before[week] * goal / np.maximum(_by_week(simulated, len(goal)), 1e-9)
    changed = np.full(WEEKS, reached[-LATEST:].mean())
    changed[week] = reached
    changed *= WEEKS / changed.sum()
    how = "orders by week over those of the simulated shop"
    if count < WEEKS:
        how += f"; in {WEEKS - count} weeks that the record does not hold it is as busy as in the latest ones"
    return FittedParameter("arrivals.weeks", tuple(float(round(x, 4)) for x in changed), "multipliers", how)


def _by_week(data: ShopData, count: int) -> F64:
    """(count,) orders of each week, as a moving mean."""
    start = data.orders["time"].iloc[0] // DAY * DAY if data.watched is None else data.watched[0]
    week = ((data.orders["time"] - start) // (7 * DAY)).astype(int)
    orders = np.bincount(week[week < count], minlength=count).astype(np.float64)
    smooth = pd.Series(orders).rolling(SMOOTHED, center=True, min_periods=1).mean()
    return np.asarray(smooth.to_numpy(), np.float64)
