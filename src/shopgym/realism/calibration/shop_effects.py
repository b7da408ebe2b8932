"""The responses of a simulated shop, by the definitions of those that are measured from data.

Price, marks and stock by exact means of the same visitors in the same state, so that there is no noise
between the two sides. E-mails by simulated visits with common random numbers.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.random import Generator

from ...core.batches import Requests
from ...core.errors import InvalidInput
from ...core.types import F64, I32, I64, Bool
from ...simulators import Campaign, Catalog, MarketConfig, Shop, ShopConfig
from ...simulators.rollout import Episode, EpisodicShop, Step, rollout
from ..shop_events import Behaviour, BehaviourRule

VISITORS, WARM_UP, PAGES = 1024, 4, 8
PRICE_OFF = 0.1
PART = 0.2
"""Share of the items that are changed at a time: the others stay as they are, as in a record."""
OUT = 60
"""Items that run out, drawn by popularity."""
E_MAILS = 20_480
"""Opened, in the simulation."""


@dataclass(frozen=True, eq=False)
class ShopEffects:
    """Measures the responses of shops with one catalogue, always on the same random numbers.

    Attributes:
        catalog: of the shop.
        seed: of visitors and items.
        behaviour: what the shop shows.
    """

    catalog: Catalog
    seed: int = 0
    behaviour: Behaviour = field(default_factory=Behaviour)

    def measure(self, name: str, config: ShopConfig, change: float = float("nan")) -> float:
        """The response ``name`` of a shop; NaN where it does not occur, as e-mails without their surface.

        Where items compete, of pages that are examined whole. ``change`` is that of log price, NaN for a
        tenth off.
        """
        part, _, _ = name.partition(":")
        if part.startswith("email"):
            return self._email(config).get(part, float("nan"))
        if part == "substitution":
            return self._substitution(config)
        if part in ("promotion_lift", "promotion_total"):
            return self._promotion(config, with_price=part == "promotion_total")
        if part in ("price_elasticity", "cart_price_elasticity"):
            terms = {"price_elasticity": "units", "cart_price_elasticity": "cart"}
            change = change if np.isfinite(change) else float(np.log1p(-PRICE_OFF))
            before, after = self._paired(config, terms[part], _priced(change))
            return float(np.log(after / before) / change) if before > 0 else float("nan")
        raise InvalidInput("response", name, "the simulated shop does not measure it")

    def _promotion(self, config: ShopConfig, *, with_price: bool) -> float:
        campaign = config.campaigns[0] if config.campaigns else Campaign()

        def mark(shop: Shop, items: Bool) -> None:
            shop.today.appeal[0, items] += campaign.boost
            shop.today.lift[0, items] = np.exp(shop.today.appeal[0, items])
            if with_price:
                _priced(float(np.log1p(-campaign.price_off)))(shop, items)

        before, after = self._paired(config, "units", mark)
        return after / before - 1.0 if before > 0 else float("nan")

    def _paired(
        self, config: ShopConfig, term: str, change: Callable[[Shop, Bool], None]
    ) -> tuple[float, float]:
        """Expected ``term`` of part of the items, before and after their ``change``."""
        total = np.zeros(2)
        changed = self._rng().random(len(self.catalog)) < PART

        def measure(shop: Shop, slates: I32) -> None:
            counted = (slates >= 0) & changed[slates]
            today = shop.today
            tables = [np.asarray(t) for t in (today.price, today.log_price, today.appeal, today.lift)]
            kept = [table.copy() for table in tables]
            total[0] += (_demand(shop, slates, term) * counted).sum()
            change(shop, changed)
            total[1] += (_demand(shop, slates, term) * counted).sum()
            for table, values in zip(tables, kept, strict=True):
                np.copyto(table, values)

        self._visit(config, measure)
        return float(total[0]), float(total[1])

    def _substitution(self, config: ShopConfig) -> float:
        """Units that substitutes gain over units that are lost, of items that run out one at a time."""
        total = np.zeros(2)
        weights, size = self.catalog.items.popularity, min(OUT, len(self.catalog))
        items = self._rng().choice(len(self.catalog), size=size, replace=False, p=weights)

        def measure(shop: Shop, slates: I32) -> None:
            available = shop.today.available[0]
            before = available.copy()
            for item in items:
                page = np.full((shop.lanes, 1), item, np.int32)
                for side, in_stock in enumerate((True, False)):
                    available[item] = in_stock
                    total[side] += shop.expected(page)["units"].sum()
                available[:] = before

        self._visit(config, measure)
        return float(total[1] / total[0]) if total[0] > 0 else float("nan")

    def _visit(self, config: ShopConfig, measure: Callable[[Shop, I32], None]) -> None:
        """Let visitors look around, and measure on their pages."""
        shop = self._shop(replace(config, allow_losses=True))  # a price cut must not stop at cost
        shown = itertools.count()

        def before(rows: I64, requests: Requests, slates: I32) -> None:
            if next(shown) >= WARM_UP:
                measure(shop, slates)

        for _ in self._pages(shop, before=before, pages=WARM_UP + PAGES):
            pass

    def _email(self, config: ShopConfig) -> dict[str, float]:
        """Visits, orders and revenue of the visits that e-mails begin, per e-mail sent.

        Every e-mail is opened in the simulation: what is not opened brings nothing, which takes no noise.
        """
        surfaces = config.surfaces
        if not surfaces.enabled:
            return {}
        only_mail = replace(surfaces, channels=(0.0, 0.0, 0.0, 1.0), opened=1.0)
        shop = self._shop(replace(config, surfaces=only_mail))
        visits = orders = revenue = 0.0
        bought = np.zeros(shop.lanes, np.bool_)
        first = np.ones(shop.lanes, np.bool_)
        episodes = E_MAILS // shop.lanes
        for step in self._pages(shop, episodes=episodes):
            feedback, rows = step.feedback, step.rows
            visits += np.count_nonzero(feedback.clicked[rows].any(axis=1) & first[rows])
            bought[rows] |= (feedback.quantity[rows] > 0).any(axis=1)
            revenue += float(feedback.revenue[rows].sum())
            over = rows[step.visit_over]
            orders += np.count_nonzero(bought[over])
            first[rows] = False
            bought[over], first[over] = False, True
        sent = float(episodes * shop.lanes) / surfaces.opened if surfaces.opened > 0 else math.inf
        return {"email_visits": visits / sent, "email_orders": orders / sent, "email_spend": revenue / sent}

    def _shop(self, config: ShopConfig) -> Shop:
        calm = replace(config, market=MarketConfig(), campaigns=(), shocks=())
        return Shop(self.catalog, calm, lanes=VISITORS, seed=self.seed)

    def _pages(self, shop: Shop, **options: Any) -> Iterator[Step]:
        world = EpisodicShop(shop, Episode.VISIT)
        world.open(self.seed)
        rule = BehaviourRule(self.behaviour, self.catalog, shop.config.slate_size)
        return rollout(world, rule, self._rng(), look_ahead=False, **options)

    def _rng(self) -> Generator:
        return np.random.default_rng([self.seed, 17])


def _priced(change: float) -> Callable[[Shop, Bool], None]:
    """Add ``change`` to the log price of items."""

    def set_prices(shop: Shop, items: Bool) -> None:
        shop.today.price[0, items] *= np.exp(change)
        shop.today.log_price[0, items] += change

    return set_prices


def _demand(shop: Shop, slates: I32, term: str) -> F64:
    """(n, k) expected ``term`` of each slot."""
    expected: F64 = shop.attention(slates) * shop.expected(slates)[term]
    return expected * shop.least_shares(slates)
