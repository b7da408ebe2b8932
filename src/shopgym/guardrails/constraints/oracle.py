"""The best policy of pages under limits, and whether any policy keeps them in this shop."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize, minimize_scalar

from ...core.errors import InvalidInput
from ...core.reward import CostLimit, RewardSpec
from ...core.types import F64
from ..reward.exact_terms import EXACT_TERMS
from ..reward.page_means import PageMeans, Weights
from ..reward.tightest import PRECISION, is_broken, tightest_limit

MOST_PRICE = 1e6
"""A dual that still falls at this price has no least value."""


@dataclass(frozen=True)
class ConstrainedOptimum:
    """The best that policies of pages can do under limits, for some requests.

    Attributes:
        value: greatest expected reward of a page under the limits; NaN where nothing keeps them.
        free: the same without limits.
        prices: what one unit of each limit's excess is worth there, by label (Lagrange multipliers);
            0 where a limit does not bind.
        tightest: by label, the hardest limit that some policy keeps, whatever else it costs.
        impossible: labels of limits that no policy keeps in this shop, each for itself.
    """

    value: float
    free: float
    prices: Mapping[str, float]
    tightest: Mapping[str, float]
    impossible: tuple[str, ...]

    @property
    def given_up(self) -> float:
        """Share of the reward that the limits cost; NaN where nothing keeps them."""
        return 1.0 - self.value / self.free if self.free else math.nan

    @property
    def sentence(self) -> str:
        """In words."""
        if self.impossible:
            limits = [
                f"{label} cannot be met in this shop: the best pages for it reach {self.tightest[label]:.4g}"
                for label in self.impossible
            ]
            return f"{'; '.join(limits)}. Loosen it at least to that"
        if math.isnan(self.value):
            return "each limit can be met, but not all of them at once: loosen one"
        return f"the limits can be met, and cost {max(self.given_up, 0.0):.1%} of the reward"


def constrained_optimum(
    means: PageMeans, reward: RewardSpec, limits: Sequence[CostLimit] | None = None
) -> ConstrainedOptimum:
    """The optimum over all policies that fill every slot, for the pages of ``means``.

    Policies may draw pages at random, so the problem is a linear programme, and its optimum is the least
    value of the Lagrangian dual: min over prices >= 0 of the mean over requests of the best page of
    reward - price x excess (Altman 1999, Constrained Markov decision processes, chapter 3). How far the
    tightest limit can go is found by Dinkelbach's method (1967, On nonlinear fractional programming). Both
    are as exact as :meth:`.PageMeans.best`.

    Args:
        means: of the requests, e.g. from :meth:`.LintedShop.first_pages`.
        reward: what is maximised.
        limits: of terms with exact means, per page or per another such term; None = those of the reward.

    Raises:
        InvalidInput: a term of the reward or of a limit has no exact mean, the reward is clipped, or a limit
            is against a policy or of some items alone.
    """
    limits = reward.limits if limits is None else tuple(limits)
    wanted = dict(reward.weights)
    _require(wanted, "reward.terms")
    if reward.clip:
        fix = "leave it out here: the mean of a bounded amount is not known; a Lagrangian learner may have it"
        raise InvalidInput("reward.clip", dict(reward.clip), fix)
    free = _best(means, wanted)
    excesses = [_excess(limit) for limit in limits]
    tightest = {limit.label: tightest_limit(means, limit) for limit in limits}
    impossible = tuple(limit.label for limit in limits if is_broken(limit, tightest[limit.label]))
    sizes = [_size(means, wanted, weights) for weights, _ in excesses]
    scales = [max(abs(free), PRECISION) / max(size, PRECISION) for size in sizes]

    def dual(prices: F64) -> float:
        total, constant = dict(wanted), 0.0
        for price, (weights, offset) in zip(prices * scales, excesses, strict=True):
            constant -= price * offset
            for name, weight in weights.items():
                total[name] = total.get(name, 0.0) - price * weight
        return _best(means, total) + constant

    prices, value = np.zeros(len(limits)), free
    if impossible:
        value = math.nan
    elif limits:
        prices = _least(dual, len(limits))
        value = math.nan if prices.max() >= 0.99 * MOST_PRICE else float(dual(prices))
    named = {limit.label: float(price) for limit, price in zip(limits, prices * scales, strict=True)}
    return ConstrainedOptimum(value, free, named, tightest, impossible)


def _excess(limit: CostLimit) -> tuple[dict[str, float], float]:
    """(weight of each term, constant per page) of how far a page is on the wrong side of a limit."""
    if limit.versus is not None or limit.items is not None:
        fix = "write it as a number of a term, over all items; the gate judges it as it stands"
        raise InvalidInput(f"reward.costs.{limit.label}", limit.sentence, fix)
    counted = {} if limit.per == "page" else {limit.per: 1.0}
    _require({limit.term: 1.0, **counted}, f"reward.costs.{limit.label}")
    one, unit = np.ones(1), np.zeros(1)
    weights = {limit.term: float(limit.excess(one, unit)[0])}
    by_count = float(limit.excess(unit, one)[0])
    return (weights, by_count) if limit.per == "page" else ({**weights, limit.per: by_count}, 0.0)


def _require(weights: Weights, field: str) -> None:
    unknown = [name for name in weights if name not in EXACT_TERMS]
    if unknown:
        fix = (
            f"write it with terms whose mean the shop knows: {', '.join(EXACT_TERMS)}; "
            "with others a Lagrangian learner, such as lagrangian_linear, keeps limits"
        )
        raise InvalidInput(field, unknown[0], fix)


def _best(means: PageMeans, weights: Weights) -> float:
    """Mean over requests of the page that is best for ``weights``."""
    return float(means.value(weights, means.best(weights)).mean())


def _size(means: PageMeans, wanted: Weights, weights: Weights) -> float:
    """Mean absolute size of ``weights``, on uniform pages or on the best ones for ``wanted``."""
    pages = (means.uniform(np.random.default_rng(0)), means.best(wanted))
    return max(float(np.abs(means.value(weights, each)).mean()) for each in pages)


def _least(dual: Callable[[F64], float], count: int) -> F64:
    """Prices >= 0 at which the convex ``dual`` is least."""
    if count > 1:
        start, bounds = np.full(count, 0.1), [(0.0, MOST_PRICE)] * count
        prices = np.asarray(minimize(dual, start, method="Powell", bounds=bounds).x, np.float64)
        return np.maximum(prices, 0.0)
    upper = 1.0
    while upper < MOST_PRICE and dual(np.array([2 * upper])) < dual(np.array([upper])):
        upper *= 2
    least = minimize_scalar(lambda price: dual(np.array([price])), bounds=(0, 2 * upper), method="bounded")
    return np.array([float(least.x)]) if least.fun <= dual(np.zeros(1)) else np.zeros(1)
