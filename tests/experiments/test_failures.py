"""What a run does when something goes wrong in it: a failing agent, a refused estimate, a folder in use."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from typer.testing import CliRunner

from shopgym.agents import AGENTS, registry
from shopgym.agents.baselines import PopularityAgent
from shopgym.cli.main import app, main
from shopgym.core import InvalidInput
from shopgym.core.reward import RewardSpec
from shopgym.experiments.config import parse_config
from shopgym.experiments.results import Results, covers_text, interval_text, reward_unit
from shopgym.experiments.run_folder import check_folder
from shopgym.experiments.runner import run
from shopgym.policies import DecisionLog
from shopgym.policies.scorers import TableScorer
from shopgym.policies.serving.saved_policy import load_saved_policy
from shopgym.simulators import Catalog

pytestmark = pytest.mark.slow

TINY: dict[str, Any] = {
    "name": "tiny",
    "seed": 1,
    "catalog": {"source": "synthetic", "items": 60},
    "shop": {
        "users": 100, "slate_size": 2, "num_candidates": 6, "history": 5,
        "choice": {"click_base": -0.5, "cart_base": 0.5, "buy_base": 1.0},
    },
    "agents": {"popularity": {}, "epsilon_greedy": {}},
    "training": {"rounds": 4, "batch": 64, "warm_up": 3},
    "log": {"decisions": 400},
    "evaluation": {"estimators": ["dr"], "bootstrap": 100},
    "truth": {"decisions": 1000},
}  # fmt: skip


class FailsWhileLearning(PopularityAgent):
    """Learns twice, then breaks."""

    learnt = 0

    def learn(self, batch: Any) -> Mapping[str, float]:
        self.learnt += 1
        if self.learnt > 2:
            raise ZeroDivisionError("no third time")
        return super().learn(batch)


class FailsWhenDeployed(PopularityAgent):
    """After the last batch its policy has no scores."""

    learnt = 0

    def learn(self, batch: Any) -> Mapping[str, float]:
        self.learnt += 1
        return super().learn(batch)

    def policy(self) -> Any:
        scores = np.full(len(self.task.items), np.nan)
        made = super().policy()
        return made if self.learnt < TINY["training"]["rounds"] else replace(made, scorer=TableScorer(scores))


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> None:
    added = {"fails": FailsWhileLearning, "no_scores": FailsWhenDeployed}
    monkeypatch.setattr(registry, "_ADDED", added)


def test_every_registered_agent_lives_through_a_run(tmp_path: Path) -> None:
    quick: dict[str, dict[str, int]] = {
        "cql": {"updates": 5}, "iql": {"updates": 5}, "decision_transformer": {"epochs": 1},
        "lambdamart": {"trees": 5}, "mlp_ranker": {"epochs": 1}, "cross_ranker": {"epochs": 1},
        "cloning": {"epochs": 1}, "two_tower": {"epochs": 1}, "sasrec": {"epochs": 1},
        "gru4rec": {"epochs": 1}, "ppo": {"rollout": 2}, "reinforce": {"rollout": 2},
        "lagrangian_ppo": {"rollout": 2},
    }  # fmt: skip
    names = []
    for name in AGENTS:
        try:
            registry.agent_class(name)
        except InvalidInput:
            continue  # a library is not installed
        names.append(name)
    config = parse_config({**TINY, "agents": {name: quick.get(name, {}) for name in names}})
    results = run(config, tmp_path / "all", quiet=True)
    assert results.failed == {}
    assert results.names == names
    assert set(results.evaluation["agent"]) == set(names)
    assert np.isfinite(results.agents["value"]).all()


def test_a_failing_agent_loses_its_own_row_and_not_the_run(failing: None, tmp_path: Path) -> None:
    alone = run(parse_config(TINY), tmp_path / "alone", quiet=True)
    agents = {**TINY["agents"], "fails": {}, "no_scores": {}}
    (tmp_path / "tiny.yaml").write_text(yaml.safe_dump({**TINY, "agents": agents}, sort_keys=False))
    command = ["run", str(tmp_path / "tiny.yaml"), "--out", str(tmp_path / "both"), "--json"]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 4, done.output
    summary = json.loads(done.stdout.splitlines()[-1])
    assert summary["failed"]["fails"] == "training: ZeroDivisionError: no third time"
    assert summary["failed"]["no_scores"].startswith("deployment: InvalidInput: requests[0]")
    assert set(summary["failed"]) == {"fails", "no_scores"}
    written = pd.read_parquet(tmp_path / "both" / "metrics" / "agents.parquet")
    pd.testing.assert_frame_equal(written, alone.agents)
    assert "no third time" in (tmp_path / "both" / "failed" / "fails.txt").read_text()
    assert "fails</b> failed, training" in (tmp_path / "both" / "report.html").read_text()
    assert not (tmp_path / "both" / "policies" / "fails").exists()


def test_the_terminal_says_which_agent_failed(failing: None, tmp_path: Path) -> None:
    (tmp_path / "tiny.yaml").write_text(yaml.safe_dump({**TINY, "agents": {**TINY["agents"], "fails": {}}}))
    done = CliRunner().invoke(app, ["run", str(tmp_path / "tiny.yaml"), "--out", str(tmp_path / "out")])
    assert done.exit_code == 4
    assert "fails failed, training: ZeroDivisionError: no third time" in " ".join(done.output.split())


def test_without_baseline_or_candidates_there_is_no_run(failing: None, tmp_path: Path) -> None:
    for change, error, words in (
        (
            {"agents": {"fails": {}, "popularity": {}}, "gate": {"baseline": "fails"}},
            ZeroDivisionError,
            "third",
        ),
        ({"agents": {"fails": {}, "popularity": {}}}, InvalidInput, "no other agent is left"),
    ):
        with pytest.raises(error, match=words):
            run(parse_config({**TINY, **change}), tmp_path / "none", quiet=True)
    assert list(tmp_path.iterdir()) == []


def test_nothing_leaves_in_place_of_a_candidate_that_failed(failing: None, tmp_path: Path) -> None:
    agents = {**TINY["agents"], "fails": {}}
    config = parse_config({**TINY, "agents": agents, "gate": {"candidate": "fails"}})
    results = run(config, tmp_path / "out", quiet=True)
    assert not results.chosen.passed
    assert "the config names fails, which failed" in results.chosen.sentence
    assert not (tmp_path / "out" / "bundle").exists()


def test_a_failing_agent_of_a_leaderboard_has_no_numbers(failing: None, tmp_path: Path) -> None:
    board = {
        "kind": "leaderboard", "name": "board", "catalog": TINY["catalog"], "seeds": 2, "warm_up": 2,
        "agents": {"random": {}, "popularity": {}, "fails": {}}, "bootstrap": 100,
        "families": {"bandit": {"lanes": 16, "rounds": 3, "episodes": 32, "shop": {"slate_size": 2}}},
    }  # fmt: skip
    (tmp_path / "board.yaml").write_text(yaml.safe_dump(board))
    done = CliRunner().invoke(app, ["run", str(tmp_path / "board.yaml"), "--out", str(tmp_path / "out")])
    assert done.exit_code == 4, done.output
    assert "fails failed, training: ZeroDivisionError" in done.output
    table = pd.read_csv(tmp_path / "out" / "table.csv").set_index(["agent", "family"])
    assert np.isnan(table.loc[("fails", "all"), "relative"])
    assert "no third time" in table.loc[("fails", "bandit"), "failed"]
    assert table.loc[("popularity", "all"), "relative"] > 0


# verdicts


def test_a_refused_estimate_shows_its_verdict_and_no_number() -> None:
    row = {"value": 0.5, "low": 0.4, "high": 0.6, "covers_truth": True, "verdict": "caution"}
    assert (interval_text(row, 2), covers_text(row)) == ("0.50 [0.40, 0.60]", "yes")
    refused = {**row, "verdict": "refuse"}
    assert (interval_text(refused, 2), covers_text(refused)) == ("-", "-")
    assert (interval_text(None, 2), covers_text(None)) == ("-", "-")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Results, Path]:
    # a log of next to no exploration: what it says of another policy has to be refused
    log = {"decisions": 400, "options": {"decay": 12.0, "floor": 0.001}}
    agents = {"popularity": {}, "greedy": {"agent": "epsilon_greedy", "epsilon": 0.01}}
    folder = tmp_path_factory.mktemp("runs") / "greedy"
    return run(parse_config({**TINY, "agents": agents, "log": log}), folder, quiet=True), folder


def test_the_table_and_the_report_hold_the_verdicts(finished: tuple[Results, Path], capsys: Any) -> None:
    from shopgym.cli.summary import print_summary

    results, folder = finished
    dr = results.estimate("greedy", "dr")
    assert dr is not None
    assert dr["verdict"] == "refuse"
    print_summary(results, folder)
    line = next(line for line in capsys.readouterr().out.splitlines() if "greedy" in line)
    assert "refuse" in line
    assert f"{dr['value']:.3f}" not in line
    page = (folder / "report.html").read_text()
    assert f"{dr['value']:.4f}" not in page
    assert dr["reason"][:30] in page
    summary = json.loads((folder / "summary.json").read_text())
    assert [row["verdict"] for row in summary["offline"]] == ["refuse", "refuse"]


def test_what_the_gate_refused_can_be_read_with_its_features(finished: tuple[Results, Path]) -> None:
    results, folder = finished
    assert not results.verdicts["greedy"].passed
    saved = load_saved_policy(folder / "policies" / "greedy")
    log = DecisionLog.read(folder / "log.parquet")
    assert saved.policy.name == "greedy"
    assert (saved.user_names, saved.context_names) == (log.user_names, log.context_names)
    assert saved.policy.hash == results.policies["greedy"].hash


# the folder


def test_an_earlier_run_is_not_replaced_without_a_word(finished: tuple[Results, Path]) -> None:
    results, folder = finished
    before = (folder / "summary.json").read_bytes()
    for config, words in (
        (results.config, "this config has been run into it, and would give the same results"),
        (results.config.model_copy(update={"seed": 9}), r"it holds a run of another config \(seed\)"),
    ):
        with pytest.raises(
            InvalidInput, match=f"{words}: choose another --out, or replace it with --overwrite"
        ):
            run(config, folder, quiet=True)
    assert (folder / "summary.json").read_bytes() == before


def test_code_of_ones_own_may_have_changed(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("imports: [mypkg]\n")
    (tmp_path / "summary.json").touch()
    with pytest.raises(InvalidInput, match="the same results unless mypkg changed since: choose another"):
        check_folder(tmp_path, {"imports": ["mypkg"]}, "summary.json", overwrite=False)


def test_the_unit_of_a_reward_is_said_once() -> None:
    catalog = Catalog.synthetic(20, seed=1)
    assert reward_unit(RewardSpec({"click": 1.0}, unit="click"), catalog) == "click"
    assert reward_unit(RewardSpec(), catalog) == f"{catalog.items.currency} of margin"


def test_overwrite_replaces_a_run_and_nothing_else(tmp_path: Path) -> None:
    for seed in (1, 2):
        run(parse_config({**TINY, "seed": seed}), tmp_path / "out", quiet=True, overwrite=True)
    assert yaml.safe_load((tmp_path / "out" / "config.yaml").read_text())["seed"] == 2
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("precious")
    with pytest.raises(InvalidInput, match="it exists and is no run of this kind"):
        run(parse_config(TINY), tmp_path / "mine", quiet=True, overwrite=True)
    assert {path.name for path in tmp_path.iterdir()} == {"out", "mine"}


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a folder that nobody can write to")
@pytest.mark.parametrize("command", ["run", "evaluate", "export"])
def test_a_place_that_cannot_be_written_is_one_error(
    command: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run(parse_config(TINY), tmp_path / "run", quiet=True)
    (tmp_path / "tiny.yaml").write_text(yaml.safe_dump(TINY))
    verdict = json.loads((tmp_path / "run" / "gate.json").read_text())
    verdict["epsilon_greedy"]["passed"] = True
    (tmp_path / "run" / "gate.json").write_text(json.dumps(verdict))
    arguments = {
        "run": [str(tmp_path / "tiny.yaml")],
        "evaluate": [str(tmp_path / "run" / "log.parquet"), "--policy", "uniform"],
        "export": [str(tmp_path / "run"), "--agent", "epsilon_greedy"],
    }
    monkeypatch.setattr(
        "sys.argv", ["shopgym", command, *arguments[command], "--out", "/proc/nope/x", "--json"]
    )
    with pytest.raises(SystemExit) as ended:
        main()
    said = capsys.readouterr()
    assert ended.value.code == 2
    assert said.err.startswith("shopgym: /proc/nope")
    assert said.err.count("\n") == 1
    assert said.out == ""


def test_a_run_that_is_told_to_end_leaves_no_folder(tmp_path: Path) -> None:
    (tmp_path / "long.yaml").write_text(yaml.safe_dump({**TINY, "truth": {"decisions": 500_000_000}}))
    command = [sys.executable, "-m", "shopgym.cli.main", "run", "long.yaml", "--json"]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while not list(tmp_path.glob("runs/.*")):
            assert process.poll() is None
            time.sleep(0.1)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 128 + signal.SIGTERM
    finally:
        process.kill()
    assert list((tmp_path / "runs").iterdir()) == []
