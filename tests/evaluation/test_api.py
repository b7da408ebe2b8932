"""``shopgym.evaluate``, ``compare`` and ``read_log``: the numbers and sentences of the command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from builders.slate_logs import make_log, make_requests, policy
from typer.testing import CliRunner

import shopgym
from shopgym import DecisionLog, InvalidInput
from shopgym.cli.main import app
from shopgym.evaluation.answer import comparison_conclusion
from shopgym.evaluation.offline import ESTIMATORS, OpeInputs, compare_inputs
from shopgym.evaluation.offline.formats import Columns, weigh_log


@pytest.fixture
def table() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    n = 3000
    action = rng.choice(["hat", "bag"], size=n, p=[0.7, 0.3])
    return pd.DataFrame(
        {
            "age": rng.normal(size=n),
            "action": action,
            "propensity": np.where(action == "hat", 0.7, 0.3),
            "reward": rng.binomial(1, np.where(action == "hat", 0.3, 0.5)).astype(float),
            "chance": 0.5,
        }
    )


def command(*arguments: object) -> str:
    result = CliRunner().invoke(app, ["evaluate", *map(str, arguments)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_it_is_what_the_command_prints(table: pd.DataFrame, tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    table.to_csv(path, index=False)
    for target in ("action:bag", "uniform", "column:chance"):
        evaluation = shopgym.evaluate(path, target, context="age")
        arguments = (path, "--policy", target, "--context-column", "age")
        assert json.loads(command(*arguments, "--json")) == evaluation.as_dict()
        # all lines are the same, but for the rule and the blanks of the table
        printed, text = command(*arguments).splitlines(), str(evaluation).splitlines()
        bare = [" ".join(line.split()) for line in printed if line.strip() and "──" not in line]
        assert bare == [" ".join(line.split()) for line in text if line.strip()]


def test_a_path_and_a_table_agree(table: pd.DataFrame, tmp_path: Path) -> None:
    table.to_parquet(tmp_path / "log.parquet")
    by_path = shopgym.evaluate(tmp_path / "log.parquet", "uniform", context=["age"])
    by_table = shopgym.evaluate(table, "uniform", context="age")
    assert by_path.estimates == by_table.estimates
    assert shopgym.evaluate(str(tmp_path / "log.parquet"), "uniform").best is not None


def test_the_name_of_a_column_is_the_probability_of_the_logged_action(
    table: pd.DataFrame, tmp_path: Path
) -> None:
    evaluation = shopgym.evaluate(table, "chance")
    # by hand: half over the propensity, times the reward
    want = float((0.5 / table["propensity"] * table["reward"]).mean())
    assert evaluation.estimates["ips"].value == pytest.approx(want, rel=1e-12)
    assert list(evaluation.estimates) == ["ips", "snips"]
    table.to_parquet(tmp_path / "log.parquet")
    streamed = shopgym.evaluate(tmp_path / "log.parquet", "chance", stream=True)
    assert streamed.estimates["ips"].value == pytest.approx(want, rel=1e-9)


def test_the_result_quotes_its_best_estimate(table: pd.DataFrame) -> None:
    evaluation = shopgym.evaluate(table, "action:bag")
    best = evaluation.best
    assert best is not None
    assert best is evaluation.estimates["dr"]
    assert evaluation.verdict == best.verdict == "trust"
    assert f"about {best.value:.4g} reward a round (dr)" in evaluation.conclusion
    assert evaluation.conclusion.endswith("more than what was earned")
    assert repr(evaluation) == str(evaluation)
    assert evaluation.html().startswith("<!doctype html>")
    nothing = shopgym.evaluate(table, "action:gift", actions=["bag", "hat", "gift"])
    assert nothing.best is None
    assert nothing.verdict == "refuse"


def test_estimators_by_name_or_all(table: pd.DataFrame) -> None:
    assert list(shopgym.evaluate(table, "uniform", estimators=["dr", "ips"]).estimates) == ["dr", "ips"]
    assert list(shopgym.evaluate(table, "uniform", estimators="snips").estimates) == ["snips"]
    every = shopgym.evaluate(table, "uniform", estimators="all")
    assert set(every.estimates) | set(every.answer["skipped"]) == set(ESTIMATORS)


def test_a_policy_on_a_decision_log(tmp_path: Path) -> None:
    log, target = make_log(policy(0.3), make_requests(400)), policy(1.0)
    log.write(tmp_path / "log.parquet")
    evaluation = shopgym.evaluate(log, target)
    assert list(evaluation.estimates) == ["ips", "snips", "dm", "dr"]  # its items make a reward model
    assert evaluation.answer["policy"] == "tilted"
    assert shopgym.evaluate(tmp_path / "log.parquet", target).estimates == evaluation.estimates


def test_a_log_from_disk(table: pd.DataFrame, tmp_path: Path) -> None:
    table.to_csv(tmp_path / "log.csv", index=False)
    pd.testing.assert_frame_equal(shopgym.read_log(tmp_path / "log.csv"), table)
    decisions = make_log(policy(0.3), make_requests(40))
    decisions.write(tmp_path / "log.parquet")
    assert isinstance(shopgym.read_log(str(tmp_path / "log.parquet")), DecisionLog)
    event = {"_label_cost": -1, "_label_probability": 0.5, "_label_Action": 1, "a": [1, 2], "p": [0.5, 0.5]}
    (tmp_path / "log.json").write_text(json.dumps(event))
    assert shopgym.read_log(tmp_path / "log.json")["reward"].tolist() == [1.0]
    with pytest.raises(InvalidInput, match="there is no such file"):
        shopgym.read_log(tmp_path / "gone.csv")
    (tmp_path / "obd").mkdir()
    (tmp_path / "obd" / "item_context.csv").touch()
    with pytest.raises(InvalidInput, match="give the folder itself"):
        shopgym.read_log(tmp_path / "obd")


def test_a_comparison_is_paired(table: pd.DataFrame) -> None:
    comparison = shopgym.compare(table, "action:bag", "action:hat", context="age")
    weighed = [
        weigh_log(table, name, rng=np.random.default_rng(0), columns=Columns(context=("age",))).rounds
        for name in ("action:bag", "action:hat")
    ]
    assert all(isinstance(rounds, OpeInputs) for rounds in weighed)
    assert comparison.difference == compare_inputs(*weighed, estimator="dr")  # type: ignore[arg-type]
    assert comparison.verdict == "trust"
    gain = comparison.difference
    assert comparison.conclusion.startswith(
        "action:bag would have earned more than action:hat: the difference is about "
        f"{gain.value:.4g} reward a round (dr), {gain.low:.4g} to {gain.high:.4g} with 95% confidence; lift +"
    )
    assert f"trust: {comparison.conclusion}" in str(comparison)
    other = shopgym.compare(table, "action:hat", "action:bag", context="age")
    assert other.difference.value == pytest.approx(-comparison.difference.value)
    assert "would have earned less than" in other.conclusion
    same = shopgym.compare(table, "chance", "column:chance")
    assert same.difference.estimator == "snips"  # a column has no reward model
    assert "chance would have earned not clearly more or less than column:chance" in same.conclusion
    refused = {**gain.as_dict(), "verdict": "refuse"}
    assert comparison_conclusion("a", "b", refused) == "this log cannot compare a with b"
    with pytest.raises(InvalidInput, match="compare it with another policy"):
        shopgym.compare(table, "uniform", "uniform")


def test_a_comparison_keeps_the_doubts_of_the_log(table: pd.DataFrame) -> None:
    comparison = shopgym.compare(table.drop(columns="propensity"), "action:bag", "uniform")
    assert comparison.verdict == comparison.difference.verdict == "caution"
    assert "the log has no propensities" in str(comparison)
    assert "the log has no propensities" in comparison.html()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"estimators": ["magic"]}, "estimators = 'magic': choose one of ips"),
        ({"level": 95}, "level = 95"),
        ({"interval": "magic"}, "interval = 'magic'"),
        ({"reward": "rewards"}, "column = 'rewards': the table has .* e.g. reward='NAME'"),
        ({"by_time": "month", "time": "age"}, "by_time = 'month': choose one of day, week"),
        ({"by_time": "week"}, "time = None: say which column has the times of by_time='week'"),
        ({"time": "age"}, r"age\[0\] = .*give a date"),
        ({"segment": "land"}, "column = 'land': the table has"),
        ({"missing": "keep"}, "missing = 'keep': choose one of refuse, drop"),
        ({"reward": ["reward", "reward"]}, "reward = .*name each once"),
        ({"policy": []}, "policy = .*give at least one"),
        ({"policy": ["uniform", "uniform"]}, "policy = 'uniform': two have this name"),
        ({"baseline": "uniform"}, "baseline = 'uniform': give a policy to compare with it"),
        ({"log": []}, "log = .*give tables"),
        ({"policy": "prob"}, "^policy = 'prob': for a table write uniform"),
    ],
)
def test_wrong_input(table: pd.DataFrame, change: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        shopgym.evaluate(**{"log": table, "policy": "uniform", **change})
