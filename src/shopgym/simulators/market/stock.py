"""Stock shared by all visits of a shop: it is sold, reviewed, ordered and delivered.

All visits of one step see the stock at the start of the step. What they buy is taken out at its end. If
several bought the last unit, the stock goes below zero and the next delivery fills the backorder. So what
a visitor sees never depends on the order in which a step is computed.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ...core.errors import InvalidInput
from ...core.types import F64, I32, I64, AnyArray, Bool
from ..catalog.catalog import Catalog
from ..engine.hash_rng import DRAW_BACKGROUND, DRAW_COIN, DRAW_DELIVERY, DRAW_STOCK, key, keys, units
from ..engine.jit import kernel
from .item_stock import NEVER, with_item_stock
from .replenishment import DAYS_PER_YEAR, StockConfig, demand_quantile, levels, lines_per_day


@dataclass
class Stock:
    """N items. All quantities are units of the item, all money is in the catalogue's currency.

    Attributes:
        on_hand: (N,) may be negative: units sold and not yet delivered to us.
        on_order: (N,) ordered and not yet delivered.
        reorder_point, order_up_to: (N,) order up to S where the position is at or below s.
        available: (N,) bool, what a request of this step sees: ``on_hand > 0``.
        shelf_cost: (N,) currency for one unit on hand from one review to the next.
        background: (N,) mean order lines of customers who are not simulated, from one review to the next.
        backordered, ordered: running totals of units sold beyond the stock, and ordered.
        returned: running total of units put back.
        written_off: running total of units taken out without a sale.
        background_sold, background_lost: running totals of units that customers who are not simulated
            bought, and wanted when there were none.
        holding_cost, order_costs: running totals, currency. Holding is charged at every review, before
            its delivery, on what is then on hand.
    """

    config: StockConfig
    reorder_point: I64
    order_up_to: I64
    on_hand: I64
    on_order: I64
    available: Bool
    shelf_cost: F64
    background: F64
    units_mean: F64 = field(repr=False)
    arriving: I64 = field(repr=False)
    seed: int
    review: int = 0
    backordered: int = 0
    ordered: int = 0
    returned: int = 0
    written_off: int = 0
    background_sold: int = 0
    background_lost: int = 0
    holding_cost: float = 0.0
    order_costs: float = 0.0

    @classmethod
    def open(cls, catalog: Catalog, config: StockConfig, *, pages_per_day: float, seed: int) -> Stock:
        """The stock of a shop that has been open for long: levels anywhere in their cycle, some items out.

        ``pages_per_day`` is the traffic that the levels are set for.
        """
        n, lead = len(catalog), config.lead_reviews
        by_rule = levels(catalog, config, pages_per_day)
        reorder_point, order_up_to, counted = with_item_stock(catalog, config.items, *by_rule)
        item = np.arange(n, dtype=np.uint64)
        root = np.uint64(seed)
        level, coin, day = (
            units(keys(np.uint64(key(root, kind)), item)) for kind in (DRAW_STOCK, DRAW_COIN, DRAW_DELIVERY)
        )
        out = (coin < config.out_at_start) & (counted < 0)
        drawn = np.minimum(1 + np.floor(level * order_up_to).astype(np.int64), order_up_to)
        on_hand = np.where(counted >= 0, counted, np.where(out, 0, drawn))
        stock = cls(
            config=config,
            reorder_point=reorder_point,
            order_up_to=order_up_to,
            on_hand=on_hand,
            on_order=np.zeros(n, np.int64),
            available=on_hand > 0,
            shelf_cost=catalog.items.unit_cost * (config.holding_rate * config.review / DAYS_PER_YEAR),
            background=catalog.items.popularity * (config.background * config.review),
            units_mean=catalog.units_mean,
            arriving=np.zeros((lead + 1, n), np.int64),
            seed=seed,
        )
        out &= reorder_point > NEVER
        # items that are out were ordered on an earlier day and are on their way
        due = 1 + np.floor(day * lead).astype(np.int64)
        stock.arriving[due[out], np.flatnonzero(out)] = order_up_to[out]
        stock.on_order[out] = order_up_to[out]
        if not config.enabled:
            stock.available[:] = True
        return stock

    def sell(self, items: I32, units: I32) -> None:
        """Take out what was bought in this step: item rows and units, both (r,); items may repeat."""
        if self.config.enabled and len(items):
            self.backordered += _sell(self.on_hand, self.available, items, units)

    def put_back(self, items: AnyArray, units: AnyArray) -> None:
        """Returned goods go back on hand: item rows and units, both (r,) integers; items may repeat.

        Raises:
            InvalidInput: an unknown item, or units below 0.
        """
        if not self.config.enabled or len(items) == 0:
            return
        if items.min() < 0 or items.max() >= len(self.on_hand):
            last = len(self.on_hand) - 1
            raise InvalidInput("items", [int(items.min()), int(items.max())], f"item rows are 0..{last}")
        if units.shape != items.shape or units.min() < 0:
            raise InvalidInput("units", units, "give one number >= 0 per item")
        np.add.at(self.on_hand, items, units)
        self.returned += int(units.sum())
        self.available[items] = self.on_hand[items] > 0

    def write_off(self, items: AnyArray) -> int:
        """Take all units of these item rows (r,) out without a sale, as when goods are spoilt or recalled.

        The next review orders them anew, and what is on order still comes.

        Returns:
            Units taken out.

        Raises:
            InvalidInput: nothing runs out in this shop, or an unknown item.
        """
        if not self.config.enabled:
            raise InvalidInput("shop.stock.enabled", False, "nothing runs out in this shop: switch it on")
        rows = np.unique(items)
        if len(rows) and (rows[0] < 0 or rows[-1] >= len(self.on_hand)):
            span = [int(rows[0]), int(rows[-1])]
            raise InvalidInput("items", span, f"item rows are 0..{len(self.on_hand) - 1}")
        taken = int(np.maximum(self.on_hand[rows], 0).sum())
        self.on_hand[rows] = np.minimum(self.on_hand[rows], 0)
        self.available[rows] = False
        self.written_off += taken
        return taken

    def next_review(self) -> None:
        """One review: settle the time since the last one, receive what is due, then order up to S."""
        if not self.config.enabled:
            return
        self.review += 1
        if self.background.any():
            self._sell_in_background()
        self.holding_cost += float(np.maximum(self.on_hand, 0) @ self.shelf_cost)
        self._receive()
        position = self.on_hand + self.on_order
        short = position <= self.reorder_point
        amount = np.where(short, self.order_up_to - position, 0)
        self.arriving[(self.review + self.config.lead_reviews) % len(self.arriving)] += amount
        self.on_order += amount
        self.ordered += int(amount.sum())
        self.order_costs += self.config.order_cost * int(np.count_nonzero(short))
        np.greater(self.on_hand, 0, out=self.available)

    def _sell_in_background(self) -> None:
        """Customers who are not simulated buy. What is out of stock is lost demand."""
        draw = key(np.uint64(key(np.uint64(self.seed), DRAW_BACKGROUND)), np.uint64(self.review))
        uniform = units(keys(np.uint64(draw), np.arange(len(self.on_hand), dtype=np.uint64)))
        demand = demand_quantile(self.background, self.units_mean, uniform)
        sold = np.minimum(demand, np.maximum(self.on_hand, 0))
        self.on_hand -= sold
        self.background_sold += int(sold.sum())
        self.background_lost += int((demand - sold).sum())

    def _receive(self) -> None:
        """Receive what is due; while deliveries stop it becomes due at the next review."""
        due = self.arriving[self.review % len(self.arriving)]
        day = self.review * self.config.review
        if any(start <= day < start + days for start, days in self.config.deliveries_stop):
            self.arriving[(self.review + 1) % len(self.arriving)] += due
        else:
            self.on_hand += due
            self.on_order -= due
        due[:] = 0


def availability(
    catalog: Catalog, config: StockConfig, *, pages_per_day: float, seed: int, weeks: int
) -> Bool:
    """(weeks, N) bool: which items are in stock on days 0, 7, 14, ...

    The stock of :meth:`Stock.open`, run forward under all the demand that its levels are set for
    (``conversion`` x ``pages_per_day`` + ``background`` order lines a day), none of which is simulated
    visitor by visitor: for the clock ``own``.

    Raises:
        InvalidInput: ``weeks`` below 1.
    """
    if weeks < 1:
        raise InvalidInput("weeks", weeks, "give 1 or more")
    stock = Stock.open(catalog, config, pages_per_day=pages_per_day, seed=seed)
    stock.background = lines_per_day(catalog, config, pages_per_day) * config.review
    available = np.empty((weeks, len(catalog)), np.bool_)
    for week in range(weeks):
        for _ in range(int(7 * week / config.review) - stock.review):
            stock.next_review()
        available[week] = stock.available
    return available


@kernel
def _sell(on_hand: I64, available: Bool, items: I32, units: I32) -> int:
    """Take units out; items that run out are no longer available. Returns the units oversold."""
    over = 0
    for line in range(items.shape[0]):
        item, amount = items[line], units[line]
        over += max(amount - max(on_hand[item], 0), 0)
        on_hand[item] -= amount
        if on_hand[item] <= 0:
            available[item] = False
    return over
