"""Seasons of single categories and goods: set, drawn, and read off a record."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from shopgym.core import InvalidInput
from shopgym.simulators import Catalog, GoodsSeason, MarketConfig
from shopgym.simulators.market.market import Market
from shopgym.simulators.market.seasons import YEAR, wave_of

DAYS = np.linspace(0, YEAR, 52, endpoint=False)


def waves(catalog: Catalog, **config: Any) -> np.ndarray:  # type: ignore[type-arg]
    """(52, N) logits of the season, from week to week."""
    market = Market(
        catalog, MarketConfig(**config), (), (), quality_weight=0.35, reference_price=0.0, allow_losses=False,
        seed=5,
    )  # fmt: skip
    return np.stack([market.appeal(day) for day in DAYS]) - np.float32(0.35) * catalog.quality


def test_a_spread_of_0_is_one_amplitude_and_a_larger_one_keeps_the_mean(catalog: Catalog) -> None:
    plain = waves(catalog, season=0.5)
    np.testing.assert_array_equal(plain, waves(catalog, season=0.5, season_spread=0.0))
    many = Catalog.synthetic(3000, seed=1, num_categories=1000)
    size = waves(many, season=0.5, season_spread=0.8).max(axis=0)
    first = np.unique(many.items.category, return_index=True)[1]
    log = np.log(size[first])
    assert log.std() == pytest.approx(0.8, abs=0.1)
    assert size[first].mean() == pytest.approx(0.5, rel=0.2)
    same_peak = np.corrcoef(waves(catalog, season=0.5, season_spread=0.8)[:, 0], plain[:, 0])[0, 1]
    assert same_peak == pytest.approx(1.0, abs=1e-6)


def test_a_category_has_the_season_that_it_is_given_and_the_others_keep_theirs(catalog: Catalog) -> None:
    name = catalog.items.category_names[1]
    season = GoodsSeason(category=name, amplitude=1.5, peak=44.0)
    given, plain = waves(catalog, season=0.2, seasons=(season,)), waves(catalog, season=0.2)
    own = catalog.items.category == 1
    want = 1.5 * np.cos(2 * math.pi * (DAYS / YEAR - 44.0 / 52.0)) - math.log(np.i0(1.5))
    np.testing.assert_allclose(given[:, own], want[:, None] + np.zeros(own.sum()), atol=1e-5)
    np.testing.assert_array_equal(given[:, ~own], plain[:, ~own])
    alone = waves(catalog, seasons=(season,))
    assert not alone[:, ~own].any()


def test_goods_are_named_by_a_word_whatever_their_category(catalog: Catalog) -> None:
    named = np.char.find(catalog.items.name, "item 01") >= 0
    assert 0 < named.sum() < len(catalog)
    season = GoodsSeason(word="ITEM 01", amplitude=2.0, peak=10.0)
    shadowed = GoodsSeason(word="item 0", amplitude=9.0, peak=1.0)
    both = waves(catalog, season=0.3, seasons=(season, shadowed))
    want = 2.0 * np.cos(2 * math.pi * (DAYS / YEAR - 10.0 / 52.0)) - math.log(np.i0(2.0))
    assert np.exp(want).mean() == pytest.approx(1.0, abs=1e-9)
    np.testing.assert_allclose(both[:, named], want[:, None] + np.zeros(named.sum()), atol=1e-5)
    alone = waves(catalog, season=0.3, seasons=(season,))
    np.testing.assert_array_equal(alone[:, ~named], waves(catalog, season=0.3)[:, ~named])


def test_the_wave_of_a_record_is_found_again() -> None:
    rng, weeks = np.random.default_rng(3), np.arange(52.0)
    totals = rng.uniform(5_000, 15_000, 52)
    share = 0.02 * np.exp(1.8 * np.cos(2 * math.pi * (weeks - 44.0) / 52))
    amplitude, peak = wave_of(totals * share, totals, weeks)
    assert (amplitude, peak) == (pytest.approx(1.8, abs=1e-6), pytest.approx(44.0, abs=1e-6))
    amplitude, peak = wave_of(rng.poisson(totals * share).astype(float), totals, weeks)
    assert amplitude == pytest.approx(1.8, abs=0.1)  # about 10,000 lines: an error of .02
    assert peak == pytest.approx(44.0, abs=0.5)
    assert wave_of(0.3 * totals, totals, weeks)[0] == pytest.approx(0.0, abs=1e-9)


def test_bad_seasons_are_refused(catalog: Catalog) -> None:
    with pytest.raises(InvalidInput, match="either a category or a word"):
        GoodsSeason(amplitude=1.0)
    with pytest.raises(InvalidInput, match="either a category or a word"):
        GoodsSeason(category="x", word="y")
    with pytest.raises(InvalidInput, match="peak"):
        GoodsSeason(word="y", peak=52.0)
    with pytest.raises(InvalidInput, match="category"):
        waves(catalog, seasons=(GoodsSeason(category="toys", amplitude=1.0),))
    with pytest.raises(InvalidInput, match="no item's name"):
        waves(catalog, seasons=(GoodsSeason(word="toys", amplitude=1.0),))
    with pytest.raises(InvalidInput, match="four weeks"):
        wave_of(np.ones(3), np.ones(3), np.arange(3.0))
