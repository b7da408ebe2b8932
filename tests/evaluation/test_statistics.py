"""Intervals cover the truth as often as they say, on small bandits whose truth is known exactly.

400 logs of 2000 rounds each. If an interval covers with probability 0.95, the number of logs that it covers
is Binomial(400, 0.95); the accepted band leaves out 0.0005 on either side, so a right interval fails with
probability below 0.001 (and, the seed being fixed, always or never).
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

from shopgym.evaluation.offline import DEFAULT_ESTIMATORS, OpeInputs, compare_inputs

pytestmark = pytest.mark.slow

LOGS, ROUNDS = 400, 2000
BAND = binom.ppf([0.0005, 0.9995], LOGS, 0.95)

CONTEXTS, ACTIONS, SLOTS = 4, 5, 3
_world = np.random.default_rng(7)
REWARD_RATE = _world.uniform(0.05, 0.6, size=(CONTEXTS, ACTIONS))
BEHAVIOUR = _world.dirichlet(np.full(ACTIONS, 3.0), size=CONTEXTS)
TARGET = _world.dirichlet(np.full(ACTIONS, 3.0), size=CONTEXTS)
TRUTH = float((TARGET * REWARD_RATE).sum(axis=1).mean())  # contexts are equally likely
LOGGED_TRUTH = float((BEHAVIOUR * REWARD_RATE).sum(axis=1).mean())
MODEL = REWARD_RATE + _world.normal(scale=0.1, size=REWARD_RATE.shape)  # wrong, as models are
SLOT_EFFECT = np.array([1.0, 0.6, 0.3])


def single(rng: np.random.Generator) -> tuple[OpeInputs, OpeInputs]:
    """Inputs for the target and for the logging policy, from one log of single actions."""
    context = rng.integers(CONTEXTS, size=ROUNDS)
    action = (rng.random((ROUNDS, 1)) > BEHAVIOUR[context].cumsum(axis=1)[:, :-1]).sum(axis=1)
    reward = (rng.random(ROUNDS) < REWARD_RATE[context, action]).astype(float)
    propensity = BEHAVIOUR[context, action]
    return (
        OpeInputs.from_actions(reward, action, propensity, TARGET[context], MODEL[context]),
        OpeInputs.from_actions(reward, action, propensity, BEHAVIOUR[context], MODEL[context]),
    )


def slates(rng: np.random.Generator) -> OpeInputs:
    """Inputs from one log of slates whose slots are drawn and rewarded independently."""
    context = rng.integers(CONTEXTS, size=(ROUNDS, 1))
    draw = rng.random((ROUNDS, SLOTS, 1))
    action = (draw > BEHAVIOUR[context].cumsum(axis=2)[:, :, :-1]).sum(axis=2)
    rate = REWARD_RATE[context, action] * SLOT_EFFECT
    reward = (rng.random((ROUNDS, SLOTS)) < rate).astype(float)
    expected = (TARGET * MODEL).sum(axis=1)[context] * SLOT_EFFECT
    weight = TARGET[context, action] / BEHAVIOUR[context, action]
    return OpeInputs(reward, weight, MODEL[context, action] * SLOT_EFFECT, expected)


def covered(interval: tuple[float, float], truth: float) -> bool:
    return interval[0] <= truth <= interval[1]


@pytest.mark.parametrize("name", ["ips", "snips", "dr"])
@pytest.mark.parametrize("interval", ["delta", "bootstrap"])
def test_coverage_on_single_actions(name: str, interval: str) -> None:
    rng = np.random.default_rng(1)
    hits, values = 0, []
    for _ in range(LOGS):
        got = DEFAULT_ESTIMATORS[name].estimate(single(rng)[0], interval=interval, rng=rng)
        hits += covered((got.low, got.high), TRUTH)
        values.append(got.value)
    assert BAND[0] <= hits <= BAND[1]
    # and the mean of the estimates is the truth: 4 standard errors, false alarm 6e-5
    assert abs(np.mean(values) - TRUTH) < 4 * np.std(values) / np.sqrt(LOGS)


@pytest.mark.parametrize("name", ["ips", "snips", "dr"])
def test_coverage_on_slates(name: str) -> None:
    rng = np.random.default_rng(2)
    truth = TRUTH * SLOT_EFFECT.sum()
    estimates = [DEFAULT_ESTIMATORS[name].estimate(slates(rng)) for _ in range(LOGS)]
    hits = sum(covered((got.low, got.high), truth) for got in estimates)
    assert BAND[0] <= hits <= BAND[1]


@pytest.mark.parametrize("name", ["snips", "dr"])
def test_coverage_of_a_difference(name: str) -> None:
    rng = np.random.default_rng(3)
    differences = [compare_inputs(*single(rng), estimator=name) for _ in range(LOGS)]
    hits = sum(covered((got.low, got.high), TRUTH - LOGGED_TRUTH) for got in differences)
    assert BAND[0] <= hits <= BAND[1]


def test_other_levels_cover_as_often_as_they_say() -> None:
    rng = np.random.default_rng(4)
    hits = 0
    for _ in range(LOGS):
        got = DEFAULT_ESTIMATORS["snips"].estimate(single(rng)[0], level=0.5)
        hits += covered((got.low, got.high), TRUTH)
    low, high = binom.ppf([0.0005, 0.9995], LOGS, 0.5)
    assert low <= hits <= high


def test_pairing_and_a_good_model_narrow_the_interval() -> None:
    target, logged = single(np.random.default_rng(5))
    paired = compare_inputs(target, logged, estimator="dr")
    apart = [DEFAULT_ESTIMATORS["dr"].estimate(inputs) for inputs in (target, logged)]
    assert paired.high - paired.low < np.hypot(*(one.high - one.low for one in apart))
    ips, dr = (DEFAULT_ESTIMATORS[name].estimate(target) for name in ("ips", "dr"))
    assert dr.high - dr.low < ips.high - ips.low
