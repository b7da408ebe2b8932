"""Heavy tails of units and order values: a Pareto factor for all lines of a visit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

from shopgym.core.types import F64
from shopgym.experiments.catalogs import load_catalog
from shopgym.experiments.config import CatalogSection
from shopgym.simulators import Catalog, ChoiceConfig, Shop, ShopConfig, StockConfig

KEEN = ChoiceConfig(click_base=-0.5, cart_base=0.5, buy_base=0.5, max_units=10_000)
SD = 0.4


def shop_of(catalog: Catalog, order_sd: float, seed: int = 3) -> Shop:
    choice = replace(KEEN, order_sd=order_sd)
    config = ShopConfig(users=3000, slate_size=4, choice=choice, stock=StockConfig(enabled=False))
    shop = Shop(catalog, config, lanes=20_000, seed=seed)
    shop.start_visits()
    return shop


def slates_of(shop: Shop) -> np.ndarray:  # type: ignore[type-arg]
    return np.tile(np.array([3, 4, 5, 6], np.int32), (shop.lanes, 1))


def factors(shop: Shop) -> F64:
    """(n, k) from the exact mean units of a line, 1 + (units_mean - 1) x factor."""
    means = shop.expected(slates_of(shop))
    more = shop.catalog.units_mean[3:7] - 1
    return (means["units"] / means["purchase"] - 1) / more


def test_by_default_there_is_no_such_factor(catalog: Catalog) -> None:
    assert ChoiceConfig().order_sd == 0.0
    np.testing.assert_allclose(factors(shop_of(catalog, 0.0)), 1.0, rtol=1e-9)


def test_the_factor_is_pareto_and_all_lines_of_a_visit_share_it(catalog: Catalog) -> None:
    shop = shop_of(catalog, SD)
    by_line = factors(shop)
    np.testing.assert_allclose(by_line, by_line[:, :1] + np.zeros((1, 4)), rtol=1e-3)  # cut at max_units
    pareto = stats.pareto(1 / SD, scale=1 - SD)
    assert abs(pareto.mean() - 1.0) < 1e-12
    assert stats.kstest(by_line[:, 0], pareto.cdf).pvalue > 1e-6  # false-alarm rate 1e-6
    first = by_line[:, 0].copy()
    shop.serve(slates_of(shop))
    on = ~shop.visits.over
    np.testing.assert_allclose(factors(shop)[on, 0], first[on], rtol=1e-9)  # for all pages of the visit


def test_units_are_those_that_are_expected(catalog: Catalog) -> None:
    """The mean of what happens is the exact mean, given the visit."""
    shop = shop_of(catalog, SD)
    slates = slates_of(shop)
    mean = (shop.attention(slates) * shop.expected(slates)["units"]).sum(axis=1)
    gap = shop.serve(slates)[0].page[:, 3] - mean
    assert abs(gap.mean()) < 5 * gap.std() / np.sqrt(len(gap))  # false-alarm rate 6e-7


def test_the_tail_of_order_values_is_heavy_and_the_middle_is_not_larger(catalog: Catalog) -> None:
    values = {}
    for order_sd in (0.0, 0.8):
        shops = [shop_of(catalog, order_sd, 10_000 * seed) for seed in range(1, 4)]
        revenue = np.concatenate([shop.serve(slates_of(shop))[0].page[:, 4] for shop in shops])
        values[order_sd] = revenue[revenue > 0]
    light, heavy = values[0.0], values[0.8]
    assert np.median(heavy) < np.median(light)
    assert np.quantile(heavy, 0.999) > 3 * np.quantile(light, 0.999)
    # who orders does not change
    assert len(light) == len(heavy)


def test_large_lines_count_whole_where_the_config_says_so(tmp_path: Path) -> None:
    """By default an item's mean units count up to 6 of a line."""
    rng = np.random.default_rng(1)
    table = pd.DataFrame({"order": np.repeat(np.arange(200), 3), "item": rng.integers(0, 20, 600)})
    table["quantity"], table["price"] = np.where(rng.random(600) < 0.2, 100, 1), 2.0
    table["customer"] = table["order"] % 50
    table.to_csv(tmp_path / "lines.csv", index=False)
    plain = CatalogSection(source="transactions", path=tmp_path / "lines.csv")
    capped, whole = (
        load_catalog(section, 0)[0] for section in (plain, plain.model_copy(update={"units_cap": 1e9}))
    )
    lines = table["quantity"].groupby(table["item"].astype(str))
    np.testing.assert_allclose(whole.units_mean, lines.mean().loc[whole.items.item_id])
    np.testing.assert_allclose(
        capped.units_mean, lines.apply(lambda q: q.clip(upper=6).mean()).loc[capped.items.item_id]
    )
    assert "units_cap" not in plain.model_dump(mode="json")
