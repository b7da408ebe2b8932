"""The three kinds of shop: complete tables, valid configurations, catalogues as the tables say."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from shopgym.core import InvalidInput
from shopgym.core.config import with_settings
from shopgym.simulators import ShopConfig
from shopgym.simulators.profiles.profiles import (
    BEHAVIOUR,
    CATALOG,
    PROFILES,
    SCALE,
    numbers,
    profile,
    profile_catalog,
    size,
    values,
)

SOURCES = ("assumed: ", "fitted: ", "measured: ", "pub_", "oj_", "UCI ", "Complete Journey", "Taobao")


@pytest.mark.parametrize("name", PROFILES)
def test_every_number_has_a_unit_and_a_source(name: str) -> None:
    table = numbers(name)
    assert len({number.name for number in table}) == len(table)
    for number in table:
        assert number.unit, number.name
        assert number.source.startswith(SOURCES), (number.name, number.source)


@pytest.mark.parametrize("name", PROFILES)
def test_the_configuration_is_the_table(name: str) -> None:
    config = profile(name)
    for number in numbers(name):
        if number.name.startswith((CATALOG, BEHAVIOUR, SCALE)):
            continue
        value: object = config
        for part in number.name.split("."):
            value = getattr(value, part)
        assert value == number.value, number.name
    size_ = size(name)
    assert (config.arrivals.per_day, config.arrivals.established) == (size_.per_day, size_.established)


@pytest.mark.parametrize("name", PROFILES)
def test_every_mechanism_is_on(name: str) -> None:
    config = profile(name)
    choice, market, people = config.choice, config.market, config.people
    assert config.calendar
    assert config.surfaces.enabled
    assert config.dwell.enabled
    assert config.returns.enabled
    assert people.enabled
    assert config.stock.enabled
    assert config.campaigns
    assert config.shocks
    weights = (choice.brand_weight, choice.mission_share, choice.mission_lift, choice.mission_stay)
    assert min(*weights, choice.substitution, config.delivery.weight) > 0
    assert min(market.season, market.drift, market.new_share, market.old_share) > 0
    assert min(people.retention.rate_effect, people.retention.churn_effect) > 0
    assert len(set(config.arrivals.hours)) > 1
    assert len(set(config.arrivals.weekdays)) > 1


def test_visits_scale_the_number_of_people_alone() -> None:
    whole, tenth = profile("fashion"), profile("fashion", visits=size("fashion").visits / 10)
    assert tenth.arrivals.per_day == pytest.approx(whole.arrivals.per_day / 10)
    assert tenth.arrivals.established == whole.arrivals.established // 10
    same = replace(tenth, users=whole.users, arrivals=whole.arrivals)
    assert same == whole


def test_overrides_replace_fields_and_unknown_ones_are_refused() -> None:
    assert profile("grocery", slate_size=4).slate_size == 4
    with pytest.raises(InvalidInput, match="override fields"):
        profile("grocery", slates=4)
    with pytest.raises(InvalidInput, match="gift, fashion, grocery"):
        profile("toys")


def test_catalogues_follow_the_tables() -> None:
    for name in ("fashion", "grocery"):
        given, found = values(name, CATALOG), profile_catalog(name, seed=3).describe()
        assert found["items"] == given["num_items"]
        assert found["currency"] == given["currency"]
        # category levels of 60 draws move the median: within a third of the log sd
        assert abs(np.log(found["price_median"] / given["price_median"])) < given["price_log_sd"] / 3
        assert found["price_log_sd"] == pytest.approx(given["price_log_sd"], rel=0.15)
        low, high = given["margin_rates"]
        assert low <= found["margin_rate_mean"] <= high
    assert np.array_equal(
        profile_catalog("fashion", 1).items.price, profile_catalog("fashion", 1).items.price
    )


def test_the_gift_catalogue_differs_from_the_shipped_one_in_units_only() -> None:
    from shopgym.simulators import Catalog

    ours, shipped = profile_catalog("gift"), Catalog.online_retail()
    given = values("gift", CATALOG)
    assert np.array_equal(ours.items.price, shipped.items.price)
    expected = 1 + given["units_scale"] * (shipped.units_mean - 1) ** given["units_power"]
    assert np.allclose(ours.units_mean, expected)


def test_numbers_are_set_by_dotted_name() -> None:
    config = with_settings(ShopConfig(), {"users": 5, "people.retention.r": 2.0, "people.boredom": 0.1})
    assert (config.users, config.people.retention.r, config.people.boredom) == (5, 2.0, 0.1)
    assert config.people.retention.a == ShopConfig().people.retention.a
    with pytest.raises(InvalidInput, match="clicks"):
        with_settings(ShopConfig(), {"choice.clicks": 1.0})
