"""The test of a decline: its error rate while nothing falls, and that it finds what falls."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from shopgym.core import InvalidInput
from shopgym.guardrails.monitor import DeclineTest
from shopgym.guardrails.monitor.decline import windows


def alarmed(means: np.ndarray, seed: int, error: float = 0.05) -> int | None:
    """The batch of the alarm in one run with standard errors of 1."""
    rng, test = np.random.default_rng(seed), DeclineTest(len(means), error)
    for number, mean in enumerate(means):
        if test.add(mean + rng.standard_normal(), 1.0):
            return number
    return None


@pytest.mark.parametrize("slope", [0.0, 0.05])
def test_a_run_that_never_falls_is_stopped_at_most_at_the_stated_rate(slope: float) -> None:
    """600 runs of 60 batches; the threshold itself is a simulated quantile, right to 0.7 points."""
    means = slope * np.arange(60)
    false = sum(alarmed(means, seed) is not None for seed in range(600))
    assert stats.binomtest(false, 600, 0.057, alternative="greater").pvalue > 1e-6
    if not slope:
        assert stats.binomtest(false, 600, 0.043, alternative="less").pvalue > 1e-6


def test_a_fall_is_found_after_its_beginning() -> None:
    means = np.concatenate([np.linspace(0, 3, 30), np.linspace(3, -3, 30)])
    found = [alarmed(means, seed) for seed in range(50)]
    assert sum(batch is not None and batch >= 30 for batch in found) >= 45


def test_windows_fit_twice_and_batches_beyond_the_plan_change_nothing() -> None:
    assert [windows(n) for n in (1, 2, 3, 4, 9)] == [[], [1], [1], [1, 2], [1, 2, 4]]
    test = DeclineTest(4, 0.05)
    for mean in (0.0, 0.0, 0.0, 0.0, -100.0):
        stopped = test.add(mean, 1.0)
    assert not stopped
    exact = DeclineTest(4, 0.05)
    assert not exact.add(1.0, 0.0)
    assert not exact.add(0.0, 0.0)  # without an error there is nothing to divide by


def test_settings_out_of_range_are_refused() -> None:
    with pytest.raises(InvalidInput, match=r"monitor\.batches"):
        DeclineTest(1, 0.05)
    with pytest.raises(InvalidInput, match=r"monitor\.error"):
        DeclineTest(10, 0.0)
