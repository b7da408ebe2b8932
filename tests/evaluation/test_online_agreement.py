"""The analysis of online tests agrees with tea-tasting, gbstats, statsmodels and cluster-experiments.

Where tools follow another convention, the test names it and shows that it explains the whole difference.
"""

from __future__ import annotations

import json
import math
from functools import cache
from typing import Any

import numpy as np
import pytest
from builders.paths import SHARED

from shopgym.core.statistics import normal_quantile, sequence_half_width
from shopgym.evaluation.online import (
    AssignedRows,
    Baseline,
    Effect,
    Metric,
    PlanOptions,
    StopRule,
    TestColumns,
    plan_test,
    read_test,
)
from shopgym.evaluation.online.corrections import benjamini_hochberg, holm
from shopgym.evaluation.online.effects import (
    FIXED,
    SEQUENCE,
    aggregates,
    effect_of,
    names_of,
    tea_metric,
    unit_sums,
)
from shopgym.evaluation.online.plan import users_per_arm
from shopgym.evaluation.online.split import chi_squared, sample_ratio
from shopgym.experiments.studies.leaderboard.statistics import iqm, stratified_interval

pytest.importorskip("tea_tasting")
FOLDER = SHARED / "reference" / "abtest"
pytestmark = pytest.mark.skipif(not FOLDER.exists(), reason="the reference answers are not here")
METRICS = {
    "revenue": Metric("revenue"),
    "revenue_cuped": Metric("revenue", covariate=("pre_revenue", None)),
    "converted": Metric("converted"),
    "orders_per_session": Metric("orders", "sessions"),
    "orders_per_session_cuped": Metric("orders", "sessions", ("pre_revenue", None)),
}
CLOSE = 1e-9


@cache
def answers(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((FOLDER / name).read_text(encoding="utf-8"))
    return loaded


@cache
def users() -> AssignedRows:
    metrics = tuple(METRICS.values())
    return read_test(FOLDER / "ab_users.csv", metrics, TestColumns("variant", "user"))


@cache
def switchback() -> AssignedRows:
    columns = TestColumns("treatment", cluster=("city", "window"))
    return read_test(FOLDER / "switchback.csv", [Metric("target")], columns)


def effect(name: str, stop: str = FIXED) -> Effect:
    return effect_of(users(), METRICS[name], 1, StopRule(stop, planned=500))


@pytest.mark.parametrize("name", METRICS)
def test_effects_are_those_of_tea_tasting(name: str) -> None:
    theirs, ours = answers("tea_tasting_1.14.0.json")[name], effect(name)
    assert ours.control == pytest.approx(theirs["control"], rel=CLOSE)
    assert ours.treatment == pytest.approx(theirs["treatment"], rel=CLOSE)
    assert ours.p == pytest.approx(theirs["pvalue"], rel=1e-6)
    for kind, bounds in (("effect_size", ours.difference), ("rel_effect_size", ours.relative)):
        said = (theirs[kind], theirs[f"{kind}_ci_lower"], theirs[f"{kind}_ci_upper"])
        assert (bounds.value, bounds.low, bounds.high) == pytest.approx(said, rel=1e-6)


def test_the_normal_limit_is_that_of_tea_tasting() -> None:
    """A sequence rests on the standard error that tea-tasting gives with normal quantiles."""
    theirs, ours = answers("tea_tasting_1.14.0.json")["converted_welch_z"], effect("converted", SEQUENCE)
    half = (theirs["effect_size_ci_upper"] - theirs["effect_size_ci_lower"]) / 2
    assert ours.standard_error * normal_quantile(0.95) == pytest.approx(half, rel=CLOSE)


def test_a_proportion_test_pools_the_variance_and_so_differs_a_little() -> None:
    theirs = answers("tea_tasting_1.14.0.json")["converted_prop"]
    assert effect("converted").difference.value == pytest.approx(theirs["effect_size"], rel=CLOSE)
    assert effect("converted").p == pytest.approx(theirs["pvalue"], rel=0.01)


def test_power_is_that_of_tea_tasting() -> None:
    metric = METRICS["revenue_cuped"]
    names = names_of(metric)
    whole = aggregates(unit_sums(users(), names), names)
    for said in answers("tea_tasting_1.14.0.json")["power_rel_10pct"]:
        asked = tea_metric(metric, rel_effect_size=0.1, n_obs=int(said["n_obs"]))
        (power,) = asked.solve_power_from_aggregates(whole, "power")
        assert power.power == pytest.approx(said["power"], rel=1e-6)


def test_sample_ratios_are_those_of_tea_tasting_and_gbstats() -> None:
    counts = np.bincount(users().units[1])
    theirs = answers("tea_tasting_1.14.0.json")["srm"]
    assert counts.tolist() == [theirs["control"], theirs["treatment"]]
    half = np.array([0.5, 0.5])
    assert sample_ratio(counts, half) == pytest.approx(theirs["pvalue"], rel=1e-6)
    other = answers("gbstats_0.8.0.json")  # the chi-squared test for two arms too
    assert chi_squared(counts, half) == pytest.approx(other["srm_p"], rel=1e-6)
    assert chi_squared([700, 600], half) == pytest.approx(other["srm_p_700_600"], rel=1e-6)


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("revenue_mean", "revenue"),
        ("orders_per_session_ratio", "orders_per_session"),
        ("revenue_cuped", "revenue_cuped"),
    ],
)
def test_differences_and_sequences_are_those_of_gbstats(theirs: str, ours: str) -> None:
    said = answers("gbstats_0.8.0.json")[f"{theirs}|relative=False"]
    fixed, sequence = effect(ours), effect(ours, SEQUENCE)
    assert fixed.p == pytest.approx(said["two_sided"]["p_value"], rel=1e-6)
    assert fixed.standard_error == pytest.approx(said["two_sided"]["stddev"], rel=1e-6)
    assert [fixed.difference.low, fixed.difference.high] == pytest.approx(said["two_sided"]["ci"], rel=1e-6)
    looked = said["sequential_N500"]
    assert [sequence.difference.low, sequence.difference.high] == pytest.approx(looked["ci"], rel=1e-6)
    assert sequence.p == pytest.approx(looked["p_value"], rel=1e-6)


def test_gbstats_divides_the_variance_of_a_proportion_by_n() -> None:
    said = answers("gbstats_0.8.0.json")["converted_prop|relative=False"]["two_sided"]
    ours = effect("converted")
    n, m = ours.units
    shares = (ours.control, ours.treatment)
    plain = math.sqrt(sum(p * (1 - p) / units for p, units in zip(shares, (n, m))))
    assert plain == pytest.approx(said["stddev"], rel=1e-6)
    assert ours.standard_error == pytest.approx(said["stddev"], rel=2e-3)


def test_relative_effects_differ_by_the_mean_that_they_are_shares_of() -> None:
    """tea-tasting adjusts the control's mean by the covariate, gbstats does not: .57438 and .58679."""
    said = answers("gbstats_0.8.0.json")["revenue_cuped|relative=True"]["two_sided"]["expected"]
    ours, plain = effect("revenue_cuped"), effect("revenue").control
    assert ours.relative.value == pytest.approx(0.57438, abs=1e-5)
    assert ours.difference.value / plain == pytest.approx(said, rel=1e-6)
    unadjusted = answers("gbstats_0.8.0.json")["revenue_mean|relative=True"]["two_sided"]
    assert effect("revenue").relative.value == pytest.approx(unadjusted["expected"], rel=1e-6)
    # gbstats' interval is symmetric (delta method), ours is so on the log scale: ours reaches less far down
    assert effect("revenue").relative.low > unadjusted["ci"][0]


def test_cuped_is_that_of_statsmodels() -> None:
    said = answers("statsmodels_cluster_experiments.json")
    ours = effect("revenue_cuped")
    assert ours.difference.value == pytest.approx(said["cuped_pooled"]["diff"], rel=1e-9)
    # regressions adjust with the slope within arms; errors differ by their small-sample factors
    for name in ("ols_ancova_HC1", "lin2013_HC2"):
        assert ours.difference.value == pytest.approx(said[name]["coef"], rel=0.005)
        assert ours.standard_error == pytest.approx(said[name]["se"], rel=0.015)


def test_plans_are_those_of_statsmodels() -> None:
    said = answers("statsmodels_cluster_experiments.json")
    options = PlanOptions(1000, stop="fixed")
    of_both = 2 * users_per_arm(Baseline(1.0, 5.0), 1.0, options)
    assert of_both == math.ceil(2 * said["ttest_power_nobs_d0.2_80"])
    # statsmodels takes the arcsine of shares, we take the variances of both arms
    (plan,) = plan_test(Baseline.rate(0.10), [0.1], options)
    assert plan.per_arm == pytest.approx(said["prop_power_nobs_0.10_vs_0.11_80"], rel=1e-3)


def test_corrections_are_those_of_statsmodels() -> None:
    said = answers("statsmodels_cluster_experiments.json")
    p = np.array(said["multipletests_in"])
    assert holm(p) == pytest.approx(np.array(said["multipletests_holm"]), rel=1e-9)
    assert benjamini_hochberg(p) == pytest.approx(np.array(said["multipletests_fdr_bh"]), rel=1e-9)


def test_errors_of_a_switchback_are_those_of_clusters() -> None:
    """Rows of one city and window are one draw: .218, where independent rows would give .107."""
    said = answers("statsmodels_cluster_experiments.json")
    rows = switchback()
    ours = effect_of(rows, Metric("target"), 1, StopRule(FIXED))
    assert ours.difference.value == pytest.approx(said["switchback_clustered_ols"]["point"], rel=1e-9)
    sums, arm = unit_sums(rows, ["target", "rows"]), rows.units[1]
    square = 0.0
    for number in (0, 1):
        own = sums[arm == number]
        left = own[:, 0] - own[:, 0].sum() / own[:, 1].sum() * own[:, 1]
        square += float(np.square(left).sum()) / own[:, 1].sum() ** 2
    clusters, n = len(sums), len(rows)
    assert math.sqrt(square) == pytest.approx(said["switchback_gee"]["se"], rel=1e-4)
    factor = clusters / (clusters - 1) * (n - 1) / (n - 2)  # of OLS with clusters
    ols = math.sqrt(square * factor)
    assert ols == pytest.approx(said["switchback_clustered_ols"]["se"], rel=1e-6)
    assert ours.standard_error == pytest.approx(ols, rel=5e-3)  # ours: n / (n - 1) in each arm
    assert ours.p == pytest.approx(said["switchback_ttest_clustered"]["p"], rel=0.01)
    one_by_one = AssignedRows(rows.arms, rows.arm, np.arange(n), rows.values)
    naive = effect_of(one_by_one, Metric("target"), 1, StopRule(FIXED)).standard_error
    assert naive == pytest.approx(said["switchback_NAIVE_iid_ols"]["se"], rel=0.01)


def test_peeking_is_as_wrong_as_recorded_and_a_sequence_is_not() -> None:
    """Looks at every n from 50 to 2000: 42.6% false alarms of a fixed test, 3.5% of the sequence.

    400 series: the shares lie within four standard errors of those recorded.
    """
    said = answers("peeking_type1.json")
    series, last, planned = 400, 2000, 500
    x = np.random.default_rng(3).normal(size=(series, last)).cumsum(axis=1)
    n = np.arange(50, last + 1)
    mean = np.abs(x[:, 49:] / n)
    naive = (mean > normal_quantile(0.95) / np.sqrt(n)).any(axis=1).mean()
    widths = np.array([sequence_half_width(int(k), 1.0, 0.05, planned) for k in n])
    alarms = (mean > widths).any(axis=1).mean()
    for share, key in ((naive, "peek_every_obs_from_n50_naive_z"), (alarms, "asympcs")):
        assert abs(share - said[key]) < 4 * math.sqrt(said[key] * (1 - said[key]) / series)
    ratio = widths[-1] / (normal_quantile(0.95) / math.sqrt(last))
    assert ratio == pytest.approx(said["width_ratio_at_2000"], rel=1e-6)


def test_interquartile_means_are_those_recorded() -> None:
    said = answers("iqm_scipy.json")
    scores = np.array(said["scores"])  # five runs of eight tasks
    assert iqm(scores.reshape(-1)) == pytest.approx(said["iqm"], rel=1e-9)
    rng = np.random.default_rng(0)
    middle, low, high = stratified_interval(scores.T, level=0.95, bootstrap=4000, rng=rng)
    assert middle == pytest.approx(said["iqm"], rel=1e-9)
    assert [low, high] == pytest.approx(said["ci95"], abs=0.005)  # a bootstrap of its own
