"""Order lines of a simulated shop whose prices, marks and stock are set week by week."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from shopgym.core.batches import EMPTY, Requests
from shopgym.core.types import F64, I32, I64, Bool
from shopgym.simulators import Catalog, Shop, ShopConfig
from shopgym.simulators.config import ChoiceConfig
from shopgym.simulators.rollout import Decisions, Episode, EpisodicShop, rollout

DAY = 86_400.0
MONDAY = 17_532 * DAY
"""1 January 2018."""
BUSY = ChoiceConfig(
    click_base=-1.5, cart_base=-1.0, buy_base=0.5, taste_weight=0.5, intent_weight=0.5, reference_price=1.0
)
"""Many orders from few pages."""


@dataclass(frozen=True, eq=False)
class RandomSlates:
    """Any items, also those that are out of stock."""

    items: int
    size: int

    def decide(self, requests: Requests, rng: np.random.Generator) -> Decisions:
        n = len(requests.user_id)
        slates = rng.integers(self.items, size=(n, self.size)).astype(np.int32)
        return Decisions(np.full(slates.shape, EMPTY, np.int32), slates, np.ones(slates.shape))


def weekly_lines(
    catalog: Catalog,
    config: ShopConfig,
    log_price: F64,
    *,
    appeal: F64 | None = None,
    out: Bool | None = None,
    seed: int = 0,
    pages: int = 4,
    lanes: int = 1024,
) -> pd.DataFrame:
    """Order lines of a shop in which each week has its own prices, appeal and stock.

    Args:
        log_price: (weeks, N) log of the price over the list price.
        appeal: (weeks, N) logits added to clicks.
        out: (weeks, N) what is out of stock.
        pages: shown in each of ``lanes`` rows a week.
    """
    shop = Shop(catalog, config, lanes=lanes, seed=seed)
    world = EpisodicShop(shop, Episode.VISIT)
    world.open(seed)
    rng = np.random.default_rng([seed, 3])
    today = shop.today
    usual = [np.array(table) for table in (today.price, today.log_price, today.appeal, today.available)]
    lines, shown = [], [0]

    def set_week(rows: I64, requests: Requests, slates: I32) -> int:
        week = shown[0] // pages
        shown[0] += 1
        today.price[0] = usual[0][0] * np.exp(log_price[week])
        today.log_price[0] = usual[1][0] + log_price[week]
        today.appeal[0] = usual[2][0] + (0.0 if appeal is None else appeal[week])
        today.lift[0] = np.exp(today.appeal[0])
        today.available[0] = usual[3][0] if out is None else ~out[week]
        return week

    policy = RandomSlates(len(catalog), config.slate_size)
    for step in rollout(world, policy, rng, pages=len(log_price) * pages, before=set_week, look_ahead=False):
        row, slot = np.nonzero(step.feedback.quantity > 0)
        item = step.feedback.sold[row, slot]
        quantity = step.feedback.quantity[row, slot].astype(np.float64)
        item = np.where(item >= 0, item, step.decisions.slates[row, slot])
        time = MONDAY + (step.before * 7 + rng.uniform(0, 7, len(item))) * DAY
        price = usual[0][0, item] * np.exp(log_price[step.before, item])
        table = {"item": catalog.items.item_id[item].astype(str), "time": time}
        lines.append(pd.DataFrame({**table, "quantity": quantity, "price": price}))
    table = pd.concat(lines, ignore_index=True)
    return table.sort_values("time", ignore_index=True).assign(order=np.arange(len(table)).astype(str))
