"""Simulate a season of a shop and record it as an event table, the way real shops keep their records."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.random import Generator

from ..core.batches import EMPTY, Decisions, Requests
from ..core.errors import InvalidInput, in_range, in_ranges
from ..core.types import I32, I64
from ..simulators import Catalog, Shop, ShopConfig
from ..simulators.catalog.catalog import OBSERVED
from ..simulators.engine.largest import largest
from ..simulators.people.arrivals import WEEKS
from ..simulators.rollout import Episode, EpisodicShop, rollout
from .event_recorder import SEASON_START, EventRecorder, ServedPage
from .events import EVENTS
from .shop_data import DAY, ShopData

FEWEST_LANES, MOST_LANES = 192, 4096
"""Visits at a time. With fewer a season takes long; with more the clock runs far ahead of long visits."""


@dataclass(frozen=True)
class Behaviour:
    """What the shop shows: a plain rule, so that the records show shoppers and not a clever policy.

    The k candidates in stock with the highest score are shown. The score is ``popularity`` x log popularity
    (standardised) + ``relevance`` x similarity to the item viewed last + ``noise`` x a Gumbel variable.

    Reloads and the way back are modelled by ``again``. After the shopper has seen all of a page, every item
    opened from it is opened once more with probability ``again``, and then again with the same probability.
    That takes time and changes nothing else.

    With probability ``new_device`` a visit is recorded as that of a new visitor, because the visitor has
    another device or has deleted the cookies. Orders are still known to be of the same customer, who signs in
    to buy.
    """

    popularity: float = 1.0
    relevance: float = 2.0
    noise: float = 1.0
    again: float = 0.3
    new_device: float = 0.0

    def __post_init__(self) -> None:
        in_ranges(self, "behaviour", 0.0, 100.0, "popularity", "relevance", "noise")
        in_ranges(self, "behaviour", 0.0, 1.0, "again", "new_device", open_high=True)

    def slates(self, requests: Requests, catalog: Catalog, size: int, rng: Generator) -> I32:
        """(n, size) item rows for the requests. The last slots are empty if fewer items are in stock."""
        return BehaviourRule(self, catalog, size).decide(requests, rng).slates


@dataclass(frozen=True, eq=False)
class BehaviourRule:
    """A behaviour that fills pages of ``size`` slots; its propensities are not known and stand as 1."""

    behaviour: Behaviour
    catalog: Catalog
    size: int
    name: str = "behaviour"

    def decide(self, requests: Requests, rng: Generator) -> Decisions:
        """Rank the candidates in stock by popularity, likeness to the last item viewed, and noise."""
        candidates, in_stock = requests.candidates, requests.in_stock
        features = self.catalog.items.features[candidates]
        score = self.behaviour.popularity * features[:, :, -1].astype(np.float64)
        last_viewed = requests.context[:, :OBSERVED, None]
        score += self.behaviour.relevance * (features[:, :, :OBSERVED] @ last_viewed)[:, :, 0]
        score -= self.behaviour.noise * np.log(rng.standard_exponential(score.shape))
        score[~in_stock] = -np.inf
        best = largest(score, self.size)
        row = np.arange(len(candidates))[:, None]
        positions = np.where(in_stock[row, best], best, EMPTY).astype(np.int32)
        slates = np.where(positions >= 0, candidates[row, best], EMPTY).astype(np.int32)
        return Decisions(positions, slates, np.ones(slates.shape))


@dataclass(frozen=True, eq=False)
class Season:
    """The records of a season.

    Attributes:
        data: the event table and its sessions.
        days: length of the season.
        visits, pages: how many there were. Visits without any action are not in the event table.
        out_of_stock: mean share of the range that could not be bought, over the days.
        returning: share of visits by people who had visited before.
    """

    data: ShopData
    days: float
    visits: int
    pages: int
    out_of_stock: float
    returning: float


def simulate_season(
    catalog: Catalog,
    config: ShopConfig,
    *,
    days: float,
    seed: int,
    behaviour: Behaviour | None = None,
    impressions: float = 0.1,
    kinds: Collection[str] = EVENTS,
    lanes: int | None = None,
    progress: Callable[[float], None] | None = None,
) -> Season:
    """Run the shop for a season and record the events.

    Args:
        catalog, config: the shop. Dwell must be enabled, because events need a time within the visit.
        days: length of the season; visitors arrive as ``config.arrivals`` says.
        seed: of the shop and of what it shows.
        behaviour: what the shop shows.
        impressions: share of visits whose impressions and clicks, with their positions, are recorded. Views,
            carts, removals, purchases, returns, searches and e-mails are recorded of all visits.
        kinds: of event that are recorded, if they happen. Fewer take less time.
        lanes: visits at a time. More is faster, and blurs the order of visits within a day.
        progress: called now and then with the current day.

    Raises:
        InvalidInput: dwell is off, a value is out of range, or nobody came.
    """
    if not config.dwell.enabled:
        raise InvalidInput("shop.dwell.enabled", False, "switch it on: events need a time within the visit")
    in_range("impressions", impressions, 0.0, 1.0)
    behaviour = behaviour or Behaviour()
    # as many visits at a time as begin in six hours
    n = lanes or int(np.clip(config.visits_per_day / 4, FEWEST_LANES, MOST_LANES))
    shop = Shop(catalog, config, lanes=n, seed=seed, clock="season", days=days)
    # separate generators, so that what is recorded does not change what is shown
    shown_rng, recorder_rng = (np.random.default_rng([seed, part]) for part in range(2))
    recorder = EventRecorder(
        n,
        config.dwell,
        again=behaviour.again,
        impressions=impressions,
        rng=recorder_rng,
        new_device=behaviour.new_device,
        kinds=kinds,
    )
    rule = BehaviourRule(behaviour, catalog, config.slate_size)
    pages = returning = 0
    out_of_stock: dict[int, float] = {}  # by day
    for page in _serve_pages(shop, rule, shown_rng):
        recorder.record(page)
        pages += int(np.count_nonzero(page.active))
        returning += int((page.visit[page.first] > 1).sum())
        if int(page.day) not in out_of_stock:
            out_of_stock[int(page.day)] = page.out_of_stock
            if progress is not None:
                progress(page.day)
    table = recorder.table()
    end = SEASON_START + days * DAY
    data = ShopData.from_events(
        table[table["time"] < end], items=_known_items(catalog), watched=(SEASON_START, end)
    )
    visits = recorder.visits
    unavailable = float(np.mean(list(out_of_stock.values())))
    return Season(data, days, visits, pages, unavailable, returning / max(visits, 1))


def week_of_year(seconds: float) -> int:
    """Week of the year, 0 to 51, of a time in seconds since 1970-01-01."""
    return min((pd.Timestamp(seconds, unit="s").day_of_year - 1) // 7, WEEKS - 1)


def beginning_in(config: ShopConfig, week: int) -> ShopConfig:
    """The shop whose season begins in this week of the year (0 to 51)."""
    weeks = tuple(float(x) for x in np.roll(config.arrivals.weeks, -week))
    seasons = tuple(replace(goods, peak=(goods.peak - week) % WEEKS) for goods in config.market.seasons)
    market = replace(config.market, seasons=seasons)
    return replace(config, arrivals=replace(config.arrivals, weeks=weeks), market=market)


def with_share(config: ShopConfig, share: float) -> ShopConfig:
    """The shop to which this share of the people comes."""
    arrivals = config.arrivals
    fewer = replace(
        arrivals, per_day=share * arrivals.per_day, established=round(share * arrivals.established)
    )
    return replace(config, arrivals=fewer)


def _serve_pages(shop: Shop, rule: BehaviourRule, rng: Generator) -> Iterator[ServedPage]:
    """Serve pages to all visits under way until nobody comes any more."""
    names = ("user", "visit", "time", "surface", "query", "anchor")
    out_of_stock: dict[int, float] = {}  # by day, at its first page

    def state(rows: I64, requests: Requests, slates: I32) -> dict[str, Any]:
        """What the recorder must know of a page and serving it changes."""
        active = np.zeros(shop.lanes, np.bool_)
        active[rows] = True
        visits = {name: getattr(shop.visits, name).copy() for name in names}
        first, day = active & (shop.visits.page == 0), int(shop.day)
        if day not in out_of_stock:
            out_of_stock[day] = 1.0 - float(shop.today.available[0].mean())
        page = {"slates": slates, "active": active, "first": first, "slots": shop.slots, **visits}
        return page | {"day": shop.day, "out_of_stock": out_of_stock[day]}

    world = EpisodicShop(shop, Episode.SEASON)
    world.open(shop.seed)
    for step in rollout(world, rule, rng, episodes=1, before=state, look_ahead=False):
        ended = np.zeros(shop.lanes, np.bool_)
        ended[step.rows] = step.visit_over
        yield ServedPage(feedback=step.feedback, ended=ended, **step.before)


def _known_items(catalog: Catalog) -> pd.DataFrame:
    """Name and category of the items, by the row that stands for the item in events."""
    names = np.asarray(catalog.items.category_names, np.object_)
    columns = {"name": catalog.items.name.astype(np.object_), "category": names[catalog.items.category]}
    return pd.DataFrame(columns, index=np.arange(len(catalog), dtype=np.float64))


def last_days(data: ShopData, days: float) -> ShopData:
    """The records of the last ``days`` days only, as if the shop had been watched from then on."""
    events = data.required_events()
    end = float(events["time"].iloc[-1])
    start = end - days * DAY
    return ShopData.from_events(events[events["time"] >= start], items=data.items, watched=(start, end))
