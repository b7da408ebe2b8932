"""The reward: declared terms, units, and a sum that is exactly what was declared."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from shopgym.core import InvalidInput
from shopgym.core.reward import RewardSpec
from shopgym.envs.oracle import best_page_values, page_values
from shopgym.simulators import Catalog, Shop, ShopConfig


def test_a_page_by_hand(catalog: Catalog, config: ShopConfig) -> None:
    shop = Shop(catalog, config, lanes=300, seed=1)
    shop.start_visits()
    feedback = shop.counterfactual(np.ascontiguousarray(shop.requests().candidates[:, :3]))
    spec = RewardSpec({"revenue": 0.5, "click": 2.0}, exchange={"click": 0.1}, north_star="margin")
    reward, terms = spec.page(feedback)
    np.testing.assert_array_equal(reward, 0.5 * terms["revenue"] + 0.2 * terms["click"])
    np.testing.assert_array_equal(terms["click"], feedback.clicked.sum(axis=1))
    np.testing.assert_allclose(spec.slots(feedback).sum(axis=1), reward, rtol=1e-12)


def test_money_by_another_name_is_told_what_it_is_called() -> None:
    with pytest.raises(InvalidInput, match="money, such as euros, is 'currency'"):
        RewardSpec({"margin": 1.0}, unit="euro")


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({"terms": {}}, "reward.terms"),
        ({"terms": {"likes": 1.0}}, "reward.terms"),
        ({"terms": {"margin": float("nan")}}, "reward.terms.margin"),
        ({"terms": {"margin": 1.0, "click": 1.0}}, "reward.terms.click"),
        ({"terms": {"margin": 1.0}, "unit": "click"}, "reward.terms.margin"),
        ({"terms": {"margin": 1.0}, "exchange": {"margin": 2.0}}, "reward.exchange"),
        ({"terms": {"click": 1.0}, "exchange": {"click": float("inf")}}, "reward.exchange.click"),
        ({"north_star": "fame"}, "reward.north_star"),
        ({"unit": "stars"}, "reward.unit"),
    ],
)
def test_mixed_units_and_unknown_terms_are_refused(spec: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput, match=field):
        RewardSpec(**spec)


@pytest.mark.parametrize(
    "spec",
    [
        RewardSpec(),
        RewardSpec({"click": 1.0}, unit="click", north_star="click"),
        RewardSpec({"margin": 1.0, "stockout": -1.0}, exchange={"stockout": 0.02}),
    ],
)
def test_no_slate_beats_the_oracle(catalog: Catalog, config: ShopConfig, spec: RewardSpec) -> None:
    import itertools

    shop = Shop(catalog, config, lanes=10, seed=1)
    shop.start_visits()
    candidates = shop.requests().candidates
    shop.stock.available[candidates[:, :4]] = False
    best = best_page_values(shop, spec, candidates)
    values = [
        page_values(shop, spec, np.ascontiguousarray(candidates[:, list(slate)]))
        for slate in itertools.permutations(range(8), 3)
    ]
    highest = np.max(values, axis=0)
    assert (best >= highest - 1e-12).all()
    if spec.terms.keys() == {"click"}:  # every full page is worth something: the best slate attains it
        np.testing.assert_allclose(best, highest)
