"""Behaviour: the formulas by hand, the simulation against its own expectation, the limiting cases."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from scipy import stats

from shopgym.core import Feedback, InvalidInput
from shopgym.core.batches import EVENT_COLUMNS, TERM_CLICK, TERM_MARGIN, TERM_STOCKOUT, PageBuffers
from shopgym.simulators import Catalog, ChoiceConfig, Shop, ShopConfig, StockConfig
from shopgym.simulators.page.choice_model import mean_units

ALARM = 1e-6
"""False-alarm rate of each statistical check here."""


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def in_visit(catalog: Catalog, config: ShopConfig, lanes: int = 1) -> Shop:
    shop = Shop(catalog, config, lanes=lanes, seed=1)
    shop.start_visits()
    return shop


def test_event_rows_are_spread_over_the_slots() -> None:
    """By hand: page 0 has no event, page 1 has two. The row of page 2 does not follow that of page 1."""
    clicked = np.array([[False, False, False], [False, True, False], [True, False, False]])
    carted = np.array([[False, False, False], [False, True, True], [False, False, False]])
    events = np.full((9, len(EVENT_COLUMNS)), np.nan)
    events[3] = 2.5, 1, 1, -1, 0, 0, 0, 0, 0, 0, 0, 0, 0
    events[4] = 0, 3, 0, 17, 3, 30.0, 6.0, 1, 7.5, 4.25, 3.5, 1.5, 0.2
    events[6] = 1.5, 0, 0, -1, 0, 0, 0, 0, 0, 0, 0, 0, 0
    none = np.zeros((3, 3), np.bool_)
    first, read = np.array([-99, 3, 6]), np.zeros(3, np.uint64)
    buffers = PageBuffers(clicked, carted, none, none, np.zeros((13, 3)), first, read)
    feedback = Feedback(buffers, events, lambda: np.full(3, 10.0, np.float32))
    one, two, three = (1, 1), (1, 2), (2, 0)
    for name, dtype, fill, values in (
        ("dwell", np.float32, 0, {one: 2.5, three: 1.5}),
        ("cart_units", np.int32, 0, {one: 1, two: 3}),
        ("removed", np.bool_, 0, {one: True}),
        ("sold", np.int32, -1, {two: 17}),
        ("quantity", np.int32, 0, {two: 3}),
        ("revenue", np.float64, 0, {two: 30.0}),
        ("margin", np.float64, 0, {two: 6.0}),
        ("returned", np.bool_, 0, {two: True}),
        ("return_cost", np.float64, 0, {two: 7.5}),
        ("return_delay", np.float32, 0, {two: 4.25}),
        ("discount_cost", np.float64, 0, {two: 3.5}),
        ("expected_return_cost", np.float64, 0, {two: 1.5}),
    ):
        want = np.full((3, 3), fill, dtype)
        for at, value in values.items():
            want[at] = value
        got = getattr(feedback, name)
        assert got.dtype == dtype
        np.testing.assert_array_equal(got, want, err_msg=name)
    np.testing.assert_array_equal(feedback.seconds, np.array([10.0, 12.5, 11.5], np.float32))
    np.testing.assert_array_equal(feedback.term("purchase"), (feedback.quantity > 0).astype(float))
    with pytest.raises(InvalidInput, match="clicks"):
        feedback.term("clicks")


def test_funnel_by_hand(catalog: Catalog, config: ShopConfig) -> None:
    shop = in_visit(catalog, config, lanes=6)
    c, visits, users = config.choice, shop.visits, shop.users
    got = shop.expected(np.arange(6, dtype=np.int32)[:, None])
    items = catalog.items
    for lane in range(6):
        item, user = lane, visits.user[lane]
        pull = c.taste_weight * users.taste[user] + c.intent_weight * visits.intent[lane]
        v = float(pull @ catalog.embedding[item])
        pain = float(users.price_sensitivity[user]) * math.log(items.price[item] / np.median(items.price))
        click = sigmoid(c.click_base + v + c.quality_weight * catalog.quality[item])
        phone = c.mobile_penalty if visits.mobile[lane] else 0.0
        cart = click * sigmoid(c.cart_base + c.depth * v - pain - phone) * shop.stock.available[item]
        lines = cart * sigmoid(c.buy_base - pain / 2)
        p, k = 1 / catalog.units_mean[item], c.max_units
        weights = [p * (1 - p) ** (x - 1) for x in range(1, k + 1)]
        units = lines * sum(x * w for x, w in enumerate(weights, 1)) / sum(weights)
        for name, want in (
            ("click", click),
            ("cart", cart),
            ("purchase", lines),
            ("units", units),
            ("revenue", units * items.price[item]),
            ("margin", units * items.margin[item]),
        ):
            assert got[name][lane, 0] == pytest.approx(want, rel=1e-5), name


def test_mean_units_is_the_mean_of_a_cut_geometric(catalog: Catalog, config: ShopConfig) -> None:
    params = in_visit(catalog, config).params
    for item in range(0, 120, 17):
        p, k = params.units_p[item], params.max_units
        w = np.array([p * (1 - p) ** (x - 1) for x in range(1, k + 1)])
        assert mean_units(p, k) == pytest.approx(float(np.arange(1, k + 1) @ w / w.sum()), rel=1e-9)


def test_simulation_agrees_with_expectation(catalog: Catalog) -> None:
    # a lively shop, so that every term has events; each term's mean gets a two-sided z-test
    choice = ChoiceConfig(click_base=-1.5, cart_base=0.0, buy_base=0.0)
    lanes, k = 40_000, 3
    shop = in_visit(catalog, ShopConfig(users=500, slate_size=k, num_candidates=8, choice=choice), lanes)
    slates = np.ascontiguousarray(shop.requests().candidates[:, :k])
    means = shop.expected(slates)
    feedback = shop.counterfactual(slates)
    for name in ("click", "cart", "purchase", "units", "revenue", "margin"):
        want = shop.attention_curve * means[name]
        got = feedback.term(name)
        difference = (got - want).mean(axis=0)
        z = difference / (got - want).std(axis=0) * math.sqrt(lanes)
        assert (2 * stats.norm.sf(abs(z)) > ALARM).all(), (name, z)
    assert feedback.page[:, TERM_MARGIN] == pytest.approx(feedback.margin.sum(axis=1), rel=1e-12)
    np.testing.assert_array_equal(feedback.page[:, TERM_CLICK], feedback.clicked.sum(axis=1))


def test_position_bias_and_its_switch(catalog: Catalog, config: ShopConfig) -> None:
    ravel_view = dataclasses.replace(config, choice=ChoiceConfig(position_decay=0.0))
    np.testing.assert_array_equal(in_visit(catalog, ravel_view).attention_curve[0], np.ones(3))
    steep = dataclasses.replace(config, choice=ChoiceConfig(position_decay=1.0))
    np.testing.assert_allclose(in_visit(catalog, steep).attention_curve[0], [1, 1 / 2, 1 / 3])


def test_sold_out_is_never_bought(catalog: Catalog, config: ShopConfig) -> None:
    shop = in_visit(catalog, dataclasses.replace(config, choice=ChoiceConfig(click_base=3.0)), lanes=500)
    shop.stock.available[:] = False
    slates = np.ascontiguousarray(shop.requests().candidates[:, :3])
    feedback = shop.counterfactual(slates)
    assert feedback.clicked.any()
    assert not feedback.carted.any()
    assert not feedback.quantity.any()
    assert feedback.unavailable.all()
    assert (feedback.page[:, TERM_STOCKOUT] == 3).all()
    assert not shop.expected(slates)["margin"].any()


def test_price_moves_purchases_down(catalog: Catalog, config: ShopConfig) -> None:
    dearer = dataclasses.replace(
        catalog, items=dataclasses.replace(catalog.items, price=catalog.items.price * np.linspace(1, 3, 120))
    )
    base, high = in_visit(catalog, config), in_visit(dearer, config)
    item = np.array([[119]], np.int32)
    assert high.expected(item)["purchase"][0, 0] < base.expected(item)["purchase"][0, 0]


def test_empty_slots_yield_nothing(catalog: Catalog, config: ShopConfig) -> None:
    shop = in_visit(catalog, config, lanes=50)
    empty = np.full((50, 3), -1, np.int32)
    assert not shop.counterfactual(empty).page.any()
    assert not shop.expected(empty)["click"].any()


def test_one_item_catalogue() -> None:
    shop = Shop(Catalog.synthetic(1, seed=0), ShopConfig(users=3, slate_size=1, num_candidates=1), lanes=4)
    shop.start_visits()
    requests = shop.requests()
    assert (requests.candidates == 0).all()
    feedback, _, _ = shop.serve(requests.candidates)
    np.testing.assert_array_equal(feedback.sold[feedback.quantity > 0], 0)


@pytest.mark.parametrize("enabled", [False, True])
def test_only_a_stock_that_is_on_runs_out(catalog: Catalog, config: ShopConfig, enabled: bool) -> None:
    """200 visitors a day, who buy nearly everything, see the same three items for 40 days."""
    eager = ChoiceConfig(click_base=6.0, cart_base=8.0, buy_base=8.0)
    config = dataclasses.replace(
        config, choice=eager, pages_per_day=1, stock=StockConfig(enabled=enabled, out_at_start=0.0)
    )
    shop, slates = in_visit(catalog, config, lanes=200), np.tile(np.arange(3, dtype=np.int32), (200, 1))
    sold, ran_out = np.zeros(3), np.zeros(3, np.bool_)
    for _ in range(40):
        feedback, _, _ = shop.serve(slates)
        sold += feedback.quantity.sum(axis=0)
        ran_out |= feedback.unavailable.any(axis=0) | ~shop.stock.available[:3]
        shop.start_visits()
    assert shop.day == 40.0
    assert (sold > 1000).all()
    assert ran_out.all() == ran_out.any() == enabled
