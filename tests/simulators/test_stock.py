"""Stock: nothing appears or vanishes, and the (s, S) rule is kept."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from shopgym.core import InvalidInput
from shopgym.simulators import Catalog, StockConfig
from shopgym.simulators.market.stock import Stock


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
    stock.sell(np.array([0, 1, 0, 1], np.int32), np.array([2, 1, 0, 3], np.int32))
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


def test_lead_time_is_in_days(catalog: Catalog) -> None:
    stock = opened(catalog, lead_time=3, review=2.0, out_at_start=0.0)  # two reviews
    stock.on_hand[:] = 0
    for there in (False, False, True):
        stock.next_review()
        assert (stock.on_hand == stock.order_up_to).all() == there


def test_costs_by_hand(catalog: Catalog) -> None:
    stock = opened(catalog, holding_rate=0.365, review=2.0, order_cost=1.5, lead_time=2, out_at_start=0.0)
    cost = catalog.items.unit_cost
    stock.reorder_point[:] = 0
    stock.on_hand[:] = 0
    stock.on_hand[:3] = [10, 4, -2]  # what is owed costs nothing to hold
    stock.on_order[3:] = 50
    stock.next_review()
    day = 0.365 / 365 * 2
    assert stock.holding_cost == pytest.approx(day * (10 * cost[0] + 4 * cost[1]), rel=1e-12)
    assert stock.order_costs == 1.5  # item 2 alone is at or below its reorder point
    stock.on_hand[0] = 3
    stock.next_review()
    assert stock.holding_cost == pytest.approx(day * (13 * cost[0] + 8 * cost[1]), rel=1e-12)


def test_stopped_deliveries_arrive_afterwards(catalog: Catalog) -> None:
    stock = opened(catalog, lead_time=2, out_at_start=0.0, deliveries_stop=((2, 2.5), (6, 0)))
    stock.on_hand[:] = stock.order_up_to
    full = int(stock.order_up_to[0])
    levels = []
    for day in range(1, 8):
        if day == 1:
            stock.on_hand[0] = 0  # ordered on day 1, due on day 3
        if day == 2:
            stock.on_hand[1] = 0  # ordered on day 2, due on day 4
        if day == 4:
            stock.on_hand[2] = 0  # ordered on day 4, due on day 6: no stop has any days
        stock.next_review()
        levels.append(stock.on_hand[:3].tolist())
        assert stock.on_order.sum() == stock.arriving.sum()
    one, two = int(stock.order_up_to[1]), int(stock.order_up_to[2])
    assert levels == [
        [0, one, two], [0, 0, two], [0, 0, two], [0, 0, 0],
        [full, one, 0], [full, one, two], [full, one, two],
    ]  # fmt: skip


def test_returned_goods_are_added_to_the_stock(catalog: Catalog) -> None:
    stock = opened(catalog)
    stock.on_hand[:3] = [0, -4, 7]
    stock.available[:] = stock.on_hand > 0
    stock.put_back(np.array([0, 1, 0]), np.array([1, 3, 2]))
    assert stock.on_hand[:3].tolist() == [3, -1, 7]
    assert stock.available[:3].tolist() == [True, False, True]
    assert stock.returned == 6
    stock.put_back(np.array([], np.int64), np.array([], np.int64))
    with pytest.raises(InvalidInput, match="items"):
        stock.put_back(np.array([120]), np.array([1]))
    for units in ([-1], [1, 1]):
        with pytest.raises(InvalidInput, match="units"):
            stock.put_back(np.array([0]), np.array(units))


@settings(deadline=None)  # the first example may compile
@given(
    st.lists(
        st.tuples(st.sampled_from(["sell", "return", "review"]), st.integers(0, 119), st.integers(0, 9)),
        max_size=80,
    ),
    st.sampled_from(["sS", "newsvendor"]),
    st.sampled_from([0.0, 300.0]),
    st.lists(st.tuples(st.integers(0, 20), st.integers(0, 9)), max_size=2),
)
def test_units_are_conserved(
    catalog: Catalog,
    story: list[tuple[str, int, int]],
    rule: str,
    background: float,
    stops: list[tuple[int, int]],
) -> None:
    settings = {"rule": rule, "background": background, "deliveries_stop": stops}
    stock = opened(catalog, lead_time=2, **settings)  # type: ignore[arg-type]
    opening, coming = stock.on_hand.sum(), stock.on_order.sum()
    sold = put_back = 0
    for what, item, amount in story:
        if what == "sell":
            stock.sell(np.array([item], np.int32), np.array([amount], np.int32))
            sold += amount
        elif what == "return":
            stock.put_back(np.array([item]), np.array([amount]))
            put_back += amount
        else:
            stock.next_review()
        assert stock.on_order.sum() == stock.arriving.sum()
        assert (stock.on_order >= 0).all()
    delivered = coming + stock.ordered - stock.on_order.sum()
    assert stock.returned == put_back
    assert stock.on_hand.sum() == opening + delivered + put_back - sold - stock.background_sold
    assert (stock.background_sold > 0) == (background > 0 and stock.review > 0)


def test_background_demand_takes_no_more_than_the_stock(catalog: Catalog) -> None:
    stock = opened(catalog, background=100_000.0)
    stock.on_hand[:] = 1
    stock.on_hand[0] = -5
    stock.arriving[:] = 0
    stock.next_review()
    assert stock.on_hand[0] == -5
    assert (stock.on_hand[1:] == 0).all()
    assert not stock.available.any()
    assert stock.background_sold == 119
    assert stock.background_lost > 100_000


def test_after_a_review_no_position_is_at_or_below_s(catalog: Catalog) -> None:
    stock = opened(catalog)
    stock.on_hand[:] = 0
    stock.next_review()
    position = stock.on_hand + stock.on_order
    assert (position > stock.reorder_point).all()
    assert (position <= stock.order_up_to).all()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("lead_time", 0),
        ("lead_time", -1),
        ("minimum", 0),
        ("out_at_start", 1.5),
        ("review", 0.0),
        ("review", 1e-6),
        ("holding_rate", -0.1),
        ("holding_rate", float("nan")),
        ("order_cost", -1.0),
        ("background", -1.0),
        ("background", float("inf")),
        ("rule", "sq"),
        ("deliveries_stop", 3),
        ("deliveries_stop", (3, 4)),
        ("deliveries_stop", [(3, 4), (1, -2)]),
        ("deliveries_stop", [(-3, 4)]),
        ("deliveries_stop", [(3, 4, 5)]),
        ("deliveries_stop", [("3", 4)]),
    ],
)
def test_bad_numbers_are_refused(name: str, value: object) -> None:
    with pytest.raises(InvalidInput, match=f"shop.stock.{name}"):
        StockConfig(**{name: value})  # type: ignore[arg-type]
