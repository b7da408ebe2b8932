"""Each page is decided by the policy of its surface, with that policy's propensities."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from shopgym import Catalog, InvalidInput, Shop, ShopConfig, make_agent
from shopgym.agents import Task
from shopgym.policies.guards import FrequencyCap, InStock
from shopgym.policies.surface_router import SurfaceRouter
from shopgym.simulators.config import SurfacesConfig
from shopgym.simulators.rollout import Episode, EpisodicShop, rollout

CONFIG = ShopConfig(users=200, slate_size=4, num_candidates=12, surfaces=SurfacesConfig(enabled=True))
CATALOG = Catalog.synthetic(60, seed=1)


def test_the_policy_of_a_surface_decides_there_and_nowhere_else() -> None:
    shop = Shop(CATALOG, CONFIG, lanes=400, seed=2)
    task = Task(CATALOG.items, shop.user_names, shop.context_names, 4, attention=np.ones(4))
    popular, random = (
        make_agent(name, task, np.random.default_rng(0)).policy() for name in ("popularity", "random")
    )
    shop.start_visits()
    requests = shop.requests()
    router = SurfaceRouter({"email": random, "product": random}, popular, shop.context_names)
    decided = router.decide(requests, np.random.default_rng(1))
    surfaces = np.array(["home", "product", "cart", "search", "email"])[shop.visits.surface]
    at_random = np.isin(surfaces, ["email", "product"])
    assert 0 < at_random.sum() < 400
    for rows, policy in ((at_random, random), (~at_random, popular)):
        alone = policy.propensities(requests.take(rows), decided.positions[rows])
        np.testing.assert_allclose(decided.propensities[rows], alone)
    filled = decided.positions >= 0
    rows = np.arange(400)[:, None]
    np.testing.assert_array_equal(
        decided.slates[filled], requests.candidates[rows, np.maximum(decided.positions, 0)][filled]
    )
    plain = SurfaceRouter({}, popular, shop.context_names).decide(requests, np.random.default_rng(1))
    alone = popular.decide(requests, np.random.default_rng(1))
    np.testing.assert_array_equal(plain.slates, alone.slates)


def test_a_surface_that_the_shop_does_not_have_is_refused() -> None:
    with pytest.raises(InvalidInput, match="did you mean 'cart'"):
        SurfaceRouter({"carts": None}, None, ("on_home", "on_cart"))  # type: ignore[dict-item, arg-type]


def test_a_cap_counts_the_pages_of_all_surfaces() -> None:
    shop = Shop(CATALOG, CONFIG, lanes=50, seed=2)
    rules = (InStock(), FrequencyCap(1, days=30.0))
    task = Task(CATALOG.items, shop.user_names, shop.context_names, 4, rules, attention=np.ones(4))
    capped = make_agent("popularity", task, np.random.default_rng(0)).policy()
    free = make_agent("random", replace(task, guards=(InStock(),)), np.random.default_rng(0)).policy()
    world = EpisodicShop(shop, Episode.VISIT)
    world.open(1)
    shown: set[tuple[int, int]] = set()
    again = 0
    router = SurfaceRouter({"product": free}, capped, shop.context_names)
    for step in rollout(world, router, np.random.default_rng(1), pages=6):
        product = step.requests.context[:, shop.context_names.index("on_product")] > 0
        pages = [
            {(int(user), int(item)) for item in slate if item >= 0}
            for user, slate in zip(step.requests.user_id, step.decisions.slates, strict=True)
        ]
        for by_free, page in zip(product, pages, strict=True):
            again += len(page & shown) if by_free else 0
            assert by_free or not page & shown
        shown = shown.union(*pages)
    assert again > 0  # the policy without the cap shows items again, and its pages count too
