"""The price of a proxy: what the business gets from the pages that are best for it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ...core.reward import RewardSpec
from ...core.statistics import normal_quantile
from ...core.types import F64
from ...simulators.rollout import Episode
from .exact_terms import WORTH, known
from .linted_shop import LintedShop
from .page_means import PageMeans, Weights
from .page_rules import ExactRule
from .trials import SIMULATED_TERMS, Trial, run_trial

LEVEL = 0.95
"""Coverage of the intervals of one lint, all together (Bonferroni)."""
DAYS = 90.0
"""That a life is followed where the north star has no horizon."""
LOOK_AHEAD = (0.5, 1.0, 2.0, 4.0)
"""Prices of a click on an item of worth 1, in north stars of a mean click, that are tried over lives."""


@dataclass(frozen=True)
class Share:
    """A ratio of two paired means with its interval; NaN where the second is not above 0."""

    value: float
    low: float
    high: float

    @property
    def loss(self) -> float:
        """1 - value."""
        return 1.0 - self.value


@dataclass(frozen=True)
class ProxyPrice:
    """What the best pages for a reward are worth to the business, over one kind of episode.

    Attributes:
        episode: ``page``, ``visit`` or ``life``.
        share: north star of the best pages for the reward, over that of the best for the north star.
        north_star, best, random: north star per episode of the best for the reward, of the best for the north
            star, and of pages drawn uniformly without a discount.
        price_off: mean share taken off the prices, by the best for the reward.
        terms: means per episode under the best for the reward; ``honest_terms`` under the best for the north
            star.
        episodes: n.
    """

    episode: str
    share: Share
    north_star: float
    best: float
    random: float
    price_off: float
    terms: Mapping[str, float]
    honest_terms: Mapping[str, float]
    episodes: int

    def as_dict(self) -> dict[str, Any]:
        """JSON-able."""
        return asdict(self)


def share_of(values: F64, of: F64, level: float = LEVEL) -> Share:
    """Mean of ``values`` (n,) over mean of ``of`` (n,), paired, by the delta method."""
    mean = float(of.mean())
    if not mean > 0.0:
        return Share(math.nan, math.nan, math.nan)
    ratio = float(values.mean()) / mean
    error = float((values - ratio * of).std(ddof=1)) / mean / len(of) ** 0.5
    half = normal_quantile(level) * error
    return Share(ratio, ratio - half, ratio + half)


def page_price(means: PageMeans, proxy: Weights, north_star: Weights, level: float = LEVEL) -> ProxyPrice:
    """The price on the first page of a visit, exact but for which visitors are looked at."""
    chosen, honest = means.best(proxy), means.best(north_star)
    terms, honest_terms = means.page_terms(chosen), means.page_terms(honest)
    value, best = means.value(north_star, chosen), means.value(north_star, honest)
    return ProxyPrice(
        episode=str(Episode.PAGE),
        share=share_of(value, best, level),
        north_star=float(value.mean()),
        best=float(best.mean()),
        random=float(means.value(north_star, means.uniform(np.random.default_rng(0))).mean()),
        price_off=float(means.discounts[chosen.level].mean()),
        terms={name: float(amount.mean()) for name, amount in terms.items()},
        honest_terms={name: float(amount.mean()) for name, amount in honest_terms.items()},
        episodes=len(means),
    )


def episode_price(
    shop: LintedShop, spec: RewardSpec, episode: Episode, episodes: int, *, level: float = LEVEL
) -> ProxyPrice:
    """The price over visits or lives, by paired simulation with common random numbers.

    A rule takes on every page the one that is best for it. Over lives the north star's best is the best of a
    family that also pays for worth (what an item turns out to be), which is what brings people back: what no
    rule of that family finds, is not missed here. A life is followed for the horizon of the north star, or for
    ``DAYS``.
    """
    star, is_life = spec.star, episode is Episode.LIFE
    proxy, north_star = known(spec.weights), known(spec.star_weights)
    wanted = {name: weight for name, weight in spec.star_weights.items() if name in SIMULATED_TERMS}
    world = shop.open(min(episodes, 4096), episode.clock, star.horizon or DAYS)

    def trial(weights: Weights, pressure: float | None = None) -> Trial:
        discounts = shop.discounts if pressure is None else (0.0,)
        rule = ExactRule(weights, discounts, shop.guards, pressure)
        return run_trial(world, rule, episode, episodes=episodes, seed=shop.seed, star=star)

    def value(tried: Trial) -> F64:
        return tried.north_star(wanted)

    chosen, random, honest = trial(proxy), trial(north_star, 0.0), trial(north_star)
    if is_life:
        clicks = max(float(honest.terms["click"].mean()), 1e-12)
        unit = float(value(honest).mean()) / clicks
        tried = [honest, *(trial({**north_star, WORTH: unit * price}) for price in LOOK_AHEAD)]
        honest = max(tried, key=lambda each: float(value(each).mean()))
    return ProxyPrice(
        episode=str(episode),
        share=share_of(value(chosen), value(honest), level),
        north_star=float(value(chosen).mean()),
        best=float(value(honest).mean()),
        random=float(value(random).mean()),
        price_off=chosen.price_off,
        terms={name: float(amount.mean()) for name, amount in chosen.terms.items()},
        honest_terms={name: float(amount.mean()) for name, amount in honest.terms.items()},
        episodes=len(value(chosen)),
    )
