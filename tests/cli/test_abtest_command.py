"""``shopgym abtest``: exit codes, JSON, and messages without tracebacks."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from shopgym.cli.main import app
from shopgym.core.errors import InvalidInput

pytest.importorskip("tea_tasting")


@pytest.fixture
def test_table(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    n = 1000
    arm = np.where(np.arange(n) % 2 == 0, "control", "new")
    revenue = rng.normal(10.0, 2.0, n) + (arm == "new")
    day = pd.Timestamp("2024-03-01") + pd.to_timedelta(np.arange(n) // 100, unit="D")
    path = tmp_path / "test.csv"
    pd.DataFrame({"user": np.arange(n), "arm": arm, "revenue": revenue, "day": day}).to_csv(path, index=False)
    return path


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["abtest", *arguments])
    if isinstance(result.exception, InvalidInput):
        return 2, str(result.exception)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stdout


def test_analyse_says_one_sentence_and_writes_a_page(test_table: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    arguments = ("--metric", "revenue", "--user", "user", "--time", "day", "--html", str(page))
    code, text = run("analyse", str(test_table), *arguments)
    assert code == 0
    assert "new is better than control on revenue" in text
    assert "Day by day" in text
    html = page.read_text(encoding="utf-8")
    assert html.count("<h2>") >= 3
    assert "new is better than control" in html
    code, text = run("analyse", str(test_table), *arguments, "--json")
    assert json.loads(text)["verdict"] == "trust"


def test_a_broken_split_ends_with_three(test_table: Path, tmp_path: Path) -> None:
    rows = pd.read_csv(test_table)
    few = tmp_path / "few.csv"
    rows[(rows["arm"] == "control") | (rows["user"] % 3 == 0)].to_csv(few, index=False)
    page = tmp_path / "page.html"
    code, text = run("analyse", str(few), "--metric", "revenue", "--user", "user", "--html", str(page))
    assert code == 3
    assert "refuse: do not read these numbers: the split is broken" in text
    assert "Relative effects" not in page.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--metric", "revenu", "--user", "user"), "did you mean 'revenue'"),
        (("--user", "user"), "--metric"),
        (("--metric", "revenue", "--user", "user", "--cluster", "day"), "--cluster"),
        (("--metric", "revenue", "--user", "user", "--stop", "now"), "--stop"),
        (("--metric", "revenue", "--user", "user", "--correction", "holmes"), "did you mean 'holm'"),
        (("--metric", "revenue", "--user", "user", "--split", "control"), "--split"),
        (("--metric", "revenue", "--user", "user", "--level", "2"), "--level"),
        (("--metric", "revenue", "--user", "user", "--control", "old"), "--control"),
    ],
)
def test_wrong_options_end_with_two(test_table: Path, arguments: tuple[str, ...], message: str) -> None:
    code, text = run("analyse", str(test_table), *arguments)
    assert code == 2
    assert message in text


def test_a_plan_says_users_and_days(test_table: Path) -> None:
    code, text = run("plan", str(test_table), "--metric", "revenue", "--user", "user", "--time", "day")
    assert code == 0
    assert "100 users a day" in text
    assert "look as often as you like" in text
    code, text = run("plan", "--rate", "0.1", "--users-per-day", "1000", "--effect", "0.1", "--json")
    (plan,) = json.loads(text)["plans"]
    assert plan["users"] == 2 * plan["per_arm"]
    assert plan["days"] == -(-plan["users"] // 1000)


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--mean", "1"),
        ("--mean", "1", "--sd", "2"),
        ("--mean", "1", "--sd", "2", "--rate", "0.1", "--users-per-day", "10"),
        ("--rate", "1.5", "--users-per-day", "10"),
        ("--rate", "0.1", "--users-per-day", "0"),
    ],
)
def test_half_a_plan_is_refused(arguments: tuple[str, ...]) -> None:
    assert run("plan", *arguments)[0] == 2


def test_run_refuses_another_kind_of_config(tmp_path: Path) -> None:
    other = tmp_path / "other.yaml"
    other.write_text("name: other\n", encoding="utf-8")
    code, text = run("run", str(other))
    assert code == 2
    assert "kind: abtest" in text
