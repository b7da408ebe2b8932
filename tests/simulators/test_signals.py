"""Signals beyond the click: time, cart edits, substitutes, waiting, brands, missions, returns, discounts."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import pytest
from scipy import stats

from shopgym.core import InvalidInput, Requests
from shopgym.core.types import F64, I32, Bool
from shopgym.policies.guards import MarginFloor
from shopgym.simulators import (
    Campaign,
    Catalog,
    ChoiceConfig,
    DeliveryConfig,
    DwellConfig,
    ReturnConfig,
    Shop,
    ShopConfig,
    StockConfig,
)
from shopgym.simulators.market.returns import Returns

ALARM = 1e-6
"""False-alarm rate of each statistical check here."""
LIVELY = ChoiceConfig(click_base=-0.5, cart_base=0.5, buy_base=0.5)


def busy(catalog: Catalog, lanes: int, *, choice: ChoiceConfig = LIVELY, **settings: Any) -> tuple[Shop, I32]:
    """A shop where much happens, and a slate for every lane."""
    plain: dict[str, Any] = {"users": 400, "slate_size": 3, "num_candidates": 8}
    config = ShopConfig(**{**plain, "choice": choice, **settings})
    shop = Shop(catalog, config, lanes=lanes, seed=6)
    shop.start_visits()
    return shop, np.ascontiguousarray(shop.requests().candidates[:, :3])


def agree(got: F64, want: F64) -> None:
    """Means by slot agree at the false-alarm rate; rows are independent."""
    residual = got - want
    z = residual.mean(axis=0) / residual.std(axis=0) * math.sqrt(len(got))
    assert (2 * stats.norm.sf(abs(z)) > ALARM).all(), z


def test_dwell_is_log_normal_with_the_stated_median() -> None:
    catalog = Catalog.synthetic(120, seed=3)
    shop, slates = busy(catalog, 20_000, dwell=DwellConfig(enabled=True, median=47, log_sd=1.38, depth=0.0))
    feedback = shop.counterfactual(slates)
    seconds = np.log(feedback.dwell[feedback.clicked])
    normal = (seconds - math.log(47)) / 1.38
    assert stats.kstest(normal, "norm").pvalue > ALARM
    agree(feedback.term("dwell"), shop.attention(slates) * shop.expected(slates)["dwell"])
    np.testing.assert_allclose(feedback.page[:, 7], feedback.dwell.sum(axis=1), rtol=1e-5)
    assert (feedback.seconds > feedback.dwell.sum(axis=1)).all()


def test_with_dwell_off_no_time_is_recorded(catalog: Catalog) -> None:
    shop, slates = busy(catalog, 50)
    assert not shop.counterfactual(slates).seconds.any()


def test_a_cart_is_bought_or_abandoned_as_a_whole(catalog: Catalog) -> None:
    """Without price sensitivity all lines of a visit have the same random draw and the same probability."""
    shop, slates = busy(catalog, 5000, choice=dataclasses.replace(LIVELY, price_sensitivity=1e-9))
    feedback = shop.counterfactual(slates)
    carted, bought = feedback.carted.sum(axis=1), (feedback.quantity > 0).sum(axis=1)
    assert ((bought == 0) | (bought == carted)).all()
    assert (bought[carted > 1] > 1).any()
    assert not feedback.removed.any()


def test_units_in_the_cart_are_the_units_bought(catalog: Catalog) -> None:
    shop, slates = busy(catalog, 20_000, choice=dataclasses.replace(LIVELY, bulk_sd=0.8))
    feedback = shop.counterfactual(slates)
    units, bought = feedback.cart_units, feedback.quantity > 0
    np.testing.assert_array_equal(units > 0, feedback.carted)
    np.testing.assert_array_equal(feedback.quantity[bought], units[bought])
    # what is left behind was edited as often as what is bought: quantity does not decide about checkout
    left = feedback.carted & ~bought
    table = [[(units[kind] > 1).sum(), (units[kind] == 1).sum()] for kind in (bought, left)]
    assert min(min(row) for row in table) > 100
    items = np.broadcast_to(slates, units.shape)
    one = items == np.bincount(items[feedback.carted]).argmax()  # within one item: dear ones sell singly
    table = [[(units[k & one] > 1).sum(), (units[k & one] == 1).sum()] for k in (bought, left)]
    assert stats.fisher_exact(table).pvalue > ALARM


def test_items_that_are_too_expensive_are_removed_from_the_cart(catalog: Catalog) -> None:
    shop, slates = busy(catalog, 5000, choice=dataclasses.replace(LIVELY, price_sensitivity=2.0))
    feedback = shop.counterfactual(slates)
    assert feedback.removed.any()
    assert (feedback.carted & (feedback.quantity == 0))[feedback.removed].all()
    dear = shop.params.sensitivity[shop.visits.user][:, None] * shop.today.log_price[0, slates] > 0
    assert dear[feedback.removed].all()


def test_substitutes_by_hand_and_by_simulation(catalog: Catalog) -> None:
    choice = dataclasses.replace(LIVELY, substitution=0.4)
    shop, slates = busy(catalog, 20_000, choice=choice)
    gone: Bool = np.random.default_rng(0).random(120) < 0.5
    shop.stock.available[:] = ~gone
    feedback, means = shop.counterfactual(slates), shop.expected(slates)
    swapped = (feedback.sold >= 0) & (feedback.sold != slates)
    assert swapped.any()
    assert gone[slates[swapped]].all()
    assert not gone[feedback.sold[swapped]].any()
    for item, sold in zip(slates[swapped][:50], feedback.sold[swapped][:50], strict=True):
        near = [int(other) for other in catalog.neighbours[item, :4] if not gone[other]]
        assert sold == near[0]
    for name in ("cart", "purchase", "margin"):
        agree(feedback.term(name), shop.attention(slates) * means[name])
    without = Shop(catalog, dataclasses.replace(shop.config, choice=LIVELY), lanes=3, seed=6)
    without.start_visits()
    without.stock.available[:] = False
    assert not without.expected(np.zeros((3, 1), np.int32))["purchase"].any()


def test_brand_waiting_and_missions_change_the_cart_by_their_logits(catalog: Catalog) -> None:
    # some items come on the day of the order, which is worth no more than the next day
    shipping_days = np.arange(len(catalog), dtype=np.float32) % 4
    catalog = dataclasses.replace(
        catalog, details=dataclasses.replace(catalog.details, shipping_days=shipping_days)
    )

    def cart(choice: ChoiceConfig = LIVELY, **settings: Any) -> tuple[Shop, F64]:
        shop, slates = busy(catalog, 300, choice=choice, **settings)
        means = shop.expected(slates)
        p = np.where(shop.stock.available[slates], means["cart"] / means["click"], np.nan)
        return shop, np.log(p / (1 - p))

    plain_shop, plain = cart()
    slates = plain_shop.requests().candidates[:, :3]
    shop, branded = cart(dataclasses.replace(LIVELY, brand_weight=0.7))
    own = catalog.details.brand[slates] == shop.params.user_brand[shop.visits.user][:, None]
    np.testing.assert_allclose(branded - plain, np.where(own, 0.7, 0.0) + 0 * plain, atol=1e-9)
    assert own.any()
    shop, missions = cart(dataclasses.replace(LIVELY, mission_share=0.4, mission_lift=1.5))
    on_mission = shop.visits.purpose[:, None]
    np.testing.assert_allclose(missions - plain, np.where(on_mission, 1.5, 0.0) + 0 * plain, atol=1e-6)
    assert abs(on_mission.mean() - 0.4) < stats.norm.isf(ALARM / 2) * math.sqrt(0.24 / 300)
    shop, waiting = cart(delivery=DeliveryConfig(weight=0.2, region_days=(0.0, 3.0)))
    days = (
        catalog.details.shipping_days[slates]
        + np.array([0.0, 3.0])[shop.users.region[shop.visits.user]][:, None]
    )
    assert (days[np.isfinite(plain)] == 0).any()
    np.testing.assert_allclose(waiting - plain, -0.2 * np.maximum(days - 1, 0) + 0 * plain, atol=1e-6)
    assert shop.user_names[-2:] == ("region_0", "region_1")


def test_returns_by_hand_and_by_simulation(catalog: Catalog) -> None:
    config = ReturnConfig(enabled=True, rate=0.3, worth=0.5, depth=0.0, delay=8.0, handling=0.25)
    shop, slates = busy(catalog, 30_000, returns=config)
    feedback, means = shop.counterfactual(slates), shop.expected(slates)
    rates = catalog.details.return_rate * 0.3 / catalog.details.return_rate.mean()
    back = 1 / (1 + np.exp(-(np.log(rates / (1 - rates)) - 0.5 * catalog.details.worth)))
    want = back[slates] * (means["margin"] + 0.25 * means["purchase"])
    np.testing.assert_allclose(means["return_cost"], want, rtol=1e-5)
    agree(feedback.term("return_cost"), shop.attention(slates) * want)
    assert (feedback.quantity[feedback.returned] > 0).all()
    delays = feedback.return_delay[feedback.returned] - 1.0
    assert stats.kstest(delays / 8.0, "expon").pvalue > ALARM


def test_returned_goods_are_in_stock_when_they_arrive(catalog: Catalog) -> None:
    shop, slates = busy(
        catalog,
        200,
        returns=ReturnConfig(enabled=True, rate=0.9, delay=0.5),
        stock=StockConfig(lead_time=90, out_at_start=0.0),
        pages_per_day=2,
    )
    total = shop.stock.on_hand.sum()
    bought = returned = 0
    for _ in range(20):
        shop.start_visits()
        slates = np.ascontiguousarray(shop.requests().candidates[:, :3])
        feedback, _, _ = shop.serve(slates)
        bought += int(feedback.quantity.sum())
        returned += int(feedback.quantity[feedback.returned].sum())
    pending = sum(int(units.sum()) for _, _, units in shop.returns._parts)
    assert shop.stock.returned == returned - pending > 0
    assert shop.stock.on_hand.sum() == total - bought + shop.stock.returned


def test_returns_are_reported_once() -> None:
    returns = Returns()
    assert len(returns.arrived(1e9)[0]) == 0
    assert len(returns) == 0


@pytest.mark.parametrize("off", [0.0, 0.1, 0.5])
def test_a_discount_by_hand_and_by_simulation(catalog: Catalog, off: float) -> None:
    shop, slates = busy(catalog, 20_000)
    level = np.full(20_000, off)
    plain, cut = shop.expected(slates), shop.expected(slates, price_off=level)
    np.testing.assert_array_equal(plain["click"], cut["click"])
    units = cut["units"]
    price, cost = catalog.items.price[slates], catalog.items.unit_cost[slates]
    paid = np.maximum(price * (1 - off), cost)  # a discount stops at cost
    assert (price * (1 - off) < cost).any() == (off == 0.5)
    np.testing.assert_allclose(cut["revenue"], units * paid, rtol=1e-9)
    want = units * (paid - cost)
    np.testing.assert_allclose(cut["margin"], want, rtol=1e-9, atol=1e-12)
    assert (cut["margin"] >= 0).all()
    assert (units >= plain["units"] - 1e-12).all()
    feedback = shop.counterfactual(slates, price_off=level)
    agree(feedback.term("margin"), shop.attention(slates) * want)


def test_bad_discounts_are_refused(catalog: Catalog) -> None:
    shop, slates = busy(catalog, 2)
    for bad in ([0.1], [0.1, 1.0], [-0.1, 0.0], [math.nan, 0.0]):
        with pytest.raises(InvalidInput, match="price_off"):
            shop.counterfactual(slates, price_off=np.array(bad))


def test_users_differ_in_missions_units_and_returns_and_expectations_agree(catalog: Catalog) -> None:
    choice = dataclasses.replace(LIVELY, mission_share=0.3, mission_alike=0.5, mission_lift=1.0, bulk_sd=0.8)
    returns = ReturnConfig(enabled=True, rate=0.2, spread=1.0)
    shop, slates = busy(catalog, 30_000, choice=choice, returns=returns, users=20_000)
    users = shop.users
    assert users.mission.mean() == pytest.approx(0.3, abs=0.02)
    assert users.mission.var() == pytest.approx(0.5 * 0.21, rel=0.05)  # intraclass correlation
    # Pareto with mean 1 and tail index 1 / 0.8
    assert users.bulk.min() == pytest.approx(1 - 0.8, rel=1e-3)
    assert stats.kstest(np.log(users.bulk / (1 - 0.8)), "expon", args=(0, 0.8)).pvalue > ALARM
    assert users.returner.std() == pytest.approx(1.0, rel=0.03)
    feedback, means, attention = shop.counterfactual(slates), shop.expected(slates), shop.attention(slates)
    for name in ("units", "margin", "return_cost"):
        agree(feedback.term(name), attention * means[name])
    bulk = users.bulk[shop.visits.user]
    lines = feedback.quantity > 0
    many, few = bulk > np.quantile(bulk, 0.8), bulk < np.quantile(bulk, 0.2)
    assert feedback.quantity[many][lines[many]].mean() > 1.5 * feedback.quantity[few][lines[few]].mean()


@pytest.mark.parametrize("alike", [0.0, 0.6, 1.0])
def test_missions_differ_in_size_by_user_and_by_visit(catalog: Catalog, alike: float) -> None:
    choice = dataclasses.replace(LIVELY, mission_share=0.5, mission_spread=1.5, size_alike=alike)
    shop, _ = busy(catalog, 30_000, choice=choice, users=300)
    size, purpose, user = shop.visits.size, shop.visits.purpose, shop.visits.user
    assert not size[~purpose].any()
    of_users = np.bincount(user[purpose], size[purpose], 300) / np.bincount(user[purpose], minlength=300)
    inside = (size[purpose] - of_users[user[purpose]]).std()
    assert inside == pytest.approx(1.5 * math.sqrt(1 - alike), rel=0.03, abs=1e-6)
    # 300 users: the standard error of their standard deviation is 4%
    noise = (1 - alike) * 1.5**2 / 50
    assert of_users.std() == pytest.approx(math.sqrt(alike * 1.5**2 + noise), rel=0.25)


def test_missions_put_some_items_straight_in_the_cart_and_expectations_agree(
    catalog: Catalog,
) -> None:
    choice = dataclasses.replace(LIVELY, mission_share=0.6, mission_lift=1.0)
    shop, slates = busy(catalog, 30_000, choice=choice)
    quick, same = busy(catalog, 30_000, choice=dataclasses.replace(choice, quick=0.7))
    np.testing.assert_array_equal(slates, same)
    feedback, straight = shop.counterfactual(slates), quick.counterfactual(slates)
    # the same orders, by fewer clicks
    for name in ("cart", "purchase", "margin"):
        np.testing.assert_array_equal(feedback.term(name), straight.term(name))
    gone = feedback.clicked & ~straight.clicked
    assert gone.any()
    assert (straight.carted[gone] & quick.visits.purpose[np.nonzero(gone)[0]]).all()
    assert not (straight.clicked & ~feedback.clicked).any()
    assert not straight.dwell[gone].any()
    carts = feedback.carted & quick.visits.purpose[:, None]
    share = gone.sum() / carts.sum()
    assert abs(share - 0.7) < stats.norm.isf(ALARM / 2) * math.sqrt(0.21 / carts.sum())
    means, before = quick.expected(slates), shop.expected(slates)
    np.testing.assert_allclose(means["cart"], before["cart"], rtol=1e-12)
    purpose = quick.visits.purpose[:, None]
    np.testing.assert_allclose(means["click"], before["click"] - 0.7 * purpose * before["cart"], rtol=1e-9)
    for name in ("click", "cart", "margin"):
        agree(straight.term(name), quick.attention(slates) * means[name])
    feedback, _, _ = quick.serve(slates)
    assert (quick.visits.clicks == feedback.clicked.sum(axis=1)).all()


def test_large_missions_last_long_and_buy_few_units_of_each_item(catalog: Catalog) -> None:
    choice = dataclasses.replace(
        LIVELY, mission_share=0.5, mission_stay=1.0, mission_spread=0.8, mission_units=1.5
    )
    shop, slates = busy(catalog, 30_000, choice=choice)
    purpose, size = shop.visits.purpose, shop.visits.size
    assert not size[~purpose].any()
    assert stats.kstest(size[purpose] / 0.8, "norm").pvalue > ALARM
    feedback, left, _ = shop.serve(slates)
    unclicked = ~feedback.clicked.any(axis=1)
    logit = choice.leave_base - np.where(purpose, 1.0 + size, 0.0)
    for some in (
        unclicked & ~purpose,
        unclicked & purpose & (size > 0.5),
        unclicked & purpose & (size < -0.5),
    ):
        p = 1.0 / (1.0 + np.exp(-logit[some]))
        assert abs(left[some].sum() - p.sum()) < stats.norm.isf(ALARM / 2) * math.sqrt((p * (1 - p)).sum())
    shop, slates = busy(catalog, 30_000, choice=choice)
    means = shop.expected(slates)
    agree(shop.counterfactual(slates).term("units"), shop.attention(slates) * means["units"])
    size = shop.visits.size[:, None].astype(np.float64)
    p = 1.0 / (1.0 + (catalog.units_mean[slates] - 1.0) * np.exp(-1.5 * size))
    want = np.vectorize(
        lambda p: (np.arange(1, 21) * p * (1 - p) ** np.arange(20)).sum() / (1 - (1 - p) ** 20)
    )
    rows = np.flatnonzero(shop.visits.purpose)[:50]
    np.testing.assert_allclose(means["units"][rows], (means["purchase"][rows] * want(p[rows])), rtol=1e-9)


@pytest.mark.parametrize("clock", ["pages", "own", "season"])
def test_history_is_what_each_person_opened_latest_first(catalog: Catalog, clock: str) -> None:
    config = ShopConfig.full(users=4000, slate_size=4, history=3, stock=StockConfig(enabled=False))
    shop = Shop(catalog, config, lanes=32, seed=3, clock=clock, days=20.0)
    shop.start_visits()
    opened: dict[int, list[int]] = {}
    lengths = set()
    for _ in range(150):
        # where anyone comes a visit is a person; elsewhere a life is
        visits = shop.visits
        who = [int(visits.key[i] if clock == "pages" else visits.life[i]) for i in range(32)]
        requests = shop.requests()
        assert requests.history is not None
        for i in np.flatnonzero(~visits.over):
            past = opened.get(who[i], [])[::-1][:3]
            lengths.add(len(past))
            assert requests.history[i].tolist() == past + [-1] * (3 - len(past))
        slates = np.ascontiguousarray(requests.candidates[:, :4])
        feedback, left, cut = shop.serve(slates)
        for i, slot in zip(*np.nonzero(feedback.clicked)):
            opened.setdefault(who[i], []).append(int(slates[i, slot]))
        if clock != "pages":
            shop.end_visits(left | cut)
        shop.start_visits()
    assert lengths == {0, 1, 2, 3}


def test_without_history_requests_have_none(catalog: Catalog) -> None:
    shop = Shop(catalog, ShopConfig(), lanes=2)
    shop.start_visits()
    assert shop.requests().history is None


def test_live_figures_are_the_present_price_margin_and_stock(catalog: Catalog) -> None:
    campaign = Campaign(start=0, days=400, price_off=0.3, share=0.5)
    config = ShopConfig(slate_size=4, live=True, campaigns=(campaign,))
    shop = Shop(catalog, config, lanes=32, seed=3)
    shop.start_visits()
    requests = shop.requests()
    rows, live = requests.candidates, requests.live
    assert set(live) == {"price", "margin", "stock"}
    np.testing.assert_allclose(live["price"], shop.market.price(shop.day)[rows], rtol=1e-6)
    assert (live["price"] < 0.99 * catalog.items.price[rows]).any()
    np.testing.assert_allclose(live["margin"], live["price"] - catalog.items.unit_cost[rows], atol=1e-4)
    np.testing.assert_array_equal(live["stock"] > 0, requests.in_stock)
    # the floor looks at what is earned today, not at the list price
    allowed = MarginFloor(float(np.median(live["margin"]))).before(requests, catalog.items)
    np.testing.assert_array_equal(allowed, live["margin"] >= np.float32(np.median(live["margin"])))


def test_rows_that_are_not_asked_for_may_hold_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    """Their candidates are memory that nobody wrote: no items, and nothing is read for them."""
    shop = Shop(
        Catalog.synthetic(30, seed=1), ShopConfig(users=50, num_candidates=6, live=True), lanes=8, seed=1
    )
    shop.reset(1)
    shop.start_visits(np.ones(8, np.bool_))
    asked, whole, blank = np.arange(8) % 2 == 0, shop.requests(), shop.blank_requests

    def unwritten() -> Requests:
        requests = blank()
        requests.candidates.fill(10**9)
        return requests

    monkeypatch.setattr(shop, "blank_requests", unwritten)
    seen = shop.requests(asked)
    for name, values in seen.live.items():
        assert np.array_equal(values[asked], whole.live[name][asked])
