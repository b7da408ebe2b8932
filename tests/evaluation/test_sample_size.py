"""How many more decisions would settle it: by hand, by simulation, and in words."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shopgym.core import InvalidInput
from shopgym.evaluation.offline import ESTIMATORS, OpeInputs
from shopgym.evaluation.offline.estimate import Estimate
from shopgym.evaluation.offline.sample_size import MOST, sample_size


def estimate(value: float, half: float, n: int = 1_000, level: float = 0.95) -> Estimate:
    return Estimate(value, value - half, value + half, level, "delta", "snips", n, n, 1.0, 1.0, 0.0, "click")


def test_known_answer() -> None:
    """z 1.96 and 0.8416: the textbook's n = (1.96 + 0.8416)^2 / (d / s)^2, 784.9 for d / s = 0.1."""
    half = 1.959964 / math.sqrt(100)  # s = 1, n = 100
    result = sample_size(estimate(0.1, half, 100))
    assert result.further == pytest.approx(784.9 - 100, abs=0.1)
    assert result.sentence == (
        "if the true difference is 0.1, about 690 more decisions would show it (80% power)"
    )


@pytest.mark.slow
def test_so_many_decisions_settle_it_at_the_power_that_was_asked_for() -> None:
    """Of 1,000 logs of the size that is named 80% leave out the reference, within 4 standard errors (5%)."""
    rng = np.random.default_rng(0)
    truth = estimate(0.3, 1.959964 * 1.0 / math.sqrt(50), 50)
    n = 50 + round(sample_size(truth, 0.1).further)
    settled = 0
    for _ in range(1_000):
        inputs = OpeInputs.of_rounds(rng.normal(0.3, 1.0, n), np.ones(n))
        made = ESTIMATORS["ips"].estimate(inputs)
        settled += not made.low <= 0.1 <= made.high
    assert settled / 1_000 == pytest.approx(0.8, abs=0.05)


def test_users_are_counted_where_they_are_the_draws() -> None:
    result = sample_size(estimate(0.2, 0.3), users=50)
    rows = sample_size(estimate(0.2, 0.3))
    assert result.further == pytest.approx(rows.further / 20)
    assert "more users would show it" in result.sentence


def test_nothing_is_said_of_what_is_settled() -> None:
    result = sample_size(estimate(0.2, 0.1))
    assert (result.further, result.settled, result.sentence) == (0, True, "")


def test_no_effect_is_out_of_reach() -> None:
    none = sample_size(estimate(0.1, 0.2), 0.1)
    assert (none.further, none.sentence) == (math.inf, "")
    near = sample_size(estimate(0.1001, 0.2), 0.1)
    assert near.further > MOST
    assert near.sentence.startswith("if the true difference from 0.1 is 0.0001, even")
    assert "even 1,000,000 more decisions would not" in near.sentence
    long = sample_size(estimate(0.0001, 0.001, 10**7))
    assert "even 10,000,000 more decisions would not" in long.sentence


def test_an_interval_that_is_not_symmetric_counts_the_side_of_the_reference() -> None:
    skewed = Estimate(0.2, -0.1, 2.0, 0.95, "bca", "snips", 100, 100, 1.0, 1.0, 0.0, "click")
    assert sample_size(skewed).further == sample_size(estimate(0.2, 0.3, 100)).further
    assert sample_size(skewed, 0.5).further > sample_size(estimate(0.2, 0.4, 100), 0.5).further


@given(st.floats(0.001, 1), st.floats(0.001, 10), st.floats(0.5, 0.95), st.floats(0.5, 0.99))
def test_more_power_and_wider_intervals_need_more(
    value: float, half: float, power: float, level: float
) -> None:
    small = sample_size(estimate(value, half, level=level), power=power)
    assert small.further >= 0
    more = sample_size(estimate(value, half, level=level), power=power + 0.01)
    wider = sample_size(estimate(value, 1.1 * half, level=level), power=power)
    assert more.further >= small.further
    assert wider.further >= small.further


def test_a_power_outside_0_and_1_is_refused() -> None:
    with pytest.raises(InvalidInput, match="power"):
        sample_size(estimate(0.1, 0.2), power=1.0)
