"""Configs from mappings, as they come from YAML."""

from __future__ import annotations

from typing import Any

import pytest

from shopgym.core import InvalidInput
from shopgym.core.config import build
from shopgym.simulators import Campaign, ShopConfig


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
    ],
)
def test_what_does_not_fit_is_named(values: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        build(ShopConfig, values, "shop")
