"""The distribution of the return: against counts and exact recursion, then coverage."""

from __future__ import annotations

import numpy as np
import pytest
from builders.sequences import ACTIONS, BEHAVIOUR, CLOCK, TARGET, returns, simulate
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from shopgym.core import InvalidInput
from shopgym.core.types import F64
from shopgym.evaluation.offline.rl import (
    Distribution,
    Episodes,
    PredictedReturns,
    evaluate_sequences,
    return_distribution,
)

CHANCE = returns(TARGET)
POSSIBLE = np.arange(2 * CLOCK + 1).astype(float)
TRUTH = Distribution(POSSIBLE, CHANCE)


def predicted(log: Episodes) -> PredictedReturns:
    """A wrong prediction: three atoms, the same for every episode, one of them likelier in state 0."""
    atoms = np.tile([1.0, 3.5, 6.0], (len(log), 1))
    chance = np.full(atoms.shape, 1 / 3)
    chance[log.state[log.offsets[:-1]] == 0] = [0.6, 0.2, 0.2]
    return PredictedReturns(atoms, chance)


def test_what_is_read_off_a_distribution_of_four_returns() -> None:
    four = Distribution(np.array([-2.0, 0.0, 1.0, 10.0]), np.array([0.1, 0.4, 0.3, 0.2]))
    assert four.mean() == pytest.approx(-0.2 + 0.3 + 2.0)
    assert four.variance() == pytest.approx(0.4 + 0.3 + 20.0 - 2.1**2)
    assert [four.quantile(share) for share in (0.0, 0.1, 0.11, 0.5, 0.8, 0.81, 1.0)] == [
        *(-2.0, -2.0, 0.0, 0.0, 1.0, 10.0, 10.0)
    ]
    assert four.cvar(0.1) == pytest.approx(-2.0)
    assert four.cvar(0.2) == pytest.approx(-1.0)  # half of it at -2, half at 0
    assert four.cvar(1.0) == pytest.approx(four.mean())
    np.testing.assert_allclose(four.cdf(np.array([-3.0, -2.0, 0.5, 10.0])), [0.0, 0.1, 0.5, 1.0])


def test_evaluating_the_behaviour_gives_the_logged_returns() -> None:
    log = simulate(500, np.random.default_rng(0))
    earned = np.sort(log.returns(0.9))
    for normalised in (False, True):
        result = return_distribution(log, BEHAVIOUR, gamma=0.9, normalised=normalised).distribution
        np.testing.assert_allclose(result.cdf(earned), np.searchsorted(earned, earned, "right") / 500)
        assert result.mean() == pytest.approx(earned.mean())
        assert result.variance() == pytest.approx(earned.var())
        assert result.quantile(0.3) == np.quantile(earned, 0.3, method="inverted_cdf")
        assert result.cvar(0.1) == pytest.approx(earned[:50].mean())
        # a prediction changes nothing of this: every weight is 1
        helped = return_distribution(
            log, BEHAVIOUR, gamma=0.9, normalised=normalised, predicted=predicted(log)
        )
        np.testing.assert_allclose(helped.distribution.cdf(POSSIBLE), result.cdf(POSSIBLE), atol=1e-12)


@pytest.mark.parametrize("normalised", [False, True])
def test_the_function_is_its_formula_and_its_mean_that_of_the_trajectories(normalised: bool) -> None:
    log = simulate(300, np.random.default_rng(1))
    weight = np.multiply.reduceat(TARGET[log.state, log.action] / log.propensity, log.offsets[:-1])
    over = weight.mean() if normalised else 1.0
    helped = predicted(log)
    below = (log.returns(0.9)[:, None] <= POSSIBLE).astype(float)
    guess = np.einsum("nm,nmx->nx", helped.probability, helped.atoms[:, :, None] <= POSSIBLE)
    plain = return_distribution(log, TARGET, gamma=0.9, normalised=normalised)
    np.testing.assert_allclose(
        plain.distribution.cdf(POSSIBLE), (weight[:, None] * below).mean(axis=0) / over
    )
    robust = return_distribution(log, TARGET, gamma=0.9, normalised=normalised, predicted=helped)
    want = (weight[:, None] * (below - guess)).mean(axis=0) / over + guess.mean(axis=0)
    np.testing.assert_allclose(robust.distribution.cdf(POSSIBLE), want, atol=1e-12)
    mean = evaluate_sequences(log, TARGET, "sntis" if normalised else "tis", gamma=0.9)
    assert plain.distribution.mean() == pytest.approx(mean.value, rel=1e-12)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), help_it=st.booleans(), normalised=st.booleans())
def test_levels_rise_and_cvar_lies_below_its_quantile(seed: int, help_it: bool, normalised: bool) -> None:
    log = simulate(15, np.random.default_rng(seed))
    result = return_distribution(
        log, TARGET, normalised=normalised, predicted=predicted(log) if help_it else None
    ).distribution
    assert (np.diff(result.levels) >= 0).all()
    assert result.levels[0] >= 0
    assert result.levels[-1] == 1
    shares = (0.05, 0.3, 0.7, 1.0)
    for share in shares:
        assert result.support[0] - 1e-9 <= result.cvar(share) <= result.quantile(share) + 1e-9
    assert (np.diff([result.quantile(share) for share in shares]) >= 0).all()
    assert (np.diff([result.cvar(share) for share in shares]) >= -1e-9).all()


@pytest.mark.parametrize("helped", [False, True])
@pytest.mark.parametrize("normalised", [False, True])
def test_a_large_log_has_the_exact_distribution(normalised: bool, helped: bool) -> None:
    # each of 10 points within 5 standard errors of a 40-resample bootstrap: false alarm about 10 x 1e-4
    log = simulate(20_000, np.random.default_rng(2))
    result = return_distribution(
        log, TARGET, normalised=normalised, predicted=predicted(log) if helped else None
    )
    values: list[F64] = []

    def keep(one: Distribution) -> float:
        values.append(one.cdf(POSSIBLE[:-1]))
        return 0.0

    result.estimate(keep, rng=np.random.default_rng(3), resamples=40)
    error = np.std(values, axis=0)
    gap = result.distribution.cdf(POSSIBLE[:-1]) - np.cumsum(CHANCE)[:-1]
    assert (np.abs(gap) < 5 * error).all()


@pytest.mark.parametrize("name", ["mean", "variance", "quantile", "cvar"])
def test_intervals_cover(name: str) -> None:
    # 100 logs; a right interval fails with probability 0.001. The quantile's may cover more often: returns
    # are whole numbers, so its interval closes on one and the coverage is that of more than its level
    read = {
        "mean": lambda one: one.mean(),
        "variance": lambda one: one.variance(),
        "quantile": lambda one: one.quantile(0.35),
        "cvar": lambda one: one.cvar(0.25),
    }[name]
    rng, hits = np.random.default_rng(4), 0
    for _ in range(100):
        got = return_distribution(simulate(500, rng), TARGET).estimate(read, rng=rng, resamples=100)
        hits += got.low <= read(TRUTH) <= got.high
    low, high = binom.ppf([0.0005, 0.9995], 100, 0.95)
    assert low <= hits <= (100 if name == "quantile" else high), hits


def test_what_cannot_be_used_is_refused() -> None:
    log = simulate(20, np.random.default_rng(5))
    never: F64 = np.eye(ACTIONS)[np.zeros(4, dtype=int)]
    only = log.take(np.flatnonzero(log.action[log.offsets[:-1]] != 0))
    with pytest.raises(InvalidInput, match="could have made none"):
        return_distribution(only, never)
    with pytest.raises(InvalidInput, match="each row has to sum to 1"):
        PredictedReturns(np.zeros((3, 2)), np.full((3, 2), 0.4))
    with pytest.raises(InvalidInput, match="one row per episode"):
        return_distribution(log, TARGET, predicted=PredictedReturns(np.zeros((3, 1)), np.ones((3, 1))))
    result = return_distribution(log, TARGET)
    with pytest.raises(InvalidInput, match="share = 0"):
        result.distribution.cvar(0.0)
    with pytest.raises(InvalidInput, match="resamples = 0"):
        result.estimate(Distribution.mean, rng=np.random.default_rng(0), resamples=0)
