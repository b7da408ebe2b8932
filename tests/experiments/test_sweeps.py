"""Sweeps: which points there are, what their table says, and what is told apart."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from shopgym.cli.main import app
from shopgym.core import InvalidInput
from shopgym.evaluation.intervals.normal import student_interval
from shopgym.experiments import runner
from shopgym.experiments.cells.cell import perform
from shopgym.experiments.config import ExperimentConfig, parse_config
from shopgym.experiments.finished import read_run
from shopgym.experiments.runner import Experiment
from shopgym.experiments.studies.leaderboard import LeaderboardConfig
from shopgym.experiments.sweeps.config import RandomSection
from shopgym.experiments.sweeps.plan import Plan, checked_config
from shopgym.experiments.sweeps.points import points_of, value_text
from shopgym.experiments.sweeps.run import SweepResults, run_sweep
from shopgym.experiments.sweeps.table import rankings
from shopgym.guardrails.reward.linted_shop import LintSize

TINY: dict[str, Any] = {
    "name": "tiny",
    "seed": 5,
    "catalog": {"source": "synthetic", "items": 60},
    "shop": {
        "users": 100, "slate_size": 2, "num_candidates": 6, "history": 5,
        "choice": {"click_base": -0.5, "cart_base": 0.5, "buy_base": 1.0},
    },
    "agents": {"popularity": {}, "epsilon_greedy": {}},
    "training": {"rounds": 2, "batch": 64, "warm_up": 3},
    "log": {"decisions": 400},
    "evaluation": {"estimators": ["dr"], "bootstrap": 100},
    "truth": {"decisions": 1000},
}  # fmt: skip
BOARD: dict[str, Any] = {
    "kind": "leaderboard",
    "name": "board",
    "catalog": {"source": "synthetic", "items": 40},
    "agents": {"random": {}, "popularity": {}},
    "families": {
        "bandit": {"lanes": 16, "rounds": 3, "episodes": 64, "shop": {"users": 50, "slate_size": 2}}
    },
    "seeds": 3,
    "warm_up": 2,
    "bootstrap": 100,
}


def plan(**changes: Any) -> Plan:
    made = checked_config({**TINY, **changes})
    assert isinstance(made, Plan)
    return made


# points


def test_a_config_without_lists_is_no_sweep() -> None:
    assert isinstance(checked_config(TINY), ExperimentConfig)
    assert isinstance(checked_config({**TINY, "kind": "experiment"}), ExperimentConfig)
    assert isinstance(checked_config(BOARD), LeaderboardConfig)
    entries = checked_config({**TINY, "agents": {"popularity": {}, "lints": {"alpha": [0.1, 1.0]}}})
    assert isinstance(entries, ExperimentConfig)  # agents of one experiment, on one log
    assert list(entries.agents) == ["popularity", "lints_alpha_0.1", "lints_alpha_1.0"]


def test_lists_and_grids_are_crossed_and_repeated_with_every_seed() -> None:
    made = plan(
        training={"rounds": [2, 4], "batch": 64},
        log={"options": {"decay": [0.1, 0.2, 0.3]}},
        sweep={"grid": {"agents.epsilon_greedy.epsilon": [0.1, 0.5]}},
        seeds=5,
    )
    assert made.settings == ["training.rounds", "log.options.decay", "agents.epsilon_greedy.epsilon"]
    assert (len(made.points), made.seeds) == (12, 5)
    last = made.points[-1]
    assert last.settings == dict(zip(made.settings, (4, 0.3, 0.5), strict=True))
    assert last.config.training.rounds == 4
    assert last.config.agents["epsilon_greedy"] == {"epsilon": 0.5}
    cells = made.cells(Path("x"))
    assert [cell.config["seed"] for cell in cells["point-0000"]] == [5, 6, 7, 8, 9]
    names = [cell.name for of_point in cells.values() for cell in of_point]
    assert len(set(names)) == len(names) == 60
    alone = parse_config(dict(cells["point-0000"][2].config))
    assert (alone.seed, alone.training.rounds, alone.log.options["decay"]) == (7, 2, 0.1)
    assert alone.stored() == cells["point-0000"][2].config


def test_a_leaderboard_is_swept_by_the_same_words() -> None:
    budgets = {"sweep": {"grid": {"families.bandit.rounds": [3, 30]}}}
    made = checked_config({**BOARD, **budgets})
    assert isinstance(made, Plan)
    assert (len(made.points), made.seeds) == (2, 3)
    assert sum(len(cells) for cells in made.cells(Path("x")).values()) == 2 * 3 * 2
    listed = {"bandit": {**BOARD["families"]["bandit"], "rounds": [3, 30]}}
    by_list = checked_config({**BOARD, "families": listed})
    assert [point.config.hash for point in by_list.points] == [point.config.hash for point in made.points]


@given(st.integers(1, 50), st.integers(0, 100), st.booleans())
@settings(max_examples=40, deadline=None)
def test_points_at_random_lie_in_their_ranges_and_differ(count: int, seed: int, log: bool) -> None:
    scale = "log" if log else "linear"
    random = RandomSection.model_validate_json(
        json.dumps(
            {
                "count": count,
                "seed": seed,
                "ranges": {
                    "a": {"low": 0.5, "high": 2.0, "scale": scale},
                    "b": {"low": 1, "high": 100, "scale": scale},
                    "c": ["x", "y"],
                },
            }
        )
    )
    points = points_of({"d": [1, 2]}, random)
    assert points == points_of({"d": [1, 2]}, random)
    assert len(points) == 2 * count == len({json.dumps(point) for point in points})
    for point in points:
        assert 0.5 <= point["a"] <= 2.0
        assert isinstance(point["b"], int)
        assert 1 <= point["b"] <= 100
        assert point["c"] in ("x", "y")


def test_a_log_scale_gives_every_decade_its_share() -> None:
    ranges = {"a": {"low": 0.01, "high": 1.0, "scale": "log"}}
    random = RandomSection.model_validate_json(json.dumps({"count": 2000, "ranges": ranges}))
    below = np.mean([point["a"] < 0.1 for point in points_of({}, random)])
    assert abs(below - 0.5) < 0.05  # 4.5 standard errors


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"training": {"rounds": []}}, r"training.rounds = \[\]: a grid needs at least one value"),
        ({"training": {"rounds": [3, 3]}}, "sweep = 'training.rounds=3': the same experiment as"),
        ({"training": {"rounds": [3, "many"]}}, "training.rounds = 'many': give a whole number"),
        ({"training": {"rounds": [3, 0]}}, "training.rounds = 0"),
        ({"seed": [1, 2]}, "sweep: seed = .*: give seeds: 20"),
        ({"seeds": [1, 2]}, r"seeds = \[1, 2\]: give a whole number"),
        ({"seeds": 0}, "seeds = 0"),
        ({"sweep": {"grd": {}}}, "sweep.grd = {}: .*did you mean 'grid'"),
        ({"sweep": {"grid": {"training.round": [1, 2]}}}, "training.round = 1: .*did you mean 'rounds'"),
        ({"sweep": {"grid": {"agents.lintz.alpha": [1]}}}, "agents = 'lintz': .*did you mean 'lints'"),
        ({"sweep": {"grid": {"training.rounds": 3}}}, "sweep.grid.training.rounds = 3: give a list"),
        ({"sweep": {"grid": {"name": ["a", "b"]}}}, "sweep: name = .*: a name changes nothing"),
        (
            {"training": {"rounds": [1, 2]}, "sweep": {"grid": {"training.rounds": [3]}}},
            "sweep.grid.training.rounds = .*: it is a list already",
        ),
        (
            {"sweep": {"random": {"count": 3, "ranges": {"training.rounds": {"low": 5, "high": 2}}}}},
            "sweep.random.ranges.high = 2: give a number above low, 5",
        ),
        (
            {"sweep": {"random": {"count": 30, "ranges": {"log.options.decay": {"low": 0, "high": 1}}}}},
            "sweep.random.count = 30: .*2 different points .*0.0 for fractions",
        ),
        ({"sweep": {"random": {"count": 3, "ranges": {}}}}, "sweep.random.ranges"),
        (
            {
                "sweep": {
                    "grid": {"training.rounds": list(range(1, 2000)), "training.batch": list(range(1, 99))}
                }
            },
            "sweep = '195902 points': at most 100,000",
        ),
        (
            {"seeds": 9_000, "training": {"rounds": list(range(1, 20))}},
            "sweep = '19 points': with 9,000 seeds each they make too many cells",
        ),
        ({**BOARD, "sweep": {"keep_runs": True}}, "sweep.keep_runs = True: the cells of this kind"),
    ],
)
def test_impossible_sweeps_are_named(change: dict[str, Any], message: str) -> None:
    base = {} if "kind" in change else TINY
    with pytest.raises(InvalidInput, match=message):
        checked_config({**base, **change})


def test_values_are_written_shortly() -> None:
    assert [value_text(v) for v in (0.1, 10, True, None, "x", 1e-05)] == [
        "0.1",
        "10",
        "true",
        "none",
        "x",
        "1e-05",
    ]


# the table


def test_students_interval_by_hand() -> None:
    mean, low, high = student_interval(np.array([1.0, 2.0, 3.0]), 0.95)
    assert (mean, high - mean) == (2.0, pytest.approx(4.302653 / 3**0.5, rel=1e-6))
    assert mean - low == pytest.approx(high - mean)
    assert np.isnan(student_interval(np.array([1.0]), 0.95)[1])


def table_with(values: dict[tuple[str, str], list[float]]) -> pd.DataFrame:
    rows = [
        {"point": point, "agent": agent, "seed": seed, "value": value, "failed": ""}
        for (point, agent), column in values.items()
        for seed, value in enumerate(column)
    ]
    return pd.DataFrame(rows)


def test_points_are_compared_seed_by_seed() -> None:
    made = plan(training={"rounds": [2, 4]}, seeds=4)
    seeds = np.array([0.0, 10.0, -20.0, 30.0])  # far more between seeds than between points
    values = {
        ("point-0000", "a"): (seeds + np.array([0.0, 0.01, 0.02, 0.01])).tolist(),
        ("point-0001", "a"): (seeds + 1.0).tolist(),
    }
    (ranking,) = rankings(made, table_with(values))
    assert [arm["point"] for arm in ranking.arms] == ["point-0001", "point-0000"]
    assert ranking.together == 0
    mean, low, _ = ranking.arms[1]["behind"]
    assert mean == pytest.approx(0.99)
    assert low > 0.9
    assert "better than all 1 others" in ranking.sentence


def test_an_arm_that_failed_once_is_left_out_and_the_others_keep_their_seeds() -> None:
    made = plan(training={"rounds": [2, 4]}, seeds=3)
    table = table_with({("point-0000", "a"): [1.0, 2.0, 3.0], ("point-0001", "a"): [9.0, 9.0, 9.0]})
    table.loc[4, "failed"] = "training: it broke"
    (ranking,) = rankings(made, table)
    assert [arm["point"] for arm in ranking.arms] == ["point-0000"]
    assert ranking.seeds == 3


def test_what_a_shop_changes_is_never_ranked_together() -> None:
    made = plan(shop={**TINY["shop"], "slate_size": [2, 3]}, seeds=2)
    table = table_with({("point-0000", "a"): [1.0, 2.0], ("point-0001", "a"): [8.0, 9.0]})
    table["shop.slate_size"] = table["point"].map({"point-0000": 2, "point-0001": 3})
    assert [ranking.world for ranking in rankings(made, table)] == ["shop.slate_size=2", "shop.slate_size=3"]


def test_one_seed_tells_nothing_apart() -> None:
    made = plan(training={"rounds": [2, 4]})
    (ranking,) = rankings(made, table_with({("point-0000", "a"): [1.0], ("point-0001", "a"): [2.0]}))
    assert ranking.together == 1
    assert "one seed" in ranking.sentence


def test_equal_points_are_told_apart_as_rarely_as_the_level_says() -> None:
    """200 sweeps of six equal points; 5% false alarms at the most, 3.7 standard errors on top."""
    made = plan(training={"rounds": [1, 2, 3, 4, 5, 6]}, seeds=5)
    rng, alarms = np.random.default_rng(0), 0
    names = [(point.name, "a") for point in made.points]
    for _ in range(200):
        common = rng.normal(size=5)
        values = {name: (common + 0.1 * rng.normal(size=5)).tolist() for name in names}
        (ranking,) = rankings(made, table_with(values))
        alarms += any(arm["behind"][1] > 0 for arm in ranking.arms[1:])
    assert alarms / 200 <= 0.05 + 3.7 * (0.05 * 0.95 / 200) ** 0.5


# the whole of it


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[SweepResults, Path]:
    folder = tmp_path_factory.mktemp("sweep") / "tiny"
    with pytest.MonkeyPatch.context() as patch:  # the lint of a reward takes seconds
        patch.setattr(runner, "LintSize", partial(LintSize, 64, 64, 16))
        return run_sweep(
            plan(training={"rounds": [2, 6], "batch": 64, "warm_up": 3}, seeds=2), folder
        ), folder


@pytest.mark.slow
def test_a_sweep_leaves_a_tidy_table_means_a_picture_and_a_page(finished: tuple[SweepResults, Path]) -> None:
    results, folder = finished
    table = pd.read_csv(folder / "table.csv", keep_default_na=False)
    assert list(table.columns[:4]) == ["point", "training.rounds", "seed", "agent"]
    assert len(table) == 2 * 2 * 2
    assert len(table[["point", "seed", "agent"]].drop_duplicates()) == len(table)
    assert pd.read_parquet(folder / "table.parquet")["value"].tolist() == table["value"].tolist()
    points = pd.read_csv(folder / "points.csv")
    mine = table[(table["point"] == "point-0001") & (table["agent"] == "epsilon_greedy")]["value"]
    row = points[(points["point"] == "point-0001") & (points["agent"] == "epsilon_greedy")].iloc[0]
    assert row["value"] == pytest.approx(mine.mean())
    assert row["value.low"] < row["value"] < row["value.high"]
    assert (folder / "sweep.png").stat().st_size > 10_000
    page = (folder / "report.html").read_text()
    assert "data:image/png;base64," in page
    assert "http" not in page
    assert results.plan.hash[:16] in page
    assert yaml.safe_load((folder / "config.yaml").read_text()) == results.plan.stored()
    summary = json.loads((folder / "summary.json").read_text())
    assert summary == results.summary()
    assert (summary["points"], summary["seeds"], summary["failed"]) == (2, 2, {})


@pytest.mark.slow
def test_a_cell_is_the_run_of_its_config(finished: tuple[SweepResults, Path]) -> None:
    from rich.progress import Progress

    results, _ = finished
    config = parse_config({**TINY, "seed": 6, "training": {"rounds": 6, "batch": 64, "warm_up": 3}})
    experiment = Experiment(config, Progress(disable=True))
    experiment.lint_size = LintSize(64, 64, 16)
    alone, _ = experiment.run()
    table = results.table
    rows = table[(table["training.rounds"] == 6) & (table["seed"] == 6)].set_index("agent")
    for agent in ("popularity", "epsilon_greedy"):
        assert rows.loc[agent, "value"] == alone.agent(agent)["value"]
        assert rows.loc[agent, "gain_low"] == alone.agent(agent)["gain_low"]


@pytest.mark.slow
def test_the_whole_run_of_a_cell_is_kept_where_that_is_asked_for(
    finished: tuple[SweepResults, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "LintSize", partial(LintSize, 64, 64, 16))
    training = {"rounds": 6, "batch": 64, "warm_up": 3}
    (cell,) = plan(training=training, sweep={"keep_runs": True}).cells(tmp_path)["point-0000"]
    rows = perform(cell).rows
    assert read_run(tmp_path / "runs" / cell.name).state == "finished"
    table = finished[0].table.query("`training.rounds` == 6 and seed == 5")
    assert [row["value"] for row in rows] == table["value"].tolist()


@pytest.mark.slow
def test_the_command_says_what_is_told_apart_and_refuses_to_run_again(
    finished: tuple[SweepResults, Path], tmp_path: Path
) -> None:
    results, folder = finished
    (tmp_path / "tiny.yaml").write_text(yaml.safe_dump(results.plan.stored()))
    again = CliRunner().invoke(app, ["run", str(tmp_path / "tiny.yaml"), "--out", str(folder)])
    assert isinstance(again.exception, InvalidInput)
    assert "this config has been run into it" in str(again.exception)
    (folder / "summary.json").rename(tmp_path / "summary.json")  # as if it had been interrupted
    done = CliRunner().invoke(app, ["run", str(tmp_path / "tiny.yaml"), "--out", str(folder)])
    assert done.exit_code == 0, done.output
    assert "4 of 4 cells are done already" in done.output
    assert results.rankings[0].sentence in " ".join(done.output.split())
    assert (folder / "summary.json").read_bytes() == (tmp_path / "summary.json").read_bytes()


def test_a_sweep_of_a_leaderboard_has_a_world_for_each_environment(tmp_path: Path) -> None:
    (tmp_path / "board.yaml").write_text(yaml.safe_dump(BOARD))
    command = ["run", str(tmp_path / "board.yaml"), "families.bandit.rounds=[2,4]", "--json", "--out"]
    done = CliRunner().invoke(app, [*command, str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    summary = json.loads(done.stdout.splitlines()[-1])
    assert [world["world"] for world in summary["worlds"]] == ["family=bandit, budget=1"]
    assert len(summary["worlds"][0]["arms"]) == 4
    assert len(pd.read_csv(tmp_path / "out" / "table.csv")) == 2 * 3 * 2


def test_a_dry_run_says_how_many_cells(tmp_path: Path) -> None:
    (tmp_path / "board.yaml").write_text(yaml.safe_dump(BOARD))
    out = tmp_path / "out"
    command = [
        "run",
        str(tmp_path / "board.yaml"),
        "families.bandit.rounds=[2,4]",
        "--dry-run",
        "--out",
        str(out),
    ]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output
    assert "12 cells (2 points, 3 seeds each), about" in done.output
    assert "4 cells run to time it" in done.output
    assert not out.exists()
