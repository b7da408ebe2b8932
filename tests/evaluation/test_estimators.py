"""The estimators: closed forms on tiny logs, then properties."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shopgym.core import InvalidInput
from shopgym.evaluation.intervals import Delta, PercentileBootstrap
from shopgym.evaluation.intervals.resample import BLOCK, resampled_sums
from shopgym.evaluation.offline import DEFAULT_ESTIMATORS, Estimate, OpeInputs, Terms, compare_inputs
from shopgym.evaluation.offline.agreement import UNCHECKED_MODEL

Z = 1.959963984540054


def value(name: str, inputs: OpeInputs) -> float:
    return DEFAULT_ESTIMATORS[name].estimate(inputs).value


def random_inputs(seed: int, n: int = 50, k: int = 1) -> OpeInputs:
    rng = np.random.default_rng(seed)
    return OpeInputs(
        reward=rng.normal(size=(n, k)),
        weight=rng.exponential(size=(n, k)),
        q_logged=rng.normal(size=(n, k)),
        v_target=rng.normal(size=(n, k)),
        unsupported=0.0,
    )


# --- known answers -----------------------------------------------------------------------------------


@pytest.fixture
def tiny() -> OpeInputs:
    """Weights 0.5, 2, 1, 0; q(action 0) = 1 and q(action 1) = 2 everywhere."""
    return OpeInputs.from_actions(
        reward=np.array([1.0, 3.0, 2.0, 8.0]),
        action=np.array([0, 1, 0, 1]),
        propensity=np.array([0.5, 0.5, 0.25, 0.5]),
        target=np.array([[0.25, 0.75], [0.0, 1.0], [0.25, 0.75], [1.0, 0.0]]),
        q=np.tile([1.0, 2.0], (4, 1)),
        unit="GBP",
    )


def test_by_hand(tiny: OpeInputs) -> None:
    assert tiny.weight[:, 0].tolist() == [0.5, 2.0, 1.0, 0.0]
    assert value("ips", tiny) == pytest.approx((0.5 + 6.0 + 2.0) / 4)
    assert value("snips", tiny) == pytest.approx(8.5 / 3.5)
    assert value("dm", tiny) == pytest.approx((1.75 + 2.0 + 1.75 + 1.0) / 4)
    assert value("dr", tiny) == pytest.approx((6.5 + 0.5 * 0 + 2 * 1 + 1 * 1 + 0 * 6) / 4)


def test_diagnostics_by_hand(tiny: OpeInputs) -> None:
    got = DEFAULT_ESTIMATORS["ips"].estimate(tiny)
    assert got.n == 4
    assert got.ess == pytest.approx(3.5**2 / (0.25 + 4 + 1))
    assert (got.max_weight, got.mean_weight, got.unsupported) == (2.0, 0.875, 0.0)
    assert (got.unit, got.level, got.interval, got.estimator) == ("GBP", 0.95, "delta", "ips")


def test_unsupported_is_the_target_probability_of_actions_never_logged() -> None:
    inputs = OpeInputs.from_actions(
        np.ones(2), np.array([0, 0]), np.ones(2), np.array([[0.75, 0.0, 0.25], [0.5, 0.25, 0.25]])
    )
    assert inputs.unsupported == pytest.approx((0.25 + 0.5) / 2)


def test_delta_interval_of_a_mean_is_the_textbook_one(tiny: OpeInputs) -> None:
    got = DEFAULT_ESTIMATORS["ips"].estimate(tiny)
    half = Z * np.std([0.5, 6.0, 2.0, 0.0], ddof=1) / 2
    assert (got.low, got.high) == pytest.approx((got.value - half, got.value + half))


def test_delta_interval_of_a_ratio_is_the_textbook_one(tiny: OpeInputs) -> None:
    got = DEFAULT_ESTIMATORS["snips"].estimate(tiny)
    w, r = tiny.weight[:, 0], tiny.reward[:, 0]
    residual = w * (r - 8.5 / 3.5) / w.mean()
    half = Z * math.sqrt((residual**2).sum() / (4 * 3))
    assert (got.low, got.high) == pytest.approx((got.value - half, got.value + half))


def test_slots_add_up() -> None:
    inputs = OpeInputs(np.array([[1.0, 10.0], [2.0, 20.0]]), np.array([[1.0, 3.0], [3.0, 1.0]]))
    assert value("ips", inputs) == pytest.approx((1 + 6) / 2 + (30 + 20) / 2)
    assert value("snips", inputs) == pytest.approx(7 / 4 + 50 / 4)
    assert inputs.ess == pytest.approx(16 / 10)


def test_as_dict_is_json_able(tiny: OpeInputs) -> None:
    got = DEFAULT_ESTIMATORS["dr"].estimate(tiny).as_dict()
    assert got["value"] == pytest.approx(9.5 / 4)
    nowhere = Estimate(
        1.0, -math.inf, math.inf, 0.95, "bootstrap", "snips", 3, 1, 1, 1, math.nan, "x"
    ).as_dict()
    assert (nowhere["low"], nowhere["high"], nowhere["unsupported"]) == (None, None, None)


def test_compare_by_hand() -> None:
    reward = np.array([[1.0], [2.0], [3.0]])
    a, b = OpeInputs(reward, np.array([[1.0], [1.0], [2.0]])), OpeInputs(reward, np.ones((3, 1)))
    got = compare_inputs(a, b, estimator="ips")
    half = Z * np.std([0.0, 0.0, 3.0], ddof=1) / math.sqrt(3)
    assert (got.value, got.low, got.high) == pytest.approx((1.0, 1.0 - half, 1.0 + half))
    assert got.ess == pytest.approx(16 / 6)
    ratio = compare_inputs(a, b, estimator="snips")
    assert ratio.value == pytest.approx(9 / 4 - 2)
    psi = np.array([1, 2, 6]) - 9 / 4 * np.array([1, 1, 2])
    psi = psi / (4 / 3) - (reward[:, 0] - 2)
    half = Z * math.sqrt((psi**2).sum() / 6)
    assert ratio.high - ratio.low == pytest.approx(2 * half)


def test_weights_far_from_one_are_a_reason() -> None:
    few = OpeInputs(np.ones((100, 1)), np.full((100, 1), 0.5))
    assert "mean weight is 0.5" in DEFAULT_ESTIMATORS["ips"].estimate(few).reason
    right = OpeInputs(np.ones((100, 1)), np.tile([[0.5], [1.5]], (50, 1)))
    assert "mean weight" not in DEFAULT_ESTIMATORS["ips"].estimate(right).reason


# --- properties --------------------------------------------------------------------------------------


@given(st.integers(0, 10_000), st.integers(2, 60), st.integers(1, 4))
@settings(deadline=None, max_examples=50)
def test_evaluating_the_logging_policy_gives_the_mean_reward(seed: int, n: int, k: int) -> None:
    inputs = random_inputs(seed, n, k)
    same = OpeInputs(inputs.reward, np.ones((n, k)))
    mean = inputs.reward.sum(axis=1).mean()
    assert value("ips", same) == pytest.approx(mean, abs=1e-12)
    assert value("snips", same) == pytest.approx(mean, abs=1e-12)
    assert same.ess == pytest.approx(n)


@given(st.integers(0, 10_000), st.integers(2, 60), st.integers(1, 4))
@settings(deadline=None, max_examples=50)
def test_order_of_rounds_and_of_slots_changes_nothing(seed: int, n: int, k: int) -> None:
    inputs = random_inputs(seed, n, k)
    rng = np.random.default_rng(seed + 1)
    rows, slots = rng.permutation(n)[:, None], rng.permutation(k)
    columns = [inputs.reward, inputs.weight, inputs.q_logged, inputs.v_target]
    shuffled = OpeInputs(*[column[rows, slots] for column in columns if column is not None])
    for name, estimator in DEFAULT_ESTIMATORS.items():
        one, two = estimator.estimate(inputs), estimator.estimate(shuffled)
        want = (one.value, one.low, one.high, one.ess)
        assert (two.value, two.low, two.high, two.ess) == pytest.approx(want, abs=1e-9), name


@given(st.integers(0, 10_000), st.integers(2, 60), st.integers(1, 4), st.floats(-5, 5))
@settings(deadline=None, max_examples=50)
def test_a_constant_added_to_every_reward_is_added_to_snips_and_dr(
    seed: int, n: int, k: int, shift: float
) -> None:
    inputs = random_inputs(seed, n, k)
    assert inputs.q_logged is not None
    assert inputs.v_target is not None
    lifted = OpeInputs(inputs.reward + shift, inputs.weight, inputs.q_logged + shift, inputs.v_target + shift)
    for name in ("snips", "dr", "dm"):
        one, two = DEFAULT_ESTIMATORS[name].estimate(inputs), DEFAULT_ESTIMATORS[name].estimate(lifted)
        assert two.value - one.value == pytest.approx(k * shift, abs=1e-8), name
        assert two.high - two.low == pytest.approx(one.high - one.low, abs=1e-8), name


@given(st.integers(0, 10_000), st.integers(1, 3))
@settings(deadline=None, max_examples=30)
def test_with_perfect_predictions_dr_is_dm_and_weights_do_not_matter(seed: int, k: int) -> None:
    inputs = random_inputs(seed, 40, k)
    perfect = OpeInputs(inputs.reward, inputs.weight, inputs.reward, inputs.v_target)
    dm, dr = DEFAULT_ESTIMATORS["dm"].estimate(perfect), DEFAULT_ESTIMATORS["dr"].estimate(perfect)
    assert (dr.value, dr.low, dr.high) == pytest.approx((dm.value, dm.low, dm.high), abs=1e-12)


@given(st.integers(0, 10_000), st.integers(2, 40), st.integers(2, 5))
@settings(deadline=None, max_examples=30)
def test_one_slot_of_a_slate_is_the_single_action_form(seed: int, n: int, k: int) -> None:
    """A slate whose other slots earn nothing has the value of the slot that earns, as a log of actions."""
    rng = np.random.default_rng(seed)
    actions = 3
    target, q = rng.dirichlet(np.ones(actions), size=n), rng.normal(size=(n, actions))
    action, propensity = rng.integers(actions, size=n), rng.uniform(0.1, 1.0, size=n)
    single = OpeInputs.from_actions(rng.normal(size=n), action, propensity, target, q)
    assert single.q_logged is not None
    assert single.v_target is not None
    nothing = np.zeros((n, k - 1))
    slate = OpeInputs(
        np.hstack([single.reward, nothing]),
        np.hstack([single.weight, rng.exponential(size=(n, k - 1))]),
        np.hstack([single.q_logged, nothing]),
        np.hstack([single.v_target, nothing]),
    )
    for name, estimator in DEFAULT_ESTIMATORS.items():
        one, many = estimator.estimate(single), estimator.estimate(slate)
        assert (many.value, many.low, many.high) == pytest.approx((one.value, one.low, one.high)), name


@given(st.integers(0, 10_000), st.integers(1, 3), st.sampled_from(sorted(DEFAULT_ESTIMATORS)))
@settings(deadline=None, max_examples=40)
def test_a_comparison_is_the_difference_and_changes_sign(seed: int, k: int, name: str) -> None:
    a = random_inputs(seed, 40, k)
    other = random_inputs(seed + 1, 40, k)
    b = OpeInputs(a.reward, other.weight, other.q_logged, other.v_target)
    ab, ba = compare_inputs(a, b, estimator=name), compare_inputs(b, a, estimator=name)
    assert ab.value == pytest.approx(value(name, a) - value(name, b), abs=1e-12)
    assert (ab.low, ab.high) == pytest.approx((-ba.high, -ba.low), abs=1e-12)
    nothing = compare_inputs(a, a, estimator=name)
    assert (nothing.value, nothing.low, nothing.high) == pytest.approx((0, 0, 0), abs=1e-12)


@given(st.integers(0, 10_000), st.integers(1, 3))
@settings(deadline=None, max_examples=20)
def test_influence_is_the_derivative_of_the_value(seed: int, k: int) -> None:
    inputs = random_inputs(seed, 20, k)
    terms = Terms(inputs.weight * inputs.reward, inputs.weight)
    psi = terms.influence()
    assert psi.sum() == pytest.approx(0, abs=1e-9)
    share = np.full(20, 1e-7)
    for row in (0, 7):  # give one round a little more mass than the others
        mass = (1.0 - share[row]) / 20 + share[row] * (np.arange(20) == row)
        assert terms.denominator is not None
        moved = ((mass @ terms.numerator) / (mass @ terms.denominator)).sum()
        assert (moved - terms.value) / 1e-7 == pytest.approx(psi[row], rel=1e-3, abs=1e-5)


# --- the bootstrap -----------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [1, 2, 7, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 5])
def test_every_resample_draws_n_rows_and_each_row_as_often(n: int) -> None:
    rng = np.random.default_rng(n)
    counted = resampled_sums(np.hstack([np.ones((n, 1)), np.eye(n)[:, [0, -1]]]), 2000, rng)
    assert (counted[:, 0] == n).all()
    # a row's count is Binomial(n, 1/n): mean 1, variance 1 - 1/n. Over 2000 resamples the mean has standard
    # error <= 1/sqrt(2000) and the variance about sqrt(2/2000 + 1/2000); 5 of them: false alarm < 1e-5.
    for column in (1, 2):
        assert abs(counted[:, column].mean() - 1) <= 5 / math.sqrt(2000)
        assert abs(counted[:, column].var() - (1 - 1 / n)) <= 5 * math.sqrt(3 / 2000)
    if n > 2:  # different rows: covariance -1/n
        covariance = np.cov(counted[:, 1], counted[:, 2])[0, 1]
        assert abs(covariance + 1 / n) <= 5 * math.sqrt(1 / 2000)


def test_the_generator_decides_the_bootstrap_and_chunks_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    columns = np.random.default_rng(0).normal(size=(3000, 2))
    one = resampled_sums(columns, 10, np.random.default_rng(1))
    assert (one == resampled_sums(columns, 10, np.random.default_rng(1))).all()
    assert (one != resampled_sums(columns, 10, np.random.default_rng(2))).all()
    monkeypatch.setattr("shopgym.evaluation.intervals.resample._MOST_SHARES", 9)  # 3 resamples at a time
    assert (one == resampled_sums(columns, 10, np.random.default_rng(1))).all()


def test_bootstrap_recomputes_the_ratio() -> None:
    """With equal rewards every resample of snips has the same value; a frozen denominator would spread."""
    weight = np.random.default_rng(0).exponential(size=(500, 1))
    low, high = PercentileBootstrap()(Terms(3.0 * weight, weight), 0.95, np.random.default_rng(1))
    assert (low, high) == pytest.approx((3.0, 3.0))


def test_resamples_without_any_weight_count_against_both_ends() -> None:
    weight = np.zeros((50, 1))
    weight[3] = 1.0  # a resample misses the only useful round with probability (1 - 1/50)^50 = 0.36
    low, high = PercentileBootstrap()(Terms(2.0 * weight, weight), 0.95, np.random.default_rng(0))
    assert (low, high) == (-math.inf, math.inf)


def test_bootstrap_and_delta_agree_on_a_large_log() -> None:
    # the ends differ by Monte-Carlo error 0.083 sd (1000 resamples) and O(1/n); 5 of them: below 1e-5 an end
    inputs = random_inputs(0, 20_000, 2)
    terms = Terms(inputs.weight * inputs.reward, inputs.weight)
    low, high = Delta()(terms, 0.95)
    sd = (high - low) / (2 * Z)
    got = PercentileBootstrap()(terms, 0.95, np.random.default_rng(0))
    assert np.abs(np.array(got) - (low, high)).max() < 0.42 * sd


# --- refusals ----------------------------------------------------------------------------------------


def test_estimates_refuse_what_they_cannot_do(tiny: OpeInputs) -> None:
    with pytest.raises(InvalidInput, match="interval"):
        DEFAULT_ESTIMATORS["ips"].estimate(tiny, interval="magic")
    for level in (0.0, 1.0, 95.0, math.nan):
        with pytest.raises(InvalidInput, match="level"):
            DEFAULT_ESTIMATORS["ips"].estimate(tiny, level=level)
    with pytest.raises(InvalidInput, match="rng"):
        DEFAULT_ESTIMATORS["ips"].estimate(tiny, interval="bootstrap")
    with pytest.raises(InvalidInput, match="resamples"):
        PercentileBootstrap(resamples=0)
    with pytest.raises(InvalidInput, match="two rounds"):
        DEFAULT_ESTIMATORS["ips"].estimate(OpeInputs(np.ones((1, 1)), np.ones((1, 1))))


@pytest.mark.parametrize("name", ["dm", "dr"])
def test_without_a_model_dm_and_dr_refuse(name: str) -> None:
    with pytest.raises(InvalidInput, match="needs a reward model"):
        DEFAULT_ESTIMATORS[name].estimate(OpeInputs(np.ones((3, 1)), np.ones((3, 1))))


def test_without_overlap_weighting_is_impossible_and_dm_is_refused() -> None:
    nothing = np.zeros((3, 2))
    weight = np.array([[1.0, 0.0]] * 3)
    inputs = OpeInputs(-np.ones((3, 2)), weight, nothing, nothing + 2.0)
    for name in ("ips", "snips", "dr"):
        with pytest.raises(InvalidInput, match="slot 2 of 2"):
            DEFAULT_ESTIMATORS[name].estimate(inputs)
    model = DEFAULT_ESTIMATORS["dm"].estimate(inputs)
    assert (model.value, model.verdict) == (4.0, "refuse")
    assert UNCHECKED_MODEL in model.reason


def test_the_slot_without_overlap_is_the_one_where_no_round_has_a_weight() -> None:
    # slot 0 has no weight in one round, slot 1 has none in any round
    weight = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 0.0]])
    with pytest.raises(InvalidInput, match="slot 2 of 2"):
        DEFAULT_ESTIMATORS["ips"].estimate(OpeInputs(np.ones((3, 2)), weight))


def test_dm_dr_and_their_variants_say_that_they_need_a_model() -> None:
    assert {name for name, estimator in DEFAULT_ESTIMATORS.items() if estimator.needs_model} == {"dm", "dr"}
    assert {name for name, estimator in DEFAULT_ESTIMATORS.items() if not estimator.weighted} == {"dm"}


def test_compare_refuses_other_logs() -> None:
    a = random_inputs(0)
    with pytest.raises(InvalidInput, match="same rows"):
        compare_inputs(a, random_inputs(1))
    with pytest.raises(InvalidInput, match="one unit"):
        compare_inputs(a, OpeInputs(a.reward, a.weight, unit="GBP"))
    with pytest.raises(InvalidInput, match="choose one of"):
        compare_inputs(a, a, estimator="magic")
