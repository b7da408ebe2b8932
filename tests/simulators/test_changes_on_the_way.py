"""A stockout and a campaign that nobody planned: caused while the shop is open."""

from __future__ import annotations

import numpy as np
import pytest

from shopgym.core import InvalidInput
from shopgym.simulators import ArrivalConfig, Campaign, Catalog, Shop, ShopConfig, StockConfig

ARRIVALS = ArrivalConfig(per_day=100.0)
STOCK = StockConfig(out_at_start=0.0, lead_time=2)


def open_shop(
    catalog: Catalog, *campaigns: Campaign, stock: StockConfig = STOCK, clock: str = "season"
) -> Shop:
    config = ShopConfig(
        users=2000, slate_size=3, num_candidates=8, stock=stock, campaigns=campaigns, arrivals=ARRIVALS
    )
    shop = Shop(catalog, config, lanes=4, seed=3, clock=clock, days=10.0)
    shop.start_visits(np.ones(4, np.bool_))
    return shop


def until_day(shop: Shop, day: float, slates: np.ndarray | None = None) -> None:
    shown = np.full((4, 3), -1, np.int32) if slates is None else slates
    while shop.day < day:
        shop.serve(shown)
        shop.start_visits()


def test_written_off_goods_are_gone_until_the_next_delivery(catalog: Catalog) -> None:
    shop, items = open_shop(catalog), np.array([4, 2, 4])
    units = int(shop.stock.on_hand[[2, 4]].sum())
    shown = shop.today.available[0, [2, 4]].all()
    assert shop.calendar.write_off(items) == units > 0
    assert shown
    assert not shop.today.available[0, [2, 4]].any()
    assert shop.stock.on_hand[[2, 4]].tolist() == [0, 0]
    assert (shop.stock.on_hand > 0).sum() == len(catalog) - 2
    assert shop.stock.written_off == units
    assert shop.calendar.write_off(items) == 0  # nothing is left, and nothing is owed
    until_day(shop, 1.5)
    assert (shop.stock.on_order[[2, 4]] > 0).all()  # the review ordered them anew
    assert not shop.today.available[0, [2, 4]].any()
    until_day(shop, 3.5)
    assert shop.today.available[0, [2, 4]].all()


def test_units_that_are_owed_stay_owed(catalog: Catalog) -> None:
    shop = open_shop(catalog)
    shop.stock.on_hand[1] = -2
    assert shop.calendar.write_off(np.array([1])) == 0
    assert shop.stock.on_hand[1] == -2


def test_a_campaign_on_the_way_is_the_one_that_a_config_would_have(catalog: Catalog) -> None:
    offer = Campaign(start=0.0, days=2.0, share=0.3, price_off=0.25)
    planned, plain = open_shop(catalog, offer), open_shop(catalog)
    offered = plain.calendar.start_campaign(offer)
    np.testing.assert_array_equal(offered, planned.market.offered[0])
    for name in ("price", "margin", "appeal", "lift", "log_price"):
        np.testing.assert_array_equal(getattr(plain.today, name), getattr(planned.today, name))
    slates = np.tile(np.flatnonzero(offered)[:3].astype(np.int32), (4, 1))
    until_day(plain, 1.5, slates)
    until_day(planned, 1.5, slates)
    assert plain.market.report() == planned.market.report()
    assert plain.market.report()[0]["spent"] > 0.0
    until_day(plain, 2.5)
    np.testing.assert_array_equal(plain.market.price(2.5), catalog.items.price)


def test_earlier_sales_are_not_charged_to_a_later_campaign(catalog: Catalog) -> None:
    first = Campaign(start=0.0, days=5.0, share=0.3, price_off=0.1)
    shop, alone = open_shop(catalog, first), open_shop(catalog, first)
    slates = np.tile(np.flatnonzero(shop.market.offered[0])[:3].astype(np.int32), (4, 1))
    for one in (shop, alone):
        until_day(one, 0.5, slates)
    shop.calendar.start_campaign(Campaign(start=shop.day, days=2.0, share=1.0, price_off=0.5))
    before, after = alone.market.report()[0], shop.market.report()
    assert after[0] == before
    assert after[1]["spent"] == after[1]["lines"] == 0


def test_the_next_season_knows_nothing_of_it(catalog: Catalog) -> None:
    shop = open_shop(catalog)
    shop.calendar.start_campaign(Campaign(start=0.0, share=1.0))
    shop.reset(3)
    assert shop.market.campaigns == ()
    np.testing.assert_array_equal(shop.today.price[0], catalog.items.price)


def test_what_cannot_be_caused_is_named(catalog: Catalog) -> None:
    shop = open_shop(catalog)
    until_day(shop, 1.5)
    with pytest.raises(InvalidInput, match="it would be over"):
        shop.calendar.start_campaign(Campaign(start=0.0, days=1.0))
    with pytest.raises(InvalidInput, match="categories 0 to"):
        shop.calendar.start_campaign(Campaign(start=2.0, category=999))
    with pytest.raises(InvalidInput, match="on offer"):
        shop.calendar.start_campaign(Campaign(start=2.0, share=1e-12))
    with pytest.raises(InvalidInput, match="item rows are"):
        shop.calendar.write_off(np.array([len(catalog)]))
    with pytest.raises(InvalidInput, match="nothing runs out"):
        open_shop(catalog, stock=StockConfig(enabled=False)).calendar.write_off(np.array([0]))
    own = open_shop(catalog, clock="own")
    for cause in (
        lambda: own.calendar.write_off(np.array([0])),
        lambda: own.calendar.start_campaign(Campaign()),
    ):
        with pytest.raises(InvalidInput, match="calendar of their own"):
            cause()
