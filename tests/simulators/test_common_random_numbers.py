"""Common random numbers: results do not depend on batch, block, threads or order."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from shopgym.core.batches import SLOT_TERMS, Requests
from shopgym.simulators import Catalog, Shop, ShopConfig, StockConfig
from shopgym.simulators import shop as shop_module


def story(shop: Shop, pages: int = 12) -> list[Any]:
    """Everything that can be seen of a shop over some steps under a fixed rule."""
    seen: list[Any] = []
    for _ in range(pages):
        shop.start_visits()
        requests = shop.requests()
        slates = np.ascontiguousarray(requests.candidates[:, : shop.config.slate_size])
        feedback, left, cut = shop.serve(slates)
        seen += [requests.user, requests.context, requests.candidates, requests.in_stock, feedback.page]
        seen += [feedback.quantity, left, cut, shop.stock.on_hand.copy(), shop.visits.intent.copy()]
    return seen


def same(a: list[Any], b: list[Any]) -> bool:
    return all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


@pytest.mark.parametrize(("threads", "block"), [(1, 1), (1, 7), (2, 5), (3, 64), (0, 1000)])
def test_block_size_and_threads_change_nothing(
    catalog: Catalog, config: ShopConfig, threads: int, block: int
) -> None:
    # scarce stock and a quick clock, so that the shared state matters
    scarce = dataclasses.replace(config, pages_per_day=4, stock=StockConfig(minimum=1, cover_days=0.5))
    whole = story(Shop(catalog, scarce, lanes=64, seed=11))
    parts = story(Shop(catalog, scarce, lanes=64, seed=11, threads=threads, block=block))
    assert same(whole, parts)


def test_batches_of_any_size_see_the_same_visits(catalog: Catalog, config: ShopConfig) -> None:
    apart = dataclasses.replace(config, stock=StockConfig(enabled=False))
    whole = story(Shop(catalog, apart, lanes=12, seed=5), pages=20)
    for size in (1, 3, 4):
        lanes = [range(low, low + size) for low in range(0, 12, size)]
        shops = [Shop(catalog, apart, lanes=size, seed=5) for _ in lanes]
        for shop, part in zip(shops, lanes, strict=True):
            shop.reset([5 + lane for lane in part])
        stories = [story(shop, pages=20) for shop in shops]
        for i, everyone in enumerate(whole):
            if len(everyone) == 12:  # by lane; the stock is off
                np.testing.assert_array_equal(everyone, np.concatenate([one[i] for one in stories]))


def test_same_seed_same_bytes_and_other_seed_not(catalog: Catalog, config: ShopConfig) -> None:
    shop = Shop(catalog, config, lanes=16, seed=2)
    first = story(shop)
    shop.reset(2)
    assert same(first, story(shop))
    shop.reset(3)
    assert not same(first, story(shop))


def test_an_item_gets_the_same_response_whatever_else_is_shown(catalog: Catalog, config: ShopConfig) -> None:
    shop = Shop(catalog, config, lanes=4000, seed=9)
    shop.start_visits()
    candidates = shop.requests().candidates
    one = np.ascontiguousarray(candidates[:, [0, 1, 2]])
    other = np.ascontiguousarray(candidates[:, [0, 3, 4]])
    a, b = shop.counterfactual(one), shop.counterfactual(other)
    assert a.quantity[:, 0].any()
    np.testing.assert_array_equal(a.quantity[:, 0], b.quantity[:, 0])
    np.testing.assert_array_equal(a.clicked[:, 0], b.clicked[:, 0])


def test_requests_of_some_rows_equal_those_of_all(catalog: Catalog, config: ShopConfig) -> None:
    shop = Shop(catalog, config, lanes=64, seed=3)
    shop.start_visits()
    some = np.arange(64) % 3 == 0
    every, few = shop.requests(), shop.requests(some)
    for name in ("request_id", "user_id", "user", "context", "candidates", "in_stock", "time"):
        np.testing.assert_array_equal(getattr(few, name)[some], getattr(every, name)[some])


@pytest.mark.parametrize("clock", ["pages", "own", "season"])
def test_reading_the_shop_changes_nothing(catalog: Catalog, clock: str) -> None:
    config = ShopConfig.full(slate_size=3, num_candidates=8)
    shop = Shop(catalog, config, lanes=300, seed=9, clock=clock)
    shop.start_visits()
    for _ in range(3):
        shop.serve(np.ascontiguousarray(shop.requests().candidates[:, :3]))
        shop.start_visits()

    def state() -> list[Any]:
        parts = [*shop.visits, *shop.today, shop.stock.on_hand, shop.stock.on_order, shop.day]
        return [np.copy(part) for part in parts]

    start = state()
    slates = np.ascontiguousarray(shop.requests().candidates[:, :3])
    expected = shop.counterfactual(slates)
    assert expected.clicked.any()
    shop.expected(slates)
    shop.attention(slates)
    shop.reads_on(slates)
    assert same(start, state())
    feedback, _, _ = shop.serve(slates)
    np.testing.assert_array_equal(feedback.page, expected.page)
    np.testing.assert_array_equal(feedback.events, expected.events)
    np.testing.assert_array_equal(feedback.seconds, expected.seconds)
    assert not same(start, state())


def test_candidates_are_different_items(config: ShopConfig) -> None:
    for size in (8, 9, 40):
        shop = Shop(Catalog.synthetic(size, seed=0), config, lanes=200, seed=1)
        shop.start_visits()
        ordered = np.sort(shop.requests().candidates, axis=1)
        assert (np.diff(ordered, axis=1) > 0).all()
        assert ordered.min() >= 0
        assert ordered.max() < size


def served(shop: Shop, *, at_once: bool, pages: int = 12) -> list[Any]:
    """What happens on pages shown to most visits; the next are started and read at once or in two calls."""
    rng, seen = np.random.default_rng(0), []
    shop.start_visits()
    for _ in range(pages):
        slates = rng.integers(-1, len(shop.catalog), (shop.lanes, shop.config.slate_size), dtype=np.int32)
        lanes = rng.random(shop.lanes) < 0.7
        feedback, left, cut = shop.serve(slates, lanes)
        seen += [left, cut, shop.stock.on_hand.copy(), *(column.copy() for column in shop.visits)]
        seen += [feedback.term(name) for name in SLOT_TERMS]
        seen += [feedback.examined, feedback.page, feedback.seconds, feedback.events]
        if at_once:
            requests = shop.next_pages(shop.visits.over.copy())
        else:
            shop.start_visits()
            requests = shop.requests()
        seen += [getattr(requests, field.name) for field in dataclasses.fields(Requests)[:7]]
    return seen


@pytest.mark.parametrize(("at_once", "threads"), [(False, 1), (True, 3), (False, 3)])
def test_next_pages_equals_start_visits_then_requests_for_any_threads_and_claims(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch, at_once: bool, threads: int
) -> None:
    config = ShopConfig.full(slate_size=6, num_candidates=0)  # some lists are read to the end, others not
    whole = served(Shop(catalog, config, lanes=400, seed=4), at_once=True)
    monkeypatch.setattr(shop_module, "MAX_CLAIM", 30)
    parts = served(Shop(catalog, config, lanes=400, seed=4, threads=threads, block=50), at_once=at_once)
    assert same(whole, parts)


@pytest.mark.parametrize("content", [0x00, 0x7F, 0xFF, 0xC0])
def test_scratch_memory_of_earlier_pages_does_not_matter(catalog: Catalog, content: int) -> None:
    config = ShopConfig.full(slate_size=6, num_candidates=0)
    whole = served(Shop(catalog, config, lanes=200, seed=4), at_once=True)
    shop = Shop(catalog, config, lanes=200, seed=4)
    for notes in (*shop._workspaces, shop._event_rows):
        for name in set(notes._fields) - {"visit_at", "slot_at"}:
            getattr(notes, name).view(np.uint8)[...] = content
    assert same(whole, served(shop, at_once=True))
