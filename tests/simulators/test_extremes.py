"""Configs at the ends of their ranges: whatever is allowed has outcomes that can happen."""

from __future__ import annotations

import numpy as np
import pytest

from shopgym.simulators import Campaign, Catalog, ChoiceConfig, Shock, Shop, ShopConfig
from shopgym.simulators.page.choice_model import LEAST_UNITS_P, mean_units, units_of


def test_units_of_a_huge_mission_are_between_one_and_the_most(catalog: Catalog) -> None:
    choice = ChoiceConfig(
        click_base=5.0,
        cart_base=5.0,
        buy_base=5.0,
        mission_share=1.0,
        mission_units=20.0,
        mission_spread=20.0,
    )
    config = ShopConfig(users=300, slate_size=3, num_candidates=8, choice=choice)
    shop = Shop(catalog, config, lanes=500, seed=1)
    shop.start_visits()
    slates = shop.requests().candidates[:, :3]
    expected = shop.expected(slates)["units"]
    feedback, _, _ = shop.serve(slates)
    bought = feedback.quantity[feedback.quantity != 0]
    assert len(bought) > 100
    assert bought.min() >= 1
    assert bought.max() <= choice.max_units
    assert (
        len(np.unique(bought)) > choice.max_units / 2
    )  # a mission without a limit takes any number of units
    assert np.isfinite(expected).all()
    assert (expected >= 0).all()


def test_units_at_the_least_probability_are_uniform_up_to_the_most() -> None:
    draws = (np.arange(2000) + 0.5) / 2000
    units = np.array([units_of(LEAST_UNITS_P, 20, draw) for draw in draws])
    assert np.bincount(units, minlength=21)[1:].tolist() == [100] * 20
    assert abs(mean_units(LEAST_UNITS_P, 20) - 10.5) < 1e-3


def test_the_most_appealing_item_there_can_be_is_clicked(catalog: Catalog) -> None:
    """Appeal whose exponential no float32 holds: the item is clicked as if the click were certain."""
    shocks = (Shock(kind="viral", days=1000.0, size=20.0, share=1.0),) * 4
    campaigns = (Campaign(days=1000.0, share=1.0, boost=20.0),)
    config = ShopConfig(
        users=300,
        slate_size=3,
        num_candidates=8,
        choice=ChoiceConfig(quality_weight=20.0, position_decay=0.0),
        shocks=shocks,
        campaigns=campaigns,
    )
    shop = Shop(catalog, config, lanes=500, seed=1)
    shop.start_visits()
    best = np.argsort(-shop.today.appeal[0])[:3].astype(np.int32)
    assert shop.today.appeal[0, best].min() > 90.0
    assert np.isfinite(shop.today.lift).all()
    feedback, _, _ = shop.serve(np.tile(best, (shop.lanes, 1)))
    assert (feedback.clicked | feedback.carted)[feedback.examined].all()


@pytest.mark.parametrize("share", [5e-324, 1e-12, 1 - 1e-16])
@pytest.mark.parametrize("alike", [1e-9, 0.8, 1 - 1e-12])
def test_shares_of_missions_next_to_0_and_1_are_drawn(catalog: Catalog, share: float, alike: float) -> None:
    choice = ChoiceConfig(mission_share=share, mission_alike=alike)
    shop = Shop(catalog, ShopConfig(users=300, slate_size=3, num_candidates=8, choice=choice), seed=1)
    assert ((shop.users.mission >= 0) & (shop.users.mission <= 1)).all()
    assert abs(shop.users.mission.mean() - round(share)) < 0.01
