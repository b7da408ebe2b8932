"""Diagnostics and verdicts: known answers, then how often a right log is doubted."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from shopgym.evaluation.offline import DEFAULT_ESTIMATORS, OpeInputs, Thresholds, compare_inputs, judge
from shopgym.evaluation.offline.diagnostics import Diagnostics
from shopgym.evaluation.offline.pareto import generalised_pareto_shape, pareto_k, tail_length
from shopgym.evaluation.offline.support import calibration_p

GOOD = Diagnostics(
    ess=5000,
    max_weight=3.0,
    max_share=0.2,
    tail_mass=0.03,
    pareto_k=0.1,
    mean_weight=1.0,
    weight_z=0.3,
    pair_z=math.nan,
    unsupported=0.0,
    propensity_p=0.4,
    model_error=0.3,
    model_z=1.0,
)


# --- the tail ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [-0.3, 0.0, 0.3, 0.7, 1.2])
def test_the_shape_of_a_generalised_pareto_sample_is_found(shape: float) -> None:
    # the efficient standard error is (1 + k) / sqrt(n) (Zhang and Stephens 2009); 5 of them: false alarm 6e-7
    uniform = np.random.default_rng(1).random(20_000)
    sample = -np.log(uniform) if shape == 0 else (uniform**-shape - 1) / shape
    got = generalised_pareto_shape(np.sort(sample))
    assert abs(got - shape) < 5 * (1 + max(shape, 0.0)) / math.sqrt(20_000)


def test_the_shape_does_not_depend_on_the_unit() -> None:
    sample = np.sort(np.random.default_rng(2).pareto(2.0, size=500))
    assert generalised_pareto_shape(1000 * sample) == pytest.approx(
        generalised_pareto_shape(sample), abs=1e-9
    )


def test_pareto_k_of_weights() -> None:
    # tail of 3 sqrt(n) = 949 weights, standard error (1 + k) / sqrt(949) = .055 at k = .7; 5 of them
    assert tail_length(100_000) == 949
    assert tail_length(100) == 20
    weight = 1 + np.random.default_rng(3).pareto(1 / 0.7, size=100_000)
    assert abs(pareto_k(weight) - 0.7) < 0.28
    bounded = np.random.default_rng(4).random(100_000)  # uniform: k = -1
    assert pareto_k(bounded) < -0.6


def test_weights_without_a_tail_have_no_shape() -> None:
    assert math.isnan(pareto_k(np.ones(1000)))
    assert math.isnan(pareto_k(np.tile([0.0, 10.0], 500)))
    assert math.isnan(pareto_k(np.arange(3.0)))


# --- by hand -----------------------------------------------------------------------------------------


def test_by_hand() -> None:
    reward, weight = np.array([1.0, 0.0, 2.0, 1.0]), np.array([0.5, 2.0, 1.0, 0.0])
    q = np.array([0.5, 0.5, 1.0, 1.0])
    result = OpeInputs(reward[:, None], weight[:, None], q[:, None], q[:, None], 0.25).diagnostics
    assert (result.max_weight, result.mean_weight, result.unsupported) == (2.0, 0.875, 0.25)
    assert result.ess == pytest.approx(3.5**2 / 5.25)
    assert result.tail_mass == pytest.approx(2.0 / 3.5)  # the heaviest 1% is one round
    assert result.weight_z == pytest.approx((0.875 - 1) / (weight.std() / 2))
    assert result.model_error == pytest.approx(math.sqrt((0.25 + 0.25 + 1 + 0) / 4))
    residual = weight * (reward - q)
    assert result.model_z == pytest.approx(residual.mean() / (residual.std() / 2))
    assert math.isnan(result.propensity_p)


def test_of_slots_the_worst_counts() -> None:
    one = np.random.default_rng(0).exponential(size=(2000, 1))
    other = np.random.default_rng(1).exponential(size=(2000, 1)) ** 2
    alone = [OpeInputs(np.ones((2000, 1)), weight).diagnostics for weight in (one, other)]
    both = OpeInputs(np.ones((2000, 2)), np.hstack([one, other])).diagnostics
    for name in ("ess", "max_weight", "max_share", "tail_mass", "pareto_k", "weight_z"):
        worse = alone[0].worse(alone[1])
        assert getattr(both, name) == pytest.approx(getattr(worse, name)), name


def test_constant_weights_that_are_not_one_are_infinitely_far_from_it() -> None:
    assert OpeInputs(np.ones((9, 1)), np.full((9, 1), 0.5)).diagnostics.weight_z == -math.inf
    assert OpeInputs(np.ones((9, 1)), np.ones((9, 1))).diagnostics.weight_z == 0.0


# --- propensities ------------------------------------------------------------------------------------


def logged(rng: np.random.Generator, n: int = 4000) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Actions, their right propensities, and the feature that these depend on."""
    x = rng.choice([-1.0, 1.0], size=n)
    chance = np.where(x[:, None] > 0, [0.6, 0.3, 0.1], [0.2, 0.3, 0.5])
    action = (rng.random((n, 1)) > chance.cumsum(axis=1)[:, :-1]).sum(axis=1)
    return action, chance[np.arange(n), action], x[:, None]


def test_right_propensities_are_seldom_doubted() -> None:
    # a p-value below 0.05 has probability at most 0.05 but for the normal approximation; more than 30 of 300
    # logs are a false alarm of 1e-4 (binomial)
    rng = np.random.default_rng(0)
    rejected = sum(
        calibration_p(action, propensity, 3, x) < 0.05
        for action, propensity, x in (logged(rng) for _ in range(300))
    )
    assert rejected <= 30


def test_wrong_propensities_are_found() -> None:
    action, propensity, x = logged(np.random.default_rng(1))
    assert calibration_p(action, np.clip(propensity * 1.2, 0, 1), 3) < 1e-6
    # the average over contexts is right, but not in each: only the features tell
    average = np.array([0.4, 0.3, 0.3])[action]
    assert calibration_p(action, average, 3) > 1e-3
    assert calibration_p(action, average, 3, x) < 1e-6


def test_rare_actions_are_not_tested() -> None:
    assert math.isnan(calibration_p(np.arange(5), np.full(5, 0.2), 5))
    assert calibration_p(np.zeros(50, dtype=np.int64), np.ones(50), 1) == 1.0


# --- verdicts ----------------------------------------------------------------------------------------


def test_good_figures_are_trusted() -> None:
    assert judge(GOOD, weighted=True) == ("trust", "")


@pytest.mark.parametrize(
    ("change", "verdict", "words"),
    [
        ({"ess": 100.0}, "caution", "worth only 100 rounds"),
        ({"ess": 20.0}, "refuse", "worth only 20 rounds"),
        ({"pareto_k": 0.8}, "caution", "Pareto-k 0.80"),
        ({"pareto_k": 1.1}, "refuse", "heavy tail"),
        ({"tail_mass": 0.6}, "caution", "60% of the weight"),
        ({"weight_z": 5.0, "mean_weight": 1.1}, "caution", "not 1"),
        ({"weight_z": -5.0, "mean_weight": 0.5}, "refuse", "not 1"),
        ({"propensity_p": 1e-6}, "caution", "propensities say"),
        ({"unsupported": 0.05}, "caution", "never shows 5%"),
        ({"unsupported": 0.5, "mean_weight": 0.5}, "refuse", "never shows 50%"),
        ({"pareto_k": math.nan, "unsupported": math.nan, "propensity_p": math.nan}, "trust", ""),
    ],
)
def test_each_figure_can_take_trust_away(change: dict[str, float], verdict: str, words: str) -> None:
    got, reason = judge(replace(GOOD, **change), weighted=True)
    assert got == verdict
    assert words in reason


def test_the_direct_method_is_judged_by_its_model_not_by_the_weights() -> None:
    heavy = replace(GOOD, ess=2.0, pareto_k=2.0)
    assert judge(heavy, weighted=False)[0] == "caution"
    word, reason = judge(replace(heavy, model_z=-6.0), weighted=False)
    assert word == "refuse"
    assert "contradict" in reason


def test_thresholds_can_be_set() -> None:
    assert judge(GOOD, weighted=True, limits=Thresholds(ess_caution=10_000))[0] == "caution"


def test_every_estimate_carries_its_diagnostics() -> None:
    rng = np.random.default_rng(5)
    n = 3000
    target = np.tile([0.7, 0.3], (n, 1))
    action = rng.integers(2, size=n)
    reward = rng.random(n)
    inputs = OpeInputs.from_actions(reward, action, np.full(n, 0.5), target, np.full((n, 2), 0.5))
    for estimator in DEFAULT_ESTIMATORS.values():
        got = estimator.estimate(inputs)
        for name in vars(inputs.diagnostics):
            assert getattr(got, name) == pytest.approx(getattr(inputs.diagnostics, name), nan_ok=True), name
        assert got.verdict == ("caution" if got.estimator == "dm" else "trust")
    wrong = OpeInputs.from_actions(reward, action, np.full(n, 0.9), target)
    got = DEFAULT_ESTIMATORS["ips"].estimate(wrong)
    assert got.verdict == "refuse"
    assert "mean weight" in got.reason
    assert "propensities" in got.reason
    assert compare_inputs(inputs, wrong, estimator="ips").verdict == "refuse"
