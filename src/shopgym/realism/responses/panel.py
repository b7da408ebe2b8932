"""A fitted panel of weekly sales, and the findings for which it does not identify a response.

What shops do to items is done for a reason. So an effect read from a record is observational, and it is
refused where what was done hardly varied, came to all items together, came at the same few moments, or
followed demand.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.random import Generator

from ...core.types import F64, I64, Bool
from .poisson import Counts, PoissonFit, bootstrap_poisson, fit_poisson
from .weekly import MONDAY, WEEK, WeeklySales

FEWEST_ITEMS, FEWEST_ROWS = 10, 200
LEAST_OWN = 0.1
"""Share of the variance inside items that must be left after what all items share in a week."""
MOST_AT_ONCE, MOMENTS = 0.5, 3
"""Share of squared changes that may lie in so many weeks."""
LEAD = 2
"""Weeks ahead of which nothing may move units. One week would see changes in the middle of a week."""
LEAD_ERRORS = 2.58
"""Standard errors that a lead needs to count: 1% of sound records are refused by chance."""
LEAST_LEAD = 0.2
"""Share of the slope that a lead needs to matter."""


@dataclass(frozen=True, eq=False)
class Panel:
    """Weekly sales of some items and a Poisson regression of their units.

    Attributes:
        sales: of all items.
        rows: (r,) bool, the rows of ``sales`` that were used.
        every: the counts of all rows of ``sales``.
        counts, fit: of the rows used.
        slopes: (resamples, k), of the bootstrap over items.
    """

    sales: WeeklySales
    rows: Bool
    every: Counts
    counts: Counts
    fit: PoissonFit
    slopes: F64


def fit_panel(sales: WeeklySales, columns: F64, moved: Bool, rng: Generator, resamples: int) -> Panel:
    """Fit the items whose rows (r,) bool ``moved``, by ``columns`` (r, k)."""
    every = Counts(sales.units, columns, sales.item, sales.week - sales.week.min(), np.ones(len(moved)))
    rows = every.sells(moved)
    counts = every.take(rows)
    fit = fit_poisson(counts)
    return Panel(sales, rows, every, counts, fit, bootstrap_poisson(counts, fit, counts.unit, rng, resamples))


def too_few(sales: WeeklySales, moved: Bool, what: str) -> str:
    """Why the rows (r,) bool in which ``what`` ``moved`` are too few; "" if they are enough."""
    number = len(np.unique(sales.item[moved]))
    if number >= FEWEST_ITEMS and moved.sum() >= FEWEST_ROWS:
        return ""
    return (
        f"{what} moved for {number} of {len(sales.items)} items that sell in most weeks: "
        f"{FEWEST_ITEMS} such items with {FEWEST_ROWS} weeks are needed"
    )


def within_sd(values: F64, sales: WeeklySales) -> F64:
    """(r,) standard deviation over the weeks of each row's item."""
    number = np.bincount(sales.item)
    centred = values - (np.bincount(sales.item, values) / number)[sales.item]
    sd: F64 = np.sqrt(np.bincount(sales.item, centred * centred) / number)[sales.item]
    return sd


def not_identified(panel: Panel, column: int, what: str, rng: Generator) -> str:
    """Why the slope of a ``column`` (called ``what``, in the plural) says nothing; "" if it does."""
    return (
        moved_at_once(panel.sales, panel.rows, panel.every.x[:, column], what)
        or _moved_together(panel, column, what)
        or _follows_demand(panel, column, what, rng)
    )


def moved_at_once(sales: WeeklySales, rows: Bool, values: F64, what: str) -> str:
    """Why a few moments cannot stand for ``values`` (r,) alone; "" if they moved at many."""
    item, week = sales.item[rows], sales.week[rows]
    following = (item[1:] == item[:-1]) & (np.diff(week) == 1)
    squares = np.square(np.diff(values[rows]))[following]
    by_week = pd.Series(squares).groupby(week[1:][following]).sum().sort_values(ascending=False)
    share = float(by_week.iloc[:MOMENTS].sum() / by_week.sum()) if by_week.sum() > 0 else 0.0
    if share <= MOST_AT_ONCE:
        return ""
    dates = _dates(by_week[by_week > 0].index[:MOMENTS])
    return (
        f"{share:.0%} of the changes of {what} came in the weeks from {dates}: "
        "what else happened then cannot be told apart"
    )


def _dates(weeks: pd.Index) -> str:
    moments = sorted(pd.Timestamp(MONDAY + number * WEEK, unit="s").date() for number in weeks)
    return ", ".join(map(str, moments))


def _moved_together(panel: Panel, column: int, what: str) -> str:
    item, mean = panel.counts.unit, panel.fit.mean
    own, values = panel.fit.moved[:, column], panel.counts.x[:, column]
    centred = values - (np.bincount(item, mean * values) / np.bincount(item, mean))[item]
    share = float((mean * own * own).sum() / (mean * centred * centred).sum())
    if share >= LEAST_OWN:
        return ""
    return f"{1 - share:.0%} of the changes of {what} are shared by all items of a week: the season moves too"


def _follows_demand(panel: Panel, column: int, what: str, rng: Generator) -> str:
    """Test of strict exogeneity (Wooldridge 2010, sec. 10.7).

    Given what was done in a week, what is done two weeks later moves no units, unless it follows demand.
    """
    every, slope = panel.every, float(panel.fit.slope[column])
    lead = panel.sales.later(every.x[:, column], LEAD)
    rows = every.sells(panel.rows & np.isfinite(lead))
    if rows.sum() < FEWEST_ROWS:
        return ""
    columns = np.column_stack([every.x, np.nan_to_num(lead)])
    counts = Counts(every.y, columns, every.unit, every.week, every.exposure).take(rows)
    fit = fit_poisson(counts)
    effect = float(fit.slope[-1])
    resampled = bootstrap_poisson(counts, fit, counts.unit, rng, len(panel.slopes))
    if abs(effect) <= max(LEAD_ERRORS * float(np.nanstd(resampled[:, -1])), LEAST_LEAD * abs(slope)):
        return ""
    return (
        f"units move with {what} of {LEAD} weeks later (slope {effect:.2f}): they were set after demand, "
        "as in clearance sales"
    )


def own_share(values: F64, explained_by: F64, group: I64, weight: F64) -> float:
    """Share of the variance of ``values`` inside groups that ``explained_by`` does not explain, all (r,)."""
    total = np.bincount(group, weight)
    x, z = (v - (np.bincount(group, weight * v) / total)[group] for v in (values, explained_by))
    xx, xz, zz = ((weight * a * b).sum() for a, b in ((x, x), (x, z), (z, z)))
    return float(1.0 - xz * xz / (xx * zz)) if xx > 0 and zz > 0 else float(xx > 0)
