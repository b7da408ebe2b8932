"""Online tests whose numbers would be none, or could not be trusted: refused by name, never printed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from shopgym.core.errors import InvalidInput
from shopgym.evaluation.online import (
    Baseline,
    Metric,
    PlanOptions,
    TestColumns,
    TestOptions,
    analyse_test,
    baseline_of,
    plan_test,
    read_metrics,
    read_test,
)
from shopgym.evaluation.online.effects import Bounds
from shopgym.evaluation.online.words import effect_rows, lines, percents

pytest.importorskip("tea_tasting")
USERS = TestColumns(user="user", segments=("device",))


def table(n: int = 1000) -> pd.DataFrame:
    rng = np.random.default_rng(4)
    before = rng.gamma(2.0, 1.0, n)
    return pd.DataFrame(
        {
            "user": np.arange(n),
            "arm": np.where(np.arange(n) % 2 == 0, "control", "new"),
            "spent": before + rng.normal(5.0, 1.0, n),
            "before": before,
            "orders": rng.poisson(1.0, n).astype(float),
            "sessions": 1.0 + rng.poisson(2.0, n),
            "device": np.where(np.arange(n) % 4 < 2, "phone", "desktop"),
        }
    )


def new(rows: pd.DataFrame) -> Any:
    return rows["arm"] == "new"


def wide(rows: pd.DataFrame) -> pd.DataFrame:
    """With a column twice."""
    return rows.set_axis([name if name != "orders" else "spent" for name in rows.columns], axis=1)


NO_NUMBER: dict[str, tuple[Any, str, str, str]] = {
    "no spread within the arms": (lambda t: t.assign(spent=5.0 + new(t)), "spent", "spent", "does not vary"),
    "a ratio to nothing": (lambda t: t.assign(sessions=0.0), "orders/sessions", "orders/sessions", "a ratio"),
    "a ratio to nothing in one arm": (
        lambda t: t.assign(sessions=t["sessions"].where(new(t), 0.0)),
        "orders/sessions",
        "orders/sessions",
        "a ratio",
    ),
    "numbers too large": (
        lambda t: t.assign(spent=t["spent"].where(t["user"] > 0, 1e300)),
        "spent",
        "spent",
        "up to 1e+100",
    ),
    "a column twice": (wide, "spent", "column", "2 times"),
    "users as a metric": (lambda t: t, "user", "--metric", "what happened"),
    "arms that differ in a blank": (
        lambda t: t.assign(arm=t["arm"].where(t["user"] > 9, " Control")),
        "spent",
        "arm",
        "blanks or capitals",
    ),
    "a segment for each user": (lambda t: t.assign(device=t["user"]), "spent", "--segment device", "at most"),
}


@pytest.mark.parametrize("name", NO_NUMBER)
def test_what_makes_no_number_is_refused(name: str) -> None:
    change, metric, field, fix = NO_NUMBER[name]
    with pytest.raises(InvalidInput) as refused:
        analyse_test(change(table()), read_metrics([metric]), USERS)
    assert (refused.value.field, fix in refused.value.fix) == (field, True), str(refused.value)


def test_a_metric_is_no_covariate_of_itself_by_name_or_by_value() -> None:
    with pytest.raises(InvalidInput, match="no metric is its own"):
        read_metrics(["spent"], covariates=["spent=spent"])
    copy = table().assign(before=lambda t: t["spent"])
    with pytest.raises(InvalidInput, match="before says all of it"):
        analyse_test(copy, read_metrics(["spent"], covariates=["spent=before"]), USERS)
    rows = read_test(copy, [Metric("spent", None, ("before", None))], TestColumns(None, "user"))
    with pytest.raises(InvalidInput, match="nothing to plan"):
        baseline_of(rows, Metric("spent", None, ("before", None)))


def test_an_empty_cell_is_shown_as_empty(tmp_path: Path) -> None:
    path = tmp_path / "gap.csv"
    table().assign(arm=lambda t: t["arm"].where(t["user"] != 3)).to_csv(path, index=False)
    with pytest.raises(InvalidInput) as refused:
        analyse_test(path, read_metrics(["spent"]), USERS)
    assert str(refused.value).startswith("arm[3] = ''")


def test_a_covariate_that_the_treatment_has_changed_is_never_a_headline() -> None:
    """5% more of it in one arm; as it was, nothing is said."""
    metrics = read_metrics(["spent"], covariates=["spent=before"])
    assert analyse_test(table(), metrics, USERS).verdict == "trust"
    after = table().assign(before=lambda t: t["before"] + 0.5 * new(t))
    analysis = analyse_test(after, metrics, USERS)
    assert analysis.verdict == "refuse"
    assert "the covariate before differs between control and new" in analysis.sentence
    assert "not from before the test" in analysis.sentence


def test_a_refused_test_shows_no_number_of_its_effects() -> None:
    lost = table()[lambda t: ~new(t) | (t["user"] % 10 != 1)]
    analysis = analyse_test(lost, read_metrics(["spent"], ["orders:10%"]), USERS)
    assert analysis.verdict == "refuse"
    assert [row.outcome for row in analysis.rows] == ["refused", "refused"]
    assert all(row[name] == "-" for row in effect_rows(analysis) for name in ("control", "change", "p"))
    assert [row["outcome"] for row in json.loads(json.dumps(analysis.as_dict()))["rows"]] == ["refused"] * 2


def test_segments_that_are_left_out_are_said() -> None:
    few = table().assign(device=lambda t: t["device"].where(t["user"] > 5, "watch"))
    analysis = analyse_test(few, read_metrics(["spent"]), USERS)
    assert {part.part for part in analysis.segments} == {"phone", "desktop"}
    assert any("1 of 3 segments of device show no effect" in line for line in lines(analysis))


def test_the_end_of_a_very_wide_interval_is_not_written_out() -> None:
    assert percents(Bounds(0.1, -0.9, 5e6)) == "+10.0% [-90.0%, above +1000%]"
    assert percents(Bounds(0.1, -0.1, 0.3)) == "+10.0% [-10.0%, +30.0%]"
    tiny = analyse_test(table(12), read_metrics(["spent"]), TestColumns(user="user"), TestOptions())
    assert tiny.verdict == "caution"


@pytest.mark.parametrize(
    ("mean", "sd", "options", "field"),
    [
        (1e-300, 1e300, {}, "--effect"),
        (1.0, 1.0, {"power": 0.01}, "--power"),
        (1.0, 1.0, {"power": float("nan")}, "--power"),
    ],
)
def test_plans_without_an_answer_are_refused(
    mean: float, sd: float, options: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        plan_test(Baseline(mean, sd), [0.1], PlanOptions(100, **options))
    assert refused.value.field == field


def test_a_very_clear_effect_asks_for_a_few_users_of_each_arm() -> None:
    (plan,) = plan_test(Baseline(1.0, 1e-6), [0.1], PlanOptions(100, stop="fixed"))
    assert (plan.per_arm, plan.days) == (5, 1)
