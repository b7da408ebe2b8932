"""Users who come back, and rows that stand for several rounds."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t as student

from shopgym import evaluate
from shopgym.core import InvalidInput
from shopgym.evaluation.intervals.clusters import Clustered
from shopgym.evaluation.intervals.statistic import Terms
from shopgym.evaluation.offline import DEFAULT_ESTIMATORS, ESTIMATORS, OpeInputs, compare_inputs
from shopgym.evaluation.offline.from_dataframe import from_dataframe
from tests.builders.paths import SHARED

CASE = SHARED / "cases" / "evaluation" / "users_come_back.csv"


def by_hand(x: np.ndarray, user: np.ndarray) -> tuple[float, float]:
    """Standard error and degrees of freedom of the mean of ``x``, in a loop over users."""
    squares = []
    for each in np.unique(user):
        own = user == each
        residual = float((x[own] - x.mean()).sum()) / len(x)
        squares.append(residual**2 / (1.0 - own.mean()))
    total, clusters = sum(squares), len(squares)
    uncertainty = sum(square**2 for square in squares) / total**2 - 1.0 / clusters
    return math.sqrt(total), min(clusters - 1.0, 2.0 / uncertainty)


def test_standard_error_and_degrees_of_freedom_by_hand() -> None:
    rng = np.random.default_rng(0)
    user = np.repeat(np.arange(12), rng.integers(1, 9, size=12))
    x = rng.exponential(size=12)[user] + rng.normal(size=len(user))
    error, degrees = by_hand(x, user)
    clustered = Clustered(Terms(x[:, None]), user)
    assert clustered.value == pytest.approx(x.mean())
    assert clustered.standard_error == pytest.approx(error)
    assert clustered.degrees_of_freedom == pytest.approx(degrees)
    inputs = OpeInputs.of_rounds(x, np.ones(len(x)), cluster=user)
    got = DEFAULT_ESTIMATORS["ips"].estimate(inputs)
    half = student.ppf(0.975, degrees) * error
    assert (got.low, got.high) == pytest.approx((x.mean() - half, x.mean() + half))


def test_equal_users_of_two_kinds_have_all_degrees_of_freedom() -> None:
    # influences of one size: the variance is known as well as it can be, and the correction is G / (G - 1)
    x = np.tile([1.0, -1.0], 20)
    clustered = Clustered(Terms(np.repeat(x, 3)[:, None]), np.repeat(np.arange(40), 3))
    assert clustered.degrees_of_freedom == 39
    assert clustered.standard_error == pytest.approx(x.std(ddof=1) / math.sqrt(40))


def test_how_often_users_come_does_not_widen_a_mean_that_all_share() -> None:
    # every round earns 5: whoever comes how often, the mean is 5
    user = np.repeat(np.arange(50), np.arange(1, 51))
    inputs = OpeInputs.of_rounds(np.full(len(user), 5.0), np.ones(len(user)), cluster=user)
    got = DEFAULT_ESTIMATORS["snips"].estimate(inputs)
    assert (got.low, got.high) == pytest.approx((5.0, 5.0))


@pytest.mark.skipif(not CASE.exists(), reason="needs the folder shared/cases")
def test_the_log_of_users_who_come_back() -> None:
    evaluation = evaluate(CASE, "uniform", user="user")
    ips = evaluation.estimates["ips"]
    assert ips.value == pytest.approx(1.145678, abs=1e-6)
    frame = pd.read_csv(CASE)
    inputs = from_dataframe(frame, "uniform", rng=np.random.default_rng(0), user="user")
    statistic = DEFAULT_ESTIMATORS["ips"].statistic(inputs)
    assert inputs.cluster is not None
    assert statistic.standard_error == pytest.approx(0.029006, abs=1e-6)
    # by user without the correction for 200 of them, then with it
    by_user = Clustered(statistic, inputs.cluster)
    assert math.sqrt(float(np.square(by_user.influence()).sum())) / 200 == pytest.approx(0.077102, abs=1e-6)
    assert by_user.standard_error == pytest.approx(0.077317, abs=1e-6)
    assert (ips.high - ips.low) / 2 == pytest.approx(
        student.ppf(0.975, by_user.degrees_of_freedom) * by_user.standard_error
    )
    assert "200 users" in ips.note
    rows = evaluate(CASE, "uniform", user="user", by_user=False).estimates["ips"]
    assert rows.verdict == "caution"
    assert "200 users made 3,000 rounds" in rows.reason


def rounds(rng: np.random.Generator, n: int = 400) -> OpeInputs:
    weight = rng.choice([0.5, 1.0, 1.5], size=n)
    reward, q = rng.exponential(size=n), rng.random(n)
    return OpeInputs.of_rounds(reward, weight, q, q + 0.1)


def test_a_row_that_stands_for_three_is_three_rows() -> None:
    rng = np.random.default_rng(1)
    inputs, size = rounds(rng), rng.integers(1, 4, size=400)
    owner = np.arange(400)
    weighted = replace(inputs, sample_weight=size.astype(float), cluster=owner)
    again = replace(inputs.take(np.repeat(owner, size)), cluster=np.repeat(owner, size))
    for name in ("ips", "snips", "dm", "dr", "sndr", "clipped-ips"):
        one, two = (ESTIMATORS[name].estimate(each) for each in (weighted, again))
        for figure in ("value", "low", "high", "weight_z", "mean_weight", "model_z", "effective_clusters"):
            assert getattr(one, figure) == pytest.approx(getattr(two, figure), rel=1e-6), (name, figure)
    assert weighted.logged_value == pytest.approx(again.logged_value)
    assert weighted.ess < again.ess  # copies are no new rounds
    logged = [replace(each, weight=np.ones_like(each.weight)) for each in (weighted, again)]
    one, two = (compare_inputs(*both) for both in zip((weighted, again), logged, strict=True))
    assert (one.value, one.low, one.high) == pytest.approx((two.value, two.low, two.high))


def test_the_size_of_sample_weights_does_not_matter() -> None:
    rng = np.random.default_rng(2)
    size = rng.exponential(size=400) + 0.1
    one, two = (
        DEFAULT_ESTIMATORS["snips"].estimate(replace(rounds(np.random.default_rng(3)), sample_weight=each))
        for each in (size, 1000.0 * size)
    )
    for figure in ("value", "low", "high", "ess", "tail_mass", "pareto_k", "max_share", "weight_z"):
        assert getattr(one, figure) == pytest.approx(getattr(two, figure), nan_ok=True), figure


@pytest.mark.parametrize("bad", [0.0, -1.0, np.nan, np.inf])
def test_a_sample_weight_is_above_zero(bad: float) -> None:
    inputs = rounds(np.random.default_rng(0), 5)
    with pytest.raises(InvalidInput, match="sample_weight"):
        replace(inputs, sample_weight=np.array([1.0, 1.0, bad, 1.0, 1.0]))


def test_a_sampled_log_gives_back_the_whole() -> None:
    # rounds without a reward are kept with probability 0.2 and stand for 5; the mean reward is 0.1
    rng = np.random.default_rng(4)
    reward = (rng.random(60_000) < 0.1).astype(float)
    kept = (reward > 0) | (rng.random(60_000) < 0.2)
    size = np.where(reward > 0, 1.0, 5.0)[kept]
    inputs = OpeInputs.of_rounds(reward[kept], np.ones(kept.sum()), sample_weight=size)
    got = DEFAULT_ESTIMATORS["snips"].estimate(inputs)
    assert abs(got.value - 0.1) < 4 * (got.high - got.low) / 3.92  # a false alarm once in 16,000
    plain = DEFAULT_ESTIMATORS["snips"].estimate(replace(inputs, sample_weight=None))
    assert plain.value > 0.3


def test_two_inputs_are_compared_only_with_the_same_users() -> None:
    inputs = rounds(np.random.default_rng(0), 60)
    one = replace(inputs, cluster=np.repeat(np.arange(30), 2))
    with pytest.raises(InvalidInput, match=r"inputs\.cluster"):
        compare_inputs(one, inputs)


@pytest.mark.parametrize(
    ("users", "each", "verdict"),
    [(8, 40, "refuse"), (30, 40, "caution"), (60, 40, "trust"), (60, 2, "caution")],
)
def test_the_verdict_needs_users(users: int, each: int, verdict: str) -> None:
    rng = np.random.default_rng(5)
    user = np.repeat(np.arange(users), each)
    reward = rng.normal(size=users)[user] + rng.normal(size=len(user))
    weight = rng.choice([0.5, 1.5], size=len(user))
    weight /= weight.mean()
    inputs = OpeInputs.of_rounds(reward + 3.0, weight, cluster=user)
    assert DEFAULT_ESTIMATORS["snips"].estimate(inputs).verdict == verdict


def test_few_users_with_most_of_the_weight_are_no_ground_for_trust() -> None:
    rng = np.random.default_rng(6)
    user = np.repeat(np.arange(100), np.r_[[400] * 4, [4] * 96])
    reward = rng.normal(size=100)[user] + rng.normal(size=len(user))
    inputs = OpeInputs.of_rounds(reward + 3.0, rng.choice([0.5, 1.5], size=len(user)), cluster=user)
    got = DEFAULT_ESTIMATORS["snips"].estimate(inputs)
    assert got.verdict != "trust"
    assert got.effective_clusters < 10


@pytest.mark.slow
@pytest.mark.parametrize("users", [40, 80, 200])
@pytest.mark.parametrize("name", ["ips", "snips", "dr"])
def test_intervals_by_user_cover(users: int, name: str) -> None:
    # unequal visits, two users' tastes apart. Of 2,000 logs 95% within 93 and 97%: 4 standard errors
    rng, all_covered, trusted, trusted_covered = np.random.default_rng(users), 0, 0, 0
    for _ in range(2000):
        size = np.maximum(1, rng.poisson(15 * rng.lognormal(-0.125, 0.5, users)))
        user = np.repeat(np.arange(users), size)
        action = rng.choice(3, p=[0.5, 0.3, 0.2], size=len(user))
        effect = np.array([0.0, 0.3, 0.6])[action]
        reward = 1.0 + effect + 0.6 * rng.normal(size=users)[user] + 0.8 * rng.normal(size=len(user))
        weight = np.array([2 / 3, 10 / 9, 5 / 3])[action]
        inputs = OpeInputs.of_rounds(reward, weight, 0.8 * effect, np.full(len(user), 0.24), cluster=user)
        got = DEFAULT_ESTIMATORS[name].estimate(inputs)
        covered = got.low <= 1.3 <= got.high
        all_covered += covered
        trusted += got.verdict == "trust"
        trusted_covered += covered and got.verdict == "trust"
    assert 0.93 < all_covered / 2000 < 0.97
    assert trusted > 400
    assert 0.92 < trusted_covered / trusted < 0.98
