"""Configs from mappings, as they come from YAML, and their JSON Schema."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shopgym.core import InvalidInput
from shopgym.core.config import build, json_schema, with_settings
from shopgym.envs import RewardSpec
from shopgym.simulators import Campaign, ChoiceConfig, ShopConfig


def test_everything_nested_is_built() -> None:
    values: dict[str, Any] = {
        "slate_size": 4,
        "returns": {"enabled": True, "rate": 0.2},
        "delivery": {"weight": 1, "region_days": [0, 2]},
        "campaigns": [{"price_off": 0.3}, Campaign(days=2.0)],
        "surfaces": {"home": {"click_model": "cascade"}, "channels": [1, 0, 0, 0]},
        "stock": {"deliveries_stop": [[3, 4]]},
    }
    config = build(ShopConfig, values, "shop")
    assert config.returns.rate == 0.2
    assert build(ShopConfig, {"returns": {"rate": None}}, "shop").returns.rate is None
    assert config.delivery.region_days == (0.0, 2.0)
    assert config.campaigns == (Campaign(price_off=0.3), Campaign(days=2.0))
    assert config.surfaces.home.click_model == "cascade"
    assert config.stock.deliveries_stop == ((3.0, 4.0),)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"colour": 1}, r"shop\.colour = 1: unknown setting"),
        ({"users": 2.5}, r"shop\.users = 2\.5: give a whole number"),
        ({"calendar": "yes"}, r"shop\.calendar = 'yes': give true or false"),
        ({"returns": 3}, r"shop\.returns = 3: write a mapping"),
        ({"campaigns": {"price_off": 0.3}}, r"shop\.campaigns = .*: give a list"),
        ({"campaigns": [{"price": 0.3}]}, r"shop\.campaigns\[0\]\.price = 0\.3: unknown setting"),
        ({"delivery": {"region_days": ["far"]}}, r"shop\.delivery\.region_days\[0\] = 'far': give a number"),
        ({"surfaces": {"channels": "all"}}, r"shop\.surfaces\.channels = 'all': give a list"),
        ({"stock": {"deliveries_stop": [[1, 2, 3]]}}, r"deliveries_stop\[0\] = .*: give 2 values"),
        ({"users": True}, r"shop\.users = True: give a whole number"),
        ({"users": "5"}, r"shop\.users = '5': give a whole number"),
        ({"returns": {"rate": "0.2"}}, r"shop\.returns\.rate = '0\.2': give a number"),
        ({"calendar": 1}, r"shop\.calendar = 1: give true or false"),
        ({"users": {1, 2}}, r"shop\.users = \{1, 2\}: give a number, a text, true, false"),
        ({"choice": {"drift": 3}}, r"^shop\.choice\.drift = 3\.0: give a number in \[0, 1\]$"),
    ],
)
def test_what_does_not_fit_is_named(values: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        build(ShopConfig, values, "shop")


@pytest.mark.parametrize(
    ("values", "field", "meant"),
    [
        ({"slate_sise": 4}, "shop.slate_sise", "slate_size"),
        ({"choice": {"click_bas": -3.0}}, "shop.choice.click_bas", "click_base"),
        ({"surfaces": {"home": {"click_modle": "dbn"}}}, "shop.surfaces.home.click_modle", "click_model"),
        ({"campaigns": [{}, {"price_of": 0.1}]}, "shop.campaigns[1].price_of", "price_off"),
    ],
)
def test_a_misspelt_name_says_which_was_meant(values: dict[str, Any], field: str, meant: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        build(ShopConfig, values, "shop")
    assert caught.value.field == field
    assert caught.value.fix.endswith(f"; did you mean {meant!r}?")


def test_an_unknown_name_comes_before_what_it_leaves_missing() -> None:
    with pytest.raises(InvalidInput, match=r"reward\.exhcange = .*did you mean 'exchange'"):
        build(RewardSpec, {"terms": [1], "exhcange": {}}, "reward")


@given(st.floats(-20, 20), st.floats(0, 1), st.lists(st.floats(0, 365), min_size=1, max_size=5))
def test_numbers_pass_to_the_last_bit(base: float, drift: float, days: list[float]) -> None:
    values = {"choice": {"click_base": base, "drift": drift}, "delivery": {"region_days": days}}
    config = build(ShopConfig, values, "shop")
    assert (config.choice.click_base, config.choice.drift) == (base, drift)
    assert config.delivery.region_days == tuple(days)


def test_a_config_built_from_its_own_parts_is_the_same() -> None:
    for config in (ShopConfig(), ShopConfig.full()):
        assert build(ShopConfig, {name: getattr(config, name) for name in vars(config)}, "shop") == config
        assert with_settings(config, {}) == config


def test_settings_are_replaced_by_dotted_name() -> None:
    config = with_settings(
        ShopConfig(choice=ChoiceConfig(drift=0.1)), {"users": np.int64(7), "choice.depth": 0.5}
    )
    assert (config.users, config.choice.depth, config.choice.drift) == (7, 0.5, 0.1)
    for wrong in ({"choice.dept": 1.0}, {"chioce.depth": 1.0}, {"users.all": 1}, {"choice.depth.x": 1}):
        with pytest.raises(InvalidInput, match=next(iter(wrong)).split(".")[-1]):
            with_settings(ShopConfig(), wrong)


def test_the_schema_has_every_setting_with_type_default_and_meaning() -> None:
    schema = json_schema(ShopConfig)
    assert list(schema["properties"]) == list(vars(ShopConfig()))
    assert schema["additionalProperties"] is False
    size = schema["properties"]["slate_size"]
    assert (size["type"], size["default"], size["description"]) == ("integer", 5, "k slots on a page.")
    returns = schema["$defs"]["ReturnConfig"]
    assert returns["properties"]["delay"]["type"] == "number"
    assert returns["additionalProperties"] is False
    # one line of a docstring may speak of several settings
    assert returns["properties"]["worth"]["description"] == returns["properties"]["depth"]["description"]
    assert "Attributes" not in returns["description"]
    assert "sent back" in returns["description"]
