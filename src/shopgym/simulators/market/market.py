"""What changes from day to day for all visitors: prices, promotions, seasons, shocks, the range.

Once a day all of it is written to a few columns per item, :class:`..day_types.DayTables`. Kernels read these
columns, so none of it takes time while pages are shown.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from ...core.errors import InvalidInput, in_range, in_ranges, one_of
from ...core.types import F32, F64, AnyArray, Bool
from ..catalog.catalog import Catalog
from ..engine import hash_rng as kinds
from ..engine.hash_rng import key, keys, units

YEAR = 364.0
"""Days: 52 whole weeks."""
SHOCKS = ("price", "viral", "taste")


@dataclass(frozen=True)
class Campaign:
    """A promotion of some of the range, with a goal and a budget.

    Attributes:
        start, days: first day and length, in days since the shop opened.
        category: number of the category on offer; -1 = items drawn from the whole range.
        share: share of (the category's) items on offer.
        price_off: share of the price.
        boost: logits of click while on offer; 0.62 makes log(1.86), the effect of a mailer on units in
            the Complete Journey records (+86% at equal price).
        budget: currency of discounts given; the campaign ends with the day on which it is spent; inf = no
            limit.
        goal: order lines on offer that it should sell; it is only reported.
    """

    start: float = 0.0
    days: float = 7.0
    category: int = -1
    share: float = 0.05
    price_off: float = 0.2
    boost: float = 0.62
    budget: float = math.inf
    goal: float = 0.0

    def __post_init__(self) -> None:
        in_range("shop.campaigns.start", self.start, 0.0, 1e6)
        in_range("shop.campaigns.days", self.days, 0.0, 1e6, open_low=True)
        in_range("shop.campaigns.category", self.category, -1, 1e6)
        in_range("shop.campaigns.share", self.share, 0.0, 1.0, open_low=True)
        in_range("shop.campaigns.price_off", self.price_off, 0.0, 1.0, open_high=True)
        in_range("shop.campaigns.boost", self.boost, -20.0, 20.0)
        in_range("shop.campaigns.budget", self.budget, 0.0, math.inf, open_low=True)
        in_range("shop.campaigns.goal", self.goal, 0.0, math.inf)


@dataclass(frozen=True)
class Shock:
    """A sudden change of part of the range.

    Attributes:
        kind: ``price`` (prices times 1 + size), ``viral`` (size logits of click, fading with a time constant
            of ``days`` / 3), ``taste`` (the appeal of every category moves by size x a standard normal, for
            good). Supply stops are ``shop.stock.deliveries_stop``.
        start, days: first day and length, in days since the shop opened.
        size: see ``kind``.
        share: share of items that a price or viral shock changes.
    """

    kind: str = "viral"
    start: float = 0.0
    days: float = 14.0
    size: float = 1.0
    share: float = 0.01

    def __post_init__(self) -> None:
        one_of("shop.shocks.kind", self.kind, SHOCKS)
        in_range("shop.shocks.start", self.start, 0.0, 1e6)
        in_range("shop.shocks.days", self.days, 0.0, 1e6, open_low=True)
        in_range("shop.shocks.size", self.size, -0.9 if self.kind == "price" else -20.0, 20.0)
        in_range("shop.shocks.share", self.share, 0.0, 1.0, open_low=True)


@dataclass(frozen=True)
class MarketConfig:
    """How the range and its appeal change.

    Attributes:
        season: amplitude in logits of each category's yearly wave, whose peak is drawn; 0 = off.
        drift: standard deviation of the daily random walk of each category's appeal, logits; 0 = off.
        new_share: share of items that come on sale later, evenly over ``turnover`` days; 0 = off.
        old_share: share of items that leave the range, evenly over ``turnover`` days; 0 = off.
        turnover: days.
    """

    season: float = 0.0
    drift: float = 0.0
    new_share: float = 0.0
    old_share: float = 0.0
    turnover: float = 180.0

    def __post_init__(self) -> None:
        in_ranges(self, "shop.market", 0.0, 20.0, "season", "drift")
        in_ranges(self, "shop.market", 0.0, 1.0, "new_share", "old_share")
        in_ranges(self, "shop.market", 0.0, 1e6, "turnover", open_low=True)


class Market:
    """The range on each day: appeal, prices, what is on sale. ``moves`` says whether days differ at all.

    Args:
        catalog: N items.
        config, campaigns, shocks: what changes.
        quality_weight: logits of click per unit of quality.
        reference_price: exponent of an item's list price in the price that buyers compare with.
        allow_losses: whether offers may go below cost.
        seed: of all draws of the market.
    """

    def __init__(
        self,
        catalog: Catalog,
        config: MarketConfig,
        campaigns: tuple[Campaign, ...],
        shocks: tuple[Shock, ...],
        *,
        quality_weight: float,
        reference_price: float,
        allow_losses: bool,
        seed: int,
    ) -> None:
        self.allow_losses = allow_losses
        self.catalog, self.config, self.campaigns, self.shocks = catalog, config, campaigns, shocks
        root, n = np.uint64(seed), len(catalog)
        self._row = np.arange(n, dtype=np.uint64)
        self._category = catalog.items.category
        self._categories = np.arange(len(catalog.items.category_names), dtype=np.uint64)
        self._root = root
        middle = np.median(catalog.items.price)
        self._reference: F64 = middle * (catalog.items.price / middle) ** reference_price
        self._appeal = (np.float32(quality_weight) * catalog.quality).astype(np.float32)
        self._peak = YEAR * self._uniform(kinds.DRAW_SEASON, self._categories)
        self.launch, self.retire = self._range()
        self.offered = [self._offer(number, campaign) for number, campaign in enumerate(campaigns)]
        self._spent = np.zeros(len(campaigns))
        self._lines = np.zeros(len(campaigns), np.int64)
        self._charged_day, self._charged = -1, list[int]()
        self._uncharged: list[tuple[float, AnyArray, AnyArray]] = []
        details = catalog.details
        dated = np.isfinite(details.launch_day).any() or np.isfinite(details.retire_day).any()
        switched = config.season or config.drift or config.new_share or config.old_share
        self.moves = bool(switched or campaigns or shocks or dated)
        self._hit = [
            self._uniform(kinds.DRAW_SHOCK, self._row, number) < shock.share
            for number, shock in enumerate(shocks)
        ]

    def running(self, day: float) -> list[int]:
        """Numbers of the campaigns that run on ``day`` and still have a budget."""
        self._charge()
        return self._within_budget(day)

    def appeal(self, day: float) -> F32:
        """(N,) float32 logits of click on ``day``: quality, season, drift, campaigns, shocks."""
        config, by_category = self.config, np.zeros(len(self._categories))
        if config.season:
            by_category += config.season * np.cos(2 * np.pi * (day - self._peak) / YEAR)
        if config.drift:
            for past in range(int(day)):
                by_category += config.drift * self._normal(kinds.DRAW_DRIFT, self._categories, past)
        extra = np.zeros(len(self.catalog))
        for number, shock in enumerate(self.shocks):
            if shock.kind == "taste" and day >= shock.start:
                by_category += shock.size * self._normal(kinds.DRAW_SHOCK, self._categories, number)
            if shock.kind == "viral" and shock.start <= day < shock.start + shock.days:
                extra[self._hit[number]] += shock.size * math.exp(-3 * (day - shock.start) / shock.days)
        for number in self.running(day):
            extra[self.offered[number]] += self.campaigns[number].boost
        if not (by_category.any() or extra.any()):
            return self._appeal
        appeal: F32 = (self._appeal + by_category[self._category] + extra).astype(np.float32)
        return appeal

    def price(self, day: float) -> F64:
        """(N,) currency: list price with shocks, less the best running offer, which stops at cost."""
        off, factor = np.zeros(len(self.catalog)), np.ones(len(self.catalog))
        for number, shock in enumerate(self.shocks):
            if shock.kind == "price" and shock.start <= day < shock.start + shock.days:
                factor[self._hit[number]] *= 1 + shock.size
        for number in self.running(day):
            offered = self.offered[number]
            off[offered] = np.maximum(off[offered], self.campaigns[number].price_off)
        items = self.catalog.items
        price: F64 = items.price * factor * (1 - off)
        if off.any() and not self.allow_losses:
            price = np.where(off > 0, np.maximum(price, items.unit_cost), price)
        return price

    def log_relative_price(self, price: F64) -> F32:
        """(N,) float32 log of prices (N,) over the reference prices that buyers compare them with."""
        log_price: F32 = np.log(price / self._reference).astype(np.float32)
        return log_price

    def on_sale(self, day: float) -> Bool:
        """(N,) whether an item is in the range on ``day``."""
        in_range: Bool = (self.launch <= day) & (day < self.retire)
        return in_range

    def record_sales(self, day: float, items: AnyArray, units: AnyArray) -> None:
        """Record sales, item rows and units, both (s,), which campaigns are charged for later."""
        if self.campaigns:
            self._uncharged.append((day, items, units))

    def report(self) -> list[dict[str, float]]:
        """For each campaign ``spent`` and ``budget`` (currency), ``lines`` sold and ``goal``."""
        self._charge()
        return [
            {"spent": float(spent), "budget": c.budget, "lines": int(lines), "goal": c.goal}
            for c, spent, lines in zip(self.campaigns, self._spent, self._lines, strict=True)
        ]

    # private

    def _within_budget(self, day: float) -> list[int]:
        return [
            number
            for number, campaign in enumerate(self.campaigns)
            if campaign.start <= day < campaign.start + campaign.days
            and self._spent[number] < campaign.budget
        ]

    def _charge(self) -> None:
        """Charge campaigns for the recorded sales, day by day: an offer that has begun lasts all day."""
        sales_so_far, self._uncharged = self._uncharged, []
        for day, sales in groupby(sales_so_far, lambda sale: int(sale[0])):
            days, items, units = zip(*sales, strict=True)
            if day != self._charged_day:
                self._charged_day, self._charged = day, self._within_budget(days[0])
            rows = np.concatenate(items)
            price = self.catalog.items.price[rows] * np.concatenate(units)
            for number in self._charged:
                on_offer = self.offered[number][rows]
                self._spent[number] += self.campaigns[number].price_off * float(price[on_offer].sum())
                self._lines[number] += int(np.count_nonzero(on_offer))

    def _range(self) -> tuple[F64, F64]:
        config, details = self.config, self.catalog.details
        launch, retire = details.launch_day.copy(), details.retire_day.copy()
        draw, moment = (self._uniform(kinds.DRAW_LAUNCH, self._row, number) for number in range(2))
        later = draw < config.new_share
        launch[later] = np.maximum(launch[later], moment[later] * config.turnover)
        leaving = draw > 1 - config.old_share
        retire[leaving] = np.minimum(retire[leaving], moment[leaving] * config.turnover)
        return launch, np.maximum(retire, launch)

    def _offer(self, number: int, campaign: Campaign) -> Bool:
        if campaign.category >= len(self._categories):
            fix = f"the catalogue has categories 0 to {len(self._categories) - 1}"
            raise InvalidInput(f"shop.campaigns[{number}].category", campaign.category, fix)
        chosen = self._uniform(kinds.DRAW_CAMPAIGN, self._row, number) < campaign.share
        if campaign.category >= 0:
            chosen &= self._category == campaign.category
        return np.asarray(chosen)

    def _uniform(self, kind: np.uint64, fields: AnyArray, number: int = 0) -> F64:
        return units(keys(np.uint64(key(np.uint64(key(self._root, kind)), np.uint64(number))), fields))

    def _normal(self, kind: np.uint64, fields: AnyArray, number: int = 0) -> F64:
        from scipy.special import ndtri

        normal: F64 = ndtri(np.maximum(self._uniform(kind, fields, number), 1e-15))
        return normal
