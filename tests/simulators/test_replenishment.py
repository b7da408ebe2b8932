"""Replenishment: the levels are the closed forms, and the stock they run is what theory says it is."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from shopgym.core import InvalidInput
from shopgym.simulators import Catalog, StockConfig
from shopgym.simulators.market.replenishment import demand_quantile, levels
from shopgym.simulators.market.stock import Stock, availability


def compound_cdf(x: int, lines: float, units_mean: float) -> float:
    """P(units <= x): j geometric terms sum to x or less if x trials have j successes or more."""
    successes = np.arange(x + 1)
    chance = stats.binom.pmf(successes, x, 1 / units_mean)
    return float(chance @ stats.poisson.cdf(successes, lines))


def quantile(lines: float, units_mean: float, share: float) -> int:
    one = demand_quantile(np.array([lines]), np.array([units_mean]), np.array([share]))
    return int(one[0])


@pytest.mark.parametrize("lines", [0.01, 0.7, 12.0, 900.0, 50_000.0])
@pytest.mark.parametrize("share", [0.02, 0.5, 0.95, 0.9999])
def test_one_unit_a_line_is_poisson(lines: float, share: float) -> None:
    assert quantile(lines, 1.0, share) == stats.poisson.ppf(share, lines)


@settings(deadline=None)  # the first example may compile
@given(st.floats(0.01, 40.0), st.floats(1.01, 12.0), st.floats(0.001, 0.9999))
def test_quantile_of_compound_demand(lines: float, units_mean: float, share: float) -> None:
    x = quantile(lines, units_mean, share)
    assert compound_cdf(x, lines, units_mean) >= share - 1e-12
    assert x == 0 or compound_cdf(x - 1, lines, units_mean) < share + 1e-12


def test_quantile_at_the_ends() -> None:
    assert quantile(0.0, 3.0, 0.99) == 0
    assert quantile(5.0, 3.0, 0.0) == 0
    assert quantile(5.0, 1.0, 1.0) == stats.poisson.ppf(1 - 1e-9, 5.0)


def test_newsvendor_level_is_the_quantile_at_the_critical_ratio(catalog: Catalog) -> None:
    config = StockConfig(rule="newsvendor", holding_rate=8.0, lead_time=3, minimum=1, conversion=0.05)
    reorder_point, order_up_to = levels(catalog, config, pages_per_day=8000)
    items = catalog.items
    left = items.unit_cost * 8.0 * 1 / 365
    for i in range(len(catalog)):
        share = items.margin[i] / (items.margin[i] + left[i])
        lines = 0.05 * 8000 * items.popularity[i] * (3 + 1)  # lead time and a review
        x = int(order_up_to[i])
        assert compound_cdf(x, lines, catalog.units_mean[i]) >= share
        assert compound_cdf(x - 1, lines, catalog.units_mean[i]) < share
    np.testing.assert_array_equal(reorder_point, order_up_to - 1)


def test_newsvendor_level_costs_least(catalog: Catalog) -> None:
    config = StockConfig(rule="newsvendor", holding_rate=8.0, lead_time=1, minimum=1)
    item, items = int(catalog.items.popularity.argmax()), catalog.items
    best = int(levels(catalog, config, pages_per_day=10_000)[1][item])
    lines, x = 0.02 * 10_000 * items.popularity[item] * 2, np.arange(400)
    below = np.array([compound_cdf(int(v), lines, catalog.units_mean[item]) for v in x])
    chance = np.diff(below, prepend=0.0)
    left = items.unit_cost[item] * 8.0 / 365

    def cost(level: int) -> float:
        short, over = np.maximum(x - level, 0), np.maximum(level - x, 0)
        return float(chance @ (items.margin[item] * short + left * over))

    assert best == min(range(200), key=cost)


def test_items_without_margin_are_stocked_at_the_minimum_and_free_holding_gives_finite_levels(
    catalog: Catalog,
) -> None:
    config = StockConfig(rule="newsvendor", holding_rate=0.0, minimum=2)
    order_up_to = levels(catalog, config, pages_per_day=1000)[1]
    assert (order_up_to < 10_000).all()
    free = Catalog.assemble(
        item_id=["a", "b"], name=["a", "b"], category=[0, 0], category_names=("c",), price=[1.0, 2.0],
        unit_cost=[1.0, 0.0], popularity=[1.0, 1.0], embedding=np.eye(2, 16, dtype=np.float32),
        quality=[1.0, -1.0], units_mean=[1.0, 1.0],
    )  # fmt: skip
    assert levels(free, config, pages_per_day=100)[1].tolist() == [2, stats.poisson.ppf(1 - 1e-9, 4.0)]


def test_levels_include_background_demand(catalog: Catalog) -> None:
    for rule in ("sS", "newsvendor"):
        visitors = levels(catalog, StockConfig(rule=rule, conversion=0.5), pages_per_day=400)
        both = levels(catalog, StockConfig(rule=rule, conversion=0.5, background=100.0), pages_per_day=200)
        np.testing.assert_array_equal(visitors, both)


def even_shop(items: int) -> Catalog:
    """Items alike in demand, one unit a line."""
    return Catalog.synthetic(items, seed=0, zipf_exponent=0.0, tail=0.0, units_mean=1.0)


def exact_fill_rate(low: int, full: int, mean: float) -> float:
    """Of a lost-sales (s, S) shop whose orders arrive at the next review: its Markov chain, solved."""
    demand = stats.poisson.pmf(np.arange(80), mean)
    states = [(x, order) for x in range(full + 1) for order in (0, *range(1, full + 1)) if x + order <= full]
    row = {state: i for i, state in enumerate(states)}
    step = np.zeros((len(states), len(states)))
    sold = np.zeros(len(states))
    for (x, order), i in row.items():
        for wanted, chance in enumerate(demand):
            left = max(x - wanted, 0) + order
            step[i, row[left, full - left if left <= low else 0]] += chance
            sold[i] += chance * min(wanted, x)
    # pi (P - 1) = 0 and sum(pi) = 1
    system = np.vstack([step.T - np.eye(len(states)), np.ones(len(states))])
    share = np.linalg.lstsq(system, np.append(np.zeros(len(states)), 1.0), rcond=None)[0]
    return float(share @ sold / mean)


@pytest.mark.parametrize(("cover", "safety"), [(2.0, 1.5), (4.0, 0.5)])
def test_long_run_fill_rate_of_the_s_s_rule(cover: float, safety: float) -> None:
    catalog, mean = even_shop(300), 2.0
    config = StockConfig(
        background=300 * mean, lead_time=1, safety=safety, cover_days=cover, minimum=1, conversion=0.0
    )
    stock = Stock.open(catalog, config, pages_per_day=0, seed=5)
    low, full = int(stock.reorder_point[0]), int(stock.order_up_to[0])
    assert (low, full) == (math.floor(safety * mean), math.floor(safety * mean) + math.ceil(cover * mean) + 1)
    rates = []
    for batch in range(41):
        sold, lost = stock.background_sold, stock.background_lost
        for _ in range(50):
            stock.next_review()
        sold, lost = stock.background_sold - sold, stock.background_lost - lost
        if batch:  # the first is the warm-up
            rates.append(sold / (sold + lost))
    # false-alarm rate 1e-6; batches of 50 reviews are long beside a cycle of 2 to 4
    assert stats.ttest_1samp(rates, exact_fill_rate(low, full, mean)).pvalue > 1e-6
    assert np.std(rates) < 0.01  # so that an error of a fifth of a percent would be seen


def test_background_demand_is_compound_poisson() -> None:
    n = 20_000
    catalog = Catalog.synthetic(n, seed=1, zipf_exponent=0.0, tail=0.0)
    stock = Stock.open(catalog, StockConfig(background=1.5 * n, out_at_start=0.0), pages_per_day=0, seed=2)
    stock.units_mean = np.full(n, 2.5)
    stock.on_hand[:] = 1_000_000
    stock.next_review()
    units = 1_000_000 - stock.on_hand
    top = 14
    below = np.array([compound_cdf(x, 1.5, 2.5) for x in range(top)])
    chance = np.append(np.diff(below, prepend=0.0), 1 - below[-1])
    counts = np.bincount(np.minimum(units, top), minlength=top + 1)
    assert stats.chisquare(counts, chance * n).pvalue > 1e-6  # false-alarm rate 1e-6


def test_background_demand_depends_on_seed_review_and_item_only(catalog: Catalog) -> None:
    def taken(sales: int, seed: int) -> list[NDArray[np.int64]]:
        stock = Stock.open(catalog, StockConfig(background=500.0), pages_per_day=10, seed=seed)
        stock.on_hand[:] = 100_000
        stock.reorder_point[:] = -1
        out = []
        for _ in range(4):
            stock.sell(np.array([3], np.int32), np.array([sales], np.int32))
            before = stock.on_hand + stock.arriving[(stock.review + 1) % len(stock.arriving)]
            stock.next_review()
            out.append(before - stock.on_hand)
        return out

    first = taken(0, seed=1)
    np.testing.assert_array_equal(first, taken(9, seed=1))
    assert (first[0] != first[1]).any()
    assert (first[0] != taken(0, seed=2)[0]).any()


def test_availability_equals_the_simulated_stock(catalog: Catalog) -> None:
    config = StockConfig(review=2.0, conversion=0.01)
    found = availability(catalog, config, pages_per_day=5000, seed=3, weeks=6)
    # all demand is background: the same levels, the same draws
    others = StockConfig(review=2.0, conversion=0.0, background=50.0)
    stock = Stock.open(catalog, others, pages_per_day=0, seed=3)
    for week, reviews in enumerate([0, 3, 4, 3, 4, 3]):  # days 0, 6, 14, 20, 28, 34
        for _ in range(reviews):
            stock.next_review()
        np.testing.assert_array_equal(found[week], stock.available)
    assert 0.5 < found.mean() < 1.0
    np.testing.assert_array_equal(found, availability(catalog, others, pages_per_day=0, seed=3, weeks=6))


def test_all_items_are_available_if_stock_is_off(catalog: Catalog) -> None:
    assert availability(catalog, StockConfig(enabled=False), pages_per_day=10, seed=0, weeks=3).all()
    with pytest.raises(InvalidInput, match="weeks"):
        availability(catalog, StockConfig(), pages_per_day=10, seed=0, weeks=0)
