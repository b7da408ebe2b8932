"""The best policy of pages under limits, and whether any policy keeps them in this shop."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment, minimize, minimize_scalar

from ...core.errors import InvalidInput
from ...core.reward import UNITS, CostLimit, RewardSpec
from ...core.types import F64, I32
from ...envs.oracle import slot_values
from ...envs.page_env import PageEnv

PRECISION = 1e-9
"""Of a limit, relative to what it is counted by: a miss below it is rounding."""
MOST_PRICE = 1e6
ROUNDS = 60
"""Of the search for the tightest limit; each step of Dinkelbach's method at least doubles the digits."""


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
        return 1.0 - self.value / self.free if self.free else float("nan")

    @property
    def sentence(self) -> str:
        """In words."""
        if self.impossible:
            limits = "; ".join(
                f"{label} cannot be met in this shop: the best page gives {self.tightest[label]:.4g}"
                for label in self.impossible
            )
            return f"{limits}. Loosen the limit at least to that"
        if np.isnan(self.value):
            return "each limit can be met, but not all of them at once: loosen one"
        return f"the limits can be met, and cost {self.given_up:.1%} of the reward"


def constrained_optimum(env: PageEnv, limits: Sequence[CostLimit] | None = None) -> ConstrainedOptimum:
    """The optimum over all policies that fill every slot, for the requests that wait in ``env``.

    Policies may draw pages at random, so the problem is a linear programme, and its optimum is the least
    value of the Lagrangian dual: min over prices >= 0 of the mean over requests of the best page of
    reward - price x excess (Altman 1999, Constrained Markov decision processes, chapter 3). The best page is
    exact. How far the tightest limit can go is found by Dinkelbach's method (1967, On nonlinear fractional
    programming).

    Args:
        env: an open environment whose items do not compete and whose pages are read slot by slot.
        limits: of terms of a slot, per page or per another term; None = those of the environment's reward.

    Raises:
        InvalidInput: a limit of another kind, or a shop without exact best pages.
    """
    limits = env.reward.limits if limits is None else tuple(limits)
    pages = _Pages(env)
    free = pages.best(pages.reward)
    excesses = [pages.excess(limit) for limit in limits]
    tightest = {limit.label: _tightest(pages, limit) for limit in limits}
    impossible = tuple(
        limit.label for limit, excess in zip(limits, excesses, strict=True) if _broken(pages, excess)
    )
    if not limits:
        return ConstrainedOptimum(free, free, {}, {}, ())
    scale = [abs(free) / max(pages.size(excess), PRECISION) or 1.0 for excess in excesses]

    def dual(prices: F64) -> float:
        total = pages.reward
        for price, unit, excess in zip(prices, scale, excesses, strict=True):
            total = total - price * unit * excess
        return pages.best(total)

    value, prices = float("nan"), np.zeros(len(limits))
    if not impossible:
        prices = _least(dual, len(limits))
        value = dual(prices)
    if (
        prices.max(initial=0.0) >= 0.99 * MOST_PRICE
    ):  # the dual has no least value: the limits exclude one another
        value = float("nan")
    named = {
        limit.label: float(price * unit) for limit, price, unit in zip(limits, prices, scale, strict=True)
    }
    return ConstrainedOptimum(value, free, named, tightest, impossible)


class _Pages:
    """Exact means of every term for every candidate, and best pages by any of them.

    A quantity is (n, 2, m): per examination and per impression.
    """

    def __init__(self, env: PageEnv) -> None:
        shop = env.shop
        if shop.reads_in_chains.any():
            fix = (
                "pages that are read in a chain have no exact best page under limits: read pages slot by slot"
            )
            raise InvalidInput("shop.examination", "chain", fix)
        self.env, self.candidates = env, env.requests.candidates
        self.attention = shop.attention_curve
        self.reach: F64 = (np.arange(self.attention.shape[1]) < shop.slots[:, None]).astype(np.float64)
        self.reward = self.quantity(env.reward)

    def quantity(self, reward: RewardSpec) -> F64:
        candidates: I32 = self.candidates
        return np.stack(slot_values(self.env.shop, reward, candidates), axis=1)

    def excess(self, limit: CostLimit) -> F64:
        """How far a slot is on the wrong side of the limit."""
        counted = self.counted(limit)
        return np.asarray(limit.excess(self.term(limit.term), counted))

    def term(self, name: str) -> F64:
        if name == "impression":
            shape = (len(self.candidates), 2, self.candidates.shape[1])
            return np.broadcast_to(np.array([0.0, 1.0])[:, None], shape).copy()
        unit = RewardSpec(terms={name: 1.0}, unit=UNITS[name], north_star=name)
        return self.quantity(unit)

    def counted(self, limit: CostLimit) -> F64:
        if limit.per == "page":
            return self.term("impression") / self.reach.sum(axis=1)[:, None, None]
        return self.term(limit.per)

    def best(self, quantity: F64) -> float:
        """The mean over requests of the page that is best for ``quantity``, all slots filled."""
        values = self._by_slot(quantity)
        total = 0.0
        for page in values:
            total += float(page[linear_sum_assignment(page, maximize=True)].sum())
        return total / len(values)

    def size(self, quantity: F64) -> float:
        """Mean absolute size of a page's ``quantity``."""
        return float(np.abs(self._by_slot(quantity)).mean() * self.attention.shape[1])

    def _by_slot(self, quantity: F64) -> F64:
        """(n, k, m) ``quantity`` of each candidate at each slot."""
        seen, shown = quantity[:, 0], quantity[:, 1]
        values: F64 = self.attention[:, :, None] * seen[:, None]
        return values + self.reach[:, :, None] * shown[:, None]


def _broken(pages: _Pages, excess: F64) -> bool:
    """Whether every page policy exceeds the limit."""
    return bool(-pages.best(-excess) > PRECISION * max(pages.size(excess), PRECISION))


def _tightest(pages: _Pages, limit: CostLimit) -> float:
    """The least (greatest) ratio of the limited term that a policy can have."""
    amount, counted = pages.term(limit.term), pages.counted(limit)
    sign = 1.0 if limit.at_most is not None else -1.0
    ratio = limit.limit
    for _ in range(ROUNDS):
        priced = sign * (amount - ratio * counted)
        values = -pages._by_slot(priced)
        total = below = 0.0
        by_amount, by_count = pages._by_slot(amount), pages._by_slot(counted)
        for page, (of_amount, of_count) in zip(values, zip(by_amount, by_count, strict=True), strict=True):
            chosen = linear_sum_assignment(page, maximize=True)
            total, below = total + float(of_amount[chosen].sum()), below + float(of_count[chosen].sum())
        new = total / below if below else ratio
        if abs(new - ratio) <= PRECISION * max(abs(ratio), 1e-12):
            break
        ratio = new
    return float(ratio)


def _least(dual: Callable[[F64], float], count: int) -> F64:
    """Prices >= 0 at which the convex ``dual`` is least."""
    if count > 1:
        start, bounds = np.full(count, 0.1), [(0.0, MOST_PRICE)] * count
        return np.maximum(
            np.asarray(minimize(dual, start, method="Powell", bounds=bounds).x, np.float64), 0.0
        )
    upper = 1.0
    while upper < MOST_PRICE and dual(np.array([2 * upper])) < dual(np.array([upper])):
        upper *= 2
    least = minimize_scalar(lambda price: dual(np.array([price])), bounds=(0, 2 * upper), method="bounded")
    return np.array([float(least.x)]) if least.fun <= dual(np.zeros(1)) else np.zeros(1)
