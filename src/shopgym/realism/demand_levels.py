"""The levels of demand in a shop: clicks and units a page, units at lower prices, and session conversion.

A plain rule decides what is shown (:class:`.shop_events.BehaviourRule` without noise), so two shops differ
only by what their visitors do. All random draws are hashes of the seed, so a level moves smoothly with a
parameter of the shop and can be searched for (:mod:`.assumed`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from ..core.batches import SLOT_TERMS, Requests
from ..core.types import F64, I32, I64
from ..simulators import Catalog, Shop, ShopConfig
from ..simulators.rollout import Episode, EpisodicShop, rollout
from .shop_events import Behaviour, BehaviourRule

PRICE_OFF = 0.1
"""The price cut of ``price_response``."""
VISITORS, PAGES, VISITS = 4096, 6, 8192
"""Visits and their first pages of which exact means are taken; visits that are counted for conversion."""
MOST_USERS = 50_000
"""A larger population is measured by a part of it, in which newcomers and customers have the same shares."""
PURCHASE = SLOT_TERMS.index("purchase")


def page_levels(catalog: Catalog, config: ShopConfig, seed: int) -> Mapping[str, float]:
    """Exact means over the first ``PAGES`` pages of ``VISITORS`` visits.

    Prices may fall below cost here, because the price cut measures visitors. Items do not compete here: with
    a price cut on all items, competition hardly changes how units respond.

    Returns:
        ``clicks`` and ``units`` per page, and ``price_response``: units with a tenth off all prices, over
            units.
    """
    choice = replace(config.choice, competition=0.0)
    shop = Shop(catalog, _part(replace(config, allow_losses=True, choice=choice)), lanes=VISITORS, seed=seed)
    world, rule = EpisodicShop(shop, Episode.VISIT), _rule(catalog, config)
    off, sums, pages = np.full(VISITORS, PRICE_OFF), np.zeros(3), 0

    def exact(rows: I64, _: Requests, slates: I32) -> F64:
        attention, means, cheaper = (
            shop.attention(slates), shop.expected(slates), shop.expected(slates, price_off=off)
        )  # fmt: skip
        terms = (means["click"], means["units"], cheaper["units"])
        return np.array([float((attention * term)[rows].sum()) for term in terms])

    world.open(seed)
    for step in rollout(
        world, rule, np.random.default_rng(seed), pages=PAGES, episodes=1, before=exact, look_ahead=False
    ):
        sums += step.before
        pages += len(step.rows)
    clicks, units, cheaper = sums.tolist()
    response = cheaper / units if units else float("nan")
    return {"clicks": clicks / pages, "units": units / pages, "price_response": response}


def session_conversion(catalog: Catalog, config: ShopConfig, seed: int) -> float:
    """Share of ``VISITS`` whole visits with an order."""
    shop = Shop(catalog, _part(config), lanes=VISITS, seed=seed)
    world, bought = EpisodicShop(shop, Episode.VISIT), np.zeros(VISITS, np.bool_)
    world.open(seed)
    for step in rollout(
        world, _rule(catalog, config), np.random.default_rng(seed), episodes=1, look_ahead=False
    ):
        bought[step.rows] |= step.feedback.page[step.rows, PURCHASE] > 0
    return float(bought.mean())


def _rule(catalog: Catalog, config: ShopConfig) -> BehaviourRule:
    return BehaviourRule(Behaviour(noise=0.0), catalog, config.slate_size)


def _part(config: ShopConfig) -> ShopConfig:
    share = MOST_USERS / config.users
    if share >= 1.0:
        return config
    arrivals = replace(config.arrivals, established=round(share * config.arrivals.established))
    return replace(config, users=MOST_USERS, arrivals=arrivals)
