"""What the shop answers to a price cut, a stockout, an offer in a mailer and another place on the page.

Every answer is the ratio of two exact expectations of the same visitors in the same state (``Shop.expected``,
``Shop.attention``), so there is no noise between the two arms; the visitors are drawn. E-mails and stock
are read off a season.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.random import Generator

from ..core.types import F64, I32, AnyArray
from ..simulators import Catalog, Shop, ShopConfig
from .applicability import applies
from .resampling import RESAMPLES, Bootstrap
from .shop_events import Behaviour, Season

LANES, WARM_UP, PAGES = 2048, 4, 12
"""Many, because where most visitors pass by few of them buy."""
PRICE_OFF = 0.1
ITEMS = 24
"""Items, drawn by popularity, of which it is asked what happens if they run out or are advertised."""


@dataclass(frozen=True)
class Published:
    """A range to compare a response with."""

    fact: str
    value: float
    low: float
    high: float
    source: str


PUBLISHED = {
    "price_cut_elasticity": Published(
        "pub_price_elasticity_mean",
        -2.62,
        -5.0,
        -0.5,
        "Bijmolt, van Heerde & Pieters 2005: 1,851 elasticities",
    ),
    "switch_when_out": Published(
        "pub_oos_switch_store", 0.31, 0.2, 0.43, "FMI 2002; range over categories in supermarketnews"
    ),
    "mailer_uplift": Published(
        "cj_mailer_uplift", 0.8615, 0.7909, 0.9351, "Complete Journey 2017: mailer at equal price"
    ),
    "third_over_first_slot": Published(
        "obd_ctr_ratio_slot3_slot1",
        0.9045,
        0.6653,
        1.2058,
        "Open Bandit Dataset sample: three slots side by side",
    ),
    "out_of_stock": Published(
        "pub_stockout_rate_online", 0.15, 0.08, 0.2, "GMA online study 2018: US 15%, world 20%"
    ),
    "email_open_rate": Published(
        "pub_email_open_rate",
        0.3,
        0.18,
        0.4,
        "Mailchimp about 19%; Mailneo 2026 median 38.1%; Klaviyo about 30%",
    ),
    "email_click_rate": Published(
        "pub_email_click_rate", 0.02, 0.008, 0.03, "Mailneo 2.05%, Omnisend 0.81%, worldmetrics 2.6%"
    ),
    "email_order_rate": Published(
        "pub_email_order_rate_campaign", 0.0047, 0.0008, 0.01, "Mailneo median 0.47%, Omnisend 0.081%"
    ),
}
"""By name of the response; what is known of it."""

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


def responses(
    kind: str,
    catalog: Catalog,
    config: ShopConfig,
    season: Season,
    *,
    seed: int,
    behaviour: Behaviour | None = None,
    resamples: int = RESAMPLES,
) -> pd.DataFrame:
    """Measure all responses of a shop.

    Args:
        kind: of shop, decides what is compared with what.
        catalog, config: the shop.
        season: a season of it, for e-mails and stock.
        seed: of the visitors.
        behaviour: what is shown.
        resamples: of the bootstrap over visitors.

    Returns:
        One row per response: name, value, low, high (95% over visitors), real, real_low, real_high, inside
        and overlaps as of :func:`~.compare.scorecard` (missing where no figure speaks of this kind of shop),
        why, fact, source, definition.
    """
    rng = np.random.default_rng(seed)
    found = _of_visitors(catalog, config, seed, behaviour or Behaviour(), rng, resamples)
    found |= _of_season(season, rng, resamples)
    rows = []
    for name, (value, low, high) in found.items():
        known = PUBLISHED[name]
        why = applies(known.fact, kind)
        inside: Any = pd.NA
        overlaps: Any = pd.NA
        if not why and not math.isnan(value):
            inside = bool(known.low <= value <= known.high)
            overlaps = inside or bool(low <= known.high and high >= known.low)
        rows.append(
            {"name": name, "value": value, "low": low, "high": high, "real": known.value}
            | {"real_low": known.low, "real_high": known.high, "inside": inside, "overlaps": overlaps}
            | {"why": why}
            | {"fact": known.fact, "source": known.source, "definition": DEFINITIONS[name]}
        )
    return pd.DataFrame(rows).astype({"inside": "boolean", "overlaps": "boolean"})


Interval = tuple[float, float, float]


def _of_visitors(
    catalog: Catalog, config: ShopConfig, seed: int, behaviour: Behaviour, rng: Generator, resamples: int
) -> dict[str, Interval]:
    shop = Shop(catalog, config, lanes=LANES, seed=seed)
    items = rng.choice(len(catalog), size=min(ITEMS, len(catalog)), replace=False, p=catalog.items.popularity)
    sums: dict[str, F64] = {name: np.zeros((2, LANES)) for name in list(PUBLISHED)[:4]}
    off = np.full(LANES, PRICE_OFF)
    for page in range(WARM_UP + PAGES):
        shop.start_visits()
        slates = behaviour.slates(shop.requests(), catalog, config.slate_size, rng)
        if page >= WARM_UP:
            looked, here = shop.attention(slates), shop.expected(slates)
            cheaper = shop.expected(slates, price_off=off)
            sums["price_cut_elasticity"] += np.stack(
                [(looked * here["units"]).sum(axis=1), (looked * cheaper["units"]).sum(axis=1)]
            )
            sums["switch_when_out"] += _without(shop, items)
            sums["mailer_uplift"] += _advertised(shop, items)
            sums["third_over_first_slot"] += _moved(shop, slates, here["click"])
        shop.serve(slates)
    ratio = {name: _ratio(pair, rng, resamples) for name, pair in sums.items()}
    slope = math.log(1.0 - PRICE_OFF)
    value, low, high = (math.log(x) / slope for x in ratio["price_cut_elasticity"])
    ratio["price_cut_elasticity"] = (value, min(low, high), max(low, high))
    value, low, high = (x - 1.0 for x in ratio["mailer_uplift"])
    ratio["mailer_uplift"] = (value, low, high)
    return ratio


def _without(shop: Shop, items: AnyArray) -> F64:
    """(2, n) expected carts for each of the items when it is there, and of a substitute when it is not."""
    there = shop.today.available[0]
    before = there.copy()
    asked = np.broadcast_to(np.asarray(items, np.int32), (shop.lanes, len(items)))
    there[items] = True
    full = shop.expected(asked)["cart"].sum(axis=1)
    less = np.zeros(shop.lanes)
    for item in items:
        there[:] = before
        there[item] = False
        less += shop.expected(np.full((shop.lanes, 1), item, np.int32))["cart"][:, 0]
    there[:] = before
    return np.stack([full, less])


def _advertised(shop: Shop, items: AnyArray) -> F64:
    """(2, n) expected units of the items, as they are and as a campaign advertises them at the same price."""
    boost = shop.config.campaigns[0].boost if shop.config.campaigns else 0.0
    asked = np.broadcast_to(np.asarray(items, np.int32), (shop.lanes, len(items)))
    plain = shop.expected(asked)["units"].sum(axis=1)
    appeal = shop.today.appeal[0]
    before = appeal.copy()
    appeal[items] += boost
    loud = shop.expected(asked)["units"].sum(axis=1)
    appeal[:] = before
    return np.stack([plain, loud])


def _moved(shop: Shop, slates: I32, click: F64) -> F64:
    """(2, n) expected clicks of the first item in its own slot and in the third, the two items swapped."""
    if slates.shape[1] < 3:
        return np.zeros((2, shop.lanes))
    swapped = slates.copy()
    swapped[:, [0, 2]] = slates[:, [2, 0]]
    has = (shop.slots >= 3) & (slates[:, 2] >= 0)
    own, third = shop.attention(slates)[:, 0], shop.attention(swapped)[:, 2]
    return np.stack([own, third]) * click[:, 0] * has


def _of_season(season: Season, rng: Generator, resamples: int) -> dict[str, Interval]:
    events = season.data.of("email_sent", "email_open", "email_click", "purchase")
    by = (
        events.dropna(subset="session_id")
        .groupby(["session_id", "event"], observed=True)
        .size()
        .unstack(fill_value=0)
    )
    mails = by[by.get("email_sent", pd.Series(0, by.index)) > 0]
    answer: dict[str, Interval] = {"out_of_stock": (season.out_of_stock, math.nan, math.nan)}
    for name, event in (("open", "email_open"), ("click", "email_click"), ("order", "purchase")):
        hits = (mails[event] > 0).to_numpy(np.float64) if event in mails else np.zeros(len(mails))
        pair = np.stack([np.ones(len(hits)), np.asarray(hits, np.float64)])
        answer[f"email_{name}_rate"] = _ratio(pair, rng, resamples)
    return answer


def _ratio(pair: F64, rng: Generator, resamples: int) -> Interval:
    """Second row's sum over the first's, with its percentile interval over columns."""
    if not pair[0].sum() > 0:
        return math.nan, math.nan, math.nan
    found = Bootstrap(rng, resamples).ratio(pair[1], pair[0], np.arange(pair.shape[1]))
    return found.value, found.low, found.high
