"""Substitution from stockouts: which share of the sales that an item loses goes to similar items."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.random import Generator

from ...core.types import F64, I64, Bool
from ...simulators import Catalog
from ..resampling import RESAMPLES, ClusterBootstrap
from ..shop_data import DAY
from .panel import moved_at_once, within_sd
from .poisson import Counts, fit_poisson
from .response import MeasuredResponses, Response, refused
from .spells import item_weeks, read_spells
from .weekly import WeeklySales, weekly_sales

NAME = "substitution"
FEWEST_SPELLS = 10
FEWEST_LOST = 30.0
"""Units that must have been lost in all spells together."""
SIMILAR = 4
"""Nearest items that count as similar: as many as visitors of the simulated shop look at."""
UNLIKELY = 1e-6
"""Chance of a spell without a sale, were the item in stock, below which it counts as a stockout."""
LEAST_OUT = 0.01
MOSTLY = 0.5
"""Share of a week that an item must be out for the week to count."""


def read_stockouts(path: Path) -> pd.DataFrame:
    """Spells out of stock: item, start and end (s), from columns item, from, to.

    Raises:
        InvalidInput: names the column, the row and what to do.
    """
    return read_spells(path, "--stockouts")


def similar_items(catalog: Catalog) -> dict[str, tuple[str, ...]]:
    """The ids of the nearest items of every item, by embedding."""
    ids = [str(item) for item in catalog.items.item_id]
    rows = catalog.neighbours[:, :SIMILAR]
    return {ids[i]: tuple(ids[j] for j in row) for i, row in enumerate(rows)}


def likely_stockouts(lines: pd.DataFrame) -> pd.DataFrame:
    """Spells without a sale that are too long to be chance: item, start and end (s).

    An item sells at a Poisson rate, that of its other days. A spell counts if its chance is below
    ``UNLIKELY``. It may as well have left the range for a time.
    """
    spells = []
    for item, times in lines.groupby("item")["time"]:
        moments = np.sort(times.unique())
        if len(moments) < 2 * FEWEST_SPELLS:
            continue
        gaps = np.diff(moments)
        rate = len(gaps) / (gaps.sum() - gaps.max())
        limit = -np.log(UNLIKELY) / rate
        spells += [(item, moments[i] + 1.0, moments[i + 1]) for i in np.flatnonzero(gaps > limit)]
    table = pd.DataFrame(spells, columns=["item", "start", "end"])
    return table[table["end"] - table["start"] > DAY].reset_index(drop=True)


def measure_stockouts(
    lines: pd.DataFrame,
    spells: pd.DataFrame,
    similar: Mapping[str, Sequence[str]],
    rng: Generator,
    *,
    guessed: bool = False,
    resamples: int = RESAMPLES,
) -> MeasuredResponses:
    """Units that similar items gain while an item is out of stock, over the units that it loses.

    What would have been sold is the Poisson regression of weekly units on item and week in the weeks in which
    neither the item nor one that it is similar to was out. The interval is the bootstrap over items that ran
    out.

    Args:
        lines: order lines: item, time (s), quantity, price.
        spells: item, start and end (s), when it was out of stock.
        similar: the items to which its buyers may turn, by item.
        rng: of the bootstrap.
        guessed: whether the spells come from :func:`likely_stockouts`; the response says so.
        resamples: of the bootstrap.
    """
    sales = weekly_sales(lines)
    if sales is None:
        return refused("no item sold in enough weeks", NAME)
    out = np.minimum(sales.at(*item_weeks(spells)), 1.0)
    number = len(np.unique(sales.item[out > 0]))
    if number < FEWEST_SPELLS:
        return refused(f"{number} items that sell in most weeks ran out: {FEWEST_SPELLS} are needed", NAME)
    moved = within_sd(out, sales) > LEAST_OUT
    why = moved_at_once(sales, moved, out, "stock")
    if why:
        return refused(why, NAME)
    pairs = _neighbours(sales, out, similar)
    touched = out > 0
    touched[pairs[1]] = True
    expected = _expected(sales, touched)
    lost, gained, items = _lost_and_gained(sales, out, expected, pairs)
    if lost.sum() < FEWEST_LOST:
        return refused(f"{lost.sum():.0f} units were lost: {FEWEST_LOST:.0f} are needed", NAME)
    unit = np.unique(items, return_inverse=True)[1]
    share = ClusterBootstrap(rng, resamples).ratio(gained, lost, unit)
    how = (
        f"stockouts of {number} items: what their {SIMILAR} most similar items gained; "
        "against the same items in other weeks"
    )
    if guessed:
        how += "; stockouts were guessed from long spells without a sale, give --stockouts"
    return MeasuredResponses(
        (Response(NAME, share.value, share.low, share.high, "share of lost units", how, len(items)),)
    )


def _neighbours(sales: WeeklySales, out: F64, similar: Mapping[str, Sequence[str]]) -> tuple[I64, I64]:
    """(row of an item that is out, row of a similar one in the same week), each (p,)."""
    number = {item: i for i, item in enumerate(sales.items)}
    rows = np.flatnonzero(out > 0)
    pairs = [
        (row, number[other])
        for row in rows
        for other in similar.get(sales.items[sales.item[row]], ())
        if other in number
    ]
    row, item = np.array(pairs, np.int64).reshape(-1, 2).T
    place = sales.row_of(item, sales.week[row])
    return row[place >= 0], place[place >= 0]


def _expected(sales: WeeklySales, touched: Bool) -> F64:
    """(r,) units that would have been sold; NaN where no other week says."""
    whole = Counts(
        sales.units,
        np.empty((len(touched), 0)),
        sales.item,
        sales.week - sales.week.min(),
        np.ones(len(touched)),
    )
    rows = whole.sells(~touched)
    fit = fit_poisson(whole.take(rows))
    logs = np.log(fit.mean)
    item, week = whole.unit[rows], whole.week[rows]
    item_effect, week_effect = _effects(
        logs, item, week, int(whole.unit.max()) + 1, int(whole.week.max()) + 1
    )
    expected: F64 = np.exp(item_effect[whole.unit] + week_effect[whole.week])
    return expected


def _effects(logs: F64, item: I64, week: I64, items: int, weeks: int) -> tuple[F64, F64]:
    """The two effects whose sums are ``logs``; NaN for items and weeks without a row."""
    a, b = np.zeros(items), np.zeros(weeks)
    number, length = np.bincount(item, minlength=items), np.bincount(week, minlength=weeks)
    for _ in range(200):
        before = a.copy()
        a = np.bincount(item, logs - b[week], items) / np.maximum(number, 1)
        b = np.bincount(week, logs - a[item], weeks) / np.maximum(length, 1)
        if np.abs(a - before).max() < 1e-9:
            break
    return np.where(number > 0, a, np.nan), np.where(length > 0, b, np.nan)


def _lost_and_gained(
    sales: WeeklySales, out: F64, expected: F64, pairs: tuple[I64, I64]
) -> tuple[F64, F64, I64]:
    """(units lost, units that similar items gained, item) of each week of a stockout, each (s,).

    What an item gains while several are out that it is similar to is shared by what these would have sold.
    """
    fine = np.isfinite(expected)
    row, place = pairs
    usable = fine[row] & fine[place] & (out[place] == 0)
    row, place = row[usable], place[usable]
    claims = np.bincount(place, expected[row], len(out))
    gain = (sales.units[place] - expected[place]) * expected[row] / claims[place]
    gained = np.bincount(row, gain, len(out)).astype(np.float64)
    counted = (out >= MOSTLY) & fine
    return (expected - sales.units)[counted], gained[counted], sales.item[counted]
