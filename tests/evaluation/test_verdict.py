"""What the verdict sees of one estimate: lonely rounds, smoothing, slots, weights that only look heavy."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shopgym.core import InvalidInput
from shopgym.core.statistics import normal_quantile
from shopgym.evaluation.intervals.clusters import cluster_codes
from shopgym.evaluation.intervals.normal import student_quantile
from shopgym.evaluation.offline import DEFAULT_ESTIMATORS, ESTIMATORS, OpeInputs, Terms, compare_inputs, judge
from shopgym.evaluation.offline.diagnostics import Diagnostics
from shopgym.evaluation.offline.influence import Influence
from shopgym.evaluation.offline.pareto import generalised_pareto_shape, pareto_k, tail_shape
from shopgym.evaluation.offline.slate import pseudo_inverse_weights, slate_inputs, uniform_slate_weights
from shopgym.evaluation.offline.smoothing import Clipped, SubGaussian
from shopgym.evaluation.offline.weighted import Weighted

pytestmark = pytest.mark.slow

SHIFTED = "smoothing the weights may shift it by"
FINE = Diagnostics(5000.0, 3.0, 0.001, 0.03, 0.1, 1.0, 0.3, math.nan, 0.0, 0.4, 0.3, 1.0)


def rounds(n: int = 4000, seed: int = 0) -> OpeInputs:
    """Uniform log of three actions, a target that prefers the last, and a fair model."""
    rng = np.random.default_rng(seed)
    chance = np.array([0.2, 0.3, 0.5])
    action = rng.integers(3, size=n)
    reward = (rng.random(n) < chance[action]).astype(float)
    target = np.tile([0.1, 0.2, 0.7], (n, 1))
    return OpeInputs.from_actions(reward, action, np.full(n, 1 / 3), target, np.tile(chance, (n, 1)))


# --- influences ---------------------------------------------------------------------------------------


def test_influence_by_hand() -> None:
    # one of n is n - 1, the others -1: g^2 / n = (n - 2)^2 / (n - 1) / n; sum psi^2 = n (n - 1) and
    # sum psi^4 = (n - 1) ((n - 1)^3 + 1)
    for n in (5, 100):
        x = np.zeros((n, 1))
        x[0] = n
        result = Influence.from_statistic(Terms(x))
        assert result.skewness == pytest.approx((n - 2) ** 2 / (n - 1) / n)
        assert result.error_rounds == pytest.approx(n**2 * (n - 1) / ((n - 1) ** 3 + 1))
        assert result.shift == 0.0
    even = Influence.from_statistic(Terms(np.array([[1.0], [-1.0]] * 50)))
    assert (even.skewness, even.error_rounds) == (0.0, 100.0)


@given(st.lists(st.integers(-1000, 1000), min_size=3, max_size=50))
def test_skewness_is_never_more_than_one_over_the_rounds_of_the_error(values: list[int]) -> None:
    result = Influence.from_statistic(Terms(np.array(values, dtype=float)[:, None]))
    if result.error_rounds:
        assert result.skewness * result.error_rounds <= 1 + 1e-6
        assert result.error_rounds <= len(values) * (1 + 1e-9)


def test_a_log_without_a_single_click_is_refused() -> None:
    nothing = replace(rounds(), reward=np.zeros((4000, 1)))
    got = DEFAULT_ESTIMATORS["ips"].estimate(nothing)
    assert (got.low, got.high) == (0.0, 0.0)
    assert got.verdict == "refuse"
    assert "all rounds say the same" in got.reason


def test_few_large_rewards_are_no_ground_for_an_interval() -> None:
    money = np.zeros((4000, 1))
    for count, word in ((2, "refuse"), (20, "caution"), (200, "trust")):
        money[:count] = 100.0
        got = DEFAULT_ESTIMATORS["ips"].estimate(OpeInputs(money, np.ones((4000, 1))))
        assert got.verdict == word
        assert got.error_rounds == pytest.approx(count, rel=0.15)


def test_rare_large_rewards_that_are_trusted_cover() -> None:
    """Lognormal orders in one of 100 rounds: normal intervals of short logs miss the truth too often, but not
    those of the logs that are trusted: 93% to 97% within 3 standard errors (false alarm 0.3%)."""
    rng = np.random.default_rng(3)
    words, covered = [], []
    for n in [1000] * 400 + [50_000] * 400:
        reward = np.where(rng.random(n) < 0.01, rng.lognormal(0.0, 0.7, n), 0.0)
        got = DEFAULT_ESTIMATORS["ips"].estimate(OpeInputs(reward[:, None], np.ones((n, 1))))
        truth = 0.01 * math.exp(0.245)
        words.append(got.verdict)
        covered.append(got.low <= truth <= got.high)
    trusted = np.array(words) == "trust"
    coverage, count = np.array(covered)[trusted].mean(), trusted.sum()
    slack = 3 * math.sqrt(0.05 * 0.95 / count)
    assert trusted[400:].mean() > 0.9
    assert trusted[:400].mean() < 0.2
    assert 0.93 - slack < coverage < 0.97 + slack
    assert np.array(covered)[:400].mean() < 0.93


# --- smoothing ----------------------------------------------------------------------------------------


def test_what_smoothing_moves_is_in_standard_errors() -> None:
    inputs = rounds()
    smooth = Weighted("sg", SubGaussian(0.05))
    got, plain = smooth.estimate(inputs), Weighted("ips").estimate(inputs)
    error = (got.high - got.low) / (2 * 1.959964)
    assert got.shift >= abs(got.value - plain.value) / error
    assert got.shift == pytest.approx(abs(got.value - plain.value) / error, rel=0.3)
    assert got.verdict == "refuse"
    assert "smoothing the weights may shift" in got.reason
    assert Weighted("c", Clipped(50.0)).estimate(inputs).shift == 0.0


def test_the_shift_at_the_limits_covers_as_documented() -> None:
    from statistics import NormalDist

    cdf, limits = NormalDist().cdf, judge.__kwdefaults__["limits"]
    for shift, coverage in ((limits.shift_caution, 0.943), (limits.shift_refuse, 0.90)):
        assert cdf(1.96 - shift) - cdf(-1.96 - shift) == pytest.approx(coverage, abs=0.002)


def test_replay_of_a_target_that_could_show_everything_is_refused() -> None:
    """Every weight is above 0, so replay is the mean logged reward, 1/3 in expectation; the truth is 0.43."""
    inputs = rounds(20_000)
    got = ESTIMATORS["replay"].estimate(inputs)
    assert got.value == pytest.approx(float(inputs.reward.mean()), abs=1e-12)
    assert got.high < 0.43
    assert (got.verdict, got.reason) == ("refuse", f"{SHIFTED} {got.shift:.2g} standard errors")
    error = (got.high - got.low) / (2 * 1.959964)
    assert got.shift > abs(got.value - 0.43) / error - 4.0  # the true bias, but for 4 of its standard errors


def test_shrinkage_is_refused_by_what_it_moved_even_where_the_model_is_right() -> None:
    """No weight is above 2.1; the least level that switch-dr may choose and that is worth it is above."""
    inputs = rounds(20_000)
    got, w = ESTIMATORS["dr-os"].estimate(inputs), inputs.weight[:, 0]
    assert inputs.q_logged is not None
    assert inputs.v_target is not None
    residual = inputs.reward[:, 0] - inputs.q_logged[:, 0]
    shrunk = w / (w**2 + 1.0)
    assert got.value == pytest.approx(float((inputs.v_target[:, 0] + shrunk * residual).mean()), abs=1e-12)
    moved, psi = (shrunk - w) * residual, inputs.v_target[:, 0] + shrunk * residual
    bound = abs(moved.mean()) + 2.0 * moved.std() / math.sqrt(len(w))
    assert got.shift == pytest.approx(bound / (psi.std() / math.sqrt(len(w))), rel=1e-9)
    assert (got.verdict, got.reason) == ("refuse", f"{SHIFTED} {got.shift:.2g} standard errors")


def test_switching_off_nothing_is_doubly_robust_and_trusted() -> None:
    """No weight is above 2.1, and the least level that switch-dr may choose and that is worth it is above."""
    inputs = rounds(20_000)
    switched, plain = (ESTIMATORS[name].estimate(inputs) for name in ("switch-dr", "dr"))
    for figure in ("value", "low", "high", "verdict", "reason"):
        assert getattr(switched, figure) == getattr(plain, figure)
    assert (switched.shift, switched.verdict, switched.reason) == (0.0, "trust", "")


def test_replay_of_a_deterministic_target_on_a_uniform_log_is_trusted() -> None:
    inputs = rounds()
    matched = (inputs.weight > 2).astype(float) * 3.0  # the target is always the last action
    got = ESTIMATORS["replay"].estimate(replace(inputs, weight=matched, q_logged=None, v_target=None))
    assert got.shift == pytest.approx(0.0, abs=1e-9)
    assert got.verdict == "trust"


# --- weights that only look heavy -----------------------------------------------------------------------


@pytest.mark.parametrize("n", [1000, 10_000, 100_000])
def test_a_real_tail_gives_its_heaviest_round_a_share_that_does_not_vanish(n: int) -> None:
    # the claim in Thresholds: with k = 0.7 fewer than one log of a thousand is below 5%; 300 logs with more
    # than 3 would be a false alarm of 3e-4 (Poisson)
    rng, below = np.random.default_rng(n), 0
    for _ in range(300):
        weight = 1.0 + rng.pareto(1 / 0.7, n)
        below += weight.max() ** 2 / (weight @ weight) < 0.05
    assert below <= 3


def test_a_steep_fit_to_bounded_weights_is_no_alarm() -> None:
    # a policy that favours three actions which the log seldom shows, no weight above 120
    rng = np.random.default_rng(0)
    n, chance = 100_000, np.array([0.9775, 0.02, 0.002, 0.0005])
    size = np.array([1.0, 10.0, 40.0, 120.0])
    weight = size[rng.choice(4, n, p=chance)] / (size @ chance) * rng.uniform(0.98, 1.02, n)
    inputs = OpeInputs(rng.random((n, 1)), weight[:, None])
    assert inputs.diagnostics.pareto_k > 1.0
    assert inputs.diagnostics.max_share < 0.05
    assert inputs.ess > 10_000
    got = DEFAULT_ESTIMATORS["snips"].estimate(inputs)
    assert got.verdict == "trust"
    truth = 0.5
    assert got.low <= truth <= got.high


def test_a_real_heavy_tail_is_still_refused() -> None:
    weight = (1.0 + np.random.default_rng(3).pareto(0.9, 20_000)) / 10.0
    result = OpeInputs(np.ones((20_000, 1)), weight[:, None]).diagnostics
    word, reason = judge(replace(result, ess=500.0), weighted=True)
    assert result.max_share > 0.05
    assert word == "refuse"
    assert "heavy tail" in reason


def test_an_exponential_tail_is_fitted_without_a_warning() -> None:
    # a grid point of Zhang and Stephens at theta = 0 has shape 0: its likelihood is the limit's
    excess = np.sort(np.random.default_rng(0).exponential(size=31))
    quartile, place = excess[7], 1.0
    grid = 30 + 5
    excess[-1] = 3.0 * quartile / (math.sqrt(grid / (place - 0.5)) - 1.0)
    excess = np.sort(excess)
    with np.errstate(all="raise"):
        assert math.isfinite(generalised_pareto_shape(excess))


def test_the_tail_of_the_largest_is_that_of_all() -> None:
    weight = np.random.default_rng(1).pareto(2.0, 5000)
    assert tail_shape(np.sort(weight)[-1000:], 5000) == pareto_k(weight)
    assert math.isnan(tail_shape(np.sort(weight)[-100:], 5000))


# --- what the log never shows --------------------------------------------------------------------------


def test_actions_that_happened_not_to_be_logged_are_no_reason_to_refuse() -> None:
    lucky = replace(FINE, unsupported=0.13, mean_weight=0.99)
    assert judge(lucky, weighted=True)[0] == "caution"
    missing = replace(FINE, unsupported=0.13, mean_weight=0.87)
    assert judge(missing, weighted=True)[0] == "refuse"
    filtered = replace(FINE, unsupported=0.13, mean_weight=1.0, propensity_p=1e-9)
    assert judge(filtered, weighted=True)[0] == "refuse"
    rng = np.random.default_rng(0)
    n, actions = 2000, 1000  # a uniform log misses each action with probability e^-2
    inputs = OpeInputs.from_actions(
        rng.random(n),
        rng.integers(actions, size=n),
        np.full(n, 1 / actions),
        np.full((n, actions), 1 / actions),
    )
    assert inputs.unsupported > 0.1
    assert DEFAULT_ESTIMATORS["ips"].estimate(inputs).verdict == "caution"


def test_the_direct_method_hears_the_mean_weight() -> None:
    blind = replace(FINE, weight_z=-30.0, mean_weight=0.5)
    word, reason = judge(blind, weighted=False)
    assert word == "refuse"
    assert "the model is asked for what the log could not show" in reason
    assert judge(FINE, weighted=False)[0] == "caution"


# --- slots ---------------------------------------------------------------------------------------------


def slates(n: int, actions: int, slots: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Uniform slates without replacement, slot marginals of a Plackett-Luce target, rewards by slot."""
    from shopgym.policies import plackett_luce

    rng = np.random.default_rng(seed)
    shown = rng.permuted(np.tile(np.arange(actions), (n, 1)), axis=1)[:, :slots]
    rates = np.linspace(-1.5, 1.5, actions)[None, None]
    allowed = np.ones((1, actions), dtype=bool)
    marginal = np.tile(plackett_luce.slot_marginals(rates, np.ones(1), allowed, slots), (n, 1, 1))
    return shown, marginal, rng


@pytest.mark.parametrize(("actions", "slots"), [(4, 1), (4, 2), (6, 3), (5, 5), (7, 4)])
def test_the_closed_form_is_the_pseudo_inverse(actions: int, slots: int) -> None:
    shown, _, rng = slates(50, actions, slots, 1)
    target = rng.dirichlet(np.ones(actions), size=(50, slots))
    pair = np.full((actions, actions), 1.0 / (actions * max(actions - 1, 1)))
    np.fill_diagonal(pair, 0.0)
    gamma = np.kron(np.eye(slots), np.eye(actions) / actions)
    gamma += np.kron(np.ones((slots, slots)) - np.eye(slots), pair)
    assert uniform_slate_weights(shown, target) == pytest.approx(
        pseudo_inverse_weights(shown, target, gamma), abs=1e-9
    )


def test_pi_without_replacement_is_right_with_its_weight_and_refused_without() -> None:
    n, actions, slots = 40_000, 8, 3
    shown, target, rng = slates(n, actions, slots, 2)
    value = np.linspace(0.05, 0.6, actions) * np.array([1.0, 0.7, 0.4])[:, None]
    truth = float((target[0] * value).sum())
    reward = np.zeros((n, slots))  # one reward for the whole slate
    reward[:, 0] = rng.random(n) < value[np.arange(slots), shown].sum(axis=1) / 2
    reward *= 2
    rows = np.arange(n)[:, None]
    at = target[rows, np.arange(slots), shown]
    inputs = slate_inputs(reward, np.full((n, slots), 1 / actions), at, model="independent")
    wrong = ESTIMATORS["pi"].estimate(inputs)
    assert wrong.verdict == "refuse"
    assert "without replacement" in wrong.reason
    assert abs(wrong.value - truth) > 4 * (wrong.high - wrong.low) / 3.92
    exact = replace(inputs, slate_weight=uniform_slate_weights(shown, target))
    for name in ("pi", "snpi"):
        right = ESTIMATORS[name].estimate(exact)
        assert right.verdict == "trust"
        assert abs(right.value - truth) < 4 * (right.high - right.low) / 3.92  # false alarm 6e-5


def test_pi_of_independent_slots_is_a_matter_of_belief() -> None:
    rng = np.random.default_rng(0)
    target = np.array([0.5, 0.3, 0.2])
    shown = rng.integers(3, size=(5000, 2))
    inputs = slate_inputs(
        rng.random((5000, 2)), np.full((5000, 2), 1 / 3), target[shown], model="independent"
    )
    got = ESTIMATORS["pi"].estimate(inputs)
    assert got.verdict == "caution"
    assert "drawn independently" in got.reason
    product = inputs.weight[:, 0] * inputs.weight[:, 1] - 1.0
    assert got.pair_z == pytest.approx(product.mean() / product.std() * math.sqrt(5000))
    assert abs(got.pair_z) < 4


def test_products_over_slots_are_not_for_pi_and_given_predictions_only_for_cascade_dr() -> None:
    rng = np.random.default_rng(1)
    chance = rng.uniform(0.3, 0.6, (3000, 2))
    guess = rng.random((3000, 2))
    chained = slate_inputs(rng.random((3000, 2)), chance, chance, model="cascade")
    assert chained.chained
    assert ESTIMATORS["pi"].estimate(chained).verdict == "refuse"
    assert ESTIMATORS["ips"].estimate(chained).verdict == "trust"
    with_model = slate_inputs(
        rng.random((3000, 2)), chance, chance, model="cascade", q_logged=guess, v_target=guess
    )
    assert ESTIMATORS["cascade-dr"].estimate(with_model).verdict == "trust"
    for name in ("dr", "sndr", "dm", "clipped-dr"):
        got = ESTIMATORS[name].estimate(with_model)
        assert got.verdict == "refuse"
        assert "use cascade-dr" in got.reason
    own = slate_inputs(
        rng.random((3000, 2)), chance, chance, model="independent", q_logged=guess, v_target=guess
    )
    assert ESTIMATORS["dr"].estimate(own).verdict == "trust"


# --- users ---------------------------------------------------------------------------------------------


def test_users_of_one_round_are_rounds() -> None:
    inputs = rounds()
    alone = replace(inputs, cluster=np.random.default_rng(0).permutation(len(inputs)))
    for name in ("ips", "snips", "dr"):
        one, two = (ESTIMATORS[name].estimate(each) for each in (inputs, alone))
        for field in ("value", "ess", "weight_z", "model_z", "error_rounds"):
            assert getattr(one, field) == pytest.approx(getattr(two, field)), field
        wider = student_quantile(0.95, 3999) / normal_quantile(0.95)
        assert two.high - two.low == pytest.approx(wider * (one.high - one.low), rel=1e-3)
        assert (two.clusters, two.effective_clusters) == (4000, pytest.approx(one.ess))
        assert (two.n, two.verdict) == (one.n, one.verdict)


def test_a_log_said_twice_by_users_is_no_better_than_once() -> None:
    inputs = rounds()
    twice = OpeInputs(
        *(np.repeat(values, 2, axis=0) for values in (inputs.reward, inputs.weight)),
        cluster=np.repeat(np.arange(len(inputs)), 2),
    )
    alone = replace(inputs, cluster=np.arange(len(inputs)))
    for interval in ("delta", "student"):
        one, two = (ESTIMATORS["snips"].estimate(each, interval=interval) for each in (alone, twice))
        assert (two.low, two.high, two.ess) == pytest.approx((one.low, one.high, 2 * one.ess))
        assert (two.clusters, two.effective_clusters) == (len(inputs), pytest.approx(one.ess))
    naive = ESTIMATORS["snips"].estimate(replace(twice, cluster=None))
    assert naive.high - naive.low == pytest.approx((two.high - two.low) / math.sqrt(2), rel=1e-2)
    gain = compare_inputs(twice, replace(twice, weight=np.ones_like(twice.weight)), estimator="ips")
    half = compare_inputs(alone, replace(alone, weight=np.ones_like(inputs.weight)), estimator="ips")
    assert (gain.low, gain.high) == pytest.approx((half.low, half.high))


def test_intervals_by_user_cover_where_those_by_round_do_not() -> None:
    # users differ, and each brings 1 to 20 rounds. Of 300 logs 95% +- 3.8 points (3 standard errors)
    rng, covered, naive = np.random.default_rng(7), 0, 0
    for _ in range(300):
        user = np.repeat(np.arange(300), rng.integers(1, 21, size=300))
        reward = rng.standard_normal(300)[user] + rng.standard_normal(len(user))
        weight = rng.choice([0.5, 1.5], size=len(user))
        inputs = OpeInputs(reward[:, None], weight[:, None])
        one = ESTIMATORS["snips"].estimate(inputs)
        two = ESTIMATORS["snips"].estimate(replace(inputs, cluster=cluster_codes(user)))
        naive += one.low <= 0 <= one.high
        covered += two.low <= 0 <= two.high
        assert "300 users" in two.note
    assert 0.912 < covered / 300 < 0.988
    assert naive / 300 < 0.7


def test_intervals_about_single_rounds_refuse_users() -> None:
    inputs = replace(rounds(), cluster=np.zeros(4000, dtype=np.int64))
    with pytest.raises(InvalidInput, match="by user choose one of"):
        ESTIMATORS["ips"].estimate(inputs, interval="bernstein")
    with pytest.raises(InvalidInput, match="cluster"):
        replace(inputs, cluster=np.zeros(3, dtype=np.int64))
