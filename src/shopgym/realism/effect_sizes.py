"""Effect sizes: how demand responds to a price cut, a stockout, a mailer and another place on the page.

Every effect is the ratio of two exact expectations of the same visitors in the same state (``Shop.expected``,
``Shop.attention``), so there is no noise between the two arms. Only the visitors are drawn. Rates of e-mails
and of stock come from a season.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.random import Generator

from ..core.batches import Requests
from ..core.errors import InvalidInput
from ..core.types import F64, I32, I64, AnyArray
from ..simulators import Catalog, Shop, ShopConfig
from ..simulators.rollout import Episode, EpisodicShop, rollout
from .applicability import why_not_applicable
from .resampling import RESAMPLES, ClusterBootstrap
from .shop_events import Behaviour, BehaviourRule, Season

VISITORS, WARM_UP, PAGES = 2048, 4, 12
"""Visitors, pages before anything is measured, and pages measured. Many visitors, because few of them buy."""
PRICE_OFF = 0.1
ITEMS = 24
"""Number of items, drawn by popularity, that run out or are advertised."""


@dataclass(frozen=True)
class PublishedRange:
    """A published range of an effect size."""

    fact: str
    value: float
    low: float
    high: float
    source: str


PUBLISHED = {
    "price_cut_elasticity": PublishedRange(
        "pub_price_elasticity_mean",
        -2.62,
        -3.5,
        -2.1,
        "Bijmolt, van Heerde & Pieters 2005: mean of 1,851 elasticities; 10% off brings 25 to 40% more units",
    ),
    "switch_when_out": PublishedRange(
        "pub_oos_switch_store", 0.31, 0.2, 0.43, "FMI 2002; range over categories in supermarketnews"
    ),
    "mailer_uplift": PublishedRange(
        "cj_mailer_uplift", 0.8615, 0.7909, 0.9351, "Complete Journey 2017: mailer at equal price"
    ),
    "third_over_first_slot": PublishedRange(
        "obd_ctr_ratio_slot3_slot1",
        0.9045,
        0.6653,
        1.2058,
        "Open Bandit Dataset sample: three slots side by side",
    ),
    "out_of_stock": PublishedRange(
        "pub_stockout_rate_online", 0.15, 0.08, 0.2, "GMA online study 2018: US 15%, world 20%"
    ),
    "email_open_rate": PublishedRange(
        "pub_email_open_rate",
        0.3,
        0.18,
        0.4,
        "Mailchimp about 19%; Mailneo 2026 median 38.1%; Klaviyo about 30%",
    ),
    "email_click_rate": PublishedRange(
        "pub_email_click_rate", 0.02, 0.008, 0.03, "Mailneo 2.05%, Omnisend 0.81%, worldmetrics 2.6%"
    ),
    "email_order_rate": PublishedRange(
        "pub_email_order_rate_campaign", 0.0047, 0.0008, 0.01, "Mailneo median 0.47%, Omnisend 0.081%"
    ),
}
"""By name of the effect size."""

DEFINITIONS = {
    "price_cut_elasticity": "log ratio of expected units with a tenth off all prices, over log(0.9)",
    "switch_when_out": "expected carts of a substitute over expected carts of the item, were it there",
    "mailer_uplift": "relative change of expected units of an item that a campaign advertises at equal price",
    "third_over_first_slot": "expected clicks of the first item in the third slot over those in its own",
    "out_of_stock": "mean share of the range that could not be bought, over a season",
    "email_open_rate": "e-mails opened per e-mail sent",
    "email_click_rate": "e-mails clicked per e-mail sent",
    "email_order_rate": "orders of the visits that an e-mail began per e-mail sent",
}


def measure_effect_sizes(
    kind: str,
    catalog: Catalog,
    config: ShopConfig,
    season: Season,
    *,
    seed: int,
    behaviour: Behaviour | None = None,
    resamples: int = RESAMPLES,
) -> pd.DataFrame:
    """Measure all effect sizes of a shop.

    Args:
        kind: of shop; decides which published ranges apply.
        catalog, config: the shop.
        season: a season of the shop, for e-mails and stock.
        seed: of the visitors.
        behaviour: what the shop shows.
        resamples: of the bootstrap over visitors.

    Returns:
        One row per effect size: name, value, low, high (95% over visitors), real, real_low, real_high, inside
            and overlaps as in :func:`~.scorecard.scorecard` (missing if no range applies to this kind of
            shop), why, fact, source, definition.
    """
    rng = np.random.default_rng(seed)
    effects = _visitor_effects(catalog, config, seed, behaviour or Behaviour(), rng, resamples)
    effects |= _season_rates(season, rng, resamples)
    rows = []
    for name, (value, low, high) in effects.items():
        published = PUBLISHED[name]
        why = why_not_applicable(published.fact, kind)
        inside: Any = pd.NA
        overlaps: Any = pd.NA
        if not why and not math.isnan(value):
            inside = bool(published.low <= value <= published.high)
            overlaps = inside or bool(low <= published.high and high >= published.low)
        rows.append(
            {"name": name, "value": value, "low": low, "high": high, "real": published.value}
            | {"real_low": published.low, "real_high": published.high, "inside": inside, "overlaps": overlaps}
            | {"why": why, "fact": published.fact, "source": published.source}
            | {"definition": DEFINITIONS[name]}
        )
    return pd.DataFrame(rows).astype({"inside": "boolean", "overlaps": "boolean"})


Interval = tuple[float, float, float]


def _visitor_effects(
    catalog: Catalog, config: ShopConfig, seed: int, behaviour: Behaviour, rng: Generator, resamples: int
) -> dict[str, Interval]:
    config = replace(config, allow_losses=True)  # the price cut measures visitors: it must not stop at cost
    if config.choice.competition:
        fix = "set it to 0: effects are read from exact means, which are bounds where items compete"
        raise InvalidInput("shop.choice.competition", config.choice.competition, fix)
    shop = Shop(catalog, config, lanes=VISITORS, seed=seed)
    items = rng.choice(len(catalog), size=min(ITEMS, len(catalog)), replace=False, p=catalog.items.popularity)
    sums: dict[str, F64] = {name: np.zeros((2, VISITORS)) for name in list(PUBLISHED)[:4]}
    price_off = np.full(VISITORS, PRICE_OFF)
    shown = itertools.count()

    def measure(rows: I64, requests: Requests, slates: I32) -> None:
        if next(shown) < WARM_UP:
            return
        attention, expected = shop.attention(slates), shop.expected(slates)
        cheaper = shop.expected(slates, price_off=price_off)
        units = [(attention * arm["units"]).sum(axis=1) for arm in (expected, cheaper)]
        sums["price_cut_elasticity"] += np.stack(units)
        sums["switch_when_out"] += _substituted(shop, items)
        sums["mailer_uplift"] += _advertised(shop, items)
        sums["third_over_first_slot"] += _moved(shop, slates, expected["click"])

    world = EpisodicShop(shop, Episode.VISIT)
    world.open(seed)
    rule = BehaviourRule(behaviour, catalog, config.slate_size)
    for _ in rollout(world, rule, rng, pages=WARM_UP + PAGES, before=measure, look_ahead=False):
        pass
    ratio = {name: _ratio(pair, rng, resamples) for name, pair in sums.items()}
    slope = math.log(1.0 - PRICE_OFF)
    value, low, high = (math.log(x) / slope for x in ratio["price_cut_elasticity"])
    ratio["price_cut_elasticity"] = (value, min(low, high), max(low, high))
    value, low, high = (x - 1.0 for x in ratio["mailer_uplift"])
    ratio["mailer_uplift"] = (value, low, high)
    return ratio


def _substituted(shop: Shop, items: AnyArray) -> F64:
    """(2, n) expected carts, summed over items: of the item in stock, and of a substitute if it is out."""
    available = shop.today.available[0]
    before = available.copy()
    slates = np.broadcast_to(np.asarray(items, np.int32), (shop.lanes, len(items)))
    available[items] = True
    in_stock = shop.expected(slates)["cart"].sum(axis=1)
    out_of_stock = np.zeros(shop.lanes)
    for item in items:
        available[:] = before
        available[item] = False
        out_of_stock += shop.expected(np.full((shop.lanes, 1), item, np.int32))["cart"][:, 0]
    available[:] = before
    return np.stack([in_stock, out_of_stock])


def _advertised(shop: Shop, items: AnyArray) -> F64:
    """(2, n) expected units of the items, without and with a campaign at the same price."""
    boost = shop.config.campaigns[0].boost if shop.config.campaigns else 0.0
    slates = np.broadcast_to(np.asarray(items, np.int32), (shop.lanes, len(items)))
    plain = shop.expected(slates)["units"].sum(axis=1)
    appeal = shop.today.appeal[0]
    before = appeal.copy()
    appeal[items] += boost
    advertised = shop.expected(slates)["units"].sum(axis=1)
    appeal[:] = before
    return np.stack([plain, advertised])


def _moved(shop: Shop, slates: I32, click: F64) -> F64:
    """(2, n) expected clicks of the first item in its own slot, and in the third if these two are swapped."""
    if slates.shape[1] < 3:
        return np.zeros((2, shop.lanes))
    swapped = slates.copy()
    swapped[:, [0, 2]] = slates[:, [2, 0]]
    has_third = (shop.slots >= 3) & (slates[:, 2] >= 0)
    own, third = shop.attention(slates)[:, 0], shop.attention(swapped)[:, 2]
    return np.stack([own, third]) * click[:, 0] * has_third


def _season_rates(season: Season, rng: Generator, resamples: int) -> dict[str, Interval]:
    events = season.data.select("email_sent", "email_open", "email_click", "purchase")
    by_session = (
        events.dropna(subset="session_id")
        .groupby(["session_id", "event"], observed=True)
        .size()
        .unstack(fill_value=0)
    )
    mails = by_session[by_session.get("email_sent", pd.Series(0, by_session.index)) > 0]
    rates: dict[str, Interval] = {"out_of_stock": (season.out_of_stock, math.nan, math.nan)}
    for name, event in (("open", "email_open"), ("click", "email_click"), ("order", "purchase")):
        hits = (mails[event] > 0).to_numpy(np.float64) if event in mails else np.zeros(len(mails))
        pair = np.stack([np.ones(len(hits)), np.asarray(hits, np.float64)])
        rates[f"email_{name}_rate"] = _ratio(pair, rng, resamples)
    return rates


def _ratio(pair: F64, rng: Generator, resamples: int) -> Interval:
    """Sum of the second row over that of the first, with its percentile interval over columns."""
    if not pair[0].sum() > 0:
        return math.nan, math.nan, math.nan
    ratio = ClusterBootstrap(rng, resamples).ratio(pair[1], pair[0], np.arange(pair.shape[1]))
    return ratio.value, ratio.low, ratio.high
