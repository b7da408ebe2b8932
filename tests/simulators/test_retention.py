"""Coming back: BG/NBD's own formula, then the bend of experience."""

from __future__ import annotations

import math

import numpy as np
import pytest
from builders.bgnbd import expected_returns
from scipy import stats

from shopgym.core import InvalidInput
from shopgym.simulators.engine.hash_rng import key, keys, units
from shopgym.simulators.people.retention import (
    RetentionConfig,
    days_until,
    draw_habits,
    draw_passers,
    expected_visits,
    stays,
)

ALARM = 1e-6
"""False-alarm rate of each statistical check here."""


def returns_within(days: float, count: int, config: RetentionConfig, satisfaction: float) -> np.ndarray:  # type: ignore[type-arg]
    rate, dropout = draw_habits(count, config, np.random.default_rng(0))
    out = np.zeros(count)
    for i in range(count):
        lucks = units(keys(np.uint64(key(np.uint64(7), np.uint64(i))), np.arange(2000, dtype=np.uint64)))
        clock, n = 0.0, 0
        while n < 990:
            clock += days_until(rate[i], satisfaction, config.rate_effect, lucks[2 * n])
            if clock > days:
                break
            out[i] += 1
            if not stays(dropout[i], satisfaction, config.churn_effect, lucks[2 * n + 1]):
                break
            n += 1
    return out


def test_formula_against_the_definition() -> None:
    # E[X(t) | lambda, p] = (1 - exp(-lambda p t)) / p (eq. 7), averaged over the gamma and the beta
    config = RetentionConfig(r=0.8, alpha=20.0, a=1.4, b=3.0)
    t = 90.0

    middles = (np.arange(2000) + 0.5) / 2000  # midpoint rule over quantiles of both
    rate = stats.gamma.ppf(middles, config.r, scale=1 / config.alpha)[:, None]
    p = stats.beta.ppf(middles, config.a, config.b)[None, :]
    value = float(((1 - np.exp(-rate * p * t)) / p).mean())
    assert expected_returns(t, config) == pytest.approx(value, rel=1e-3)


@pytest.mark.parametrize("days", [30.0, 273.0])
def test_simulation_has_the_closed_forms_mean(days: float) -> None:
    config = RetentionConfig()
    counts = returns_within(days, 6000, config, satisfaction=0.0)
    z = (counts.mean() - expected_returns(days, config)) / (counts.std() / math.sqrt(len(counts)))
    assert 2 * stats.norm.sf(abs(z)) > ALARM


def test_satisfaction_has_no_effect_if_switched_off() -> None:
    config = RetentionConfig()
    a, b = (returns_within(100.0, 300, config, s) for s in (-1.0, 1.0))
    np.testing.assert_array_equal(a, b)


def test_better_experience_brings_more_returns() -> None:
    config = RetentionConfig(rate_effect=0.5, churn_effect=1.0)
    low, middle, high = (returns_within(100.0, 1500, config, s).mean() for s in (-1.0, 0.0, 1.0))
    assert low < middle < high
    # common random numbers: every single customer returns at least as often, the rate alone bent
    alone = RetentionConfig(rate_effect=0.5)
    assert (returns_within(100.0, 300, alone, 1.0) >= returns_within(100.0, 300, alone, 0.0)).all()


def test_extreme_draws_are_defined() -> None:
    assert days_until(1e-12, 0.0, 0.0, 0.0) == 0.0
    assert math.isfinite(days_until(1e-12, -1.0, 20.0, 1 - 2**-53))
    assert stays(1e-12, 1.0, 20.0, 0.5)


@pytest.mark.parametrize("change", [{"r": 0.0}, {"alpha": -1.0}, {"churn_effect": -0.1}, {"b": math.nan}])
def test_bad_numbers_are_refused(change: dict[str, float]) -> None:
    with pytest.raises(InvalidInput, match=next(iter(change))):
        RetentionConfig(**change)
    with pytest.raises(InvalidInput, match="exactly 1"):
        expected_returns(10.0, RetentionConfig(a=1.0))


def test_people_who_pass_by_never_stay_after_a_return() -> None:
    config = RetentionConfig(passing=0.3)
    rng = np.random.default_rng(3)
    _, dropout = draw_habits(20_000, config, rng)
    before = dropout.copy()
    passing = draw_passers(20_000, config, rng, dropout)
    low, high = stats.binom.interval(1 - ALARM, 20_000, 0.3)
    assert low <= passing.sum() <= high
    assert not any(stays(dropout[i], 1.0, 5.0, 0.999) for i in np.flatnonzero(passing)[:50])
    assert np.array_equal(dropout[~passing], before[~passing])


def test_established_customers_never_pass_by() -> None:
    dropout = np.full(1000, 0.3)
    passing = draw_passers(1000, RetentionConfig(passing=0.9), np.random.default_rng(5), dropout, 400)
    assert not passing[:400].any()
    assert (dropout[:400] == 0.3).all()
    assert passing[400:].mean() > 0.8


def test_expected_visits_of_a_season_are_those_of_simulated_lives() -> None:
    days, rng, lives = 80.0, np.random.default_rng(6), 4000
    rate, dropout = np.array([0.1, 0.1, 0.02, 1.0]), np.array([0.2, 0.2, 1 - 1e-12, 0.05])
    expected = expected_visits(rate, dropout, days, established=1)
    for user in range(4):
        found = np.zeros(lives)
        for life in range(lives):
            clock = 0.0 if user < 1 else days * rng.random()
            found[life] = user >= 1
            while True:
                clock += rng.exponential(1 / rate[user])
                if clock > days:
                    break
                found[life] += 1
                if rng.random() < dropout[user]:
                    break
        error = found.std() / lives**0.5
        assert abs(found.mean() - expected[user]) < stats.norm.isf(ALARM / 2) * error


def test_no_one_passes_by_by_default_and_no_random_number_is_used() -> None:
    rng, same = np.random.default_rng(4), np.random.default_rng(4)
    assert not draw_passers(100, RetentionConfig(), rng, np.full(100, 0.5)).any()
    assert rng.random() == same.random()
    with pytest.raises(InvalidInput, match="passing"):
        RetentionConfig(passing=1.0)
