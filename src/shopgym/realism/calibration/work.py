"""The simulations of one calibration: nearest profile, start, search, and the shop that is written."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ...core.types import F64
from ...simulators.profiles.profiles import PROFILES
from ..events import EVENTS
from ..order_facts import TRADES
from ..own_facts import near
from ..shop_events import Season
from .free import ORDERS, VISITS_A_DAY, Free, free_parameters
from .from_lines import FittedParameter, UnidentifiedParameter
from .moments import Fit
from .own import OwnRecords
from .parts import Part, figures
from .search import DIGITS, FactSearch, capped_misses
from .simulated_shop import SimulatedShop
from .sizes import sized_baskets, without_fatigue
from .start import Start, as_busy, hours_of_visits, start, with_passers
from .weeks import season_of_year

SEARCH_VISITS, WRITTEN_VISITS = 15_000, 200_000
"""Visits of a season during the search, and at most of a season of the shop that is written."""
FEWEST_CUSTOMERS = 100
"""Of a season during the search: with fewer, chance hides what a step of the search does."""
CHEAP_PAGES, MORE_ROUNDS = 100_000, 3
"""Where a season of visits has at most so many pages, a search may take so many times as many steps, and new
slopes on its way. Seasons of orders alone last months, and take longer than their pages tell."""
SIZING_ROUNDS, SIZED = 4, 0.1
"""Seasons before a search in which orders get their size, and the change of ``mission_stay`` that ends it."""
LAST_ROUNDS = 2
"""Steps of the search at the size at which the shop is written."""
NO_VISITS = "it follows from the share of visits with an order, which order lines do not say"
WORSE = "the profile's value gives facts as good or better"
Progress = Callable[[str, int], None]


@dataclass(frozen=True, eq=False)
class Judged:
    """A season, and its figures by part."""

    season: Season
    figures: list[F64]


@dataclass(frozen=True, eq=False)
class FittedShop:
    """The shop that is written, what of it the records say, what they do not, and the last search, if any."""

    shop: SimulatedShop
    fitted: tuple[FittedParameter, ...]
    unidentified: tuple[UnidentifiedParameter, ...]
    remarks: tuple[str, ...]
    search: Fit | None


class Work:
    """The simulations of one calibration.

    Args:
        own: the records; ``parts`` of them, the fitted one first.
        seed: of every season.
        visits: of a season at the size at which the shop is written, at most.
        progress: called after every season with what it was for and how many there were.
    """

    def __init__(
        self,
        own: OwnRecords,
        parts: tuple[Part, ...],
        seed: int,
        progress: Progress | None = None,
        visits: int = WRITTEN_VISITS,
    ) -> None:
        self.own, self.parts, self.seed, self.progress, self.visits = own, parts, seed, progress, visits
        self.seasons = 0
        self._ordering: float | None = None
        self._judged: dict[str, Judged] = {}

    def _count(self, what: str) -> None:
        self.seasons += 1
        if self.progress is not None:
            self.progress(what, self.seasons)

    def view(self, shop: SimulatedShop, days: float | None = None) -> SimulatedShop:
        """The smaller shop that is simulated during a search, for ``days``; None: those that are fitted.

        Where the records have no visits, its customers alone: who passes by does not order.
        """
        seen = shop if self.own.events is not None else shop.customers_only()
        visits = max(seen.config.visits_per_day * seen.days, 1.0)
        least = FEWEST_CUSTOMERS / max(seen.customers, 1.0)
        seen = seen.smaller(min(1.0, max(min(SEARCH_VISITS, self.visits) / visits, least)))
        return replace(seen, days=self.parts[0].data.days if days is None else days).with_people()

    def season(self, shop: SimulatedShop) -> Season:
        """A season of a shop. Where the records have no visits, its orders and returns alone are recorded."""
        return shop.season(self.seed, kinds=TRADES if self.own.events is None else EVENTS)

    def small(self, shop: SimulatedShop) -> F64:
        """(m,) the facts of the fitted part in the season of :meth:`view`."""
        seen = self.view(shop)
        return figures(self.season(seen).data, self.parts[:1], 0.0, seen.share)[0]

    def judge(self, shop: SimulatedShop) -> Judged:
        """The season of a shop as it is, and its figures."""
        key = repr((shop.config, shop.units_scale, shop.behaviour, shop.share, id(shop.catalog)))
        if key not in self._judged:
            season = self.season(shop)
            self._count("a whole season")
            by_part = figures(season.data, self.parts, self.own.holdout, shop.share)
            self._judged[key] = Judged(season, by_part)
        return self._judged[key]

    def nearest_profile(self) -> str:
        """The profile that is most like the records as it is."""
        losses = {}
        for name in PROFILES:
            shop = SimulatedShop.of_profile(name, self.own.days, self.own.start_week, np.inf)
            losses[name] = float((capped_misses(self.small(shop), self.parts[0]) ** 2).sum())
            self._count(f"the profile {name}")
        return min(losses, key=lambda name: losses[name])

    def fit(self, base: SimulatedShop, rounds: int) -> FittedShop:
        """Search from a profile with the catalogue of the records."""
        seen = self.view(base)
        pilot = seen.season(self.seed)
        self._count("a first season")
        begin = start(base, self.own, pilot, seen.share)
        if rounds == 0:
            shop, said = self._whole(begin.shop, base)
            return self._fitted(shop, begin.fitted, begin.unidentified, said)
        unknown = {one.name for one in begin.unidentified}
        names = [fact.name for fact in self.parts[0].facts]
        free = tuple(f for f in free_parameters(names) if f.scaled.name not in unknown)
        cheap = self.own.events is not None and pilot.pages <= CHEAP_PAGES
        search = FactSearch(free, self.parts[0], renew=cheap)
        begin = self._sized(begin)
        steps = MORE_ROUNDS * rounds if cheap else rounds
        searched = search.run(begin.shop, self.small, rounds=steps, progress=self._on_loss)
        values, given_up, remarks = self._kept(search, begin, base, searched)
        begin = self._in_season(replace(begin, shop=begin.shop.with_values({**values, **given_up})))
        shop, said = self._whole(begin.shop, base)
        kept = FactSearch(tuple(f for f in free if f.scaled.name in values), self.parts[0], renew=cheap)
        columns = [at for at, f in enumerate(free) if f.scaled.name in values]
        last = kept.run(
            shop,
            lambda one: self.judge(one).figures[0],
            rounds=LAST_ROUNDS,
            slopes=searched.slopes[:, columns],
            progress=self._on_loss,
        )
        shop = shop.with_values(kept.values(last.values))
        fitted, unidentified = _findings(begin, free, kept, last, shop)
        return self._fitted(shop, fitted, unidentified, (*remarks, *said), last)

    def _fitted(
        self,
        shop: SimulatedShop,
        found: Sequence[FittedParameter],
        unidentified: Sequence[UnidentifiedParameter],
        remarks: Sequence[str],
        search: Fit | None = None,
    ) -> FittedShop:
        """The shop. What has an interval that says nothing, or follows from what is assumed, is not found."""
        why = {one.name: one.why_open for one in found if one.is_open}
        if self.own.events is None:
            why |= {one.name: NO_VISITS for one in found if one.name == "arrivals.per_day"}
        open_ones = (UnidentifiedParameter(name, reason) for name, reason in why.items())
        fitted = tuple(one for one in found if one.name not in why)
        return FittedShop(shop, fitted, (*unidentified, *open_ones), tuple(remarks), search)

    def or_profile(self, fit: FittedShop, base: SimulatedShop, untouched: SimulatedShop) -> FittedShop:
        """The fit, or less of it where the profile as it is has more facts of the fitted part near.

        Less is what has a closed form alone, or the profile's numbers for as many orders or visits as in the
        record. Both have the catalogue of the records, as :func:`.start.profile_shop` made it for ``base``.
        """
        most, profile = self._count_near(fit.shop), self._count_near(untouched)
        if profile <= most:
            return fit
        seen = self.view(base)
        pilot = seen.season(self.seed)
        self._count("a first season")
        closed = start(base, self.own, pilot, seen.share)
        busy = as_busy(base.config, self.own, pilot, seen.share)
        worse = tuple(UnidentifiedParameter(one.name, WORSE) for one in closed.fitted)
        alone = Start(base.with_values(busy), (), (*closed.unidentified, *worse))
        best, what = fit, "the fit is kept"
        less = [(alone, "its numbers are kept, for as many customers as you have")]
        if fit.search is not None:  # else the fit itself is what has a closed form
            less.insert(0, (closed, "what has a closed form alone is fitted"))
        for begin, words in less:
            shop, said = self._whole(begin.shop, base)
            if self._count_near(shop) > most:
                most, what = self._count_near(shop), words
                best = self._fitted(shop, begin.fitted, begin.unidentified, said)
        remark = (
            f"the profile as it is has {profile} facts near, its numbers with your catalogue {most} at most"
        )
        return replace(best, remarks=(*best.remarks, f"{remark}: {what}"))

    def _count_near(self, shop: SimulatedShop) -> int:
        """Facts of the fitted part that the season of a shop is near."""
        values = self.judge(shop).figures[0]
        return sum(near(float(v), fact) for v, fact in zip(values, self.parts[0].facts, strict=True))

    def _sized(self, begin: Start) -> Start:
        """The start with baskets and visits of about the record's size, and with its season of the year."""
        shop = without_fatigue(begin.shop, self.parts[0])
        for _ in range(SIZING_ROUNDS):
            values = self.small(shop)
            self._count("with the record's customers")
            sized = sized_baskets(shop, self.parts[0], values)
            moved = abs(sized.value("choice.mission_stay") - shop.value("choice.mission_stay"))
            shop = sized
            if moved < SIZED:
                break
        return self._in_season(replace(begin, shop=shop))

    def _in_season(self, begin: Start) -> Start:
        """The start that is as busy as the record, week by week of the year and hour by hour of the day."""
        own, shop = self.own, begin.shop
        if "purchase" not in own.data.kinds:
            return begin
        season = self.view(shop, own.days).season(self.seed)
        self._count("its weeks and hours")
        weeks = season_of_year(shop.config.arrivals.weeks, own.fitted_data, season.data, own.start_week)
        measured = tuple(one for one in (weeks, hours_of_visits(own, season)) if one is not None)
        names = {one.name for one in measured}
        return Start(
            shop.with_values({one.name: one.value for one in measured}),
            (*(one for one in begin.fitted if one.name not in names), *measured),
            tuple(one for one in begin.unidentified if one.name not in names),
        )

    def _on_loss(self, _: int, loss: float) -> None:
        self._count(f"loss {loss:.4g}")

    def _kept(
        self, search: FactSearch, begin: Start, base: SimulatedShop, searched: Fit
    ) -> tuple[dict[str, float], dict[str, float], list[str]]:
        """(values better than the profile's, the profile's in place of others, words about these)."""
        given_up: dict[str, float] = {}
        values = search.values(searched.values)
        loss, remarks = searched.loss, []
        as_it_is = self.small(base)
        self._count("the profile with the record's catalogue")
        fitted = capped_misses(searched.moments, self.parts[0]) ** 2
        profile = capped_misses(as_it_is, self.parts[0]) ** 2
        for group in dict.fromkeys(f.group for f in search.free):
            mine = [f for f in search.free if f.group == group]
            about = {name for f in mine for name in f.facts}
            rows = [at for at, fact in enumerate(self.parts[0].facts) if fact.name in about]
            if fitted[rows].sum() <= profile[rows].sum():
                continue
            without = {f.scaled.name: base.value(f.scaled.name) for f in mine}
            tried = search.loss(self.small(begin.shop.with_values({**values, **given_up, **without})))
            self._count(f"{group} as in the profile")
            if tried < loss:
                values = {name: value for name, value in values.items() if name not in without}
                given_up |= without
                loss = tried
                remarks.append(f"{group}: the profile does better, so its values are kept")
            else:
                remarks.append(f"{group}: the profile does better, but not with the rest of this shop")
        return values, given_up, remarks

    def _whole(self, shop: SimulatedShop, base: SimulatedShop) -> tuple[SimulatedShop, list[str]]:
        """The shop with people who pass by, of a size that can be simulated, as busy as the record."""
        remarks = []
        seen = self.view(shop)
        season = self.season(seen)
        self._count("its customers")
        visits = season.visits / seen.share / season.days * shop.days
        if self.own.events is None:
            conversion = self._conversion(base)
            shop = with_passers(shop, season, seen.share, conversion)
            visits = len(season.data.orders) / seen.share / season.days * shop.days / conversion
            words = f"order lines do not say how many visits there are: an order in {conversion:.1%} of them"
            remarks.append(f"{words}, as in the profile")
        elif "purchase" not in self.own.data.kinds:
            shop = shop.with_values(as_busy(shop.config, self.own, season, seen.share))
        if visits > self.visits:
            share = float(f"{self.visits / visits:.2g}")
            shop = shop.smaller(share)
            remarks.append(f"the shop has {share:.0%} of the people, who represent all of them")
        return self._as_busy(shop), remarks

    def _as_busy(self, shop: SimulatedShop) -> SimulatedShop:
        """The shop, at its size, with people for as many orders a day, or visits, as in the record."""
        figures_now = self.judge(shop).figures[0]
        for fact, value in zip(self.parts[0].facts, figures_now, strict=True):
            if fact.name in (*ORDERS, *VISITS_A_DAY) and value > 0:
                factor = fact.value / float(value)
                names = ("arrivals.per_day", "arrivals.established")
                return shop.with_values({n: float(f"{factor * shop.value(n):.{DIGITS}g}") for n in names})
        return shop

    def _conversion(self, base: SimulatedShop) -> float:
        """Share of visits with an order in the profile as it is; simulated once."""
        if self._ordering is not None:
            return self._ordering
        passing = base.config.people.retention.passing
        most = min(5 * SEARCH_VISITS, self.visits)
        whole = base.smaller(min(1.0, most / (base.config.visits_per_day * base.days)))
        if not passing:
            whole = self.view(base)
        season = self.season(whole)
        self._count("the conversion of the profile")
        self._ordering = len(season.data.orders) / season.visits
        return self._ordering


def _findings(
    begin: Start, free: tuple[Free, ...], kept: FactSearch, last: Fit, shop: SimulatedShop
) -> tuple[tuple[FittedParameter, ...], tuple[UnidentifiedParameter, ...]]:
    """What is fitted, with intervals, and what is not identified."""
    intervals: Mapping[str, tuple[float, float, str]] = kept.intervals(last)
    unidentified = list(begin.unidentified)
    names = {f.scaled.name for f in free}
    closed = {one.name: one for one in begin.fitted}
    found = [one for one in begin.fitted if one.name not in names]
    for f in free:
        name = f.scaled.name
        if name not in intervals:
            unidentified.append(UnidentifiedParameter(name, WORSE))
            continue
        low, high, why = intervals[name]
        if why:
            unidentified.append(UnidentifiedParameter(name, why))
            continue
        if name in closed:  # two estimates of one number: the stated interval holds those of both
            low, high = (
                float(end) for end in (np.fmin(low, closed[name].low), np.fmax(high, closed[name].high))
            )
        how = f"simulated moments: {', '.join(f.facts[:3])}"
        found.append(FittedParameter(name, shop.value(name), "", how, low, high))
    return tuple(found), tuple(unidentified)
