"""Items on one page that compete for the order: limiting cases, a closed form, and the bounds that hold."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from shopgym.core import InvalidInput
from shopgym.core.reward import RewardSpec
from shopgym.core.types import F64, I32
from shopgym.envs.oracle import best_page_values, page_bounds, page_values, slot_values
from shopgym.experiments.config import parse_config
from shopgym.simulators import Catalog, ChoiceConfig, Shop, ShopConfig, StockConfig, SurfacesConfig
from shopgym.simulators.config import ReturnConfig

KEEN = ChoiceConfig(click_base=-0.5, cart_base=0.5, buy_base=0.5, position_decay=0.0)
MARGIN = RewardSpec({"margin": 1.0})
TWIN, ITEM = 8, 7


def shop_of(catalog: Catalog, strength: float, *, lanes: int = 4000, seed: int = 3, **settings: Any) -> Shop:
    choice = replace(settings.pop("choice", KEEN), competition=strength)
    plain: dict[str, Any] = {"users": 3000, "slate_size": 2, "stock": StockConfig(enabled=False)}
    shop = Shop(catalog, ShopConfig(choice=choice, **plain | settings), lanes=lanes, seed=seed)
    shop.start_visits()
    return shop


def with_twin(catalog: Catalog) -> Catalog:
    """Item 8 is as item 7."""

    def doubled(part: Any) -> Any:
        columns = {name: getattr(part, name).copy() for name in part.columns()}
        for name, values in columns.items():
            if name not in ("item_id", "name"):
                values[TWIN] = values[ITEM]
        return replace(part, **columns)

    latent = {name: getattr(catalog, name).copy() for name in ("embedding", "quality", "units_mean")}
    for values in latent.values():
        values[TWIN] = values[ITEM]
    quality = latent["quality"].astype(np.float64)
    latent["quality"] = ((quality - quality.mean()) / quality.std()).astype(np.float32)
    return replace(catalog, items=doubled(catalog.items), details=doubled(catalog.details), **latent)


def page(shop: Shop, *items: int) -> I32:
    return np.tile(np.array(items, np.int32), (shop.lanes, 1))


def mean_and_error(values: F64) -> tuple[float, float]:
    return float(values.mean()), float(values.std(ddof=1) / np.sqrt(len(values)))


def units_over_seeds(catalog: Catalog, strength: float, items: tuple[int, int]) -> F64:
    pages = []
    for seed in range(8):
        shop = shop_of(catalog, strength, seed=1000 * seed)
        pages.append(shop.serve(page(shop, *items))[0].page[:, 3])
    return np.concatenate(pages)


def test_two_identical_items_at_one_sell_together_as_one(catalog: Catalog) -> None:
    twins = with_twin(catalog)
    shop = shop_of(twins, 1.0)
    both, one = page(shop, ITEM, TWIN), page(shop, ITEM, -1)
    # embeddings are float32: their norm is 1 to about 1e-7
    np.testing.assert_allclose(shop.least_shares(both), 0.5, rtol=1e-6)
    np.testing.assert_array_equal(shop.least_shares(one), 1.0)
    together = shop.expected(both)["units"] * shop.least_shares(both)
    np.testing.assert_allclose(together.sum(axis=1), shop.expected(one)["units"][:, 0], rtol=1e-6)
    alone, shared, doubled = (
        units_over_seeds(twins, *case)
        for case in ((1.0, (ITEM, -1)), (1.0, (ITEM, TWIN)), (0.0, (ITEM, TWIN)))
    )
    # two-sided, false-alarm rate about 6e-7
    (a, a_se), (b, b_se), (c, c_se) = map(mean_and_error, (alone, shared, doubled))
    assert abs(a - b) < 5 * np.hypot(a_se, b_se)
    assert abs(2 * a - c) < 5 * np.hypot(2 * a_se, c_se)
    assert c > 1.5 * b


def test_at_zero_items_do_not_know_of_each_other(catalog: Catalog) -> None:
    shop = shop_of(catalog, 0.0)
    np.testing.assert_array_equal(shop.least_shares(page(shop, 3, 4)), 1.0)
    low, high = page_bounds(shop, MARGIN, page(shop, 3, 4))
    np.testing.assert_allclose(low, page_values(shop, MARGIN, page(shop, 3, 4)), rtol=1e-12)
    np.testing.assert_array_equal(low, high)
    # what is sold of an item is the same whatever else is shown
    one = shop.counterfactual(page(shop, 3, 4)).quantity[:, 0]
    np.testing.assert_array_equal(one, shop.counterfactual(page(shop, 3, 60)).quantity[:, 0])


def test_only_the_order_is_competed_for(catalog: Catalog) -> None:
    """Clicks, carts and the way the visit goes on are as without competition; orders are some of them."""
    plain, rivals = shop_of(catalog, 0.0, slate_size=4), shop_of(catalog, 1.0, slate_size=4)
    slates = page(plain, 3, 4, 5, 6)
    before, left, _ = plain.serve(slates)
    after, also_left, _ = rivals.serve(slates)
    for name in ("clicked", "carted", "examined", "cart_units"):
        np.testing.assert_array_equal(getattr(before, name), getattr(after, name))
    np.testing.assert_array_equal(left, also_left)
    sold, still = before.quantity > 0, after.quantity > 0
    assert 0 < still.sum() < sold.sum()
    assert not (still & ~sold).any()
    assert after.removed[sold & ~still].all()
    np.testing.assert_array_equal(before.revenue[still], after.revenue[still])


def test_shares_are_those_of_the_closed_form_and_a_cheaper_rival_takes_more(catalog: Catalog) -> None:
    shop, one, other = shop_of(catalog, 0.6), 11, 12
    embedding = catalog.embedding.astype(np.float64)
    near = int(catalog.neighbours[one, 0])
    for rival in (other, near):
        slates = page(shop, one, rival)
        demand = shop.expected(slates)["purchase"]
        alike = max(float(embedding[one] @ embedding[rival]), 0.0) ** 2
        share = demand / (demand + 0.6 * alike * demand[:, ::-1])
        np.testing.assert_allclose(shop.least_shares(slates), share, rtol=1e-9)
    before = shop.least_shares(page(shop, one, near))
    shop.today.log_price[0, near] += np.float32(np.log(0.7))
    after = shop.least_shares(page(shop, one, near))
    assert (after[:, 0] < before[:, 0]).all()
    assert (after[:, 1] > before[:, 1]).all()


def test_a_page_that_is_examined_whole_earns_the_lower_bound(catalog: Catalog) -> None:
    gaps = []
    for seed in range(8):
        shop = shop_of(catalog, 1.0, slate_size=5, seed=1000 * seed)
        slates = page(shop, 3, 9, 27, 28, 40)
        low, high = page_bounds(shop, MARGIN, slates)
        assert (low < high).all()
        gaps.append(shop.serve(slates)[0].page[:, 5] - low)
    mean, error = mean_and_error(np.concatenate(gaps))
    assert abs(mean) < 5 * error  # false-alarm rate 6e-7


@pytest.mark.parametrize("enabled", [False, True])
def test_the_bounds_hold_on_pages_that_are_read_in_part(catalog: Catalog, enabled: bool) -> None:
    """Position bias, every kind of page, substitutes, returns, discounts; costs count in the reward."""
    reward = RewardSpec(
        {"margin": 1.0, "return_cost": -1.0, "click": -1.0, "stockout": -1.0},
        exchange={"click": 0.1, "stockout": 0.05},
    )
    choice = replace(KEEN, position_decay=1.0, substitution=0.5, quick=0.5, mission_share=0.5)
    below, above, width = [], [], []
    for seed in range(4):
        shop = shop_of(
            catalog, 1.0, slate_size=6, num_candidates=20, seed=1000 * seed, choice=choice,
            stock=StockConfig(out_at_start=0.4), surfaces=SurfacesConfig(enabled=enabled),
            returns=ReturnConfig(enabled=True, rate=0.3, handling=1.0),
        )  # fmt: skip
        for _ in range(3):
            slates = np.ascontiguousarray(shop.requests().candidates[:, :6])
            off = np.full(shop.lanes, 0.1)
            low, high = page_bounds(shop, reward, slates, price_off=off)
            best = best_page_values(shop, RewardSpec({"margin": 1.0}), shop.requests().candidates, bound=True)
            assert (best >= page_bounds(shop, MARGIN, slates)[1] - 1e-9).all()
            feedback, left, cut = shop.serve(slates, price_off=off)
            earned = reward.page(feedback)[0]
            below.append(earned - low)
            above.append(high - earned)
            width.append(high - low)
            shop.end_visits(left | cut)
            shop.start_visits()
    for gap in (below, above):
        mean, error = mean_and_error(np.concatenate(gap))
        assert mean > -5 * error  # one-sided, false-alarm rate 3e-7
    assert np.concatenate(width).min() >= 0


def test_threads_and_reading_change_nothing(catalog: Catalog) -> None:
    config = ShopConfig(users=500, slate_size=4, choice=replace(KEEN, competition=0.7))
    one, three = (Shop(catalog, config, lanes=300, seed=1, threads=threads, block=8) for threads in (1, 3))
    for _ in range(5):
        for shop in (one, three):
            shop.start_visits()
        slates = np.ascontiguousarray(one.requests().candidates[:, :4])
        foreseen = one.counterfactual(slates)
        first, second = one.serve(slates)[0], three.serve(slates)[0]
        for feedback in (foreseen, second):
            np.testing.assert_array_equal(feedback.events, first.events)
            np.testing.assert_array_equal(feedback.page, first.page)


def test_what_promises_exact_values_refuses(catalog: Catalog) -> None:
    shop = shop_of(catalog, 0.5, lanes=4, num_candidates=10)
    for call in (
        lambda: page_values(shop, MARGIN, page(shop, 3, 4)),
        lambda: best_page_values(shop, MARGIN, shop.requests().candidates),
        lambda: parse_config({"name": "x", "shop": {"choice": {"competition": 0.5}}}),
    ):
        with pytest.raises(InvalidInput, match=r"choice\.competition"):
            call()
    # clicks are not competed for
    clicks = RewardSpec({"click": 1.0}, unit="click", north_star="click")
    seen = slot_values(shop, clicks, page(shop, 3, 4))[0]
    np.testing.assert_array_equal(seen, shop.expected(page(shop, 3, 4))["click"])
