"""Each end of an assumed range is a shop in which this figure is at that end, and demand is as before."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from shopgym.core import InvalidInput
from shopgym.realism.assumed import (
    ASSUMED,
    TOLERANCE,
    AssumedWorld,
    assumed_world,
    assumed_worlds,
    configured_figure,
)
from shopgym.realism.demand_levels import VISITS, page_levels, session_conversion
from shopgym.simulators import Catalog, ChoiceConfig, PeopleConfig, RetentionConfig, ShopConfig

CATALOG = Catalog.synthetic(200, seed=1)
CONFIG = ShopConfig(users=2000)
USUAL = replace(CONFIG, choice=ChoiceConfig(reference_price=1.0, buy_price=0.0))
ENDS = ("low", "high")


def world(parameter: str, end: str, config: ShopConfig = CONFIG) -> AssumedWorld:
    return assumed_world(parameter, end, CATALOG, config)  # type: ignore[arg-type]


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("config", [CONFIG, USUAL], ids=["level of price counts", "compared with the usual"])
def test_a_tenth_off_brings_the_published_units_and_usual_prices_bring_what_they_did(
    config: ShopConfig, end: str
) -> None:
    found = world("price_response", end, config)
    before = page_levels(CATALOG, config, 0)
    after = page_levels(CATALOG, found.config, 0)
    aim = ASSUMED["price_response"].end(found.end)
    assert after["price_response"] == pytest.approx(aim, rel=TOLERANCE)
    assert found.reached == after["price_response"]
    assert before["price_response"] < 1.2
    assert after["units"] == pytest.approx(before["units"], rel=1e-6)
    assert after["clicks"] == before["clicks"]


def test_as_much_is_sold_where_dear_items_are_avoided_less() -> None:
    """Less sensitivity than before cannot leave the choice between dear and cheap items as it is."""
    catalog = Catalog.synthetic(200, seed=1, price_log_sd=0.3)
    steep = replace(CONFIG, choice=ChoiceConfig(reference_price=0.0, price_sensitivity=3.0, cart_base=-4.0))
    before, low = page_levels(catalog, steep, 0), assumed_world("price_response", "low", catalog, steep)
    after = page_levels(catalog, low.config, 0)
    assert before["price_response"] > 1.3
    assert low.config.choice.reference_price == 0.0
    assert after["units"] == pytest.approx(before["units"], rel=TOLERANCE)
    assert after["price_response"] == pytest.approx(1.25, rel=TOLERANCE)


def test_other_visitors_respond_to_prices_alike() -> None:
    response = page_levels(CATALOG, world("price_response", "high").config, 17)["price_response"]
    assert response == pytest.approx(1.4, rel=0.05)


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("parameter", ["taste", "intent"])
def test_a_weight_is_halved_or_doubled_and_as_much_is_clicked_and_sold(parameter: str, end: str) -> None:
    found = world(parameter, end)
    setting = f"{parameter}_weight"
    assert getattr(found.config.choice, setting) == found.value * getattr(CONFIG.choice, setting)
    before, after = page_levels(CATALOG, CONFIG, 0), page_levels(CATALOG, found.config, 0)
    for level in ("clicks", "units"):
        assert after[level] == pytest.approx(before[level], rel=TOLERANCE)
    assert found.note == ""


@pytest.mark.slow
@pytest.mark.parametrize("end", ENDS)
def test_other_visitors_convert_at_the_end_of_the_range(end: str) -> None:
    found = world("conversion", end)
    other = session_conversion(CATALOG, found.config, 23)
    error = math.sqrt(2 * found.value * (1 - found.value) / VISITS)  # of both samples of visits
    assert abs(other - found.value) < 4 * error + TOLERANCE * found.value


@pytest.mark.parametrize(("effect", "doubled"), [(0.3, 0.6), (0.0, 2 * PeopleConfig().retention.rate_effect)])
def test_effects_on_later_visits_are_off_at_one_end_and_double_at_the_other(
    effect: float, doubled: float
) -> None:
    retention = RetentionConfig(rate_effect=effect, churn_effect=0.4)
    config = replace(CONFIG, people=PeopleConfig(enabled=True, retention=retention))
    low, high = (world("return_effects", end, config).config.people.retention for end in ENDS)
    assert (low.rate_effect, low.churn_effect) == (0.0, 0.0)
    assert (high.rate_effect, high.churn_effect) == (doubled, 0.8)


def test_a_figure_that_the_shop_does_not_have_leaves_it_as_it_is() -> None:
    config = replace(CONFIG, choice=ChoiceConfig(taste_weight=0.0))
    for parameter, reason in (("return_effects", "nobody comes back"), ("taste", "it is off")):
        found = world(parameter, "low", config)
        assert found.config == config
        assert reason in found.note
        assert np.isnan(configured_figure(parameter, CATALOG, config))


@pytest.mark.slow
def test_an_end_that_no_setting_reaches_is_said() -> None:
    config = replace(CONFIG, choice=ChoiceConfig(click_base=-9.0))  # hardly anybody clicks, so few can buy
    found = world("conversion", "high", config)
    assert found.note.startswith("no setting gets nearer")
    assert found.reached < 0.03


def test_every_range_has_a_source_and_settings_and_is_not_empty() -> None:
    assert {"price_response", "taste", "intent", "conversion", "return_effects"} == set(ASSUMED)
    for name, assumed in ASSUMED.items():
        assert name == assumed.parameter
        assert assumed.low < assumed.high
        assert assumed.source
        assert assumed.unit
        assert assumed.moved


def test_worlds_come_in_order_and_are_the_same_every_time() -> None:
    worlds = assumed_worlds(CATALOG, CONFIG, parameters=("taste", "return_effects"))
    again = assumed_worlds(CATALOG, CONFIG, parameters=("taste", "return_effects"))
    assert [(w.parameter, w.end) for w in worlds] == [
        ("taste", "low"), ("taste", "high"), ("return_effects", "low"), ("return_effects", "high")
    ]  # fmt: skip
    assert [w.config for w in worlds] == [w.config for w in again]


def test_unknown_names_are_refused() -> None:
    with pytest.raises(InvalidInput, match="did you mean 'taste'"):
        world("tastes", "low")
    with pytest.raises(InvalidInput, match="low, high"):
        world("taste", "middle")
