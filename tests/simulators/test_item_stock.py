"""Stock of single items: by id or for the most popular, beside the rule for all."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from shopgym.core import InvalidInput
from shopgym.core.config import build
from shopgym.simulators import Catalog, ItemStock, Shop, ShopConfig, StockConfig
from shopgym.simulators.market.stock import Stock, availability

NUMBERS = ("on_hand", "on_order", "reorder_point", "order_up_to", "available", "arriving")


def opened(catalog: Catalog, *items: ItemStock, **settings: Any) -> Stock:
    config = StockConfig(items=items, **{"minimum": 8, **settings})
    return Stock.open(catalog, config, pages_per_day=20_000, seed=1)


@pytest.mark.parametrize("rule", ["sS", "newsvendor"])
def test_a_factor_of_one_changes_nothing(catalog: Catalog, rule: str) -> None:
    plain, same = opened(catalog, rule=rule), opened(catalog, ItemStock(top=120, factor=1.0), rule=rule)
    for name in NUMBERS:
        np.testing.assert_array_equal(getattr(plain, name), getattr(same, name))


@pytest.mark.parametrize("rule", ["sS", "newsvendor"])
def test_the_stock_of_the_top_20_is_halved_and_no_other(catalog: Catalog, rule: str) -> None:
    plain, halved = opened(catalog, rule=rule), opened(catalog, ItemStock(top=20, factor=0.5), rule=rule)
    top = np.zeros(120, np.bool_)
    top[np.argsort(-catalog.items.popularity, kind="stable")[:20]] = True
    for name in ("on_hand", "on_order", "reorder_point", "order_up_to"):
        before, after = getattr(plain, name), getattr(halved, name)
        np.testing.assert_array_equal(after[~top], before[~top])
        if name != "reorder_point" or rule == "sS":
            assert np.abs(after[top] - before[top] / 2).max() <= 1.0
    if rule == "newsvendor":  # still a base-stock policy
        np.testing.assert_array_equal(halved.reorder_point, halved.order_up_to - 1)


def test_units_on_hand_and_levels_of_an_item(catalog: Catalog) -> None:
    plain = opened(catalog, out_at_start=0.9)
    item = ItemStock(ids=("item-007",), on_hand=5, reorder_point=2, order_up_to=30)
    stock = opened(catalog, item, ItemStock(ids=("item-009", "item-010"), on_hand=0), out_at_start=0.9)
    assert stock.on_hand[[7, 9, 10]].tolist() == [5, 0, 0]
    assert stock.available[[7, 9, 10]].tolist() == [True, False, False]
    assert (stock.reorder_point[7], stock.order_up_to[7]) == (2, 30)
    assert stock.on_order[[7, 9, 10]].tolist() == [0, 0, 0]  # counted stock is all there is
    assert not stock.arriving[:, [7, 9, 10]].any()
    rest = np.setdiff1d(np.arange(120), [7, 9, 10])
    for name in NUMBERS:
        np.testing.assert_array_equal(getattr(stock, name)[..., rest], getattr(plain, name)[..., rest])
    stock.sell(np.array([7], np.int32), np.array([3], np.int32))
    for _ in range(4):  # ordered at the first review, here three reviews later
        assert stock.on_hand[7] == 2
        stock.next_review()
    assert stock.on_hand[7] == 30


def test_the_later_entry_holds(catalog: Catalog) -> None:
    first, later = ItemStock(top=120, on_hand=3), ItemStock(ids=("item-004",), on_hand=9)
    on_hand = opened(catalog, first, later).on_hand
    assert on_hand[4] == 9
    assert (np.delete(on_hand, 4) == 3).all()


def test_what_is_not_restocked_is_sold_out_for_good(catalog: Catalog) -> None:
    stock = opened(catalog, ItemStock(ids=("item-003",), on_hand=2, restock=False))
    never = opened(catalog, ItemStock(top=120, restock=False), out_at_start=1.0)
    stock.sell(np.array([3], np.int32), np.array([4], np.int32))
    for _ in range(50):
        stock.next_review()
        never.next_review()
    assert stock.on_hand[3] == -2
    assert stock.on_order[3] == never.ordered == 0
    assert not never.available.any()


def test_a_factor_of_zero_is_never_in_stock(catalog: Catalog) -> None:
    none = opened(catalog, ItemStock(top=120, factor=0.0))
    for _ in range(20):
        assert not none.available.any()
        none.next_review()
    assert none.ordered == 0


def test_customers_with_calendars_of_their_own_see_it_too(catalog: Catalog) -> None:
    config = StockConfig(items=(ItemStock(ids=("item-003",), factor=0.0),))
    seen = availability(catalog, config, pages_per_day=20_000, seed=1, weeks=9)
    assert not seen[:, 3].any()
    assert seen[:, :3].any()


def test_less_stock_of_the_top_sells_less_of_it(catalog: Catalog) -> None:
    config = ShopConfig(users=500, slate_size=4, num_candidates=10, pages_per_day=20)
    top, sold = np.argsort(-catalog.items.popularity, kind="stable")[:20], []
    for items in ((), (ItemStock(top=20, factor=0.5),), (ItemStock(top=20, factor=0.0),)):
        shop = Shop(catalog, replace(config, stock=StockConfig(items=items)), lanes=300, seed=4)
        units = 0
        for _ in range(200):
            shop.start_visits()
            feedback, _, _ = shop.serve(np.ascontiguousarray(shop.requests().candidates[:, :4]))
            units += int(feedback.quantity[np.isin(feedback.sold, top)].sum())
        sold.append(units)
    assert sold[0] > sold[1] > sold[2] == 0


def test_it_can_be_written_in_a_config(catalog: Catalog) -> None:
    written = {"stock": {"items": [{"ids": ["item-005"], "on_hand": 1}, {"top": 3, "factor": 0.5}]}}
    config = build(ShopConfig, written)
    assert config.stock.items == (ItemStock(ids=("item-005",), on_hand=1), ItemStock(top=3, factor=0.5))
    assert Shop(catalog, config, seed=1).stock.on_hand[5] == 1


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({}, "give ids, or top"),
        ({"ids": ["item-001"], "top": 3}, "not both"),
        ({"ids": "item-001"}, "ids"),
        ({"ids": [7]}, "ids"),
        ({"ids": ["item-1"]}, r"stock\.items\[0\]\.ids.*no such item; did you mean"),
        ({"top": 121}, r"stock\.items\[0\]\.top.*only 120 items"),
        ({"top": 2, "factor": -0.5}, "factor"),
        ({"top": 2, "factor": 0.5, "order_up_to": 9}, "factor.*leave it out"),
        ({"top": 2, "on_hand": -1}, "on_hand"),
        ({"top": 2, "reorder_point": 9, "order_up_to": 9}, "order-up-to level is 9: give less"),
        ({"top": 2, "on_hnd": 4}, "on_hnd"),
    ],
)
def test_what_makes_no_sense_is_refused(catalog: Catalog, entry: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        Shop(catalog, build(ShopConfig, {"stock": {"items": [entry]}}))
