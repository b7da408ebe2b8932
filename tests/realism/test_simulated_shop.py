"""The season that a calibration simulates begins where the record begins."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from shopgym.core import InvalidInput
from shopgym.realism.calibration import simulated_shop
from shopgym.realism.shop_events import beginning_in
from shopgym.simulators import Catalog, GoodsSeason, MarketConfig, ShopConfig


def test_weeks_of_the_year_and_seasons_of_goods_are_counted_from_its_first_week(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[ShopConfig] = []

    def simulate(catalog: Catalog, config: ShopConfig, **_: Any) -> None:
        seen.append(config)

    monkeypatch.setattr(simulated_shop, "simulate_season", simulate)
    catalog = Catalog.synthetic(50, seed=0)
    goods = GoodsSeason(category=catalog.items.category_names[0], amplitude=1.0, peak=50.0)
    config = ShopConfig(market=MarketConfig(seasons=(goods,)))
    weeks = tuple(float(week) for week in range(1, 53))
    config = replace(config, arrivals=replace(config.arrivals, weeks=weeks))
    shop = simulated_shop.SimulatedShop(catalog, config, 30.0, start_week=48)
    shop.season(0)
    assert seen == [beginning_in(shop.config, 48)]
    assert seen[0].market.seasons[0].peak == 2.0
    assert seen[0].arrivals.weeks[:2] == (49.0, 50.0)


def test_an_error_of_a_season_names_it_once(monkeypatch: pytest.MonkeyPatch) -> None:
    shop = simulated_shop.SimulatedShop(Catalog.synthetic(50, seed=0), ShopConfig(), 30.0)
    for field, shown in (("season", "season = 0"), ("arrivals.per_day", "season: arrivals.per_day = 0")):

        def refuse(*_: Any, field: str = field, **__: Any) -> None:
            raise InvalidInput(field, 0, "more")

        monkeypatch.setattr(simulated_shop, "simulate_season", refuse)
        with pytest.raises(InvalidInput, match=f"^{shown}"):
            shop.season(0)
