"""Builds :class:`..day_types.DayTables`: of one day, or of every week."""

from __future__ import annotations

import numpy as np

from ...core.types import Bool
from ..catalog.catalog import Catalog
from ..day_types import DayTables
from ..engine.unboxed import unboxed_once
from .market import Market
from .replenishment import StockConfig
from .stock import Stock, availability

DAYS_A_WEEK = 7
ALL_ON_SALE: Bool = np.empty((0, 0), np.bool_)
HIGHEST_APPEAL = 80.0
"""Logits beyond which exp overflows a float32; a click is certain long before."""


def one_day(catalog: Catalog, market: Market, stock: Stock, day: float) -> DayTables:
    """One row: appeal, prices and range of ``day``. ``available`` follows the stock from then on."""
    on_sale = market.on_sale(day)
    if on_sale.all():
        return unboxed_once(_row(catalog, market, day, stock.available, ALL_ON_SALE))
    return unboxed_once(_row(catalog, market, day, stock.available & on_sale, on_sale[None]))


def every_week(
    catalog: Catalog, market: Market, stock: StockConfig, pages_per_day: float, days: float, seed: int
) -> DayTables:
    """One row for each week of ``days`` days, with the stock that customers who are not simulated leave."""
    weeks = int(days // DAYS_A_WEEK) + 1
    available = np.ones((weeks, len(catalog)), np.bool_)
    if stock.enabled:
        available = availability(catalog, stock, pages_per_day=pages_per_day, seed=seed, weeks=weeks)
    rows = []
    for week in range(weeks):
        day = float(DAYS_A_WEEK * week)
        rows.append(_row(catalog, market, day, available[week] & market.on_sale(day), ALL_ON_SALE))
    return unboxed_once(DayTables(*(np.concatenate(column) for column in zip(*rows, strict=True))))


def _row(catalog: Catalog, market: Market, day: float, available: Bool, on_sale: Bool) -> DayTables:
    items, price, appeal = catalog.items, market.price(day), market.appeal(day)
    return DayTables(
        appeal=appeal[None],
        lift=np.exp(np.minimum(appeal, HIGHEST_APPEAL))[None],
        log_price=market.log_relative_price(price)[None],
        price=price[None],
        margin=(price - items.unit_cost)[None],
        available=available[None],
        on_sale=on_sale,
    )
