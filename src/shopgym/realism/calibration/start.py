"""Where a search begins: a profile with the record's catalogue and what the record says in closed form."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ...core.errors import InvalidInput
from ...simulators import ShopConfig
from ...simulators.people.arrivals import HOURS
from ...simulators.people.retention import draw_habits, expected_visits
from ...simulators.profiles import profiles
from ..assumed import as_many_units
from ..own_records import as_recorded
from ..shop_data import DAY
from ..shop_events import Behaviour, Season
from .from_lines import (
    PEOPLE,
    FittedParameter,
    UnidentifiedParameter,
    arrival_hours,
    customers,
    from_lines,
)
from .own import OwnRecords
from .simulated_shop import SimulatedShop, same_levels

PAGES = ("home", "product", "cart", "search", "email")
FEWEST_ITEMS = 2
"""Of a shop in which policies can be compared."""
SURELY, MOST_RETURNED = 1.0 - 1e-9, 0.99
REMEMBERED_ITEMS = 64
"""Different items bought last that a customer may buy again, where the records say how often that happens."""


@dataclass(frozen=True, eq=False)
class Start:
    """The shop from which a search begins.

    Attributes:
        shop: with all that is known in closed form.
        fitted, unidentified: what that is, and what is not.
    """

    shop: SimulatedShop
    fitted: tuple[FittedParameter, ...]
    unidentified: tuple[UnidentifiedParameter, ...]


def profile_shop(name: str, own: OwnRecords) -> SimulatedShop:
    """A profile with the catalogue of the records, and pages no larger than that catalogue.

    Items of a page do not compete: ``shopgym run`` compares agents by exact values of pages. Prices are
    compared with the usual ones: popularity is counted from sales, so it holds already that dear items are
    avoided. Seasons of goods that the catalogue does not sell are left out.

    Raises:
        InvalidInput: the catalogue has a single item, or items that are sold at a loss.
    """
    catalog = own.catalog()
    if len(catalog) < FEWEST_ITEMS:
        fix = f"give records of {FEWEST_ITEMS} or more: there is nothing to choose from"
        raise InvalidInput("items", len(catalog), fix)
    config = replace(profiles.profile(name), campaigns=(), shocks=())
    seasons = tuple(season for season in config.market.seasons if season.goods_in(catalog).any())
    config = replace(config, market=replace(config.market, seasons=seasons))
    behaviour = Behaviour(**profiles.values(name, profiles.BEHAVIOUR))
    shop = SimulatedShop(catalog, config, float(own.days), behaviour=behaviour, start_week=own.start_week)
    values = {one.name: one.value for one in pages_that_fit(config, len(catalog))}
    values |= {"people.repurchase.items": REMEMBERED_ITEMS}
    shop = shop.with_values({**values, "choice.max_units": own.most_units, "choice.competition": 0.0})
    shop.config.check_catalog(catalog)
    usual = shop.with_values({"choice.reference_price": 1.0})
    if usual.config == shop.config:
        return shop
    return replace(usual, config=as_many_units(catalog, shop.config, usual.config))


def pages_that_fit(config: ShopConfig, items: int) -> list[FittedParameter]:
    """Pages that are as large as the catalogue, or would be larger."""
    how = f"the catalogue has only {items} items"
    sizes = {name: getattr(config, name) for name in ("slate_size", "num_candidates")}
    sizes |= {f"surfaces.{name}.slots": getattr(config.surfaces, name).slots for name in PAGES}
    fitted = [FittedParameter(name, items, "items", how) for name, size in sizes.items() if size >= items]
    for name in PAGES:
        shares = getattr(config.surfaces, name).attention
        if len(shares) > items:
            fitted.append(FittedParameter(f"surfaces.{name}.attention", shares[:items], "shares", how))
    return fitted


def start(shop: SimulatedShop, own: OwnRecords, pilot: Season, share: float) -> Start:
    """The shop with what the records say in closed form.

    Args:
        shop: of :func:`profile_shop`.
        own: the records.
        pilot: a season of ``shop``, of customers alone where the records have no visits: it says how many of
            their visits bring an order, and how long after the beginning of a visit that is.
        share: of the people of ``shop`` who came in it.
    """
    fitted = pages_that_fit(shop.config, len(shop.catalog))
    fitted.append(FittedParameter("choice.max_units", own.most_units, "units", own.most_units_how))
    unidentified: list[UnidentifiedParameter] = []
    if "purchase" in own.data.kinds:
        of_lines, not_of_lines = from_lines(own.fitted_lines)
        hours = hours_of_visits(own, pilot)
        of_lines = [hours if hours and one.name == hours.name else one for one in of_lines]
        per_visit = len(pilot.data.orders) / pilot.visits
        come, not_come = customers(own.fitted_lines, shop.config, per_visit)
        fitted += of_lines + come
        unidentified += not_of_lines + not_come
    else:
        fitted.append(_visit_hours(own))
        unidentified.append(UnidentifiedParameter("people.retention", "no customer is known"))
    fitted = [_returns_as_in(one, shop, pilot) for one in fitted]
    values: dict[str, Any] = {one.name: one.value for one in fitted}
    started = shop.with_values(values)
    if "arrivals.per_day" not in values:
        started = started.with_values(as_busy(shop.config, own, pilot, share))
    if "purchase" in own.data.kinds:
        started = _stocked(started, shop, own, pilot, share)
    return Start(started, tuple(fitted), tuple(unidentified))


def _stocked(
    started: SimulatedShop, shop: SimulatedShop, own: OwnRecords, pilot: Season, share: float
) -> SimulatedShop:
    """The shop with stock levels in proportion to its order lines, as those of the profile are to its own."""
    lines = len(own.fitted_data.select("purchase")) / own.fitted_days
    of_profile = len(pilot.data.select("purchase")) / pilot.days / share
    config = same_levels(started.config, shop.config)
    return started.with_values({"stock.conversion": config.stock.conversion * lines / max(of_profile, 1e-9)})


def as_busy(config: ShopConfig, own: OwnRecords, pilot: Season, share: float) -> dict[str, float]:
    """Numbers of people for as many orders a day as in the record, or else as many visits."""
    data = own.fitted_data
    if "purchase" in data.kinds:
        real, simulated = len(data.orders), len(pilot.data.orders)
    else:
        real, simulated = len(data.sessions), len(as_recorded(pilot.data, data).sessions)
    factor = share * (real / own.fitted_days) / (max(simulated, 1) / pilot.days)
    return {
        "arrivals.per_day": factor * config.arrivals.per_day,
        "arrivals.established": factor * config.arrivals.established,
    }


def hours_of_visits(own: OwnRecords, season: Season) -> FittedParameter | None:
    """When visits begin, so that their orders have the hours of the record; None where it has no hours.

    Args:
        season: says how long after the beginning of a visit its order is.
    """
    times = own.fitted_data.orders["time"]
    orders = season.data.select("purchase").drop_duplicates("session_id")
    begun = orders["session_id"].map(season.data.sessions.set_index("session_id")["start"])
    delays = ((orders["time"] - begun) / 3600.0).dropna().to_numpy(np.float64)
    if (times % DAY == 0).all() or not len(delays):
        return None
    counts = np.bincount((times % DAY // 3600).astype(int), minlength=HOURS).astype(np.float64)
    how = "orders by hour, less the time from the beginning of a visit to its order"
    value = arrival_hours(counts, np.maximum(delays, 0.0))
    return FittedParameter("arrivals.hours", value, "multipliers", how)


def _returns_as_in(one: FittedParameter, shop: SimulatedShop, pilot: Season) -> FittedParameter:
    """The rate at which the shop has the record's share of returned lines: customers differ in it."""
    if one.name != "returns.rate" or not shop.config.returns.rate or "return" not in pilot.data.kinds:
        return one
    simulated = len(pilot.data.select("return")) / len(pilot.data.select("purchase"))
    rate = min(shop.config.returns.rate * one.value / simulated, MOST_RETURNED)
    return replace(one, value=rate, low=float("nan"), high=float("nan"))


def _visit_hours(own: OwnRecords) -> FittedParameter:
    begun = own.fitted_data.sessions["start"]
    counts = np.bincount((begun % DAY // 3600).astype(int), minlength=HOURS)
    multipliers = tuple(float(round(x, 4)) for x in counts * (HOURS / counts.sum()))
    return FittedParameter("arrivals.hours", multipliers, "multipliers", "visits by hour")


def with_passers(shop: SimulatedShop, season: Season, share: float, conversion: float) -> SimulatedShop:
    """The shop with as many people who pass by as give this share of visits with an order.

    Args:
        shop: its number of people who pass by is replaced.
        season: of its customers alone, ``share`` of them.
        conversion: share of visits with an order, which order lines do not say.
    """
    config = shop.config
    retention, days = config.people.retention, season.days
    bought, by_customers = len(season.data.orders) / share, season.visits / share
    rate, _ = draw_habits(PEOPLE, retention, np.random.default_rng(0))
    each = float(expected_visits(rate, np.full(len(rate), SURELY), days).mean())
    passers = max(bought / conversion - by_customers, 0.0) / each / days
    per_day = config.arrivals.per_day * (1.0 - retention.passing) + passers
    whole = shop.with_values(
        {
            "arrivals.per_day": float(f"{per_day:.5g}"),
            "people.retention.passing": float(f"{passers / per_day:.6g}"),
        }
    )
    return replace(whole, config=same_levels(whole.config, config))
