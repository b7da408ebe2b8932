"""The reference model of a page by hand: probabilities, units, one page, the end of a visit."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from builders.outcomes import page_sums

from shopgym.simulators.engine import hash_rng as kinds
from shopgym.simulators.page import reference
from shopgym.simulators.page.reference import SlotOutcome
from shopgym.simulators.page.surfaces import CART, PRODUCT
from shopgym.simulators.people import visit_reference


def small_model(**changes: Any) -> tuple[SimpleNamespace, SimpleNamespace, SimpleNamespace]:
    """(params, today, visit) of three items and one user, all numbers round."""
    params = SimpleNamespace(
        embedding=np.float32([[1, 0, 0, 0], [0.5, 1, 0, 0], [0, 0, 1, 0]]),
        click_base=-1.0, fatigue=0.1, cart_base=-2.0, depth=0.5, buy_base=0.5, buy_price=2.0,
        sensitivity=np.float32([2.0]), mission_lift=1.0, mobile_penalty=0.5, brand_weight=0.25,
        brand=np.int32([0, 1, 1]), user_brand=np.int32([1]), shipping_weight=0.125,
        shipping=np.float32([1, 2, 3]), region=np.int32([0]), region_days=np.float32([2.0]),
        lift=np.array([0.5] * 5), substitution=0.25, competition=0.0, order_sd=0.0, cart_only=0.0, quick=0.5,
        return_logit=np.float32([0, 1, 0]),
        returner=np.float32([0.5]), return_depth=0.25, return_worth=0.5, worth=np.float32([0, 2, -1]),
        return_delay=10.0, return_handling=3.0, returns=True, units_p=np.array([0.5, 0.5, 0.5]), max_units=3,
        bulk=np.array([1.0]), mission_units=0.0, neighbours=np.int32([[1, 2], [2, 0], [0, 1]]),
        attention=np.ones((5, 3)), go_on=np.ones(5), stops=np.zeros(5), satisfies=np.zeros(5),
        satisfied=np.zeros(5), opened=np.ones(5), slots=np.int32([3] * 5), dwells=True,
        dwell_log=math.log(40.0), dwell_depth=0.5, dwell_sd=0.0, read_log=math.log(15.0), drift=0.5,
        remembers=True, learning=0.25, leave_base=-1.0, engagement=1.0, mission_stay=0.5, surfaces_on=True,
        to_cart=0.5, search_rate=0.5, max_pages=5, wait_weight=0.5, return_weight=1.0, missed_weight=0.75,
        taste_weight=1.0, intent_weight=2.0, boredom=0.5, allow_losses=True, repurchase_lift=0.0,
    )  # fmt: skip
    today = SimpleNamespace(
        appeal=np.float32([[0, 0.25, 0]]), log_price=np.float32([[0, 0.5, 0]]),
        price=np.array([[10.0, 20.0, 40.0]]), margin=np.array([[4.0, 8.0, 16.0]]),
        available=np.array([[True, True, True]]),
    )  # fmt: skip
    visit = SimpleNamespace(
        key=5, user=0, day_row=0, page=2, clicks=1, surface=PRODUCT, purpose=True, mobile=True, size=0.25,
        pull=np.float32([1, 1, 0, 0]), taste=np.float32([1, 0, 0, 0]), intent=np.float32([0, 1, 0, 0]),
        seen=np.zeros(4, np.float32), history=np.int32([0, 2]), anchor=0, query=-1,
        joy=0.0, weight=0.0, mood=0.0, bought=0, over=False, purchases=np.int32([]), fresh=0,
    )  # fmt: skip
    for name, value in changes.items():
        setattr(next(part for part in (params, today, visit) if hasattr(part, name)), name, value)
    return params, today, visit


def sigmoid(x: float) -> float:
    return 1.0 / (1.0 + math.exp(-x))


def test_probabilities_by_hand() -> None:
    params, today, visit = small_model()
    assert reference.appeal_of(params, visit, 1) == 1.5
    # -1 - 0.1 x 2 + 1.5 + 0.25
    assert reference.p_like(params, today, visit, 1) == pytest.approx(sigmoid(0.55), rel=1e-12)
    price = reference.price_of(params, today, visit, 1, 0.0)
    assert price == 1.0
    assert reference.price_of(params, today, visit, 1, 0.5) == pytest.approx(1.0 - 2 * math.log(2))
    params.allow_losses = False  # of a price of 20 the margin is 8: half price becomes 12
    assert reference.discount_of(params, today, visit, 1, 0.5) == 8.0
    assert reference.price_of(params, today, visit, 1, 0.5) == pytest.approx(1.0 + 2 * math.log(0.6))
    assert reference.price_of(params, today, visit, 1, 0.25) == pytest.approx(1.0 + 2 * math.log(0.75))
    today.margin[0, 1] = -1.0  # sold below cost already: no discount
    assert reference.discount_of(params, today, visit, 1, 0.5) == 0.0
    # -2 + 0.5 x 1.5 - 1 + 1 - 0.5 + 0.25 - 0.125 x (2 + 2 - 1) + 0.5
    got = reference.p_cart(params, visit, 1, 1, price)
    assert got == pytest.approx(sigmoid(-1.375), rel=1e-12)
    # shown item 0, whose appeal is 1, and taken item 1 instead: -0.25 and a quarter as likely
    got = reference.p_cart(params, visit, 0, 1, price)
    assert got == pytest.approx(sigmoid(-1.625) / 4, rel=1e-12)
    assert reference.p_buy(params, price) == pytest.approx(sigmoid(-1.5), rel=1e-12)
    # 1 + 0.5 - 0.25 x 1.5 - 0.5 x 2
    assert reference.p_return(params, visit, 1, 1) == pytest.approx(sigmoid(0.125), rel=1e-12)


def test_units_by_hand() -> None:
    # 1/2, 1/4 and 1/8, scaled to 1: 4/7, 2/7 and 1/7
    params, _, visit = small_model()
    got = [reference.units_of(params, visit, 0, u / 7) for u in (0.0, 3.99, 4.01, 5.99, 6.01, 6.99)]
    assert got == [1, 1, 2, 2, 3, 3]
    # three times as many beyond the first: a mean of 4, so 1/4, 3/16 and 9/64 of 37/64
    params, _, visit = small_model(bulk=np.array([3.0]))
    got = [reference.units_of(params, visit, 0, u / 37) for u in (15.99, 16.01, 27.99, 28.01)]
    assert got == [1, 2, 2, 3]


def test_substitutes_by_hand() -> None:
    for available, taken in (([1, 1, 1], 0), ([0, 1, 1], 1), ([0, 0, 1], 2), ([0, 0, 0], -1)):
        params, today, visit = small_model(available=np.array([available], np.bool_))
        assert reference.item_taken(params, today, visit, 0) == taken
        params.substitution = 0.0
        assert reference.item_taken(params, today, visit, 0) == (0 if available[0] else -1)


@pytest.mark.parametrize(
    ("model", "draw", "read"),
    [("position", 0.999, 3), ("cascade", 0.0, 1), ("cascade", 0.999, 1), ("dbn", 0.39, 3), ("dbn", 0.41, 1)],
)
def test_reading_after_a_click_by_hand(
    monkeypatch: pytest.MonkeyPatch, model: str, draw: float, read: int
) -> None:
    """Everything is clicked. In the DBN an item of worth 0 satisfies half the time: R = 0.8 x (1 - 0.5)."""
    chain = model != "position"
    params, today, visit = small_model(
        worth=np.zeros(3, np.float32),
        go_on=np.full(5, 0.8 if chain else 1.0),
        stops=np.full(5, float(model == "cascade")),
        satisfies=np.full(5, float(model == "dbn")),
    )
    draws = {kinds.DRAW_CLICK: 0.0, kinds.DRAW_CART: 0.999, kinds.DRAW_OPENED: 0.0, kinds.DRAW_READ_ON: draw}
    monkeypatch.setattr(reference, "uniform", lambda _, kind: draws[kind])
    outcomes, _ = reference.read_page(params, today, visit, [0, 2, 1])
    assert [o.examined for o in outcomes] == [slot < read for slot in range(3)]
    assert [o.clicked for o in outcomes] == [o.examined for o in outcomes]


def test_one_page_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """One item is bought and sent back, one slot is empty, and the shopper goes on to the cart."""
    params, today, visit = small_model()
    draws = {
        kinds.DRAW_OPENED: 0.5,
        kinds.DRAW_CLICK: 0.5,  # likes item 1 (0.634), not item 0: s(-1 - 0.2 + 1 + 0) = 0.450
        kinds.DRAW_READ_ON: 0.5,
        kinds.DRAW_CART: 0.2,  # s(-1.375) = 0.2018
        kinds.DRAW_QUICK: 0.6,
        kinds.DRAW_UNITS: 0.7,
        kinds.DRAW_BUY: 0.5,  # at half price p = 1 - 2 log 2: s(0.5 - 2 p) = 0.784
        kinds.DRAW_RETURNED: 0.5,
        kinds.DRAW_DELAY: 1 - math.exp(-2),
        kinds.DRAW_LEAVE: 0.137,  # s(-1 + 0.2 - 1 - 0.75) = 0.072
        kinds.DRAW_TO_CART: 0.4,
    }
    monkeypatch.setattr(reference, "uniform", lambda _, kind: draws[kind])
    slate = [0, -1, 1]
    draws[kinds.DRAW_CART] = 0.5  # at half price s(-1.375 + 2 log 2) = 0.503
    outcomes, reading = reference.read_page(params, today, visit, slate, 0.5)
    assert reading == pytest.approx(15.0)
    assert [o.examined for o in outcomes] == [True, False, True]
    assert outcomes[:2] == [SlotOutcome(examined=True), SlotOutcome()]
    sold = outcomes[2]
    assert (sold.clicked, sold.carted, sold.removed, sold.sold, sold.quantity) == (True, True, False, 1, 2)
    assert sold.dwell == pytest.approx(40.0 * math.exp(0.75))
    assert (sold.revenue, sold.margin) == (2 * 10.0, 2 * -2.0)
    assert (sold.returned, sold.return_cost) == (True, -4.0 + 3.0)
    assert sold.return_delay == pytest.approx(1 + 10 * 2)
    dwell = sold.dwell
    expected = sold.expected_return_cost
    assert expected == pytest.approx(-4.0 * sigmoid(0.125) + 3.0 * sigmoid(0.125))  # 1.5 - 0.375 - 1
    assert page_sums(outcomes).tolist() == [1, 1, 1, 2, 20.0, -4.0, 0, dwell, -1.0, 20.0, expected]
    assert reference.continue_visit(params, visit, slate, outcomes) == (False, False)
    assert (visit.page, visit.clicks, visit.anchor, visit.surface, visit.bought) == (3, 2, 1, CART, 1)
    assert visit.history.tolist() == [1, 0]
    assert visit.intent.tolist() == [0.25, 1.0, 0, 0]
    assert visit.taste.tolist() == [0.875, 0.25, 0, 0]
    np.testing.assert_allclose(visit.seen, [0.1, 0.2, 0, 0], rtol=1e-6)
    np.testing.assert_allclose(visit.pull, [0.875 + 0.5 - 0.05, 0.25 + 2 - 0.1, 0, 0], rtol=1e-6)
    # worth 2 opened once and bought twice; delivery takes 4 days, one more than nobody minds; sent back
    assert (visit.joy, visit.weight, visit.mood) == (6.0, 3.0, -0.5 - 1.0)


def test_a_line_that_is_too_dear_is_removed_and_a_whole_cart_left(monkeypatch: pytest.MonkeyPatch) -> None:
    for checkout, removed in ((0.15, None), (0.3, True), (0.7, False)):  # s(-1.5) = 0.182, s(0.5) = 0.622
        draws = {kinds.DRAW_OPENED: 0.0, kinds.DRAW_CLICK: 0.0, kinds.DRAW_READ_ON: 0.0, kinds.DRAW_CART: 0.0}
        draws |= {kinds.DRAW_QUICK: 0.0, kinds.DRAW_UNITS: 0.0, kinds.DRAW_RETURNED: 1.0}
        draws[kinds.DRAW_BUY] = checkout
        monkeypatch.setattr(reference, "uniform", lambda _, kind, draws=draws: draws[kind])
        (outcome,), _ = reference.read_page(*small_model(), [1])
        assert outcome.carted
        assert not outcome.clicked  # straight from the list
        assert outcome.cart_units == 1
        assert outcome.quantity == (removed is None)
        assert outcome.removed == bool(removed)


def test_the_end_of_a_visit_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    params = SimpleNamespace(
        worth_weight=0.5, purchase_bonus=0.25, inertia=0.5, rate=np.array([0.1]), rate_effect=1.0,
        habit_effect=2.0, boredom_days=10.0, dropout=np.array([0.5]), churn_effect=2.0,
    )  # fmt: skip
    visit = SimpleNamespace(
        key=5, user=0, visit=2, joy=6.0, weight=3.0, mood=-1.25, bought=1, satisfaction=0.4, habit=0.5,
        seen=np.float32([1, 0, 0, 0]),
    )  # fmt: skip
    draws = {kinds.DRAW_GAP: 1 - math.exp(-1), kinds.DRAW_DROPOUT: 0.4}
    monkeypatch.setattr(visit_reference, "uniform", lambda _, kind: draws[kind])
    # x = 0.5 x 2 + 0.25 - 1.25 = 0, so satisfaction halves; it drops out with s(-2 x 0.2) = 0.401
    assert not visit_reference.end_visit(params, visit)
    assert visit.satisfaction == pytest.approx(0.2)
    assert visit.habit == pytest.approx(0.6)
    gap = 10.0 * math.exp(-0.2 - 1.2)
    assert visit.gap == pytest.approx(gap)
    np.testing.assert_allclose(visit.seen, [math.exp(-gap / 10), 0, 0, 0], rtol=1e-6)
