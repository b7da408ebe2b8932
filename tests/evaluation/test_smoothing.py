"""Smoothed, normalised and likelihood estimators: by hand, then limits, then properties."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shopgym.core import InvalidInput
from shopgym.evaluation.offline import (
    DEFAULT_ESTIMATORS,
    ESTIMATORS,
    OpeInputs,
    Tuned,
    Weighted,
    compare_inputs,
)
from shopgym.evaluation.offline.empirical_likelihood import EmpiricalLikelihood
from shopgym.evaluation.offline.loggers import ByLogger
from shopgym.evaluation.offline.smoothing import (
    Clipped,
    Exponential,
    Logarithmic,
    Optimistic,
    Smoothing,
    SubGaussian,
    Switched,
)
from shopgym.evaluation.offline.tuning import reward_bound, slope


def random_inputs(seed: int, n: int = 60) -> OpeInputs:
    rng = np.random.default_rng(seed)
    return OpeInputs(
        reward=rng.random((n, 1)),
        weight=rng.exponential(size=(n, 1)) * (rng.random((n, 1)) < 0.8),
        q_logged=rng.random((n, 1)),
        v_target=rng.random((n, 1)),
        propensity=rng.uniform(0.1, 1.0, size=(n, 1)),
        logger=rng.integers(2, size=n),
    )


def value(estimator: Weighted, inputs: OpeInputs) -> float:
    return estimator.estimate(inputs).value


@pytest.mark.parametrize(
    ("smoothing", "want"),
    [
        (Clipped(3.0), [0.0, 1.0, 3.0]),
        (Clipped(), [0.0, 1.0, math.sqrt(3)]),
        (Switched(3.0), [0.0, 1.0, 0.0]),
        (Switched(4.0), [0.0, 1.0, 4.0]),
        (Optimistic(4.0), [0.0, 4 / 5, 16 / 20]),
        (SubGaussian(0.5), [0.0, 1.0, 4 / 2.5]),
        (SubGaussian(), [0.0, 1.0, None]),
        (Logarithmic(0.5), [0.0, math.log(1.5) / 0.5, 4.0]),
        (Exponential(0.5), [0.0, 0.5, 4 * 0.1]),
    ],
)
def test_by_hand(smoothing: Smoothing, want: list[float | None]) -> None:
    inputs = OpeInputs(
        reward=np.array([[1.0], [1.0], [0.0]]),
        weight=np.array([[0.0], [1.0], [4.0]]),
        propensity=np.array([[1.0], [0.25], [0.01]]),
    )
    for got, expected in zip(smoothing(inputs)[:, 0], want, strict=True):
        if expected is None:  # amount sqrt(log 20 / (1.5 n mean(w^2))) with mean(w^2) = 17 / 3
            amount = math.sqrt(math.log(20) / (1.5 * 17))
            expected = 4 / (1 - amount + 4 * amount)
        assert got == pytest.approx(expected, abs=1e-15)


def test_the_logarithm_of_a_product_by_hand() -> None:
    inputs = OpeInputs(np.array([[2.0], [3.0]]), np.array([[1.0], [0.5]]))
    got = value(Weighted("ls", Logarithmic(0.1)), inputs)
    assert got == pytest.approx((math.log(1.2) + math.log(1.15)) / 0.1 / 2)


def test_normalised_doubly_robust_by_hand() -> None:
    inputs = OpeInputs(
        np.array([[1.0], [2.0]]),
        np.array([[1.0], [3.0]]),
        np.array([[0.5], [1.0]]),
        np.array([[0.25], [0.75]]),
    )
    assert ESTIMATORS["sndr"].estimate(inputs).value == pytest.approx(0.5 + (0.5 + 3.0) / 4)


def test_replay_is_the_mean_reward_where_the_actions_agree() -> None:
    inputs = OpeInputs(np.array([[1.0], [2.0], [9.0]]), np.array([[5.0], [2.0], [0.0]]))
    assert ESTIMATORS["replay"].estimate(inputs).value == pytest.approx(1.5)


def test_empirical_likelihood_by_hand() -> None:
    # mean weight below 1 and no bound: the weights' shortfall earns the mean reward
    few = OpeInputs(np.array([[1.0], [0.0]]), np.array([[0.5], [0.5]]))
    assert ESTIMATORS["cressie-read"].estimate(few).value == pytest.approx(0.25 + 0.5 * 0.5)
    # above 1: probabilities a + b w of the two rounds and of one of weight 0, nearest to 1/3 each, with sum 1
    # and mean weight 1: w = (0, 1, 3), mean 4/3, mean square 10/3
    many = OpeInputs(np.array([[1.0], [0.5]]), np.array([[1.0], [3.0]]))
    spread = 10 / 3 - 16 / 9
    a, b = (10 / 3 - 4 / 3) / spread / 3, (1 - 4 / 3) / spread / 3
    share = np.array([a + b, a + 3 * b])
    assert share @ [1, 3] == pytest.approx(1)
    assert ESTIMATORS["cressie-read"].estimate(many).value == pytest.approx(share @ [1.0, 1.5])
    assert EmpiricalLikelihood(most=3.0).estimate(few).value < 0.75


@given(st.integers(0, 10_000))
@settings(deadline=None, max_examples=30)
def test_limits(seed: int) -> None:
    inputs = random_inputs(seed)
    ips, dr, dm = (DEFAULT_ESTIMATORS[name].estimate(inputs).value for name in ("ips", "dr", "dm"))
    for smoothing in (Clipped(1e9), Switched(1e9), Optimistic(math.inf), SubGaussian(0.0), Logarithmic(0.0)):
        assert value(Weighted("x", smoothing), inputs) == pytest.approx(ips)
        assert value(Weighted("x", smoothing, needs_model=True), inputs) == pytest.approx(dr)
    assert value(Weighted("x", Exponential(1.0)), inputs) == pytest.approx(ips)
    assert value(Weighted("x", Logarithmic(1e-8)), inputs) == pytest.approx(ips, rel=1e-6)
    assert value(Weighted("x", Optimistic(1e12), needs_model=True), inputs) == pytest.approx(dr)
    for smoothing in (Optimistic(0.0), Switched(0.0)):
        assert value(Weighted("x", smoothing, needs_model=True), inputs) == pytest.approx(dm)
    matched = float(((inputs.weight > 0) * inputs.reward).mean())
    assert value(Weighted("x", SubGaussian(1.0)), inputs) == pytest.approx(matched)


@given(st.integers(0, 10_000), st.sampled_from([Clipped, Optimistic, Switched]), st.floats(0.1, 50))
@settings(deadline=None, max_examples=40)
def test_smoothing_only_takes_away_and_more_of_it_takes_more(
    seed: int, make: type[Clipped], amount: float
) -> None:
    inputs = random_inputs(seed)
    less, more = make(amount)(inputs), make(amount / 2)(inputs)
    assert (more <= less + 1e-12).all()
    assert (less <= inputs.weight + 1e-12).all()
    assert (more >= 0).all()


@given(st.integers(0, 10_000), st.sampled_from(sorted(set(ESTIMATORS) - {"log-smoothing"})))
@settings(deadline=None, max_examples=60)
def test_influence_is_the_derivative_of_the_value(seed: int, name: str) -> None:
    statistic = ESTIMATORS[name].fitted(inputs := random_inputs(seed, 30)).statistic(inputs)
    psi = statistic.influence()
    assert psi.sum() == pytest.approx(0, abs=1e-9)
    for row in (0, 7):  # give one round a little more mass than the others
        mass = np.full(30, (1 - 1e-7) / 30)
        mass[row] += 1e-7
        moved = float(statistic.of_means(mass @ statistic.columns))
        assert (moved - statistic.value) / 1e-7 == pytest.approx(psi[row], rel=1e-3, abs=1e-4)


@given(st.integers(0, 10_000), st.sampled_from(sorted(ESTIMATORS)))
@settings(deadline=None, max_examples=60)
def test_every_estimator_compares(seed: int, name: str) -> None:
    a, other = random_inputs(seed), random_inputs(seed + 1)
    b = replace(other, reward=a.reward, logger=a.logger)
    ab = compare_inputs(a, b, estimator=name)
    assert ab.value == pytest.approx(
        ESTIMATORS[name].estimate(a).value - ESTIMATORS[name].estimate(b).value, abs=1e-12
    )
    assert ab.low < ab.value < ab.high


def test_weights_of_one_give_the_mean_reward() -> None:
    inputs = replace(random_inputs(0), weight=np.ones((60, 1)), propensity=np.ones((60, 1)))
    inputs = replace(inputs, v_target=inputs.q_logged)
    for name in (
        "ips",
        "snips",
        "sg-ips",
        "replay",
        "exp-smoothing",
        "cressie-read",
        "pi",
        "snpi",
        "clipped-ips",
    ):
        assert ESTIMATORS[name].estimate(inputs).value == pytest.approx(inputs.reward.mean()), name
    for name in ("dr", "sndr", "cascade-dr", "clipped-dr", "sg-dr"):
        assert ESTIMATORS[name].estimate(inputs).value == pytest.approx(inputs.reward.mean()), name


def test_loggers_are_pooled_by_what_their_rounds_vary() -> None:
    reward = np.array([1.0, 2.0, 3.0, 10.0, 20.0, 30.0])
    inputs = OpeInputs(reward[:, None], np.ones((6, 1)), logger=np.array([0, 0, 0, 1, 1, 1]))
    got = ESTIMATORS["ips-by-logger"].estimate(inputs)
    assert got.value == pytest.approx((2.0 / 1 + 20.0 / 100) / (1 / 1 + 1 / 100))
    with pytest.raises(InvalidInput, match="which behaviour policy"):
        ESTIMATORS["ips-by-logger"].estimate(replace(inputs, logger=None))
    with pytest.raises(InvalidInput, match="plain mean"):
        ByLogger("x", Weighted("snips", normalised=True)).estimate(inputs)


def test_slope_stops_before_the_first_interval_that_misses_a_wider_one() -> None:
    # 2000 rounds of weight 1 whose rewards shrink from 1 by smoothing: values 1, .99, .5 and widths that fall
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(2000, 1))
    noise -= noise.mean()
    ips = DEFAULT_ESTIMATORS["ips"]
    statistics = [
        ips.statistic(OpeInputs(centre + spread * noise, np.ones((2000, 1))))
        for centre, spread in ((0.5, 0.1), (1.0, 1.0), (0.99, 0.5))
    ]
    assert slope(statistics) == 2
    assert slope(statistics[:2]) == 1
    assert slope(statistics[1:]) == 1


def test_the_bound_by_the_size_of_rewards_by_hand() -> None:
    # weights 0, 1, 1, 8 of which the last is switched off: E[w - g] = 2, 1 - E[g] = 0.5
    weight, residual = np.array([[0.0], [1.0], [1.0], [8.0]]), np.array([[0.2], [-0.5], [0.1], [0.3]])
    kept = np.where(weight <= 1, weight, 0.0)
    error = 2.0 * kept.std() / 2.0
    assert reward_bound(weight, kept, residual) == pytest.approx(0.5 * (0.5 + error))
    assert reward_bound(weight, weight, residual) == 0.0
    few = np.array([[0.9], [1.0], [1.0], [1.1]])  # what is lost on the log is less than what may be
    assert reward_bound(few, 0.99 * few, residual) == pytest.approx(0.5 * 0.01)
    two = np.hstack([weight, few])  # slots add up
    assert reward_bound(two, np.hstack([kept, 0.99 * few]), np.hstack([residual, residual])) == pytest.approx(
        0.5 * (0.5 + error) + 0.5 * 0.01
    )


@given(
    st.integers(0, 10_000), st.sampled_from([Switched(2.0), Optimistic(3.0), SubGaussian(0.3), Clipped(1.5)])
)
@settings(deadline=None, max_examples=40)
def test_the_bound_holds_for_the_expected_value(seed: int, smoothing: Smoothing) -> None:
    """By enumeration: every action once, as often as it is logged, so that means are expectations."""
    rng = np.random.default_rng(seed)
    counts, target = rng.integers(1, 30, size=8), rng.dirichlet(np.full(8, 0.3))
    action = np.repeat(np.arange(8), counts)
    reward, model = rng.normal(size=8), rng.normal(size=8)
    inputs = OpeInputs.from_actions(
        reward[action], action, (counts / counts.sum())[action], np.tile(target, (len(action), 1))
    )
    residual = (reward - model)[action][:, None]
    moved = ((inputs.weight - smoothing(inputs)) * residual).mean()
    assert abs(moved) <= reward_bound(inputs.weight, smoothing(inputs), residual) + 1e-12


def test_switch_dr_drops_what_a_single_round_says_and_else_is_dr() -> None:
    """400 logs of 1,000 rounds: the target takes an action with 5% that one round in 10,000 shows. Squared
    errors, paired, are less than those of dr by over 4 standard errors."""
    rng = np.random.default_rng(0)
    behaviour, target = np.full(10, (1 - 1e-4) / 9), np.full(10, 0.95 / 9)
    behaviour[0], target[0] = 1e-4, 0.05
    chance, model = np.linspace(0.3, 0.6, 10), np.full((1000, 10), 0.45)
    less, seen = [], 0
    for _ in range(400):
        action = rng.choice(10, size=1000, p=behaviour)
        reward = (rng.random(1000) < chance[action]).astype(float)
        inputs = OpeInputs.from_actions(reward, action, behaviour[action], np.tile(target, (1000, 1)), model)
        dr, switched = (
            ESTIMATORS[name].fitted(inputs).statistic(inputs).value for name in ("dr", "switch-dr")
        )
        if (action > 0).all():
            assert switched == pytest.approx(dr, abs=1e-12)
            continue
        seen += 1
        less.append((dr - target @ chance) ** 2 - (switched - target @ chance) ** 2)
    assert 15 < seen < 70  # 38 expected, 4 standard deviations
    assert np.mean(less) > 4.0 * np.std(less, ddof=1) / seen**0.5


@pytest.mark.parametrize(
    ("most", "verdict"), [(50.0, "trust"), (9.0, "trust"), (6.5, "caution"), (4.0, "refuse"), (0.5, "refuse")]
)
def test_the_verdict_is_by_how_far_clipping_may_have_shifted_the_value(most: float, verdict: str) -> None:
    """By hand: what clipping moved and two standard errors of that, in standard errors of the estimate."""
    inputs = random_inputs(1, 5000)
    inputs = replace(inputs, weight=inputs.weight / inputs.weight.mean())
    got = Weighted("x", Clipped(most)).estimate(inputs)
    clipped = np.minimum(inputs.weight, most) * inputs.reward
    moved = inputs.weight * inputs.reward - clipped
    shift = (abs(moved.mean()) + 2.0 * moved.std() / 5000**0.5) / (clipped.std() / 5000**0.5)
    assert got.shift == pytest.approx(shift, rel=1e-9, abs=1e-15)
    assert got.verdict == verdict
    reason = f"smoothing the weights may shift it by {shift:.2g} standard errors"
    assert got.reason == ("" if verdict == "trust" else reason)
    assert {"trust": shift <= 0.25, "caution": 0.25 < shift <= 0.65, "refuse": shift > 0.65}[verdict]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Clipped(0.0), "most"),
        (lambda: Switched(-1.0), "most"),
        (lambda: Optimistic(-1.0), "amount"),
        (lambda: SubGaussian(1.1), "amount"),
        (lambda: Logarithmic(-0.1), "amount"),
        (lambda: Exponential(2.0), "power"),
        (lambda: Tuned("x", Weighted("ips"), (), "slope"), "candidate"),
        (lambda: Tuned("x", Weighted("ips"), (Clipped(1.0),), "best"), "rule"),
        (lambda: Tuned("x", Weighted("snips", normalised=True), (Clipped(1.0),)), "plain mean"),
    ],
)
def test_bad_parameters(make: object, message: str) -> None:
    assert callable(make)
    with pytest.raises(InvalidInput, match=message):
        make()


def test_refusals() -> None:
    inputs = random_inputs(2)
    with pytest.raises(InvalidInput, match="logged probabilities"):
        ESTIMATORS["exp-smoothing"].estimate(replace(inputs, propensity=None))
    with pytest.raises(InvalidInput, match="rewards >= 0"):
        ESTIMATORS["log-smoothing"].estimate(replace(inputs, reward=-inputs.reward))
    with pytest.raises(InvalidInput, match="smooth less"):
        Weighted("x", Switched(0.0), normalised=True).estimate(replace(inputs, weight=inputs.weight + 1))
    # the smoothed weights are all 0 in the second slot only; with a model it is the same refusal
    two = OpeInputs(np.ones((3, 2)), np.tile([1.0, 9.0], (3, 1)), np.zeros((3, 2)), np.zeros((3, 2)))
    for needs_model in (False, True):
        normalised = Weighted("x", Switched(5.0), needs_model=needs_model, normalised=True)
        with pytest.raises(InvalidInput, match="smooth less"):
            normalised.estimate(two)
    with pytest.raises(InvalidInput, match="one slot"):
        ESTIMATORS["cressie-read"].estimate(OpeInputs(np.ones((3, 2)), np.ones((3, 2))))
    with pytest.raises(InvalidInput, match="one per round"):
        replace(inputs, logger=np.zeros(3, dtype=np.int64))
