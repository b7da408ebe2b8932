"""Stock shared by everyone in the shop: it depletes, is reviewed, ordered and delivered.

All requests of one tick see the stock as it stood when the tick began. What they buy is taken out when
the tick ends; if several bought the last unit, the stock goes below zero and the next delivery fills the
backorder. So what one shopper sees never depends on the order in which a tick is computed.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numba import njit

from ..core.types import I32, I64, Bool
from .catalog import Catalog
from .config import StockConfig
from .draws import COIN, DELIVERY, STOCK, key, keys, units


@dataclass
class Stock:
    """N items. All quantities are units of the item.

    Attributes:
        on_hand: (N,) may be negative: units sold and not yet delivered to us.
        on_order: (N,) ordered and not yet delivered.
        reorder_point, order_up_to: (N,) the (s, S) rule.
        available: (N,) bool, what a request of this tick sees: ``on_hand > 0``.
        backordered, ordered: running totals of units sold beyond the stock, and ordered.
    """

    config: StockConfig
    reorder_point: I64
    order_up_to: I64
    on_hand: I64
    on_order: I64
    available: Bool
    arriving: I64 = field(repr=False)
    review: int = 0
    backordered: int = 0
    ordered: int = 0

    @classmethod
    def open(cls, catalog: Catalog, config: StockConfig, *, pages_per_day: float, seed: int) -> Stock:
        """The stock of a shop that has been running: levels anywhere in their cycle, some items out.

        ``pages_per_day`` is the traffic that the levels are set for.
        """
        n = len(catalog)
        demand = config.conversion * pages_per_day * catalog.items.popularity * catalog.units_mean
        per_lead = demand * config.lead_time
        reorder_point = np.floor(config.safety * per_lead).astype(np.int64)
        order_up_to = reorder_point + np.ceil(demand * config.cover_days).astype(np.int64) + config.minimum
        item = np.arange(n, dtype=np.uint64)
        root = np.uint64(seed)
        level, coin, day = (units(keys(np.uint64(key(root, kind)), item)) for kind in (STOCK, COIN, DELIVERY))
        out = coin < config.out_at_start
        on_hand = np.where(out, 0, 1 + np.floor(level * order_up_to).astype(np.int64))
        stock = cls(
            config=config,
            reorder_point=reorder_point,
            order_up_to=order_up_to,
            on_hand=on_hand,
            on_order=np.zeros(n, np.int64),
            available=on_hand > 0,
            arriving=np.zeros((config.lead_time + 1, n), np.int64),
        )
        # what has run out was ordered on some earlier day and is on its way
        due = 1 + np.floor(day * config.lead_time).astype(np.int64)
        stock.arriving[due[out], np.flatnonzero(out)] = order_up_to[out]
        stock.on_order[out] = order_up_to[out]
        if not config.enabled:
            stock.available[:] = True
        return stock

    def sell(self, slates: I32, quantity: I32) -> None:
        """Take out what was bought in this tick: slates and units, both (n, k)."""
        if self.config.enabled:
            self.backordered += _sell(self.on_hand, self.available, slates, quantity)

    def next_review(self) -> None:
        """One review: receive what is due, then order up to S where the position is at or below s."""
        if not self.config.enabled:
            return
        self.review += 1
        due = self.arriving[self.review % len(self.arriving)]
        self.on_hand += due
        self.on_order -= due
        due[:] = 0
        position = self.on_hand + self.on_order
        short = position <= self.reorder_point
        amount = np.where(short, self.order_up_to - position, 0)
        self.arriving[(self.review + self.config.lead_time) % len(self.arriving)] += amount
        self.on_order += amount
        self.ordered += int(amount.sum())
        np.greater(self.on_hand, 0, out=self.available)


@njit(cache=True)
def _sell(on_hand: I64, available: Bool, slates: I32, quantity: I32) -> int:
    """Take units out; items whose stock ends are no longer available. Returns units oversold."""
    over = 0
    for i in range(slates.shape[0]):
        for slot in range(slates.shape[1]):
            amount = quantity[i, slot]
            if amount > 0:
                item = slates[i, slot]
                before = max(on_hand[item], 0)
                over += max(amount - before, 0)
                on_hand[item] -= amount
                if on_hand[item] <= 0:
                    available[item] = False
    return over
