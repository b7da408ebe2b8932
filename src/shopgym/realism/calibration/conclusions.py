"""How much a conclusion from the calibrated shop moves with what no record says."""

from __future__ import annotations

from typing import cast

from ...core.protocols import Policy
from ...simulators import Shop
from ..robustness import Robustness, compare_over_ranges
from ..shop_events import Behaviour, BehaviourRule
from .simulated_shop import SimulatedShop

VISITS, LANES, PEOPLE = 4_000, 1_000, 20_000
PERSONALISED = Behaviour(popularity=1.0, relevance=2.0, noise=0.0)
POPULAR = Behaviour(popularity=1.0, relevance=0.0, noise=0.0)


def conclusions(shop: SimulatedShop, *, priced: bool, seed: int) -> Robustness:
    """The gain of pages that follow what a visitor looked at over popular pages, over the assumed ranges.

    Args:
        shop: the calibrated shop.
        priced: whether its prices are real: then the gain is of margin a visit, else of clicks.
        seed: of the visitors.
    """
    small = shop.smaller(min(1.0, PEOPLE / shop.config.users))
    catalog = shop.catalog.with_units(shop.units_scale, shop.units_power)
    size = shop.config.slate_size
    # a trial asks a policy for its pages alone
    personalised, popularity = (
        cast(Policy, BehaviourRule(behaviour, catalog, size, name))
        for behaviour, name in ((PERSONALISED, "personalised"), (POPULAR, "popularity"))
    )
    return compare_over_ranges(
        Shop(catalog, small.config, lanes=LANES, seed=seed),
        personalised,
        popularity,
        visits=VISITS,
        term="margin" if priced else "click",
        seed=seed,
    )
