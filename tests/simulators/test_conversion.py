"""Who converts: people who pass by, visits with a search, carts that stay carts."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import stats

from shopgym.core import InvalidInput
from shopgym.simulators import (
    Catalog,
    ChoiceConfig,
    PeopleConfig,
    RetentionConfig,
    Shop,
    ShopConfig,
    StockConfig,
    SurfacesConfig,
    Users,
)
from shopgym.simulators.page.surfaces import CHANNELS, HOME, SEARCH

ALARM = 1e-6
"""False-alarm rate of each statistical check here."""
DIRECT, BY_ADVERT = (1.0, 0.0, 0.0, 0.0), (0.0, 0.0, 1.0, 0.0)
KEEN = ChoiceConfig(
    click_base=0.0, cart_base=1.0, buy_base=0.5, buy_price=1.0, leave_base=-20.0, mission_share=0.5
)


def near(got: float, want: float, n: int) -> bool:
    """Whether a share of n agrees with a probability."""
    return abs(got - want) <= stats.norm.isf(ALARM / 2) * math.sqrt(want * (1 - want) / n)


def shop_of(catalog: Catalog, lanes: int = 8000, choice: ChoiceConfig = KEEN, **surfaces: Any) -> Shop:
    config = ShopConfig(
        users=2000, slate_size=4, num_candidates=12, choice=choice, stock=StockConfig(enabled=False),
        surfaces=SurfacesConfig(enabled=True, **surfaces),
    )  # fmt: skip
    shop = Shop(catalog, config, lanes=lanes, seed=8)
    shop.start_visits()
    return shop


def slates_of(shop: Shop) -> np.ndarray:  # type: ignore[type-arg]
    return np.ascontiguousarray(shop.requests().candidates[:, :4])


# people who pass by


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_people_who_pass_by_have_a_mission_as_often_as_the_config_says(
    catalog: Catalog, share: float
) -> None:
    retention = RetentionConfig(passing=0.6, passing_missions=share)
    drawn = Users.draw(catalog, 5000, seed=2, retention=retention, mission=(0.4, 0.2), established=500)
    plain = Users.draw(
        catalog, 5000, seed=2, retention=RetentionConfig(passing=0.6), mission=(0.4, 0.2), established=500
    )
    everybody = Users.draw(
        catalog, 5000, seed=2, retention=replace(retention, passing_missions=1.0), mission=(0.4, 0.2),
        established=500,
    )  # fmt: skip
    passing = drawn.passing
    assert not plain.mission[passing].any()
    np.testing.assert_array_equal(drawn.mission[~passing], plain.mission[~passing])
    np.testing.assert_allclose(drawn.mission[passing], share * everybody.mission[passing], rtol=1e-6)


def test_visits_of_people_who_pass_by_have_missions(catalog: Catalog) -> None:
    people = PeopleConfig(enabled=True, retention=RetentionConfig(passing=0.99, passing_missions=0.2))
    config = ShopConfig(users=20_000, slate_size=4, choice=replace(KEEN, mission_share=0.5), people=people)
    shop = Shop(catalog, config, lanes=20_000, seed=3)
    shop.start_visits()
    passing = shop.users.passing[shop.visits.user]
    assert near(shop.visits.purpose[passing].mean(), 0.1, int(passing.sum()))


# searches


def test_a_visit_to_the_homepage_may_begin_with_a_search_for_what_it_came_for(catalog: Catalog) -> None:
    plain, shop = shop_of(catalog, channels=DIRECT), shop_of(catalog, channels=DIRECT, search_first=0.3)
    searches = shop.visits.surface == SEARCH
    assert (plain.visits.surface == HOME).all()
    assert (plain.visits.query == -1).all()
    assert near(searches.mean(), 0.3, shop.lanes)
    np.testing.assert_array_equal(shop.visits.anchor, plain.visits.anchor)
    wanted = np.where(searches, catalog.items.category[shop.visits.anchor], -1)
    np.testing.assert_array_equal(shop.visits.query, wanted)
    elsewhere = shop_of(catalog, channels=BY_ADVERT, search_first=1.0)
    assert (elsewhere.visits.surface == CHANNELS[2][1]).all()


def test_missions_search_by_a_rate_of_their_own(catalog: Catalog) -> None:
    choice = replace(KEEN, click_base=-20.0)  # nothing is clicked
    shop = shop_of(catalog, choice=choice, search_rate=0.8, search_mission=0.25, channels=DIRECT)
    purpose = shop.visits.purpose.copy()
    shop.serve(slates_of(shop))
    searches = shop.visits.surface == SEARCH
    assert near(searches[purpose].mean(), 0.2, int(purpose.sum()))
    assert near(searches[~purpose].mean(), 0.8, int((~purpose).sum()))


# carts that stay carts


def test_a_share_of_the_lines_stays_in_the_cart(catalog: Catalog) -> None:
    """Nothing else changes: the other lines are bought, removed and abandoned as they were."""
    plain, shop = shop_of(catalog), shop_of(catalog, choice=replace(KEEN, cart_only=0.6))
    before, after = plain.serve(slates_of(plain))[0], shop.serve(slates_of(shop))[0]
    np.testing.assert_array_equal(before.carted, after.carted)
    np.testing.assert_array_equal(before.cart_units, after.cart_units)
    bought, kept = before.quantity > 0, after.quantity > 0
    assert not (kept & ~bought).any()
    assert not (after.removed & ~before.removed).any()
    assert near(kept.sum() / bought.sum(), 0.4, int(bought.sum()))
    np.testing.assert_array_equal(after.quantity[kept], before.quantity[kept])


def test_means_with_lines_that_stay_are_exact(catalog: Catalog) -> None:
    shop = shop_of(catalog, lanes=20_000, choice=replace(KEEN, cart_only=0.6, position_decay=0.0))
    plain = shop_of(catalog, lanes=20_000)
    items = slates_of(shop)
    means, without = shop.expected(items), plain.expected(items)
    np.testing.assert_array_equal(means["cart"], without["cart"])
    np.testing.assert_allclose(means["purchase"], 0.4 * without["purchase"], rtol=1e-12)
    np.testing.assert_allclose(means["margin"], 0.4 * without["margin"], rtol=1e-12)
    want = (shop.attention(items) * means["purchase"]).sum(axis=1)
    gap = shop.serve(items)[0].page[:, 2] - want
    assert abs(gap.mean()) < stats.norm.isf(ALARM / 2) * gap.std() / math.sqrt(len(gap))


def test_a_line_is_kept_by_a_logit_of_its_price(catalog: Catalog) -> None:
    """Closed form; at the reference price it is ``cart_only``, and a cut of the price brings more lines."""
    choice = replace(KEEN, cart_only=0.6, cart_price=1.5, buy_price=0.0, reference_price=1.0)
    shop = shop_of(catalog, choice=choice)
    items, cut = slates_of(shop), np.full(shop.lanes, 0.1)
    share = 1 / (1 + math.exp(-KEEN.buy_base))
    usual, cheaper = shop.expected(items), shop.expected(items, price_off=cut)
    np.testing.assert_allclose(usual["purchase"], 0.4 * share * usual["cart"], rtol=1e-6)
    sensitivity = shop.users.price_sensitivity[shop.visits.user].astype(float)[:, None]
    kept = 1 / (1 + np.exp(-(math.log(1.5) + 1.5 * sensitivity * math.log(0.9))))
    np.testing.assert_allclose(cheaper["purchase"], (1 - kept) * share * cheaper["cart"], rtol=1e-6)
    assert (cheaper["purchase"] > usual["purchase"]).all()


@pytest.mark.parametrize(
    ("cls", "bad"),
    [
        (ChoiceConfig, {"cart_only": 1.0}),
        (ChoiceConfig, {"cart_price": -1.0}),
        (RetentionConfig, {"passing_missions": 1.1}),
        (SurfacesConfig, {"search_first": -0.1}),
        (SurfacesConfig, {"search_mission": 1.1}),
    ],
)
def test_shares_out_of_range_are_refused(cls: Any, bad: dict[str, float]) -> None:
    with pytest.raises(InvalidInput, match=next(iter(bad))):
        cls(**bad)
