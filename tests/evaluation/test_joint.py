"""Intervals that hold together: the level of each, known answers first."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm, studentized_range

from shopgym.evaluation.intervals.joint import joint_level


def quantile(level: float) -> float:
    return float(norm.ppf((1 + level) / 2))


def test_one_interval_keeps_its_level() -> None:
    assert joint_level([np.arange(5.0)], 0.9, np.random.default_rng(0)) == 0.9
    assert joint_level([], 0.9, np.random.default_rng(0)) == 0.9


def test_independent_contrasts_need_the_level_of_sidak() -> None:
    psi = list(np.random.default_rng(0).normal(size=(4, 20_000)))
    each = joint_level(psi, 0.95, np.random.default_rng(1))
    assert quantile(each) == pytest.approx(quantile(0.95**0.25), abs=0.02)


def test_equal_contrasts_widen_nothing() -> None:
    psi = np.random.default_rng(0).normal(size=500)
    each = joint_level([psi, 2 * psi, -psi], 0.95, np.random.default_rng(1))
    assert quantile(each) == pytest.approx(1.96, abs=0.02)


def test_all_pairs_of_equal_groups_are_tukeys_range() -> None:
    # differences of 3 independent means: the largest is the studentised range over root 2
    draws = np.random.default_rng(0).normal(size=(3, 30_000))
    pairs = [draws[0] - draws[1], draws[0] - draws[2], draws[1] - draws[2]]
    each = joint_level(pairs, 0.95, np.random.default_rng(1))
    assert quantile(each) == pytest.approx(studentized_range.ppf(0.95, 3, np.inf) / np.sqrt(2), abs=0.02)


def test_what_is_unknown_or_of_other_draws_gets_the_level_of_sidak() -> None:
    rng, psi = np.random.default_rng(0), np.arange(9.0)
    for other in (None, np.arange(8.0), np.zeros(9)):
        assert joint_level([psi, other], 0.95, rng) == pytest.approx(0.95**0.5)


@settings(deadline=None, max_examples=20)
@given(st.integers(2, 6), st.floats(0.5, 0.99), st.integers(0, 1000))
def test_the_level_lies_between_one_interval_and_sidak(m: int, level: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    psi = list(rng.normal(size=(m, m + 2)) + rng.normal(size=m + 2))
    assert level <= joint_level(psi, level, rng) <= level ** (1 / m)
