"""Each page is decided by the policy of its surface, with that policy's propensities."""

from __future__ import annotations

import numpy as np
import pytest

from shopgym import Catalog, InvalidInput, Shop, ShopConfig, make_agent
from shopgym.agents import Task
from shopgym.policies.surface_router import SurfaceRouter
from shopgym.simulators.config import SurfacesConfig

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
