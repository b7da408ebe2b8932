"""The decision process of the tests of sequences: its logs have the values that its equations give."""

from __future__ import annotations

import numpy as np
import pytest
from builders.sequences import BEHAVIOUR, CLOCK, REWARD, TARGET, exact, returns, simulate

from shopgym.core.types import F64


@pytest.mark.parametrize("policy", [BEHAVIOUR, TARGET])
def test_the_log_has_the_exact_value(policy: F64) -> None:
    # 5 standard errors: false alarm 6e-7
    log = simulate(40_000, np.random.default_rng(0), policy=policy)
    for gamma in (1.0, 0.8):
        earned = log.returns(gamma)
        error = earned.std() / np.sqrt(len(log))
        assert abs(earned.mean() - exact(policy, gamma).value) < 5 * error
    counts = np.bincount(log.returns(1.0).astype(int), minlength=2 * CLOCK + 1)
    chance = returns(policy)
    spread = np.sqrt(chance * (1 - chance) * len(log))
    assert (np.abs(counts - chance * len(log)) < 5 * spread + 1).all()


def test_the_recursions_agree() -> None:
    chance = returns(TARGET)
    assert chance.sum() == pytest.approx(1.0, abs=1e-12)
    assert chance @ np.arange(2 * CLOCK + 1) == pytest.approx(exact(TARGET, 1.0).value, rel=1e-12)
    by_occupancy = sum(
        0.8**step * (chance[:, None] * TARGET * REWARD).sum()
        for step, chance in enumerate(exact(TARGET, 0.8).chance)
    )
    assert by_occupancy == pytest.approx(exact(TARGET, 0.8).value, rel=1e-12)
