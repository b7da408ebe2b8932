"""The ways between the pages of a site, and what the context and the candidates tell of them."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import pytest
from scipy import stats

from shopgym.core import InvalidInput
from shopgym.simulators import Catalog, ChoiceConfig, Shop, ShopConfig, SurfaceConfig, SurfacesConfig
from shopgym.simulators.page.surfaces import CART, CHANNELS, EMAIL, HOME, PRODUCT, SEARCH, SURFACES

ALARM = 1e-6
"""False-alarm rate of each statistical check here."""
STAYING = ChoiceConfig(click_base=-1.0, cart_base=0.0, buy_base=0.0, leave_base=-20.0)


def site(catalog: Catalog, lanes: int = 4000, **surfaces: Any) -> Shop:
    config = ShopConfig(
        users=300,
        slate_size=3,
        num_candidates=12,
        choice=STAYING,
        random_share=0.0,
        surfaces=SurfacesConfig(enabled=True, **surfaces),
    )
    shop = Shop(catalog, config, lanes=lanes, seed=8)
    shop.start_visits()
    return shop


def near(got: float, want: float, n: int) -> bool:
    """Whether a share of n agrees with a probability."""
    return abs(got - want) <= stats.norm.isf(ALARM / 2) * math.sqrt(want * (1 - want) / n)


def test_visitors_arrive_by_their_channels(catalog: Catalog) -> None:
    shop = site(catalog, channels=(1.0, 2.0, 3.0, 4.0))
    share = np.bincount(shop.visits.channel, minlength=4) / 4000
    for channel, (_, entry) in enumerate(CHANNELS):
        assert near(share[channel], (channel + 1) / 10, 4000)
        assert (shop.visits.surface[shop.visits.channel == channel] == entry).all()


def test_transitions_between_surfaces(catalog: Catalog) -> None:
    shop = site(catalog, to_cart=0.6, search_rate=0.3, channels=(1.0, 0.0, 0.0, 0.0))
    slates = np.ascontiguousarray(shop.requests().candidates[:, :3])
    feedback, left, _ = shop.serve(slates)
    assert not left.any()
    clicked, carted = feedback.clicked.any(axis=1), feedback.carted.any(axis=1)
    surface = shop.visits.surface
    assert set(surface[~clicked]) == {HOME, SEARCH}
    assert near((surface[~clicked] == SEARCH).mean(), 0.3, int((~clicked).sum()))
    assert (surface[clicked & ~carted] == PRODUCT).all()
    assert set(surface[carted]) == {CART, PRODUCT}
    assert near((surface[carted] == CART).mean(), 0.6, int(carted.sum()))
    last = 2 - feedback.clicked[:, ::-1].argmax(axis=1)
    np.testing.assert_array_equal(shop.visits.anchor[clicked], slates[np.arange(len(slates)), last][clicked])
    searching = surface == SEARCH
    wanted = catalog.items.category[shop.visits.anchor[searching]]
    np.testing.assert_array_equal(shop.visits.query[searching], wanted)
    assert (shop.visits.query[~searching] == -1).all()


def test_the_context_shows_page_channel_and_query(catalog: Catalog) -> None:
    shop = site(catalog, search_rate=1.0)
    for _ in range(2):
        requests = shop.requests()
        shop.serve(np.ascontiguousarray(requests.candidates[:, :3]))
        shop.start_visits()
    requests = shop.requests()
    named = dict(zip(shop.context_names, requests.context.T, strict=True))
    for surface, name in enumerate(SURFACES):
        np.testing.assert_array_equal(named[f"on_{name}"], shop.visits.surface == surface)
    for channel, (name, _) in enumerate(CHANNELS):
        np.testing.assert_array_equal(named[f"by_{name}"], shop.visits.channel == channel)
    searching = shop.visits.surface == SEARCH
    assert searching.any()
    words = catalog.items.features[shop.visits.anchor[searching], :8]
    np.testing.assert_array_equal(requests.context[searching, :8], words)
    low, high = shop.context_bounds()
    assert (requests.context >= low - 1e-6).all()
    assert (requests.context <= high + 1e-6).all()


def test_candidates_in_the_cart_are_of_other_categories(catalog: Catalog) -> None:
    shop = site(catalog, to_cart=1.0, channels=(1.0, 0.0, 0.0, 0.0))
    shop.serve(np.ascontiguousarray(shop.requests().candidates[:, :3]))
    requests, in_cart = shop.requests(), shop.visits.surface == CART
    similar = int(shop.params.similar[CART])
    assert similar > 2
    anchor = shop.visits.anchor[in_cart][:, None]
    like_it = requests.candidates[in_cart][:, :similar]
    other_kind = catalog.items.category[like_it] != catalog.items.category[anchor]
    assert other_kind.mean() > 0.9  # a popular item fills in where too few neighbours are of another kind
    rows = requests.candidates[in_cart]
    assert (np.sort(rows, axis=1)[:, 1:] != np.sort(rows, axis=1)[:, :-1]).all()


def test_surfaces_have_their_own_slots_and_conversion(catalog: Catalog) -> None:
    plain, lifted = (
        site(
            catalog,
            300,
            channels=(0.0, 1.0, 0.0, 0.0),
            product=SurfaceConfig(slots=2, lift=lift, similar_share=0.5),
        )
        for lift in (0.0, 0.8)
    )
    slates = np.ascontiguousarray(plain.requests().candidates[:, :3])
    assert (plain.requests().slots == 2).all()
    odds = []
    for shop in (plain, lifted):
        means = shop.expected(slates)
        share = np.where(shop.stock.available[slates], means["cart"] / means["click"], np.nan)
        odds.append(np.log(share / (1 - share)))
    np.testing.assert_allclose(odds[1] - odds[0], 0.8 + 0 * odds[0], atol=1e-9)


def test_an_email_that_is_not_clicked_ends_the_visit(catalog: Catalog) -> None:
    shop = site(catalog, channels=(0.0, 0.0, 0.0, 1.0))
    assert (shop.visits.surface == EMAIL).all()
    feedback, left, _ = shop.serve(np.ascontiguousarray(shop.requests().candidates[:, :3]))
    np.testing.assert_array_equal(left, ~feedback.clicked.any(axis=1))


@pytest.mark.parametrize(
    ("part", "bad", "field"),
    [
        (SurfaceConfig, {"click_model": "telepathy"}, "click_model"),
        (SurfaceConfig, {"satisfied": 0.0}, "satisfied"),
        (SurfaceConfig, {"continuation": 1.5}, "continuation"),
        (SurfaceConfig, {"attention": (0.0, 1.0)}, "attention"),
        (SurfaceConfig, {"attention": (0.5, 1.0), "click_model": "dbn"}, "attention"),
        (SurfacesConfig, {"channels": (1.0,)}, "channels"),
        (SurfacesConfig, {"channels": (0.0, 0.0, 0.0, 0.0)}, "channels"),
        (SurfacesConfig, {"opened": -0.1}, "opened"),
    ],
)
def test_impossible_surfaces_are_refused(part: Any, bad: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput, match=field):
        part(**bad)


def test_more_slots_than_the_slate_are_refused(catalog: Catalog) -> None:
    config = dataclasses.replace(
        ShopConfig(users=5, slate_size=3, num_candidates=8),
        surfaces=SurfacesConfig(enabled=True, cart=SurfaceConfig(slots=4)),
    )
    with pytest.raises(InvalidInput, match=r"surfaces\.cart\.slots = 4"):
        Shop(catalog, config)


def test_attention_may_be_given_slot_by_slot(catalog: Catalog) -> None:
    grid = SurfaceConfig(attention=(0.6, 1.0, 0.5))
    shop = site(catalog, 4, home=grid, channels=(1.0, 0.0, 0.0, 0.0))
    np.testing.assert_allclose(shop.attention_curve, np.tile([0.6, 1.0, 0.5], (4, 1)))
    with pytest.raises(InvalidInput, match=r"surfaces\.home\.attention.*give 3 shares"):
        site(catalog, 4, home=SurfaceConfig(attention=(0.6, 1.0)))


def test_a_shop_of_one_item_has_pages_of_all_surfaces() -> None:
    surfaces = SurfacesConfig(enabled=True)
    config = ShopConfig(users=50, slate_size=1, num_candidates=1, choice=STAYING, surfaces=surfaces)
    shop = Shop(Catalog.synthetic(1, seed=0), config, lanes=100, seed=1)
    shop.start_visits()
    seen = set()
    for _ in range(40):
        requests = shop.requests()
        seen |= set(shop.visits.surface.tolist())
        assert (requests.candidates == 0).all()
        shop.serve(np.ascontiguousarray(requests.candidates))
    assert len(seen) > 1
