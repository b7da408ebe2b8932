"""The shop that a calibration simulates: what its config says, and how it is watched."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from operator import attrgetter
from typing import Any

from ...core.config import with_settings
from ...core.errors import InvalidInput, in_range
from ...simulators import Catalog, ShopConfig
from ...simulators.people.arrivals import WEEKS
from ...simulators.profiles import profiles
from ..events import EVENTS
from ..shop_events import Behaviour, Season, beginning_in, simulate_season, with_share

FEWEST_SPARE = 1000
NO_REVIEW = 365.0
SPARE = 1.1
"""People beyond those that are expected: a season with more of them than the config has is refused."""


@dataclass(frozen=True, eq=False)
class SimulatedShop:
    """A shop, and the season of it that is compared with a record.

    Attributes:
        catalog: the items; mean units of a line as they are in the record.
        config: everything else.
        days: length of the season.
        units_scale, units_power: what is done to the mean units, see :meth:`.Catalog.with_units`.
        behaviour: what the shop shows.
        start_week: week of the year in which the season begins.
        share: of the shop's people that are simulated; figures per day are those of this share.
    """

    catalog: Catalog
    config: ShopConfig
    days: float
    units_scale: float = 1.0
    units_power: float = 1.0
    behaviour: Behaviour = field(default_factory=Behaviour)
    start_week: int = 0
    share: float = 1.0

    def __post_init__(self) -> None:
        in_range("season.start_week", self.start_week, 0, WEEKS - 1)
        in_range("season.share", self.share, 0.0, 1.0, open_low=True)

    @classmethod
    def of_profile(cls, name: str, days: float, start_week: int, most_visits: float) -> SimulatedShop:
        """A profile as it is, for ``days`` days, smaller where it would have more visits than these."""
        size = profiles.size(name)
        share = min(1.0, most_visits * size.days / (size.visits * days))
        config = replace(profiles.profile(name, visits=share * size.visits), campaigns=(), shocks=())
        behaviour = Behaviour(**profiles.values(name, profiles.BEHAVIOUR))
        shop = cls(
            profiles.profile_catalog(name),
            config,
            days,
            behaviour=behaviour,
            start_week=start_week,
            share=share,
        )
        return shop.with_people()

    def value(self, name: str) -> float:
        """A number of the shop, by its dotted name."""
        if name.startswith(profiles.BEHAVIOUR):
            return float(getattr(self.behaviour, name.removeprefix(profiles.BEHAVIOUR)))
        if name.startswith(profiles.CATALOG):
            return float(getattr(self, name.removeprefix(profiles.CATALOG)))
        return float(attrgetter(name)(self.config))

    def with_values(self, values: Mapping[str, Any]) -> SimulatedShop:
        """The shop with some numbers replaced, by dotted name.

        Names begin with ``catalog.`` (``units_scale``, ``units_power``) or ``behaviour.``; the others are
        those of :class:`.ShopConfig`.
        """
        catalog, behaviour, rest = {}, {}, {}
        for name, value in values.items():
            if name.startswith(profiles.CATALOG):
                catalog[name.removeprefix(profiles.CATALOG)] = value
            elif name.startswith(profiles.BEHAVIOUR):
                behaviour[name.removeprefix(profiles.BEHAVIOUR)] = value
            else:
                rest[name] = value
        if "arrivals.established" in rest:
            rest["arrivals.established"] = round(rest["arrivals.established"])
        config = with_settings(self.config, rest) if rest else self.config
        changed = replace(self, config=config, behaviour=replace(self.behaviour, **behaviour), **catalog)
        return changed.with_people()

    @property
    def customers(self) -> float:
        """People who come in the season, about, without those who only pass by."""
        config = self.config
        passing = config.people.retention.passing if config.people.enabled else 0.0
        return config.arrivals.established + config.arrivals.per_day * self.days * (1.0 - passing)

    def with_people(self) -> SimulatedShop:
        """The shop with enough people for the season."""
        arrivals = self.config.arrivals
        new = arrivals.per_day * self.days * self._busiest
        users = int(arrivals.established + SPARE * new + 10 * new**0.5) + FEWEST_SPARE
        return replace(self, config=replace(self.config, users=users))

    @property
    def _busiest(self) -> float:
        """New visitors in the season over those in as many average days."""
        arrivals = self._started.arrivals
        return max(arrivals.expected(0.0, self.days) / (arrivals.per_day * self.days), 1e-9)

    @property
    def _started(self) -> ShopConfig:
        """The config with the weeks of the year counted from the first week of the season."""
        return beginning_in(self.config, self.start_week)

    def smaller(self, share: float) -> SimulatedShop:
        """The shop with this share of its people, who represent all of them."""
        shop = replace(self, config=with_share(self.config, share), share=share * self.share)
        return shop.with_people()

    def customers_only(self) -> SimulatedShop:
        """The shop without people who only pass by, in which nothing runs out: faster to simulate.

        Its orders are those of the whole shop, but for the little that runs out there.
        """
        config, retention = self.config, self.config.people.retention
        passing = retention.passing if config.people.enabled else 0.0
        # of those who pass by, visits with a purpose alone bring orders: keep as many people as make these
        buyers = passing * retention.passing_missions
        kept = 1.0 - passing + buyers
        fewer = replace(retention, passing=buyers / kept, passing_missions=1.0)
        arrivals = replace(config.arrivals, per_day=config.arrivals.per_day * kept)
        people = replace(config.people, retention=fewer)
        stock = replace(config.stock, enabled=False, review=NO_REVIEW)
        seen = replace(config, people=people, arrivals=arrivals, stock=stock)
        return replace(self, config=seen).with_people()

    def season(
        self,
        seed: int,
        progress: Callable[[float], None] | None = None,
        kinds: Collection[str] = EVENTS,
    ) -> Season:
        """Simulate it, and record events of these kinds.

        Raises:
            InvalidInput: nobody comes or nothing happens in the season.
        """
        units = self.catalog.with_units(self.units_scale, self.units_power)
        try:
            return simulate_season(
                units,
                self._started,
                days=self.days,
                seed=seed,
                behaviour=self.behaviour,
                impressions=0.0,
                kinds=kinds,
                progress=progress,
            )
        except InvalidInput as error:
            where = error.field if error.field.startswith("season") else f"season: {error.field}"
            raise InvalidInput(where, error.value, error.fix) from None


def same_levels(config: ShopConfig, other: ShopConfig) -> ShopConfig:
    """``config`` with the stock levels of ``other``, which follow from visits a day and lines a page."""
    lines = other.stock.conversion * other.visits_per_day / config.visits_per_day
    return replace(config, stock=replace(config.stock, conversion=float(f"{lines:.5g}")))
