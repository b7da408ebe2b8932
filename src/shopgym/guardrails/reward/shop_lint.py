"""The exact lint: what a reward does in a shop whose means are known, before anybody trains on it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ...core.errors import InvalidInput, in_range
from ...core.reward import RewardSpec
from ...core.types import F64
from ...simulators import Shop
from ...simulators.rollout import Episode
from .exact_terms import EXACT_TERMS, exact_weights
from .linted_shop import LintedShop, LintSize
from .page_means import PageMeans, Weights
from .pressure import PressureCurve, pressure_curve
from .price import LEVEL, ProxyPrice, episode_price, page_price
from .probes import Probe, run_probes
from .sentences import what_it_does
from .term_shares import TermShare, cut_off, sampled_terms, term_shares
from .tightest import impossible_limits

TOLERANCE = 0.05
"""Share of what the north star could be that a reward may lose before it is called gameable."""
SAMPLED = 32_768
"""Pages drawn to see how the terms vary."""


@dataclass(frozen=True)
class ShopLint:
    """What was measured of one reward in one shop.

    Attributes:
        spec, shop: what was checked, and where.
        prices: of the proxy, per page, per visit and, where people come back, per life.
        curve: proxy against north star as pressure rises.
        probes: simple pages that nobody trained for.
        shares: of the terms of the reward.
        sampled: (pages,) amounts of every term on pages drawn uniformly.
        sold_below_cost: share of the best pages for the reward whose mean margin is below 0.
        ignored: terms of the reward by which pages cannot be ranked exactly.
        impossible: what the best pages reach of the limits that none of them keeps, by the limit's label.
        tolerance: share of the north star that may be lost.
        pressure: nats a page that will be used; None = as much as there is.
    """

    spec: RewardSpec
    shop: LintedShop
    prices: tuple[ProxyPrice, ...]
    curve: PressureCurve
    probes: tuple[Probe, ...]
    shares: tuple[TermShare, ...]
    sampled: Mapping[str, F64]
    sold_below_cost: float
    ignored: tuple[str, ...]
    impossible: Mapping[str, float]
    tolerance: float
    pressure: float | None

    @property
    def star(self) -> str:
        """What the north star sums up, in words. Its horizon is told where lives were followed over it."""
        return self.spec.star.amount

    def star_per(self, episode: str) -> str:
        """The same for a number of this kind of episode."""
        return self.spec.star.name if episode == str(Episode.LIFE) else self.star

    @property
    def untested_horizon(self) -> bool:
        """Whether the north star has a horizon, and no life was followed over it."""
        return self.spec.star.horizon is not None and self.prices[-1].episode != str(Episode.LIFE)

    @cached_property
    def cut_off(self) -> dict[str, float]:
        """Share of the absolute amount of each bounded term that ``clip`` cuts off on the drawn pages."""
        return cut_off(self.spec.clip, self.sampled)

    @property
    def clip_decides(self) -> bool:
        """Whether the bounds cut so much off that the reward without them is another one."""
        return max(self.cut_off.values(), default=0.0) > self.tolerance

    @cached_property
    def worst(self) -> ProxyPrice:
        """The price over the kind of episode at which most is lost, judged by the end of its interval."""
        priced = [price for price in self.prices if not math.isnan(price.share.value)]
        return min(priced or self.prices, key=lambda price: price.share.high)

    @property
    def loses(self) -> bool:
        """Whether more than the tolerance is lost under full pressure, beyond the intervals."""
        return self.worst.share.high < 1.0 - self.tolerance

    @property
    def safe_at_pressure(self) -> bool:
        """Whether up to the pressure that will be used no more than the tolerance is lost."""
        return self.pressure is not None and self.pressure <= self.curve.safe_kl

    @property
    def varies(self) -> bool:
        """Whether the reward differs from page to page."""
        return bool(self.curve.points) or any(not math.isnan(share.variance) for share in self.shares)

    @property
    def sentence(self) -> str:
        """What the best pages for the reward do, against the best for the north star."""
        return what_it_does(self.worst, self.star_per(self.worst.episode))


def measure(
    spec: RewardSpec,
    shop: LintedShop | Shop,
    *,
    size: LintSize | None = None,
    tolerance: float = TOLERANCE,
    pressure: float | None = None,
) -> ShopLint:
    """Attack a reward in a shop with the knowledge of its exact means; nothing is trained.

    Args:
        shop: described, or a running one, which stays as it is.
        tolerance: share of the north star that may be lost, in (0, 1).
        pressure: nats a page up to which the reward will be optimised; None = without bound.

    Raises:
        InvalidInput: nothing of the reward or the north star is known exactly, or a number is out of range.
    """
    in_range("lint.tolerance", tolerance, 0.0, 1.0, open_low=True, open_high=True)
    if pressure is not None:
        in_range("lint.pressure", pressure, 0.0, 1e6)
    shop, size = LintedShop.read(shop), size or LintSize()
    shop.require(spec)
    proxy, north_star = exact_weights(spec.weights), exact_weights(spec.star_weights)
    means, _ = shop.first_pages(size.pages)
    prices = prices_of(spec, shop, means, size)
    level = level_of(len(prices))
    sampled = sampled_terms(shop, SAMPLED if shop.config.num_candidates else size.pages)
    return ShopLint(
        spec=spec,
        shop=shop,
        prices=prices,
        curve=pressure_curve(means, proxy, north_star, tolerance=tolerance, level=level, seed=shop.seed),
        probes=run_probes(means, shop, proxy, north_star, tolerance=tolerance, level=level),
        shares=term_shares({name: w for name, w in proxy.items() if name in sampled}, sampled),
        sampled=sampled,
        sold_below_cost=_below_cost(means, proxy),
        ignored=tuple(name for name in spec.weights if name not in proxy),
        impossible=impossible_limits(means, spec.limits),
        tolerance=tolerance,
        pressure=pressure,
    )


def prices_of(spec: RewardSpec, shop: LintedShop, means: PageMeans, size: LintSize) -> tuple[ProxyPrice, ...]:
    """The price of the proxy per page, per visit and, where people come back, per life.

    Raises:
        InvalidInput: nothing of the reward or the north star is known exactly.
    """
    proxy, north_star = exact_weights(spec.weights), exact_weights(spec.star_weights)
    for field, weights, names in (
        ("reward.terms", proxy, spec.weights),
        ("reward.north_star", north_star, spec.star_weights),
    ):
        if not weights:
            fix = f"the shop knows no exact mean of it; it knows {', '.join(EXACT_TERMS)}"
            raise InvalidInput(field, ", ".join(names), fix)
    with_lives = shop.has_lives and size.lives > 0
    level = level_of(3 if with_lives else 2)
    prices = [page_price(means, proxy, north_star, level)]
    prices.append(episode_price(shop, spec, Episode.VISIT, size.visits, level=level))
    if with_lives:
        prices.append(episode_price(shop, spec, Episode.LIFE, size.lives, level=level))
    return tuple(prices)


def level_of(kinds: int) -> float:
    """Level of an interval whose upper ends, of so many kinds of episodes, hold together at ``LEVEL``."""
    return 1.0 - 2.0 * (1.0 - LEVEL) / kinds


def _below_cost(means: PageMeans, proxy: Weights) -> float:
    return float(np.mean(means.page_terms(means.best(proxy))["margin"] < 0.0))
