"""Items bought again: what is remembered by hand, candidates and likes in closed form, limiting cases."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from shopgym.core.batches import EMPTY
from shopgym.core.errors import InvalidInput
from shopgym.core.types import F64, I32
from shopgym.simulators import (
    Catalog,
    ChoiceConfig,
    PeopleConfig,
    RepurchaseConfig,
    Shop,
    ShopConfig,
    StockConfig,
)
from shopgym.simulators.people.repurchase import (
    bought_before,
    count_bought_before,
    remember_purchase,
)
from shopgym.simulators.people.visits import Visits, empty_visits

BOUGHT = np.arange(20, 28, dtype=np.int32)
"""Items that everybody bought before; nobody is ever offered them for their popularity."""


def shop_of(catalog: Catalog, *, lanes: int = 4000, **repurchase: Any) -> Shop:
    people = PeopleConfig(enabled=True, boredom=0.0, repurchase=RepurchaseConfig(**repurchase))
    config = ShopConfig(
        users=500,
        similar_share=0.0,
        random_share=0.0,
        choice=ChoiceConfig(click_base=-1.0),
        people=people,
        stock=StockConfig(enabled=False),
    )
    shop = Shop(catalog, config, lanes=lanes, seed=5)
    shop.start_visits()
    if shop.visits.purchases.shape[1]:
        shop.visits.purchases[:, : len(BOUGHT)] = BOUGHT
    return shop


@pytest.fixture(scope="module")
def rare(catalog: Catalog) -> Catalog:
    """A catalogue whose items ``BOUGHT`` are never drawn by popularity."""
    popularity = catalog.items.popularity.copy()
    popularity[BOUGHT] = 0.0
    return replace(catalog, items=replace(catalog.items, popularity=popularity / popularity.sum()))


def logit(p: F64) -> F64:
    return np.log(p / (1.0 - p))


def bought(visits: Visits, *items: int) -> list[int]:
    for item in items:
        remember_purchase(visits, 0, item)
    remembered: list[int] = visits.purchases[0].tolist()
    return remembered


def test_what_is_remembered_by_hand() -> None:
    visits = empty_visits(1, 2, 0, 3)
    assert bought(visits, 7, 8, 7) == [7, 8, EMPTY]  # the latest first, each once
    assert count_bought_before(visits, 0) == 0  # all of it was bought during this visit
    assert not bought_before(visits, 0, 7)
    visits.fresh[0] = 0  # the next visit
    assert count_bought_before(visits, 0) == 2
    assert bought(visits, 8) == [8, 7, EMPTY]
    assert count_bought_before(visits, 0) == 1
    assert bought_before(visits, 0, 7)
    assert not bought_before(visits, 0, 8)
    assert bought(visits, 1, 2) == [2, 1, 8]  # 7 was bought longest ago
    assert visits.fresh[0] == 3


def test_candidates_hold_items_bought_before_in_closed_form(rare: Catalog) -> None:
    share, places, remembered = 0.25, 30, len(BOUGHT)
    shop = shop_of(rare, items=12, share=share)
    held = np.isin(shop.requests().candidates, BOUGHT).sum(axis=1)
    # a place asks for item x with probability share / remembered, and an item is listed once
    missing = (1.0 - share / remembered) ** places
    both_missing = (1.0 - 2.0 * share / remembered) ** places
    mean = remembered * (1.0 - missing)
    variance = remembered * missing * (1.0 - missing) + remembered * (remembered - 1) * (
        both_missing - missing**2
    )
    # two-sided, false-alarm rate about 6e-7
    assert held.mean() == pytest.approx(mean, abs=5 * (variance / shop.lanes) ** 0.5)


def test_only_earlier_purchases_are_candidates(rare: Catalog) -> None:
    shop = shop_of(rare, items=12, share=1.0, lanes=50)
    shop.visits.fresh[:] = 3
    candidates = shop.requests().candidates
    assert not np.isin(candidates, BOUGHT[:3]).any()
    assert np.isin(candidates, BOUGHT[3:]).any(axis=1).all()
    assert all(len(set(row)) == len(row) for row in candidates.tolist())


def test_a_lift_is_added_to_the_logit_of_a_like(rare: Catalog) -> None:
    lifted, plain = shop_of(rare, items=12, lift=1.5, lanes=100), shop_of(rare, items=12, lanes=100)
    lifted.visits.fresh[:] = 1
    page: I32 = np.tile(np.array([BOUGHT[0], BOUGHT[4], 40], np.int32), (100, 1))
    gained = logit(lifted.expected(page)["click"]) - logit(plain.expected(page)["click"])
    # bought during this visit, bought before, never bought
    np.testing.assert_allclose(gained, np.tile([0.0, 1.5, 0.0], (100, 1)), atol=1e-9)


@pytest.mark.parametrize(
    "repurchase", [{"items": 0, "share": 0.9, "lift": 3.0}, {"items": 12, "share": 0.0, "lift": 0.0}]
)
def test_without_memory_or_effect_the_shop_is_the_same(rare: Catalog, repurchase: dict[str, Any]) -> None:
    off, on = shop_of(rare, lanes=200), shop_of(rare, lanes=200, **repurchase)
    for _ in range(6):
        requests = off.requests(), on.requests()
        np.testing.assert_array_equal(requests[0].candidates, requests[1].candidates)
        pages = [shop.serve(requests[0].candidates[:, :5])[0].page for shop in (off, on)]
        np.testing.assert_array_equal(*pages)


def test_lines_bought_before_follow_the_share(rare: Catalog) -> None:
    keen = ChoiceConfig(click_base=0.0, cart_base=1.0, buy_base=3.0, leave_base=-1.0)
    again, errors = [], []
    for share in (0.0, 0.3, 0.6):
        repurchase = RepurchaseConfig(items=64, share=share)
        people = PeopleConfig(enabled=True, repurchase=repurchase)
        config = ShopConfig(
            users=500,
            similar_share=0.0,
            random_share=0.0,
            choice=keen,
            people=people,
            stock=StockConfig(enabled=False),
        )
        shop, lines, old = Shop(rare, config, lanes=300, seed=1, clock="own"), 0, 0
        shop.start_visits()
        for _ in range(60):
            before = shop.visits.purchases.copy()
            for row in range(shop.lanes):
                before[row, : shop.visits.fresh[row]] = EMPTY
            later = shop.visits.visit > 1
            feedback, left, cut = shop.serve(shop.requests().candidates[:, :5])
            rows, slots = np.nonzero((feedback.quantity > 0) & later[:, None])
            sold = feedback.sold[rows, slots]
            lines += len(sold)
            old += int((before[rows] == sold[:, None]).any(axis=1).sum())
            shop.end_visits(left | cut)
            shop.start_visits()
        again.append(old / lines)
        errors.append((again[-1] * (1.0 - again[-1]) / lines) ** 0.5)
    # one-sided, false-alarm rate below 1e-6; lines of one visit count as if drawn alone
    assert np.diff(again).min() > 5.0 * 2**0.5 * max(errors)


@pytest.mark.parametrize(("field", "value"), [("items", -1), ("items", 1001), ("share", 1.2), ("lift", -0.1)])
def test_settings_out_of_range_are_refused(field: str, value: float) -> None:
    with pytest.raises(InvalidInput, match=field):
        RepurchaseConfig(**{field: value})  # type: ignore[arg-type]
