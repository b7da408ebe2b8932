"""Stock: nothing appears or vanishes, and the (s, S) rule is kept."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from shopgym.core import InvalidInput
from shopgym.simulators import Catalog, StockConfig
from shopgym.simulators.stock import Stock


def opened(catalog: Catalog, **settings: float) -> Stock:
    return Stock.open(catalog, StockConfig(**settings), pages_per_day=20_000, seed=1)  # type: ignore[arg-type]


def test_out_of_stock_share_at_the_start() -> None:
    catalog = Catalog.synthetic(20_000, seed=0)
    out = (Stock.open(catalog, StockConfig(), pages_per_day=1000, seed=4).on_hand == 0).sum()
    assert stats.binomtest(int(out), 20_000, 0.083).pvalue > 1e-6  # false-alarm rate 1e-6


def test_a_sale_by_hand(catalog: Catalog) -> None:
    stock = opened(catalog)
    stock.on_hand[:3] = [5, 1, 0]
    stock.available[:] = stock.on_hand > 0
    stock.sell(np.array([[0, 1], [0, 1]], np.int32), np.array([[2, 1], [0, 3]], np.int32))
    assert stock.on_hand[:3].tolist() == [3, -3, 0]
    assert stock.available[:3].tolist() == [True, False, False]
    assert stock.backordered == 3


def test_order_arrives_after_the_lead_time(catalog: Catalog) -> None:
    stock = opened(catalog, lead_time=2, out_at_start=0.0)
    item = 0
    stock.on_hand[item] = stock.reorder_point[item]
    stock.available[item] = False
    levels = []
    for _ in range(3):
        stock.next_review()
        levels.append(int(stock.on_hand[item]))
    low, full = int(stock.reorder_point[item]), int(stock.order_up_to[item])
    assert levels == [low, low, full]
    assert stock.available[item] == (full > 0)


@given(st.lists(st.tuples(st.integers(0, 119), st.integers(0, 9)), max_size=60), st.integers(0, 12))
def test_units_are_conserved(catalog: Catalog, sales: list[tuple[int, int]], reviews: int) -> None:
    stock = opened(catalog)
    before = stock.on_hand.sum() + stock.on_order.sum()
    for i, (item, amount) in enumerate(sales):
        stock.sell(np.array([[item]], np.int32), np.array([[amount]], np.int32))
        if i % 7 == 0 and reviews > 0:
            stock.next_review()
            reviews -= 1
    after = stock.on_hand.sum() + stock.on_order.sum()
    assert after == before + stock.ordered - sum(amount for _, amount in sales)
    assert stock.on_order.sum() == stock.arriving.sum()
    assert (stock.on_order >= 0).all()


def test_after_a_review_no_position_is_at_or_below_s(catalog: Catalog) -> None:
    stock = opened(catalog)
    stock.on_hand[:] = 0
    stock.next_review()
    position = stock.on_hand + stock.on_order
    assert (position > stock.reorder_point).all()
    assert (position <= stock.order_up_to).all()


@pytest.mark.parametrize(
    ("name", "value"), [("lead_time", 0), ("minimum", 0), ("out_at_start", 1.5), ("review", 0.0)]
)
def test_bad_numbers_are_refused(name: str, value: float) -> None:
    with pytest.raises(InvalidInput, match=f"shop.stock.{name}"):
        StockConfig(**{name: value})  # type: ignore[arg-type]
