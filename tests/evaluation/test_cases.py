"""The command on the logs of ``shared/cases/evaluation``: each gives what ``cases.json`` calls right."""

from __future__ import annotations

import json
import shlex
from typing import Any

import pandas as pd
import pytest
from builders.paths import SHARED
from click.testing import Result
from typer.testing import CliRunner

from shopgym.cli.main import app
from shopgym.core import InvalidInput

CASES = SHARED / "cases" / "evaluation"
pytestmark = pytest.mark.skipif(not CASES.is_dir(), reason="needs the folder shared/cases")


def case(file: str) -> dict[str, Any]:
    """What is known of a log."""
    cases: list[dict[str, Any]] = json.loads((CASES / "cases.json").read_text())
    (one,) = (each for each in cases if each["file"] == file)
    return one


def run(file: str, command: str, *more: str) -> Result:
    words = [str(CASES / file) if word == "FILE" else word for word in shlex.split(command)]
    return CliRunner().invoke(app, [*words, *more])


def answer(file: str, *more: str, command: str = "") -> dict[str, Any]:
    """The JSON object of the command of a case, or of another command."""
    result = run(file, command or case(file)["command"], *more, "--json")
    assert result.exit_code == 0, result.output
    out: dict[str, Any] = json.loads(result.stdout)
    return out


def printed(file: str, *more: str, command: str = "") -> str:
    result = run(file, command or case(file)["command"], *more)
    assert result.exit_code == 0, result.output
    return result.stdout


def estimates(got: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {each["estimator"]: each for each in got["estimates"]}


def test_users_who_come_back_are_what_is_independent() -> None:
    want = case("users_come_back.csv")
    by_user = estimates(answer("users_come_back.csv"))["ips"]
    by_row = estimates(answer("users_come_back.csv", "--no-by-user"))["ips"]
    assert by_user["value"] == pytest.approx(want["ips"], abs=5e-7)
    half = {name: (row["high"] - row["low"]) / 2 for name, row in (("user", by_user), ("row", by_row))}
    assert half["row"] == pytest.approx(1.959964 * want["standard_error_by_row"], rel=1e-4)
    # the small-sample correction of 200 users adds up to three percent
    assert 1.0 <= half["user"] / (1.959964 * want["standard_error_by_user"]) < 1.03
    assert by_row["verdict"] == "caution"


def test_a_near_greedy_log_gives_no_number() -> None:
    got = answer("near_greedy.csv")
    assert (got["verdict"], got["headline"]) == ("refuse", None)
    assert set(got["refused"]) == {"ips", "snips", "dr", "dm"}
    conclusion = next(line for line in printed("near_greedy.csv").splitlines() if line.startswith("refuse:"))
    assert conclusion == "refuse: this log cannot tell what uniform would have earned"


def test_another_outcome_is_no_context() -> None:
    got = answer("other_outcomes.csv")
    assert got["context"] == ["history"]
    assert got["left_out"] == {"visit": "it looks like an outcome of the action"}
    rows = estimates(got)
    # the file holds rounded numbers: their mean is 1.684778, that of cases.json 1.684784
    frame = pd.read_csv(CASES / "other_outcomes.csv")
    mean = frame.loc[frame["segment"] == "mens", "spend"].mean()
    assert rows["snips"]["value"] == pytest.approx(mean, rel=1e-12)
    assert mean == pytest.approx(case("other_outcomes.csv")["snips"], abs=1e-5)
    # with the visit as context dr would be 1.02 [.84, 1.21]
    assert rows[got["headline"]]["value"] == pytest.approx(rows["snips"]["value"], abs=0.01)
    assert got["verdict"] == "caution"
    assert "left out: visit (it looks like an outcome of the action)" in printed("other_outcomes.csv")


def test_another_outcome_that_is_named_as_context_is_refused() -> None:
    command = case("other_outcomes.csv")["command"].replace("'*'", "visit")
    got = answer("other_outcomes.csv", command=command)
    assert (got["verdict"], got["headline"]) == ("refuse", None)


def test_a_confounded_difference_is_no_trust_and_says_how_little_would_turn_it() -> None:
    command = "evaluate FILE --policy action:b --baseline action:a"
    got = answer("confounded.csv", command=command)
    assert got["verdict"] == "caution"
    assert {row["verdict"] for row in got["rows"]} == {"caution"}
    (hidden,) = got["sensitivity"]
    assert 1.0 < hidden["turning"] < 2.0
    assert hidden["sentence"] in printed("confounded.csv", command=command)
    right = answer("confounded.csv", command=f"{command} --context-column x")
    (row,) = (each for each in right["rows"] if each["policy"] == "action:b")
    assert row["difference_low"] < case("confounded.csv")["truth"] < row["difference_high"]


def test_clopper_pearson_is_refused_for_ips_and_right_for_snips() -> None:
    result = run("ten_arms.csv", case("ten_arms.csv")["command"])
    assert isinstance(result.exception, InvalidInput)  # main ends with exit code 2
    assert "v (W - v) / n" in str(result.exception)
    command = case("ten_arms.csv")["command"].replace("ips", "snips")
    row = estimates(answer("ten_arms.csv", command=command))["snips"]
    assert row["low"] < case("ten_arms.csv")["truth"] < row["high"]


def test_a_trial_of_three_mails_is_one_table() -> None:
    want = case("trial.csv")
    rows = {
        (row["reward"], row["policy"].removeprefix("action:")): row
        for row in answer("trial.csv", "--estimator", "snips")["rows"]
    }
    assert len(rows) == 6
    for (reward, name), row in rows.items():
        assert row["value"] == pytest.approx(want["group_means"][name][reward], abs=5e-7)
        assert (row["lift"] is None) == (name == "No mail")
    difference = rows["visit", "Mens"]["difference"] - rows["visit", "Womens"]["difference"]
    assert difference == pytest.approx(want["difference_mens_womens_visit"], abs=1e-6)
    result = run("trial.csv", want["command"].replace("action:Mens", "action:mens"))
    assert isinstance(result.exception, InvalidInput)
    assert "the log has Mens, No mail, Womens" in str(result.exception)


@pytest.mark.parametrize("file", ["semicolons.csv", "leading_zeros.csv", "late_rewards.csv"])
def test_files_of_other_habits_are_read_right(file: str) -> None:
    row = estimates(answer(file))["snips"]
    assert row["value"] == pytest.approx(case(file)["snips"], abs=5e-7)


def test_the_share_of_rewards_that_are_missing_is_said_by_action() -> None:
    assert "10.1% of the rows lack reward and are left out (10.2% of a, 10.0% of b)" in printed(
        "late_rewards.csv"
    )
    result = run("late_rewards.csv", "evaluate FILE --policy action:b")
    assert isinstance(result.exception, InvalidInput)
    assert "--missing drop" in str(result.exception)


def test_a_line_of_a_sampled_log_stands_for_several() -> None:
    file = "sampled_down.dsjson"
    row = estimates(answer(file))["snips"]
    assert row["value"] == pytest.approx(case(file)["snips"], abs=5e-7)
    lines = [json.loads(line) for line in (CASES / file).read_text().splitlines()]
    stands_for = sum(1 / (1 - line.get("pdrop", 0.0)) for line in lines)
    assert answer(file)["rounds_represented"] == pytest.approx(stands_for)
    assert f"440 rows, which stand for {stands_for:,.0f} rounds" in printed(file)
