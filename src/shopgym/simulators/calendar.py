"""What time does to a shop: prices and stock change, returns come back and, in a season, people come.

A shop has one of three clocks (:class:`Clock`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from enum import StrEnum
from functools import cached_property

import numpy as np

from ..core.batches import (
    EVENT_EXPECTED_RETURN_COST,
    EVENT_MARGIN,
    EVENT_QUANTITY,
    EVENT_RETURN_COST,
    EVENT_RETURN_PROBABILITY,
    EVENT_RETURNED,
    EVENT_REVENUE,
    EVENT_SOLD,
    TERM_EXPECTED_RETURN_COST,
    TERM_MARGIN,
    TERM_RETURN_COST,
    TERM_REVENUE,
    Feedback,
)
from ..core.errors import InvalidInput
from ..core.types import AnyArray, Bool
from .catalog.catalog import Catalog
from .config import ShopConfig
from .day_types import DayTables
from .market.campaigns import Campaign
from .market.day_tables import DAYS_A_WEEK, every_week, one_day
from .market.market import Market
from .market.returns import Returns
from .market.stock import Stock
from .people.population import Population
from .people.users import Users
from .people.visits import Visits

PAGES_PER_VISIT = 4
"""Pages that a visit counts for where stock levels are set from a number of visits."""


class Clock(StrEnum):
    """What time is."""

    PAGES = "pages"
    """Time goes on with the pages shown. Anyone may come to any visit."""
    OWN = "own"
    """Every visit row is the life of one customer with a calendar of its own. Other customers are not
    simulated; they empty the stock week by week."""
    SEASON = "season"
    """All customers live on one calendar."""


def check_campaigns(campaigns: Sequence[Campaign], clock: Clock) -> None:
    """Raise :class:`InvalidInput` at a campaign that prices on this clock would never show."""
    step, unit = (DAYS_A_WEEK, "week") if clock is Clock.OWN else (1, "day")
    for number, campaign in enumerate(campaigns):
        if math.ceil(campaign.start / step) * step >= campaign.start + campaign.days:
            fix = f"prices change once a {unit}, and it is over before they do: let it last {step} or more"
            raise InvalidInput(f"shop.campaigns[{number}].days", campaign.days, fix)
        if clock is Clock.OWN and math.isfinite(campaign.budget):
            fix = "every customer has a calendar of their own, so there is no common budget: leave it out"
            raise InvalidInput(f"shop.campaigns[{number}].budget", campaign.budget, fix)


class Calendar:
    """The time of a shop and everything that changes with it.

    Args:
        catalog, users, config: the shop.
        clock: what time is.
        days: length of the season, or of a life.
        seed: of the market.
        num_visits: n concurrent visits.

    Attributes:
        stock, market, returns, today: the shop as it is now.
        population: who comes when; None unless the clock is ``season``.
        pages: pages shown so far.
        now: days since the shop opened; moves in a season only, see :attr:`day`.
    """

    def __init__(
        self, catalog: Catalog, users: Users, config: ShopConfig, *, clock: Clock, days: float, seed: int,
        num_visits: int,
    ) -> None:  # fmt: skip
        self.catalog, self.users, self.config = catalog, users, config
        self.clock, self.days, self.seed, self.num_visits = clock, days, seed, num_visits
        check_campaigns(config.campaigns, clock)
        self._priced = 0.0
        self.stock: Stock
        self.market: Market
        self.returns: Returns
        self.population: Population | None
        self.today: DayTables

    def open(self, seed: int) -> None:
        """Start on day 0; ``seed`` is of the opening stock and of the population."""
        config = self.config
        self.pages, self.now = 0, 0.0
        self.stock = Stock.open(self.catalog, config.stock, pages_per_day=self.pages_per_day, seed=seed)
        self.returns = Returns()
        self.market = Market(
            self.catalog,
            config.market,
            config.campaigns,
            config.shocks,
            quality_weight=config.choice.quality_weight,
            reference_price=config.choice.reference_price,
            allow_losses=config.allow_losses,
            seed=self.seed,
        )
        self.population = None
        if self.clock is Clock.SEASON:
            self.population = Population(
                self.users,
                config.arrivals,
                days=self.days,
                seed=seed,
                remembers=config.people.enabled,
                history=config.history,
                purchases=config.people.purchases,
            )
        if self.clock is Clock.OWN:
            self.today = self._weeks
        else:
            self._price(0.0)

    @property
    def day(self) -> float:
        """Days since the shop opened; always 0 where every customer has a calendar of their own."""
        return self.pages / self.pages_per_day if self.clock is Clock.PAGES else self.now

    @cached_property
    def pages_per_day(self) -> float:
        """Traffic of a full shop."""
        if self.clock is Clock.SEASON:
            return PAGES_PER_VISIT * self.config.visits_per_day
        return self.num_visits * self.config.pages_per_day

    def write_off(self, items: AnyArray) -> int:
        """Cause a stockout of item rows (r,) from the next page on; the units taken out are returned.

        Raises:
            InvalidInput: nothing runs out in this shop, or customers have calendars of their own.
        """
        self._require_one_stock()
        taken = self.stock.write_off(items)
        self.today.follow(self.stock.available)
        return taken

    def start_campaign(self, campaign: Campaign) -> AnyArray:
        """Add a campaign to those of the config; if it runs now, the next page has its prices.

        Prices are set once a day, so it lasts to the end of its last day. It is forgotten when the shop is
        opened anew.

        Returns:
            (N,) bool, the items on offer.

        Raises:
            InvalidInput: it is over already, offers nothing, or customers have calendars of their own.
        """
        self._require_one_stock()
        if campaign.start + campaign.days <= self.day:
            fix = f"it is day {self.day:.1f}, so it would be over: let it start later or last longer"
            raise InvalidInput("campaign.start", campaign.start, fix)
        offered = self.market.add_campaign(campaign)
        self._price(self.day)
        return offered

    def charge_campaigns(self, feedback: Feedback, rows: AnyArray, *, on_trial: bool = False) -> bool:
        """Charge campaigns for what was bought; lines beyond a budget are sold without its discount.

        The events of ``feedback`` are of the visits ``rows`` (r,). With ``on_trial`` nothing but
        ``feedback`` changes.

        Returns:
            Whether a campaign ended.
        """
        if not self.market.campaigns or self.clock is Clock.OWN:
            return False
        events, page = feedback.events, feedback.page
        bought = np.flatnonzero(events[:, EVENT_QUANTITY])
        items, units = events[bought, EVENT_SOLD].astype(np.int32), events[bought, EVENT_QUANTITY]
        due = self.market.settle(self._priced, items, units, on_trial=on_trial) if len(bought) else None
        if due is None:
            return False
        expected = due * events[bought, EVENT_RETURN_PROBABILITY]
        sent_back = np.where(events[bought, EVENT_RETURNED] > 0, due, 0.0)
        for column, term, amount in (
            (EVENT_REVENUE, TERM_REVENUE, due),
            (EVENT_MARGIN, TERM_MARGIN, due),
            (EVENT_RETURN_COST, TERM_RETURN_COST, sent_back),
            (EVENT_EXPECTED_RETURN_COST, TERM_EXPECTED_RETURN_COST, expected),
        ):
            events[bought, column] += amount
            np.add.at(page[:, term], rows[bought], amount)
        return True

    def settle(self, visits: Visits, active: Bool, rows: AnyArray, feedback: Feedback) -> None:
        """After the pages of the ``active`` visits: take out stock, charge campaigns, let time go on.

        The events of ``feedback`` are of the visits ``rows`` (r,).
        """
        if self.clock is Clock.OWN:  # one customer among many does not change the stock
            return
        events = feedback.events
        bought = np.flatnonzero(events[:, EVENT_QUANTITY]) if len(events) else ()
        if len(bought):
            campaign_ended = self.charge_campaigns(feedback, rows)
            lines, rows = events.take(bought, axis=0), rows.take(bought)
            items, units = lines[:, EVENT_SOLD].astype(np.int32), lines[:, EVENT_QUANTITY].astype(np.int32)
            self.stock.sell(items, units)
            if self.config.returns.enabled:
                self.returns.expect(lines, visits.time[rows])
            if campaign_ended:
                self._price(self._priced)
            self.today.follow(self.stock.available)
        start = self.day
        self.pages += int(np.count_nonzero(active))
        if self.clock is Clock.PAGES:
            self._pass_time(start)

    def assign(self, visits: Visits, begin: Bool) -> Bool:
        """Let the next people of a season come to the rows where ``begin`` (n,), and time go on until then.

        Returns:
            (n,) the rows to which somebody came.
        """
        assert self.population is not None
        # Between two reviews of the stock visits start in any order. After a review they start only once
        # all earlier visits are over, so that no visit sees deliveries before the sales that precede them.
        review = self.config.stock.review
        start = latest = self.now
        if visits.over.all() and self.population.next_time < self.days:
            latest = max(latest, self.population.next_time)
        until = (math.floor(latest / review) + 1) * review
        filled, time = self.population.assign(visits, begin, until)
        self.now = max(self.now, time)
        self._pass_time(start)
        return filled

    def set_weeks(self, visits: Visits) -> None:
        """Point every visit to the row of ``today`` for its own week."""
        last = len(self.today.price) - 1
        np.minimum(visits.time // DAYS_A_WEEK, last, out=visits.day_row, casting="unsafe")

    def _require_one_stock(self) -> None:
        if self.clock is Clock.OWN:
            fix = "every customer has a calendar of their own: use the clock pages or season"
            raise InvalidInput("shop.clock", self.clock.value, fix)

    @cached_property
    def _weeks(self) -> DayTables:
        config = self.config
        return every_week(self.catalog, self.market, config.stock, config.pages_per_day, self.days, self.seed)

    def _pass_time(self, start: float) -> None:
        """What happens between ``start`` and now: returns, reviews of the stock, a new day's prices."""
        day, review = self.day, self.config.stock.review
        reviews = int(day / review) - int(start / review)
        for _ in range(reviews):
            self.stock.put_back(*self.returns.arrived(day))
            self.stock.next_review()
        if self.market.moves and int(day) > int(start):
            self._price(day)
        elif reviews:
            self.today.follow(self.stock.available)

    def _price(self, day: float) -> None:
        """Set prices, appeal and range to those of ``day``."""
        self._priced = day
        self.today = one_day(self.catalog, self.market, self.stock, day)
