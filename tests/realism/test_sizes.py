"""Where a search begins: orders of the record's size."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from shopgym.realism.calibration.parts import Part
from shopgym.realism.calibration.simulated_shop import SimulatedShop
from shopgym.realism.calibration.sizes import sized_baskets, without_fatigue
from shopgym.realism.reference import StylisedFact
from shopgym.realism.shop_data import ShopData
from shopgym.simulators import Catalog, ShopConfig

SHOP = SimulatedShop(Catalog.synthetic(40, seed=0), ShopConfig(), 30.0)


def part(**values: float) -> Part:
    facts = (StylisedFact(n, v, v, v, "", "", "", n, None, None) for n, v in values.items())
    return Part("fitted", ShopData(None, pd.DataFrame()), tuple(facts))


def test_fatigue_does_not_end_a_visit_before_a_mean_order_is_full() -> None:
    tired = SHOP.with_values({"choice.fatigue": 0.05})
    assert without_fatigue(tired, part(basket_items_mean=20.0)).value("choice.fatigue") == 0.005
    assert without_fatigue(tired, part(basket_items_mean=1.5)) is tired
    assert without_fatigue(tired, part(bounce_rate=0.5)) is tired


def test_numbers_move_by_what_the_figures_miss() -> None:
    real = part(
        basket_items_mean=10.0, units_per_line_mean=4.0, repeat_item_line_share=0.4, session_pages_mean=6.0
    )
    shop = replace(SHOP, units_scale=2.0).with_values({"choice.mission_stay": 1.0, "choice.leave_base": -1.0})
    sized = sized_baskets(shop, real, np.array([20.0, 2.5, 0.25, 3.0]))
    assert sized.value("choice.mission_stay") == pytest.approx(1.0 + np.log(0.5))
    assert sized.units_scale == pytest.approx(4.0)  # twice as many units beyond the first
    assert sized.value("people.repurchase.share") == pytest.approx(0.2)  # 0.15 of the other 0.75
    assert sized.value("people.repurchase.lift") == 1.0
    assert sized.value("choice.leave_base") == pytest.approx(-1.0 + np.log(0.5))


def test_what_is_as_in_the_record_or_is_not_recorded_stays() -> None:
    real = part(basket_items_mean=3.0, repeat_item_line_share=0.1)
    assert sized_baskets(SHOP, real, np.array([3.0, 0.2])).config == SHOP.with_values({}).config
