"""The budget of a campaign: kept to the last line that fits, whatever shares the work."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shopgym.core import InvalidInput
from shopgym.core.batches import (
    EVENT_EXPECTED_RETURN_COST,
    EVENT_MARGIN,
    EVENT_QUANTITY,
    EVENT_RETURN_PROBABILITY,
)
from shopgym.simulators import (
    ArrivalConfig,
    Campaign,
    Catalog,
    ChoiceConfig,
    MarketConfig,
    ReturnConfig,
    Shock,
    Shop,
    ShopConfig,
)
from shopgym.simulators.market.market import Market

MONEY = ("revenue", "margin", "return_cost", "expected_return_cost")
KEEN = ShopConfig(
    users=5000, slate_size=4, num_candidates=10, returns=ReturnConfig(enabled=True, rate=0.4),
    choice=ChoiceConfig(click_base=-1.5, cart_base=-0.5), arrivals=ArrivalConfig(per_day=100.0),
)  # fmt: skip
"""Much is bought. Returns too: what is sent back undoes the margin that was really earned."""


def market(
    catalog: Catalog, *campaigns: Campaign, shocks: tuple[Shock, ...] = (), losses: bool = True
) -> Market:
    rules = {"quality_weight": 0.35, "reference_price": 0.0, "allow_losses": losses, "seed": 5}
    return Market(catalog, MarketConfig(), campaigns, shocks, **rules)  # type: ignore[arg-type]


def offer(**settings: float) -> Campaign:
    return Campaign(**{"days": 100, "share": 1.0, "price_off": 0.1, **settings})  # type: ignore[arg-type]


def test_lines_are_charged_in_order_until_one_does_not_fit(catalog: Catalog) -> None:
    item, price = 7, catalog.items.price[7]
    spending = market(catalog, offer(budget=0.55 * price, goal=5))
    assert spending.settle(1.0, np.array([item]), np.array([2])) is None
    report = {"spent": pytest.approx(0.2 * price), "budget": 0.55 * price, "lines": 1, "goal": 5}
    assert spending.report() == [report]
    # three units fit, four more do not, and then not even the one that still would
    due = spending.settle(1.0, np.full(3, item), np.array([3, 4, 1]))
    np.testing.assert_allclose(due, [0.0, 0.4 * price, 0.1 * price])  # type: ignore[arg-type]
    assert spending.report() == [report | {"spent": pytest.approx(0.5 * price), "lines": 2}]
    assert spending.running(1.0) == []
    np.testing.assert_array_equal(spending.price(1.0), catalog.items.price)
    np.testing.assert_array_equal(spending.appeal(1.0), market(catalog).appeal(1.0))


def test_a_budget_can_be_spent_to_the_last_unit(catalog: Catalog) -> None:
    price = catalog.items.price[7]
    spending = market(catalog, offer(budget=3 * (0.1 * price)))  # .1 + .1 + .1 is more than .3 in floats
    assert spending.settle(0.0, np.array([7, 7, 7]), np.array([1, 1, 1])) is None
    assert spending.report()[0]["spent"] == pytest.approx(spending.report()[0]["budget"])
    np.testing.assert_allclose(spending.settle(0.0, np.array([7]), np.array([1])), [0.1 * price])  # type: ignore[arg-type]


def test_on_trial_nothing_is_charged(catalog: Catalog) -> None:
    spending = market(catalog, offer(budget=1e-6))
    line = np.array([3]), np.array([1])
    tried = spending.settle(0.0, *line, on_trial=True)
    assert spending.running(0.0) == [0]
    np.testing.assert_array_equal(tried, spending.settle(0.0, *line))  # type: ignore[arg-type]
    assert spending.running(0.0) == []


def test_what_is_charged_is_what_was_taken_off(catalog: Catalog) -> None:
    """A discount that stops at cost costs less, and a shock moves the price that it is taken off."""
    items, cost = catalog.items, catalog.items.unit_cost
    deep = market(
        catalog, offer(price_off=0.99), shocks=(Shock("price", days=9.0, size=0.5, share=1.0),), losses=False
    )
    deep.settle(0.0, np.array([4]), np.array([2]))
    assert deep.report()[0]["spent"] == pytest.approx(2 * (1.5 * items.price[4] - cost[4]))


def test_where_offers_overlap_the_best_one_pays_and_then_the_next(catalog: Catalog) -> None:
    price = catalog.items.price[7]
    both = market(catalog, offer(price_off=0.3, budget=0.3 * price), offer(price_off=0.1))
    due = both.settle(0.0, np.array([7, 7]), np.array([1, 1]))
    np.testing.assert_allclose(due, [0.0, 0.2 * price])  # type: ignore[arg-type]
    assert [part["spent"] for part in both.report()] == pytest.approx([0.3 * price, 0.1 * price])
    assert [part["lines"] for part in both.report()] == [1, 2]
    np.testing.assert_allclose(both.price(0.0), 0.9 * catalog.items.price)


@settings(derandomize=True, max_examples=100, deadline=None)
@given(
    budgets=st.lists(st.floats(0.01, 60.0), min_size=1, max_size=3),
    seed=st.integers(0, 1000),
    cuts=st.lists(st.integers(0, 40), max_size=4),
)
def test_budgets_hold_and_steps_do_not_matter(budgets: list[float], seed: int, cuts: list[int]) -> None:
    """The lines of a day one by one, in a few steps or all at once: the same discounts, within budget."""
    catalog, rng = Catalog.synthetic(120, seed=3), np.random.default_rng(seed)
    campaigns = [offer(share=0.7, price_off=0.1 * (c + 1), budget=b) for c, b in enumerate(budgets)]
    items, units = rng.integers(0, 120, 40), rng.integers(1, 5, 40)

    def paid(bounds: list[int]) -> tuple[list[float], list[dict[str, float]]]:
        spending, amounts = market(catalog, *campaigns), []
        for low, high in zip([0, *bounds], [*bounds, 40], strict=True):
            posted = spending.price(0.0)[items[low:high]] * units[low:high]
            due = spending.settle(0.0, items[low:high], units[low:high]) if high > low else None
            amounts += (posted if due is None else posted + due).tolist()
        return amounts, spending.report()

    amounts, report = paid(list(range(1, 40)))
    for bounds in ([], sorted(cuts)):
        other, its_report = paid(bounds)
        np.testing.assert_allclose(other, amounts, rtol=1e-12)
        for one, two in zip(report, its_report, strict=True):
            assert one == pytest.approx(two)
    given_away = float((catalog.items.price[items] * units).sum() - sum(amounts))
    assert given_away == pytest.approx(sum(part["spent"] for part in report))
    assert all(part["spent"] <= part["budget"] for part in report)


def play(shop: Shop, pages: int) -> tuple[float, list[np.ndarray]]:  # type: ignore[type-arg]
    """What customers paid less than the full prices, in all, and what they did."""
    off, seen, full = 0.0, [], shop.catalog.items.price
    for _ in range(pages):
        shop.start_visits()
        slates = np.ascontiguousarray(shop.requests().candidates[:, :4])
        foreseen = shop.counterfactual(slates)
        feedback, left, cut = shop.serve(slates)
        np.testing.assert_array_equal(foreseen.events, feedback.events)
        np.testing.assert_array_equal(foreseen.page, feedback.page)
        line = feedback.quantity > 0
        off += float((full[feedback.sold] * feedback.quantity - feedback.revenue)[line].sum())
        sums = np.column_stack([feedback.term(n).sum(axis=1) for n in MONEY])
        np.testing.assert_allclose(feedback.page[:, [4, 5, 8, 10]], sums, atol=1e-9)
        cost = shop.catalog.items.unit_cost[feedback.sold] * feedback.quantity
        np.testing.assert_allclose(feedback.margin[line], (feedback.revenue - cost)[line], atol=1e-9)
        sent_back = feedback.returned
        np.testing.assert_allclose(feedback.return_cost[sent_back], feedback.margin[sent_back], atol=1e-9)
        rows = feedback.events[feedback.events[:, EVENT_QUANTITY] > 0]
        expected = rows[:, EVENT_RETURN_PROBABILITY] * rows[:, EVENT_MARGIN]
        np.testing.assert_allclose(rows[:, EVENT_EXPECTED_RETURN_COST], expected, atol=1e-9)
        seen += [feedback.page.copy(), left, cut]
        shop.end_visits(left | cut)
    return off, seen


@pytest.mark.parametrize("clock", ["pages", "season"])
@pytest.mark.parametrize("budget", [100.0, 500.0])
def test_a_shop_spends_no_more_than_the_budget_whatever_shares_the_work(
    catalog: Catalog, clock: str, budget: float
) -> None:
    config = replace(KEEN, campaigns=(offer(price_off=0.5, budget=budget),), allow_losses=True)
    stories = []
    for threads, block in ((1, 256), (3, 8)):
        shop = Shop(catalog, config, lanes=256, seed=2, clock=clock, days=20.0, threads=threads, block=block)
        off, seen = play(shop, 60)
        report = shop.market.report()[0]
        assert off == pytest.approx(report["spent"], rel=1e-9)
        dearest = 0.5 * float(catalog.items.price.max()) * shop.params.max_units
        assert budget - dearest <= report["spent"] <= budget
        assert not shop.market.running(0.0)
        np.testing.assert_array_equal(shop.today.price[0], catalog.items.price)
        stories.append(seen)
    for one, two in zip(*stories, strict=True):
        np.testing.assert_array_equal(one, two)


def test_a_budget_that_is_never_reached_changes_nothing(catalog: Catalog) -> None:
    stories = []
    for budget in (1e9, math.inf):
        shop = Shop(catalog, replace(KEEN, campaigns=(offer(budget=budget),)), lanes=64, seed=2)
        stories.append(play(shop, 60))
        assert shop.market.report()[0]["spent"] == pytest.approx(stories[-1][0])
    assert stories[0][0] == stories[1][0] > 0
    for one, two in zip(stories[0][1], stories[1][1], strict=True):
        np.testing.assert_array_equal(one, two)


def test_a_common_budget_needs_a_common_calendar(catalog: Catalog) -> None:
    with pytest.raises(InvalidInput, match=r"campaigns\[0\]\.budget.*calendar of their own"):
        Shop(catalog, replace(KEEN, campaigns=(offer(budget=5.0),)), clock="own")
