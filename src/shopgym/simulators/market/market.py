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
from ...core.types import F32, F64, I64, AnyArray, Bool
from ..catalog.catalog import Catalog
from ..engine import hash_rng as kinds
from ..engine.hash_rng import key, keys, units
from .campaigns import Budgets, Campaign
from .seasons import YEAR, GoodsSeason, YearlyWaves

SHOCKS = ("price", "viral", "taste")


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
        season_spread: standard deviation of the log of that amplitude between categories; its mean stays.
        seasons: goods whose amplitude and peak are known, in place of what is drawn.
        drift: standard deviation of the daily random walk of each category's appeal, logits; 0 = off.
        new_share: share of items that come on sale later, evenly over ``turnover`` days; 0 = off.
        old_share: share of items that leave the range, evenly over ``turnover`` days; 0 = off.
        turnover: days.
    """

    season: float = 0.0
    season_spread: float = 0.0
    seasons: tuple[GoodsSeason, ...] = ()
    drift: float = 0.0
    new_share: float = 0.0
    old_share: float = 0.0
    turnover: float = 180.0

    def __post_init__(self) -> None:
        in_ranges(self, "shop.market", 0.0, 20.0, "season", "drift")
        in_range("shop.market.season_spread", self.season_spread, 0.0, 3.0)
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
        self._seasonal = bool(config.season or config.seasons)
        self._waves = self._yearly_waves()
        self._drifted: list[F64] = []  # by day, see _drift_until
        self.launch, self.retire = self._range()
        self.offered = [self._offer(number, campaign) for number, campaign in enumerate(campaigns)]
        self._budgets = Budgets.unspent(campaigns, self.offered)
        self._limited = self._budgets.limited
        self._uncharged: list[tuple[float, AnyArray, AnyArray]] = []
        details = catalog.details
        dated = np.isfinite(details.launch_day).any() or np.isfinite(details.retire_day).any()
        switched = self._seasonal or config.drift or config.new_share or config.old_share
        self.moves = bool(switched or campaigns or shocks or dated)
        self._hit = [
            self._uniform(kinds.DRAW_SHOCK, self._row, number) < shock.share
            for number, shock in enumerate(shocks)
        ]

    def running(self, day: float) -> list[int]:
        """Numbers of the campaigns that run on ``day`` and have not spent their budget."""
        return self._budgets.running(day)

    def add_campaign(self, campaign: Campaign) -> Bool:
        """Add a campaign that the config does not have; prices follow when they are next set.

        Returns:
            (N,) bool, the items on offer: those that it would have in a config with so many before it.

        Raises:
            InvalidInput: a category that the catalogue does not have, or no item is on offer.
        """
        self.report()  # what was sold before is charged to the campaigns of that time
        number = len(self.campaigns)
        offered = self._offer(number, campaign)
        if not offered.any():
            fix = "no item of that category or share is on offer: give more"
            raise InvalidInput(f"shop.campaigns[{number}].share", campaign.share, fix)
        self._budgets.add(campaign, offered)
        self.campaigns, self.offered = self._budgets.campaigns, self._budgets.offered
        self._limited, self.moves = self._budgets.limited, True
        return offered

    def appeal(self, day: float) -> F32:
        """(N,) float32 logits of click on ``day``: quality, season, drift, campaigns, shocks."""
        config, by_category = self.config, np.zeros(len(self._categories))
        if self._seasonal:
            by_category += self._waves.by_category(day)
        if config.drift:
            for step in self._drift_until(int(day)):
                by_category += step
        extra = np.zeros(len(self.catalog))
        self._waves.add_named(day, extra)
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
        return self._prices(day, self._budgets)[1]

    def log_relative_price(self, price: F64) -> F32:
        """(N,) float32 log of prices (N,) over the reference prices that buyers compare them with."""
        log_price: F32 = np.log(price / self._reference).astype(np.float32)
        return log_price

    def on_sale(self, day: float) -> Bool:
        """(N,) whether an item is in the range on ``day``."""
        in_range: Bool = (self.launch <= day) & (day < self.retire)
        return in_range

    def settle(self, day: float, items: AnyArray, units: AnyArray, *, on_trial: bool = False) -> F64 | None:
        """Charge campaigns for the s order lines of a step: item rows, units, both (s,), in order of visits.

        Args:
            day: the day of the prices at which the lines were sold.
            on_trial: change nothing.

        Returns:
            (s,) currency to add to what each line costs, because its campaign's budget is spent
            (:mod:`.campaigns`); None where no campaign ended with these lines.
        """
        if not self.campaigns:
            return None
        if self._limited:
            return self._charge(self._budgets.copy() if on_trial else self._budgets, day, items, units)
        if not on_trial:  # nothing depends on what they cost, until somebody asks
            self._uncharged.append((day, items, units))
        return None

    def report(self) -> list[dict[str, float]]:
        """For each campaign ``spent`` and ``budget`` (currency), ``lines`` sold and ``goal``."""
        waiting, self._uncharged = self._uncharged, []
        for day, sales in groupby(waiting, lambda sale: sale[0]):
            _, items, units = zip(*sales, strict=True)
            self._charge(self._budgets, day, np.concatenate(items), np.concatenate(units))
        return self._budgets.report()

    # private

    def _drift_until(self, day: int) -> list[F64]:
        """Logits (C,) by which the appeal of the categories moves on each day before ``day``."""
        for past in range(len(self._drifted), day):
            step = self.config.drift * self._normal(kinds.DRAW_DRIFT, self._categories, past)
            self._drifted.append(step)
        return self._drifted[:day]

    def _prices(self, day: float, budgets: Budgets) -> tuple[F64, F64, I64]:
        """(N,) prices without and with the best running offer, and (N,) the campaign that gives it or -1."""
        factor = np.ones(len(self.catalog))
        for number, shock in enumerate(self.shocks):
            if shock.kind == "price" and shock.start <= day < shock.start + shock.days:
                factor[self._hit[number]] *= 1 + shock.size
        off, giver = budgets.best_offer(day, len(self.catalog))
        items = self.catalog.items
        full = items.price * factor
        price: F64 = full * (1 - off)
        if off.any() and not self.allow_losses:
            price = np.where(off > 0, np.maximum(price, np.minimum(items.unit_cost, full)), price)
        return full, price, giver

    def _charge(self, budgets: Budgets, day: float, items: AnyArray, units: AnyArray) -> F64 | None:
        """Charge ``budgets`` line by line; what :meth:`settle` returns."""
        full, price, giver = self._prices(day, budgets)
        posted, due, start, ended = price[items], np.zeros(len(items)), 0, -1
        while True:
            rows = items[start:]
            fits, beyond = budgets.first_beyond(giver[rows], (full - price)[rows] * units[start:])
            part = slice(start, start + fits)
            rows = items[part]
            budgets.charge(day, rows, giver[rows], (full - price)[rows] * units[part])
            due[part] = (price[rows] - posted[part]) * units[part]
            if beyond < 0:
                return due if ended >= 0 else None
            start, ended = start + fits, beyond
            budgets.ended[ended] = True
            full, price, giver = self._prices(day, budgets)

    def _yearly_waves(self) -> YearlyWaves:
        config, amplitude = self.config, np.full(len(self._categories), self.config.season)
        if config.season_spread:
            size = self._normal(kinds.DRAW_SEASON, self._categories, 1)
            amplitude *= np.exp(config.season_spread * size - config.season_spread**2 / 2)
        peak = YEAR * self._uniform(kinds.DRAW_SEASON, self._categories)
        return YearlyWaves(self.catalog, amplitude, peak, config.seasons)

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
