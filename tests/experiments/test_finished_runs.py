"""Runs on disk: listed, compared where that means something, shown and deleted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from builders.run_folders import write_sweep, write_test
from typer.testing import CliRunner

from shopgym._version import __version__
from shopgym.cli.main import app
from shopgym.core import InvalidInput
from shopgym.evaluation.intervals.normal import student_interval
from shopgym.experiments.finished import compare_runs, list_runs, read_run, remove_run
from shopgym.experiments.run_folder import check_folder, sole_writer

FIRST = {(2, 0): 1.0, (2, 1): 11.0, (2, 2): -8.0, (4, 0): 2.0, (4, 1): 12.0, (4, 2): -7.0}
SECOND = {(2, 1): 11.5, (2, 2): -7.4, (2, 3): 40.0, (8, 0): 2.0}


def test_runs_are_compared_seed_by_seed(tmp_path: Path) -> None:
    one, two = write_sweep(tmp_path / "one", FIRST), write_sweep(tmp_path / "two", SECOND)
    table = compare_runs(read_run(one), read_run(two))
    assert len(table) == 1  # the one point that both have
    row = table.iloc[0]
    assert (row["training.rounds"], row["agent"], row["seeds"], row["paired"]) == (2, "a", 2, True)
    expected = student_interval(np.array([0.5, 0.6]), 0.95)
    assert (row["difference"], row["low"], row["high"]) == pytest.approx(expected)
    done = CliRunner().invoke(app, ["runs", "compare", str(one), str(two)])
    assert "two less one: value" in done.output
    assert "seed by seed" in done.output


def test_one_seed_each_is_compared_as_if_independent(tmp_path: Path) -> None:
    one = write_sweep(tmp_path / "one", {(2, 0): 1.0})
    two = write_sweep(tmp_path / "two", {(2, 0): 4.0})
    row = compare_runs(read_run(one), read_run(two)).iloc[0]
    assert not row["paired"]
    assert (row["low"], row["high"]) == pytest.approx((3 - 2**0.5, 3 + 2**0.5))
    done = CliRunner().invoke(app, ["runs", "compare", str(one), str(two)])
    assert "one seed each" in done.output


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"shop": {"slate_size": 5}}, "its values mean something else .*: shop.slate_size"),
        ({"reward": {"terms": {"click": 1.0}}}, "mean something else .*: reward"),
        ({"catalog": {"source": "synthetic"}}, "mean something else .*: catalog"),
    ],
)
def test_what_means_something_else_is_not_compared(
    tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    one = write_sweep(tmp_path / "one", FIRST, shop={"slate_size": 4})
    two = write_sweep(tmp_path / "two", FIRST, **{"shop": {"slate_size": 4}, **change})
    with pytest.raises(InvalidInput, match=message):
        compare_runs(read_run(one), read_run(two))
    same = write_sweep(
        tmp_path / "same", FIRST, shop={"slate_size": 4}, agents={"lints": {}}, training={"batch": 3}
    )
    assert len(compare_runs(read_run(one), read_run(same))) == 2


def test_other_reasons_not_to_compare(tmp_path: Path) -> None:
    one, two = write_sweep(tmp_path / "one", FIRST), write_sweep(tmp_path / "two", FIRST)
    (two / "environment.json").write_text(json.dumps({"shopgym": "0.0.1"}))
    with pytest.raises(InvalidInput, match=r"version 0\.0\.1 made it, and .* the first"):
        compare_runs(read_run(one), read_run(two))
    (two / "summary.json").unlink()
    with pytest.raises(InvalidInput, match="it is interrupted: nothing to show yet"):
        compare_runs(read_run(one), read_run(two))
    far = write_sweep(tmp_path / "far", {(2, 9): 1.0})
    with pytest.raises(InvalidInput, match="it shares no agent with the same seed"):
        compare_runs(read_run(one), read_run(far))
    board = write_sweep(tmp_path / "board", FIRST, kind="leaderboard")
    (board / "table.parquet").unlink()
    with pytest.raises(InvalidInput, match="the first is of kind sweep, this one of kind leaderboard"):
        compare_runs(read_run(one), read_run(board))


def test_runs_are_listed_with_their_state_and_nothing_else(tmp_path: Path) -> None:
    assert list_runs(tmp_path / "none") == []
    write_sweep(tmp_path / "one", FIRST)
    stopped = write_sweep(tmp_path / "stopped", FIRST)
    (stopped / "summary.json").unlink()
    (tmp_path / "papers").mkdir()
    (tmp_path / "note.txt").touch()
    with sole_writer(stopped):
        done = CliRunner().invoke(app, ["runs", "list", str(tmp_path), "--json"])
    rows = json.loads(done.output)["runs"]
    assert [(row["name"], row["kind"], row["state"]) for row in rows] == [
        ("one", "sweep", "finished"),
        ("stopped", "sweep", "running"),
    ]
    assert [run.state for run in list_runs(tmp_path)] == ["finished", "interrupted"]
    printed = CliRunner().invoke(app, ["runs", "list", str(tmp_path)])
    assert "a is best" in printed.output


def test_a_run_is_shown_and_deleted_and_nothing_else_is(tmp_path: Path) -> None:
    one = write_sweep(tmp_path / "one", FIRST)
    done = CliRunner().invoke(app, ["runs", "report", str(one), "--json"])
    rows = json.loads(done.output)["rows"]
    assert [row["value"] for row in rows] == pytest.approx([4 / 3, 7 / 3])
    papers = tmp_path / "papers"
    papers.mkdir()
    (papers / "config.yaml").write_text("mine: 1\n")
    for folder in (papers, tmp_path):
        with pytest.raises(InvalidInput, match="give a folder that 'shopgym run' or"):
            remove_run(folder)
    with sole_writer(one):
        done = CliRunner().invoke(app, ["runs", "rm", str(one), "--yes"])
        assert isinstance(done.exception, InvalidInput)
    assert CliRunner().invoke(app, ["runs", "rm", str(one)], input="n\n").exit_code == 1
    assert one.exists()
    assert CliRunner().invoke(app, ["runs", "rm", str(one), "--yes"]).exit_code == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["papers"]


def test_a_damaged_run_is_named_and_hides_no_other(tmp_path: Path) -> None:
    write_sweep(tmp_path / "good", FIRST)
    half = write_sweep(tmp_path / "half", FIRST)
    (half / "summary.json").write_text('{"half')
    (half / "environment.json").write_text("[")
    old = write_sweep(tmp_path / "old", FIRST)
    (old / "summary.json").write_text('{"made": "in another way"}')
    assert [(run.folder.name, run.state, run.headline) for run in list_runs(tmp_path)] == [
        ("good", "finished", "a is best"),
        ("half", "damaged", ""),
        ("old", "finished", ""),
    ]
    with pytest.raises(InvalidInput, match=r"summary.json cannot be read: run it again"):
        compare_runs(read_run(tmp_path / "good"), read_run(half))
    shown = CliRunner().invoke(app, ["runs", "report", str(half)])
    assert isinstance(shown.exception, InvalidInput)
    (half / "config.yaml").write_text("a: [")
    with pytest.raises(InvalidInput, match="it is not YAML"):
        read_run(half)
    assert len(list_runs(tmp_path)) == 2


def test_names_and_hashes_are_never_cut_in_a_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    write_sweep(tmp_path / "a_name_of_24_letters_here", FIRST)
    listed = CliRunner().invoke(app, ["runs", "list", str(tmp_path)]).output
    assert all(word in listed for word in ("finished", "0" * 12, __version__))
    agents = CliRunner().invoke(app, ["agents"]).output
    assert "conservative_linucb" in agents
    assert ":class:" not in agents


def test_the_report_of_a_single_run_says_what_its_values_are(tmp_path: Path) -> None:
    folder = tmp_path / "one"
    (folder / "metrics").mkdir(parents=True)
    (folder / "config.yaml").write_text(yaml.safe_dump({"name": "one", "episode": "visit"}))
    gate = {"candidate": "a", "passed": True, "reason": "it is better"}
    (folder / "summary.json").write_text(json.dumps({"unit": "GBP of margin", "gate": gate}))
    row = {"agent": ["a"], "value": [1.0], "low": [0.5], "high": [1.5]}
    pd.DataFrame(row).to_csv(folder / "metrics" / "agents.csv", index=False)
    shown = CliRunner().invoke(app, ["runs", "report", str(folder)]).output
    assert "one (experiment): GBP of margin per visit" in shown


def test_a_run_of_another_version_is_not_said_to_give_the_same_results(tmp_path: Path) -> None:
    folder = write_sweep(tmp_path / "old", FIRST)
    stored = {"name": "old"}
    with pytest.raises(InvalidInput, match="would give the same results"):
        check_folder(folder, stored, "summary.json", overwrite=False)
    (folder / "environment.json").write_text(json.dumps({"shopgym": "0.0.9"}))
    with pytest.raises(InvalidInput, match=r"version 0.0.9 ran this config into it.*--overwrite"):
        check_folder(folder, stored, "summary.json", overwrite=False)


def test_online_tests_are_listed_shown_and_deleted_as_runs_are(tmp_path: Path) -> None:
    test = write_test(tmp_path / "test", verdict="trust")
    listed = CliRunner().invoke(app, ["runs", "list", str(tmp_path), "--json"])
    assert [(r["kind"], r["state"], r["headline"]) for r in json.loads(listed.output)["runs"]] == [
        ("abtest", "finished", "new is better")
    ]
    assert "new is better" in CliRunner().invoke(app, ["runs", "report", str(test)]).output
    with pytest.raises(InvalidInput, match="a run of kind abtest compares no agents"):
        compare_runs(read_run(test), read_run(test))
    assert CliRunner().invoke(app, ["runs", "rm", str(test), "--yes"]).exit_code == 0
    assert not test.exists()
