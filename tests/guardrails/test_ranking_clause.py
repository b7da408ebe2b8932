"""The gate's clause on rankings: known answers, and its false-pass rate."""

from __future__ import annotations

import numpy as np
import pytest

from shopgym.core import InvalidInput
from shopgym.guardrails.gate.ranking import RankingFloor, ranking_clause

FLOOR = RankingFloor(at_least=0.9)
ASKED = {"error": 0.05, "confidence": "confidence 95%"}


def draws(mean: float, seed: int, n: int = 2000) -> np.ndarray:
    return (np.random.default_rng(seed).random(n) < mean).astype(float)


def test_equal_rankings_reach_nine_tenths_and_worse_ones_do_not() -> None:
    baseline, users = draws(0.5, 0), np.arange(2000)
    same = ranking_clause(FLOOR, baseline, baseline, users, **ASKED)
    assert same.passed
    assert same.value == pytest.approx(1.0)
    none = ranking_clause(FLOOR, np.zeros(2000), baseline, users, **ASKED)
    assert not none.passed
    assert none.value == pytest.approx(0.0)
    assert np.isinf(none.further)
    assert "below" in none.reason


def test_the_bound_is_that_of_the_mean_over_independent_users() -> None:
    baseline, candidate = draws(0.5, 1), draws(0.5, 2)
    once = ranking_clause(FLOOR, candidate, baseline, np.arange(2000), **ASKED)
    twice = [np.concatenate([values, values]) for values in (candidate, baseline, np.arange(2000))]
    again = ranking_clause(FLOOR, *twice, **ASKED)
    assert again.bound == pytest.approx(once.bound, abs=1e-6)  # a user's second copy says nothing new


def test_decisions_without_an_outcome_are_left_out() -> None:
    baseline = draws(0.5, 3)
    blank = np.where(np.arange(2000) % 2, np.nan, baseline)
    assert ranking_clause(FLOOR, blank, blank, np.arange(2000), **ASKED).value == pytest.approx(1.0)
    nothing = ranking_clause(FLOOR, blank * np.nan, blank * np.nan, np.arange(2000), **ASKED)
    assert not nothing.passed
    assert "does not tell" in nothing.reason


def test_a_candidate_at_the_floor_passes_in_one_of_twenty_logs() -> None:
    """500 logs with the true ratio at the floor: at most 5% pass; beyond 42 has a chance below 1 in 1000."""
    passes = 0
    for seed in range(500):
        rng = np.random.default_rng(1000 + seed)
        baseline = (rng.random(400) < 0.5).astype(float)
        candidate = (rng.random(400) < 0.45).astype(float)
        passes += ranking_clause(FLOOR, candidate, baseline, np.arange(400), **ASKED).passed
    assert passes <= 42


def test_unknown_metrics_and_floors_are_refused() -> None:
    with pytest.raises(InvalidInput, match="metric"):
        RankingFloor(metric="ndgc")
    with pytest.raises(InvalidInput, match="at_least"):
        RankingFloor(at_least=-1.0)
