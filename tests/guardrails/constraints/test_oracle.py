"""The constrained oracle: against a linear programme over all pages, and what cannot be met."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy.optimize import linprog

from shopgym.core import InvalidInput
from shopgym.core.reward import CostLimit, RewardSpec
from shopgym.core.types import F64
from shopgym.envs.vector import BanditVectorEnv
from shopgym.guardrails.constraints import constrained_optimum
from shopgym.guardrails.reward.page_means import PageMeans, Pages

REVENUE = RewardSpec(terms={"revenue": 1.0})
NAMES = ("revenue", "return_cost", "click")


def means(discounts: tuple[float, ...] = (0.0,), rows: int = 20) -> PageMeans:
    env = BanditVectorEnv(
        rows, catalog=30, form="slate", slate_size=2, num_candidates=4, users=300, shop_seed=1,
        choice={"click_base": -1.0}, returns={"enabled": True, "rate": 0.3, "spread": 0.5},
        stock={"enabled": False},
    )  # fmt: skip
    env.reset(seed=0)
    return PageMeans.of_shop(env.loop.shop, env.requests.candidates, discounts)


def every_page(pages: PageMeans) -> dict[str, F64]:
    """{term: (n, pages)} the exact mean of every filled page of every request."""
    n = len(pages)
    columns = {name: [] for name in NAMES}
    for one, two in itertools.permutations(range(4), 2):
        shown = Pages(np.tile(np.array([one, two], np.int32), (n, 1)), np.zeros(n, np.int64), np.zeros(n))
        terms = pages.page_terms(shown)
        for name in NAMES:
            columns[name].append(terms[name])
    return {name: np.stack(values, axis=1) for name, values in columns.items()}


@pytest.mark.parametrize("share", [0.7, 0.8, 0.95, 2.0])
def test_the_optimum_is_that_of_the_linear_programme_over_all_pages(share: float) -> None:
    shop = means()
    terms = every_page(shop)
    n, pages = terms["revenue"].shape
    best = shop.page_terms(shop.best({"revenue": 1.0}))
    bound = share * best["return_cost"].mean() / best["revenue"].mean()
    limit = CostLimit(term="return_cost", at_most=bound, per="revenue")
    excess = (terms["return_cost"] - bound * terms["revenue"]).ravel() / n
    one_page = np.kron(np.eye(n), np.ones(pages))
    solved = linprog(-terms["revenue"].ravel() / n, excess[None], [0.0], one_page, np.ones(n))
    optimum = constrained_optimum(shop, REVENUE, [limit])
    assert optimum.value == pytest.approx(-solved.fun, rel=1e-4)
    assert optimum.free == pytest.approx(best["revenue"].mean())
    assert (optimum.given_up > 1e-3) == (share < 1)
    assert "can be met" in optimum.sentence


def test_the_tightest_limit_is_the_least_ratio_of_all_policies() -> None:
    """One request: the least ratio is that of one page."""
    shop = means(rows=1)
    terms = every_page(shop)
    least = float((terms["return_cost"] / terms["revenue"]).min())
    limit = CostLimit(term="return_cost", at_most=0.9 * least, per="revenue")
    optimum = constrained_optimum(shop, REVENUE, [limit])
    assert optimum.tightest[limit.label] == pytest.approx(least)
    assert optimum.impossible == (limit.label,)
    assert math.isnan(optimum.value)
    assert f"cannot be met in this shop: the best pages for it reach {least:.4g}" in optimum.sentence
    assert not constrained_optimum(
        shop, REVENUE, [CostLimit("return_cost", at_most=1.1 * least, per="revenue")]
    ).impossible


def test_a_floor_that_no_page_reaches_is_impossible_and_two_may_exclude_one_another() -> None:
    shop = means()
    floor = CostLimit(term="click", at_least=1.9, per="page")
    optimum = constrained_optimum(shop, REVENUE, [floor])
    assert optimum.impossible == ("click per page",)
    best = shop.page_terms(shop.best({"click": 1.0}))["click"].mean()
    assert optimum.tightest["click per page"] == pytest.approx(best)
    many = CostLimit(term="click", at_least=0.999 * float(best), per="page")
    ratio = constrained_optimum(shop, REVENUE, [CostLimit("return_cost", at_most=0.0, per="revenue")])
    tight = CostLimit("return_cost", at_most=1.001 * ratio.tightest["return_cost per revenue"], per="revenue")
    both = constrained_optimum(shop, REVENUE, [many, tight])
    assert not both.impossible
    assert math.isnan(both.value)
    assert both.sentence == "each limit can be met, but not all of them at once: loosen one"


def test_a_discount_is_given_up_where_its_cost_is_limited() -> None:
    shop = means((0.0, 0.3))
    orders = RewardSpec(terms={"purchase": 1.0}, unit="order line")
    spent = float(shop.page_terms(shop.best(orders.weights))["discount_cost"].mean())
    half = CostLimit(term="discount_cost", at_most=spent / 2, per="page")
    free, bound = constrained_optimum(shop, orders, []), constrained_optimum(shop, orders, [half])
    plain = constrained_optimum(means(), orders, [])
    assert free.value > bound.value >= plain.value - 1e-9


def test_limits_of_another_kind_are_refused() -> None:
    for text in ("satisfaction >= 0.5 per visit", "revenue >= 0.9 of popularity"):
        with pytest.raises(InvalidInput, match=r"reward\.costs"):
            constrained_optimum(means(rows=2), REVENUE, [CostLimit.read(text)])


def test_a_reward_without_exact_means_is_refused_with_the_way_out() -> None:
    clipped = RewardSpec(terms={"revenue": 1.0}, clip={"revenue": (0.0, 5.0)})
    with pytest.raises(InvalidInput, match=r"reward\.clip = .*leave it out here.*Lagrangian"):
        constrained_optimum(means(rows=2), clipped)
    with pytest.raises(InvalidInput, match=r"reward\.terms = 'diversity'.*lagrangian_linear"):
        constrained_optimum(means(rows=2), RewardSpec(terms={"diversity": 1.0}, unit="share"))
