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
from .exact_terms import WORTH, exact_weights
from .linted_shop import LintedShop
from .page_means import PageMeans, Weights
from .page_rules import ExactRule
from .trials import SIMULATED_TERMS, EpisodeTerms, run_trial

LEVEL = 0.95
"""Coverage of the intervals of one lint, all together (Bonferroni)."""
DAYS = 90.0
"""That a life is followed where the north star has no horizon."""
LOOK_AHEAD = ((0.1, 0.0), (0.5, 0.0), (0.0, 0.5), (0.0, 2.0), (0.5, 1.0))
"""What a click, and a click on an item of worth 1, count for beside the sum, in means of that sum."""
LEAST_EPISODES = 30.0
"""Effective number of episodes below which a share is not told: a few large orders make all of it."""


@dataclass(frozen=True)
class Share:
    """A ratio of two paired means with its interval.

    All are NaN where the second mean is not above 0, or a few episodes make all of it (``LEAST_EPISODES``).
    """

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
        myopic: the same where every page is the best for the reward by itself.
        north_star, best, random: north star per episode of the best for the reward, of the best for the north
            star, and of pages drawn uniformly without a discount.
        price_off: mean share taken off the prices, by the best for the reward.
        terms: means per episode under the best for the reward; ``honest_terms`` under the best for the north
            star.
        episodes: n.
    """

    episode: str
    share: Share
    myopic: Share
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


def share_of(values: F64, whole: F64, level: float = LEVEL) -> Share:
    """Mean of ``values`` (n,) over mean of ``whole`` (n,), paired, by the delta method."""
    mean = float(whole.mean())
    if not mean > 0.0 or np.abs(whole).sum() ** 2 < LEAST_EPISODES * np.square(whole).sum():
        return Share(math.nan, math.nan, math.nan)
    ratio = float(values.mean()) / mean
    error = float((values - ratio * whole).std(ddof=1)) / mean / len(whole) ** 0.5
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
        myopic=share_of(value, best, level),
        north_star=float(value.mean()),
        best=float(best.mean()),
        random=float(means.value(north_star, means.uniform(np.random.default_rng(0))).mean()),
        price_off=float(means.discounts[chosen.level].mean()),
        terms={name: float(amount.mean()) for name, amount in terms.items()},
        honest_terms={name: float(amount.mean()) for name, amount in honest_terms.items()},
        episodes=len(means),
    )


def same_but_for_scale(one: Weights, other: Weights) -> bool:
    """Whether one is the other times a number above 0: the same pages are best for both."""
    first, second = ({name: weight for name, weight in each.items() if weight} for each in (one, other))
    if first.keys() != second.keys():
        return False
    scales = [first[name] / second[name] for name in first]
    return min(scales, default=0.0) > 0.0 and math.isclose(min(scales), max(scales))


def episode_price(
    shop: LintedShop, spec: RewardSpec, episode: Episode, episodes: int, *, level: float = LEVEL
) -> ProxyPrice:
    """The price over visits or lives, by paired simulation with common random numbers.

    A rule of a family takes on every page the one that is best for the weighted sum, and for a click more,
    because it keeps the visitor, and over lives for worth, because it brings people back. The best rule of
    the family for the reward, and that for the north star, are chosen on one half of the episodes and
    compared on the other. So an optimiser that looks ahead is meant; ``myopic`` is what one reaches that
    does not. A life is followed for the horizon of the north star, or for ``DAYS``. Where the reward is the
    north star, but for its scale, the two families are one, and it is simulated once.
    """
    star = spec.star
    wanted = {name: weight for name, weight in spec.star_weights.items() if name in SIMULATED_TERMS}
    paid = {name: weight for name, weight in spec.weights.items() if name in SIMULATED_TERMS}
    world = shop.open(min(episodes, 4096), episode.clock, star.horizon or DAYS)

    def trial(rule: ExactRule) -> EpisodeTerms:
        return run_trial(world, rule, episode, episodes=episodes, seed=shop.seed, star=star)

    def family(weights: Weights) -> list[EpisodeTerms]:
        first = trial(ExactRule(weights, shop.discounts, shop.guards))
        clicks = float(first.terms["click"].mean())
        unit = float(first.proxy(weights).mean()) / clicks if clicks > 0.0 else 0.0
        tried = [first]
        for stay, worth in LOOK_AHEAD:
            if unit > 0.0 and (episode is Episode.LIFE or not worth):
                ahead = {**weights, WORTH: worth * unit, "click": weights.get("click", 0.0) + stay * unit}
                tried.append(trial(ExactRule(ahead, shop.discounts, shop.guards)))
        return tried

    random = trial(ExactRule({"click": 1.0}, (0.0,), shop.guards, pressure=0.0))
    of_reward, of_star = exact_weights(spec.weights), exact_weights(spec.star_weights)
    by_reward = family(of_reward)
    by_star = by_reward if same_but_for_scale(of_reward, of_star) else family(of_star)
    tried = by_reward if by_star is by_reward else [*by_reward, *by_star]
    learnt = np.arange(len(random.pages)) % 2 == 0
    chosen = max(tried, key=lambda each: float(each.proxy(paid)[learnt].mean()))
    honest = max(tried, key=lambda each: float(each.north_star(wanted)[learnt].mean()))

    def judged(each: EpisodeTerms) -> F64:
        values: F64 = each.north_star(wanted)[~learnt]
        return values

    best = judged(honest)
    return ProxyPrice(
        episode=str(episode),
        share=share_of(judged(chosen), best, level),
        myopic=share_of(judged(by_reward[0]), best, level),
        north_star=float(judged(chosen).mean()),
        best=float(best.mean()),
        random=float(judged(random).mean()),
        price_off=chosen.price_off,
        terms={name: float(amount.mean()) for name, amount in chosen.terms.items()},
        honest_terms={name: float(amount.mean()) for name, amount in honest.terms.items()},
        episodes=len(best),
    )
