"""Online tests on a user's own table: known answers, verdicts, and everything that is refused."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from shopgym.core.errors import InvalidInput
from shopgym.evaluation.online import (
    AssignedRows,
    Baseline,
    Metric,
    PlanOptions,
    StopRule,
    TestAnalysis,
    TestColumns,
    TestOptions,
    analyse_test,
    baseline_of,
    plan_sentence,
    plan_test,
    read_metrics,
    read_plan,
    read_test,
)
from shopgym.evaluation.online.detail import trend
from shopgym.evaluation.online.effects import FIXED, SEQUENCE, effect_of
from shopgym.evaluation.online.plan import sequence_factor
from shopgym.evaluation.online.preference import preference
from shopgym.evaluation.online.sequence import half_width, p_value
from shopgym.evaluation.online.split import check_split
from shopgym.evaluation.online.words import effect_rows, lines, part_rows, trend_lines

pytest.importorskip("tea_tasting")
USERS = TestColumns(user="user")


def table(
    n: int = 2000, effect: float = 0.0, seed: int = 0, arms: tuple[str, ...] = ("control", "new")
) -> Any:
    """A test of n users on ten days; the effect is that of every arm but the control."""
    rng = np.random.default_rng(seed)
    number = np.arange(n) % len(arms)
    before = rng.normal(10.0, 2.0, n)
    return pd.DataFrame(
        {
            "user": [f"u{i}" for i in range(n)],
            "arm": np.array(arms)[number],
            "before": before,
            "revenue": before + rng.normal(0.0, 1.0, n) + effect * (number > 0),
            "complaints": rng.poisson(2.0, n).astype(float),
            "device": np.where(rng.random(n) < 0.5, "phone", "desktop"),
            "day": pd.to_datetime("2024-03-01") + pd.to_timedelta(np.arange(n) // len(arms) % 10, unit="D"),
        }
    )


def analysed(rows: pd.DataFrame, *metrics: str, **options: Any) -> TestAnalysis:
    return analyse_test(rows, read_metrics(metrics or ("revenue",)), USERS, TestOptions(**options))


def test_a_clear_effect_is_said_in_one_sentence() -> None:
    analysis = analysed(table(effect=1.0), planned=2000)
    assert analysis.verdict == "trust"
    assert analysis.sentence.startswith("new is better than control on revenue: +")
    assert "whenever you look" in analysis.sentence
    row = analysis.row("new", "revenue")
    assert row.effect.difference.low < 1.0 < row.effect.difference.high
    assert json.loads(json.dumps(analysis.as_dict(), allow_nan=False))["headline"] == "revenue"


def test_cuped_narrows_the_interval_as_the_correlation_says() -> None:
    """Revenue is the earlier revenue plus noise: correlation squared 4 / 5, so the error shrinks to 0.447."""
    rows = table(20_000)
    plain = analysed(rows).rows[0].effect.standard_error
    metrics = read_metrics(["revenue"], (), ["revenue=before"])
    adjusted = analyse_test(rows, metrics, USERS).rows[0].effect.standard_error
    assert adjusted / plain == pytest.approx(math.sqrt(1 / 5), rel=0.03)


def test_a_fixed_test_is_wrong_at_its_level_and_a_sequence_much_less_often() -> None:
    """300 tests of nothing with one look: 5% within four standard errors, and at most half of that."""
    rng = np.random.default_rng(1)
    alarms = {FIXED: 0, SEQUENCE: 0}
    tests, n = 300, 400
    for _ in range(tests):
        rows = AssignedRows(("a", "b"), np.arange(n) % 2, np.arange(n), {"x": rng.exponential(size=n)})
        for stop in alarms:
            alarms[stop] += effect_of(rows, Metric("x"), 1, StopRule(stop, planned=n)).p < 0.05
    assert abs(alarms[FIXED] / tests - 0.05) < 4 * math.sqrt(0.05 * 0.95 / tests)
    assert alarms[SEQUENCE] < alarms[FIXED] / 2


def test_the_p_value_of_a_sequence_is_where_its_interval_ends_at_zero() -> None:
    error, n, level, planned = 0.3, 800, 0.95, 500
    edge = half_width(error, n, level, planned)
    assert p_value(edge, error, n, level, planned) == pytest.approx(0.05, rel=1e-9)
    assert p_value(0.0, error, n, level, planned) == 1.0


def test_several_arms_and_metrics_share_the_error() -> None:
    rows = table(1500, arms=("control", "b", "c"))
    once = analysed(rows, "revenue", "complaints", stop="fixed", correction="none")
    holm = analysed(rows, "revenue", "complaints", stop="fixed")
    assert len(holm.rows) == 4
    assert all(h.p >= o.p for h, o in zip(holm.rows, once.rows))
    least = min(once.rows, key=lambda row: row.p)
    assert holm.row(least.arm, least.metric.name).p == pytest.approx(min(1.0, 4 * least.p))


@pytest.mark.parametrize(
    ("shift", "outcome", "words"),
    [(0.0, "kept", "keeps its guardrails"), (1.5, "broken", "breaks the guardrail complaints")],
)
def test_a_guardrail_must_not_lose_more_than_its_margin(shift: float, outcome: str, words: str) -> None:
    rows = table(8000, effect=1.0)
    rows.loc[rows["arm"] == "new", "complaints"] += shift
    metrics = read_metrics(["revenue"], ["complaints:20%"], minimise=["complaints"])
    analysis = analyse_test(rows, metrics, USERS, TestOptions(planned=8000))
    assert analysis.row("new", "complaints").outcome == outcome
    assert words in analysis.sentence


def test_a_guardrail_with_few_users_is_open() -> None:
    metrics = read_metrics(["revenue"], ["complaints:1%"], minimise=["complaints"])
    analysis = analyse_test(table(600), metrics, USERS)
    assert analysis.row("new", "complaints").outcome == "open"
    assert "has not yet shown to keep the guardrail" in analysis.sentence


def test_a_broken_split_is_never_a_headline() -> None:
    rows = table(4000, effect=1.0)
    kept = (rows["arm"] == "control") | (np.arange(len(rows)) % 5 != 1)
    analysis = analysed(rows[kept])
    assert analysis.verdict == "refuse"
    assert analysis.as_dict()["headline"] is None
    said = [*lines(analysis), analysis.html(), json.dumps(analysis.as_dict()["sentence"])]
    assert all("the split is broken" in text for text in said[:1] + said[1:2])
    assert "better" not in analysis.sentence
    assert {row["outcome"] for row in effect_rows(analysis)} == {"refused"}
    assert part_rows(analysis, "days") == [] == trend_lines(analysis)
    planned = analysed(rows[kept], split={"control": 5.0, "new": 4.0})
    assert planned.verdict == "trust"


def test_users_in_two_arms_are_never_a_headline() -> None:
    rows = table(2000, effect=1.0)
    rows = pd.concat([rows, rows.iloc[:40:2].assign(arm="new")])
    analysis = analysed(rows)
    assert analysis.verdict == "refuse"
    assert "20 users (1.0%) were in more than one arm" in analysis.sentence


def test_several_rows_of_a_user_are_one_user() -> None:
    rows = table(400)
    halves = pd.concat([rows.assign(revenue=rows["revenue"] / 2, part=part) for part in (0, 1)])
    whole, split = analysed(rows), analysed(halves)
    assert split.rows[0].effect.units == whole.rows[0].effect.units == (200, 200)
    assert split.rows[0].effect.difference.value == pytest.approx(whole.rows[0].effect.difference.value)


def test_effects_by_segment_and_day() -> None:
    rows = table(4000)
    phone_and_new = (rows["device"] == "phone") & (rows["arm"] == "new")
    rows.loc[phone_and_new, "revenue"] += 2.0
    columns = TestColumns(user="user", segments=("device",), time="day")
    analysis = analyse_test(rows, read_metrics(["revenue"]), columns, TestOptions(planned=4000))
    effect = {part.part: part for part in analysis.segments}
    assert effect["phone"].p < 0.001 < 0.05 < effect["desktop"].p
    assert effect["phone"].effect.difference.value == pytest.approx(2.0, abs=0.5)
    assert len(analysis.days) == 10
    assert "shows no clear trend" in trend_lines(analysis)[0]


def test_an_effect_that_fades_has_a_slope() -> None:
    """The effect falls from 3 by 0.3 a day."""
    rows = table(20_000)
    new, day = rows["arm"] == "new", (rows["day"] - rows["day"].min()).dt.days
    rows.loc[new, "revenue"] += (3.0 - 0.3 * day)[new]
    columns = TestColumns(user="user", time="day")
    read = read_test(rows, read_metrics(["revenue"]), columns)
    fading = trend(read, Metric("revenue"), 1, 0.95)
    assert fading is not None
    assert fading.slope.low < -0.3 < fading.slope.high < 0
    assert fading.p < 1e-6


def test_the_slope_of_nothing_is_clear_in_one_test_in_twenty() -> None:
    """200 tests in which users come on several days: 5% within four standard errors."""
    rng, tests, clear = np.random.default_rng(5), 200, 0
    users, days = 120, 6
    user = np.repeat(np.arange(users), days)
    for _ in range(tests):
        taste = np.repeat(rng.normal(size=users), days)
        rows = AssignedRows(
            ("a", "b"),
            (user % 2).astype(np.int64),
            user,
            {"x": taste + rng.normal(size=len(user))},
            day=np.tile(np.arange(days), users),
        )
        fading = trend(rows, Metric("x"), 1, 0.95)
        assert fading is not None
        clear += fading.p < 0.05
    assert abs(clear / tests - 0.05) < 4 * math.sqrt(0.05 * 0.95 / tests)


def test_csv_json_lines_and_parquet_say_the_same(tmp_path: Path) -> None:
    rows = table(300, effect=1.0)
    rows["day"] = rows["day"].dt.strftime("%Y-%m-%d")
    rows.to_csv(tmp_path / "t.csv", index=False)
    rows.to_parquet(tmp_path / "t.parquet")
    rows.to_json(tmp_path / "t.jsonl", orient="records", lines=True)
    columns = TestColumns(user="user", time="day")
    said = {
        analyse_test(path, read_metrics(["revenue"]), columns).sentence for path in sorted(tmp_path.iterdir())
    }
    assert len(said) == 1


def broken(**changes: Any) -> pd.DataFrame:
    return table(200).assign(**changes)


REFUSED: dict[str, tuple[Any, str, str]] = {
    "one arm": (broken(arm="control"), "arm", "this table has one"),
    "NaN in a metric": (broken(revenue=[math.nan] + [1.0] * 199), "revenue[0]", "a metric has no gaps"),
    "infinity": (broken(revenue=[1.0, math.inf] * 100), "revenue[1]", "a metric has no gaps"),
    "a constant metric": (broken(revenue=3.0), "revenue", "the same everywhere"),
    "text in a metric": (broken(revenue=["12", "much"] * 100), "revenue[1]", "a metric is no text"),
    "dates in a metric": (broken(revenue=pd.Timestamp("2024-01-01")), "revenue[0]", "no date"),
    "a repeated row": (
        pd.concat([table(200), table(200).iloc[:3]]),
        "table, row 200",
        "repeat an earlier one",
    ),
    "a date that is none": (broken(day=["2024-01-01", "soon"] * 100), "day[1]", "give a time"),
    "an unknown column": (table(200).drop(columns="user"), "column", "choose one of"),
    "no control": (broken(arm=["b", "c"] * 100), "--control", "say which arm is the control: b, c"),
    "an arm of one user": (broken(arm=["b"] + ["control"] * 199), "revenue", "two units at the least"),
    "a user without a name": (broken(user=[None, *map(str, range(199))]), "user[0]", "leave the row out"),
    "many arms": (broken(arm=[f"a{i}" for i in range(200)]), "arm", "no column of arms"),
    "no rows": (table(200).iloc[:0], "table", "give a table with rows"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_bad_tables_are_named_and_refused(name: str) -> None:
    rows, field, fix = REFUSED[name]
    with pytest.raises(InvalidInput) as refused:
        analyse_test(rows, read_metrics(["revenue"]), TestColumns(user="user", time="day"))
    assert (refused.value.field, fix in refused.value.fix) == (field, True), str(refused.value)


def test_an_arm_that_was_planned_and_has_no_rows_is_refused() -> None:
    with pytest.raises(InvalidInput, match="no row is in this arm"):
        analysed(table(200), split={"control": 1.0, "new": 1.0, "third": 1.0})
    with pytest.raises(InvalidInput, match="the split plans control"):
        analysed(table(200), split={"control": 1.0})


def test_repeated_rows_count_if_that_is_said() -> None:
    rows = pd.DataFrame(
        {"user": [1, 1, 2, 3, 4], "arm": ["a", "a", "b", "a", "b"], "clicks": [1, 1, 2, 0, 1]}
    )
    read = read_test(rows, read_metrics(["clicks"]), USERS, repeats=True)
    assert check_split(read, {}).units == (2, 2)


@pytest.mark.parametrize(
    ("metrics", "guardrails", "covariates", "minimise", "field"),
    [
        ([], [], [], [], "--metric"),
        (["a/"], [], [], [], "--metric"),
        (["a", "a"], [], [], [], "--metric"),
        (["a"], ["a:5%"], [], [], "--metric"),
        (["a"], ["b"], [], [], "--guardrail"),
        (["a"], ["b:much"], [], [], "--guardrail"),
        (["a"], ["b:0"], [], [], "guardrail b"),
        (["a"], [], ["a"], [], "--covariate"),
        (["a"], [], ["c=x"], [], "--covariate"),
        (["a"], [], [], ["c"], "--minimise"),
    ],
)
def test_metrics_that_say_nothing_are_refused(
    metrics: list[str], guardrails: list[str], covariates: list[str], minimise: list[str], field: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_metrics(metrics, guardrails, covariates, minimise)
    assert refused.value.field == field


def test_a_plan_has_the_power_that_it_promises() -> None:
    """500 simulated tests of the planned size: the planned 80% lies within four standard errors."""
    options = PlanOptions(100, stop="fixed")
    (plan,) = plan_test(Baseline(1.0, 1.0), [0.2], options)
    rng, tests, shown = np.random.default_rng(7), 500, 0
    arm = np.repeat([0, 1], plan.per_arm)
    for _ in range(tests):
        x = rng.normal(1.0, 1.0, len(arm)) + 0.2 * arm
        rows = AssignedRows(("a", "b"), arm, np.arange(len(arm)), {"x": x})
        shown += effect_of(rows, Metric("x"), 1, StopRule(FIXED)).p < 0.05
    assert abs(shown / tests - 0.8) < 4 * math.sqrt(0.8 * 0.2 / tests)


def test_a_sequence_of_the_planned_size_keeps_the_promise_too() -> None:
    """With one look at the end, where the sequence is narrowest, power is as planned."""
    options = PlanOptions(100)
    (plan,) = plan_test(Baseline(1.0, 1.0), [0.3], options)
    rng, tests, shown = np.random.default_rng(8), 500, 0
    arm = np.repeat([0, 1], plan.per_arm)
    for _ in range(tests):
        x = rng.normal(1.0, 1.0, len(arm)) + 0.3 * arm
        rows = AssignedRows(("a", "b"), arm, np.arange(len(arm)), {"x": x})
        shown += effect_of(rows, Metric("x"), 1, StopRule(SEQUENCE, planned=len(arm))).p < 0.05
    assert abs(shown / tests - 0.8) < 4 * math.sqrt(0.8 * 0.2 / tests)
    assert plan.users > plan.fixed_users
    assert 1.5 < sequence_factor(options) < 2.5


def test_plans_grow_with_arms_and_shrink_with_the_effect() -> None:
    small, large = plan_test(Baseline(2.0, 5.0), [0.05, 0.1], PlanOptions(1000))
    assert 3.9 < small.users / large.users < 4.1
    (three,) = plan_test(Baseline(2.0, 5.0), [0.1], PlanOptions(1000, arms=3))
    assert three.per_arm > large.per_arm
    text = plan_sentence(large, "revenue", PlanOptions(1000))
    assert f"{large.users:,} users" in text
    assert f"{large.days:,} days" in text


def test_a_plan_reads_its_baseline_from_a_table() -> None:
    rows = table(5000).drop(columns="arm")
    baseline, per_day = read_plan(rows, "revenue", (), TestColumns(None, "user", time="day"))
    assert (baseline.mean, baseline.sd) == pytest.approx((10.0, math.sqrt(5.0)), rel=0.03)
    assert per_day == 500.0
    adjusted, _ = read_plan(rows, "revenue", ["revenue=before"], TestColumns(None, "user"))
    assert adjusted.sd == pytest.approx(1.0, rel=0.03)


def test_the_baseline_of_a_ratio_is_by_the_delta_method() -> None:
    rng = np.random.default_rng(2)
    sessions = rng.integers(1, 6, 50_000).astype(float)
    orders = rng.binomial(sessions.astype(int), 0.3).astype(float)
    n = len(sessions)
    rows = AssignedRows(
        ("all",), np.zeros(n, np.int64), np.arange(n), {"orders": orders, "sessions": sessions}
    )
    baseline = baseline_of(rows, Metric("orders", "sessions"))
    assert baseline.mean == pytest.approx(0.3, abs=0.005)
    assert baseline.sd == pytest.approx(math.sqrt(0.3 * 0.7 / 3.0), rel=0.02)  # binomial, 3 sessions a user


@pytest.mark.parametrize(
    ("baseline", "effect", "options", "field"),
    [
        ((1.0, 1.0), 0.0, {}, "--effect"),
        ((1.0, 1.0), 1e-9, {}, "--effect"),
        ((0.0, 1.0), 0.1, {}, "baseline.mean"),
        ((1.0, 0.0), 0.1, {}, "baseline.sd"),
        ((1.0, math.nan), 0.1, {}, "baseline.sd"),
        ((1.0, 1.0), 0.1, {"arms": 1}, "--arms"),
        ((1.0, 1.0), 0.1, {"power": 1.0}, "--power"),
        ((1.0, 1.0), 0.1, {"stop": "never"}, "--stop"),
    ],
)
def test_impossible_plans_are_refused(
    baseline: tuple[float, float], effect: float, options: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        plan_test(Baseline(*baseline), [effect], PlanOptions(1000, **options))
    assert refused.value.field == field


def test_a_rate_cannot_grow_beyond_one() -> None:
    with pytest.raises(InvalidInput, match="no share of users"):
        plan_test(Baseline.rate(0.7), [0.5], PlanOptions(1000))


def test_interleaving_compares_users_with_themselves() -> None:
    rng = np.random.default_rng(4)
    likes = rng.poisson(3.0, (500, 1)) + rng.poisson([0.5, 1.5], (500, 2))
    judged = preference(("old", "new"), "click", likes.astype(float), StopRule(SEQUENCE, planned=500))
    assert judged.outcome == "better"
    assert judged.sentence.startswith("users give new more click than old on the same pages: +")
    level = preference(("old", "new"), "click", likes[:, [0, 0]].astype(float), StopRule(FIXED))
    assert level.outcome == "not clear"
    with pytest.raises(InvalidInput, match="nothing differs"):
        preference(("old", "new"), "click", np.zeros((10, 2)), StopRule(FIXED))
