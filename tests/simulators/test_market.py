"""What changes from day to day: seasons, drift, campaigns, shocks, the range; and details of items."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shopgym.core import InvalidInput
from shopgym.simulators import (
    Campaign,
    Catalog,
    ChoiceConfig,
    MarketConfig,
    Shock,
    Shop,
    ShopConfig,
    StockConfig,
)
from shopgym.simulators.catalog.item_attributes import ItemAttributes
from shopgym.simulators.market.market import Market
from shopgym.simulators.market.seasons import YEAR
from shopgym.simulators.profiles.disturbances import VARIANTS, variant


def market(catalog: Catalog, **parts: Any) -> Market:
    plain: dict[str, Any] = {"config": MarketConfig(), "campaigns": (), "shocks": ()}
    given = {**plain, "reference_price": 0.0, **parts}
    return Market(catalog, **given, quality_weight=0.35, allow_losses=False, seed=5)


def test_the_market_does_not_move_by_default(catalog: Catalog) -> None:
    still = market(catalog)
    assert not still.moves
    np.testing.assert_array_equal(still.price(100.0), catalog.items.price)
    np.testing.assert_allclose(still.appeal(100.0), 0.35 * catalog.quality, rtol=1e-6)
    assert still.on_sale(100.0).all()


def test_prices_are_compared_with_the_median_price_or_the_usual_price(
    catalog: Catalog,
) -> None:
    price = catalog.items.price
    middle = float(np.median(price))
    np.testing.assert_allclose(market(catalog).log_relative_price(price), np.log(price / middle), atol=1e-6)
    usual = market(catalog, reference_price=1.0)
    np.testing.assert_allclose(usual.log_relative_price(price), 0, atol=1e-6)
    np.testing.assert_allclose(usual.log_relative_price(0.8 * price), math.log(0.8), atol=1e-6)
    half = market(catalog, reference_price=0.5)
    np.testing.assert_allclose(half.log_relative_price(price), 0.5 * np.log(price / middle), atol=1e-6)


def test_with_a_reference_price_of_one_only_changes_of_price_matter(catalog: Catalog) -> None:
    """The chance of a cart is the same at every list price, and falls by the sensitivity with a change."""
    choice = ChoiceConfig(reference_price=1.0, depth=0.0, mobile_penalty=0.0)
    config = ShopConfig(slate_size=3, num_candidates=8, choice=choice, stock=StockConfig(enabled=False))
    shop = Shop(catalog, config, lanes=4, seed=2)
    shop.start_visits()
    items = np.tile(np.arange(len(catalog), dtype=np.int32), (4, 1))
    for off in (0.0, 0.2):
        found = shop.expected(items, price_off=np.full(4, off))
        carts = found["cart"] / found["click"]
        sensitivity = shop.users.price_sensitivity[shop.visits.user].astype(float)
        logit = choice.cart_base - sensitivity * math.log1p(-off)
        np.testing.assert_allclose(carts, np.tile(1 / (1 + np.exp(-logit))[:, None], len(catalog)), rtol=1e-5)


def test_season_is_a_yearly_wave_of_each_category(catalog: Catalog) -> None:
    seasonal = market(catalog, config=MarketConfig(season=0.8))
    base = 0.35 * catalog.quality
    waves = np.stack([seasonal.appeal(day) - base for day in np.linspace(0, YEAR, 53)])
    np.testing.assert_allclose(waves[0], waves[-1], atol=1e-5)
    np.testing.assert_allclose(waves[:-1].mean(axis=0), 0, atol=1e-5)
    assert waves.max() == pytest.approx(0.8, abs=0.01)
    category = catalog.items.category
    for number in range(len(catalog.items.category_names)):
        same = waves[:, category == number]
        np.testing.assert_allclose(same, same[:, :1] + np.zeros_like(same), atol=1e-5)


def test_drift_is_a_random_walk(catalog: Catalog) -> None:
    drifting = market(catalog, config=MarketConfig(drift=0.1))
    np.testing.assert_array_equal(drifting.appeal(0.5), market(catalog).appeal(0.0))
    steps = [drifting.appeal(day + 1.0) - drifting.appeal(float(day)) for day in range(200)]
    by_category = np.stack(steps)[:, np.unique(catalog.items.category, return_index=True)[1]]
    assert by_category.std() == pytest.approx(0.1, rel=0.1)
    again = market(catalog, config=MarketConfig(drift=0.1))
    for day in (150.0, 20.0, 90.0):  # in any order
        np.testing.assert_array_equal(again.appeal(day), drifting.appeal(day))


def test_a_campaign_cuts_prices_lifts_appeal_and_ends(catalog: Catalog) -> None:
    offer = Campaign(start=3, days=4, share=0.3, price_off=0.2, boost=0.5)
    with_offer = market(catalog, campaigns=(offer,))
    on = with_offer.offered[0]
    assert 0.15 < on.mean() < 0.45
    for day, running in ((2.9, False), (3.0, True), (6.9, True), (7.0, False)):
        assert bool(with_offer.running(day)) is running
        factor = np.where(on & running, 0.8, 1.0)
        floor = np.where(on & running, catalog.items.unit_cost, 0)
        want = np.maximum(catalog.items.price * factor, floor)
        np.testing.assert_allclose(with_offer.price(day), want)
        lift = with_offer.appeal(day) - market(catalog).appeal(day)
        np.testing.assert_allclose(lift, np.where(on & running, 0.5, 0.0), atol=1e-6)


def test_a_campaign_of_one_category(catalog: Catalog) -> None:
    on = market(catalog, campaigns=(Campaign(category=2, share=1.0),)).offered[0]
    np.testing.assert_array_equal(on, catalog.items.category == 2)
    with pytest.raises(InvalidInput, match=r"campaigns\[0\]\.category"):
        market(catalog, campaigns=(Campaign(category=99),))


def test_shocks(catalog: Catalog) -> None:
    price = market(catalog, shocks=(Shock("price", start=5, days=5, size=0.5, share=0.4),))
    assert set(np.round(price.price(6) / catalog.items.price, 9)) == {1.0, 1.5}
    np.testing.assert_array_equal(price.price(10), catalog.items.price)
    viral = market(catalog, shocks=(Shock("viral", start=5, days=9, size=2.0, share=0.2),))
    lift = [float((viral.appeal(day) - market(catalog).appeal(day)).max()) for day in (4.9, 5, 8, 13.9, 14)]
    assert lift == pytest.approx([0, 2.0, 2.0 / math.e, 2.0 * math.exp(-8.9 / 3), 0], abs=1e-5)
    taste = market(catalog, shocks=(Shock("taste", start=5, size=1.0),))
    np.testing.assert_array_equal(taste.appeal(4), market(catalog).appeal(4))
    np.testing.assert_array_equal(taste.appeal(5), taste.appeal(500))
    assert (taste.appeal(5) != market(catalog).appeal(5)).all()


def test_items_come_and_go(catalog: Catalog) -> None:
    turning = market(catalog, config=MarketConfig(new_share=0.3, old_share=0.2, turnover=100))
    there = np.stack([turning.on_sale(float(day)) for day in (0, 50, 100, 1000)])
    assert 0.55 < there[0].mean() < 0.85
    assert there[-1].mean() < 1.0
    np.testing.assert_array_equal(there[-1], there[-2] & (turning.retire > 1000))
    new, old = turning.launch > 0, np.isfinite(turning.retire)
    assert not (new & old).any()


def test_the_shop_follows_its_market(catalog: Catalog) -> None:
    config = ShopConfig(
        users=200,
        slate_size=3,
        num_candidates=8,
        pages_per_day=4,
        campaigns=(Campaign(start=2, days=2, share=1.0, price_off=0.2),),
        market=MarketConfig(new_share=0.5, turnover=5),
        stock=StockConfig(out_at_start=0.0),
        calendar=True,
    )
    shop = Shop(catalog, config, lanes=100, seed=2)
    seen = {}
    for _ in range(40):
        shop.start_visits()
        requests = shop.requests()
        day = int(shop.day)
        seen[day] = (shop.today.price[0] / catalog.items.price).mean(), shop.today.available[0].mean()
        launched = shop.market.on_sale(float(day))[requests.candidates]
        assert not (requests.in_stock & ~launched).any()
        shop.serve(np.ascontiguousarray(requests.candidates[:, :3]))
    assert [seen[day][0] == 1.0 for day in (0, 1, 2, 3, 4)] == [True, True, False, False, True]
    assert seen[0][1] < 0.7 < seen[9][1]
    assert shop.market.report()[0]["spent"] > 0
    named = dict(zip(shop.context_names, requests.context[0], strict=True))
    assert named["hour_cos"] ** 2 + named["hour_sin"] ** 2 == pytest.approx(1, rel=1e-6)
    assert named["weekend"] == float(int(shop.day) % 7 >= 5)


def test_selling_below_cost_is_refused_unless_allowed(catalog: Catalog) -> None:
    cost = catalog.items.unit_cost.copy()
    cost[7] = catalog.items.price[7] * 2
    lossy = dataclasses.replace(catalog, items=dataclasses.replace(catalog.items, unit_cost=cost))
    with pytest.raises(InvalidInput, match=r"items.unit_cost\[7\].*allow_losses"):
        Shop(lossy, ShopConfig(users=5))
    Shop(lossy, ShopConfig(users=5, allow_losses=True))


def test_details_are_checked_saved_and_part_of_the_hash(catalog: Catalog, tmp_path: Path) -> None:
    assert catalog.details.assumed
    plain = catalog.hash
    own = dataclasses.replace(catalog.details, return_rate=np.full(120, 0.25), assumed=False)
    known = dataclasses.replace(catalog, details=own)
    assert known.hash != plain
    known.save(tmp_path / "catalog.parquet")
    again = Catalog.load(tmp_path / "catalog.parquet")
    assert again.hash == known.hash
    np.testing.assert_array_equal(again.details.return_rate, 0.25)
    assert not again.details.assumed
    for column, bad in (("return_rate", 1.0), ("shipping_days", -1.0), ("worth", math.nan)):
        values = getattr(own, column).copy()
        values[3] = bad
        with pytest.raises(InvalidInput, match=rf"details.{column}\[3\]"):
            dataclasses.replace(own, **{column: values})
    with pytest.raises(InvalidInput, match="retire_day"):
        dataclasses.replace(own, launch_day=np.full(120, 5.0), retire_day=np.full(120, 4.0))
    with pytest.raises(InvalidInput, match=r"catalog.details"):
        dataclasses.replace(
            catalog, details=ItemAttributes.assume(catalog.items.category[:5], catalog.quality[:5])
        )


@pytest.mark.parametrize(
    ("part", "bad"),
    [
        (Campaign, {"price_off": 1.0}),
        (Campaign, {"days": 0}),
        (Campaign, {"budget": -1.0}),
        (Shock, {"kind": "earthquake"}),
        (Shock, {"kind": "price", "size": -1.0}),
        (MarketConfig, {"new_share": 1.5}),
        (MarketConfig, {"season": -1.0}),
    ],
)
def test_impossible_markets_are_refused(part: Any, bad: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput, match=next(k for k in bad if k != "kind" or len(bad) == 1)):
        part(**bad)


@pytest.mark.parametrize("name", VARIANTS)
def test_every_variant_disturbs_the_shop_and_only_from_its_day_on(catalog: Catalog, name: str) -> None:
    plain = ShopConfig(users=200, slate_size=3, num_candidates=8, pages_per_day=6)

    def story(config: ShopConfig) -> list[Any]:
        shop = Shop(catalog, config, lanes=50, seed=2)
        seen = []
        for _ in range(6 * 20):
            shop.start_visits()
            feedback, _, _ = shop.serve(np.ascontiguousarray(shop.requests().candidates[:, :3]))
            today = shop.today
            seen.append((today.appeal.copy(), today.price.copy(), shop.stock.on_hand.copy(), feedback.page))
        return seen

    pairs = list(zip(story(plain), story(variant(name, plain, start=8.0)), strict=True))
    same = [all(np.array_equal(a, b) for a, b in zip(one, two, strict=True)) for one, two in pairs]
    assert all(same[: (1 if name == "drift" else 8) * 6 - 1])
    assert not all(same)


def test_unknown_variants_are_refused() -> None:
    with pytest.raises(InvalidInput, match="variant"):
        variant("earthquake")
