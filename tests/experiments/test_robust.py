"""A run over the ranges of what is assumed, and how long a run will take."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from shopgym.cli.main import main
from shopgym.core.types import F64
from shopgym.experiments.config import parse_config
from shopgym.experiments.duration import Duration, Stopwatch, expected_duration
from shopgym.experiments.report import write_report
from shopgym.experiments.results import Results
from shopgym.experiments.runner import run
from shopgym.realism.assumed import ASSUMED
from shopgym.realism.robustness import Robustness, robustness
from shopgym.simulators import Catalog, ShopConfig

pytestmark = pytest.mark.slow

SMALL: dict[str, Any] = {
    "name": "small",
    "catalog": {"source": "synthetic", "items": 120},
    "shop": {"users": 300, "slate_size": 3, "num_candidates": 10},
    "agents": {"popularity": {}, "lints": {"draws": 3}, "random": {}},
    "training": {"rounds": 4, "batch": 200, "warm_up": 2},
    "log": {"decisions": 2000},
    "evaluation": {"bootstrap": 100},
    "truth": {"decisions": 2000},
}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Results, Path]:
    folder = tmp_path_factory.mktemp("runs") / "small"
    return run(parse_config(SMALL), folder, quiet=True, robust=True), folder


def shopgym(*arguments: str, monkeypatch: pytest.MonkeyPatch) -> int:
    """Exit code of a command in this process."""
    monkeypatch.setattr(sys, "argv", ["shopgym", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def flipping() -> Robustness:
    """A gain that is a loss where taste is weak."""

    def measure(config: ShopConfig) -> dict[str, F64]:
        noise = 0.1 * np.random.default_rng(1).normal(size=100)
        return {"lints": noise + (-0.2 if config.choice.taste_weight < 2 else 0.3), "popularity": 0 * noise}

    catalog = Catalog.synthetic(60, seed=2)
    shop = ShopConfig(users=300, slate_size=3, num_candidates=10)
    return robustness(measure, catalog, shop, "lints", "popularity", parameters=("taste",))


def test_every_assumption_has_a_row_in_files_and_report(finished: tuple[Results, Path]) -> None:
    results, folder = finished
    assert results.robust is not None
    written = json.loads((folder / "robust.json").read_text())
    assert [row["parameter"] for row in written["assumptions"]] == list(ASSUMED)
    assert json.loads((folder / "summary.json").read_text())["robust"] == written
    assert (folder / "plots" / "tornado.png").stat().st_size > 10_000
    html = (folder / "report.html").read_text()
    assert "Over what is assumed" in html
    assert "Bijmolt" in html


def test_the_gain_as_configured_is_that_of_the_run(finished: tuple[Results, Path]) -> None:
    """The same policies meet other visitors of the same shop."""
    results, _ = finished
    assert results.robust is not None
    candidate = results.agent(results.chosen.candidate)
    width = candidate["gain_high"] - candidate["gain_low"]
    assert results.robust.configured.mean == pytest.approx(candidate["gain"], abs=2 * width)
    assert results.robust.first == results.chosen.candidate


def test_a_run_without_it_is_as_it_was(finished: tuple[Results, Path], tmp_path: Path) -> None:
    results, _ = finished
    plain = run(parse_config(SMALL), tmp_path / "plain", quiet=True)
    assert plain.headline == plain.chosen.sentence
    assert "robust" not in plain.summary()
    assert plain.agents.equals(results.agents)
    assert not (tmp_path / "plain" / "plots" / "tornado.png").exists()


def test_a_conclusion_that_flips_is_no_headline_without_the_words(
    finished: tuple[Results, Path], tmp_path: Path
) -> None:
    results = replace(finished[0], robust=flipping())
    assert results.headline.startswith("this conclusion depends on taste")
    write_report(tmp_path, results)
    html = (tmp_path / "report.html").read_text()
    top = html.split("<h2>Learning</h2>")[0]
    assert "this conclusion depends on taste" in top
    assert "it depends on taste" in top  # beside the number itself
    assert results.summary()["robust"]["depends_on"] == ["taste"]


def test_the_command_says_how_long_and_compares_over_the_ranges(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("small.yaml").write_text(yaml.safe_dump(SMALL))
    assert shopgym("run", "small.yaml", "--dry-run", monkeypatch=monkeypatch) == 0
    said = capsys.readouterr().out
    assert said.startswith("about ")
    assert "3 agents, 10,800 pages in all" in said  # 3 x (4 x 200 + 2000) + 2 x 200 + 2000
    assert not Path("runs").exists()
    assert shopgym("run", "small.yaml", "--dry-run", "--json", monkeypatch=monkeypatch) == 0
    assert json.loads(capsys.readouterr().out)["pages"] == 10_800
    assert shopgym("run", "small.yaml", "--robust", monkeypatch=monkeypatch) == 0
    said = capsys.readouterr().out
    assert "over what is assumed" in said
    assert all(name in said for name in ASSUMED)


def test_a_leaderboard_is_refused(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert shopgym("run", "leaderboard", "--robust", monkeypatch=monkeypatch) == 2
    assert "--robust" in capsys.readouterr().err


def test_twice_the_pages_are_expected_to_take_twice_as_long() -> None:
    twice = {"rounds": 8, "batch": 200, "warm_up": 4}
    longer = SMALL | {"training": twice, "log": {"decisions": 4000}, "truth": {"decisions": 4000}}
    one, two = (expected_duration(parse_config(config)) for config in (SMALL, longer))
    assert two.pages == 2 * one.pages
    assert set(one.stages) == set(two.stages)
    assert one.seconds > 0


@pytest.mark.parametrize("times", [(0, 10, 11, 12), (0, 10, 15, 16, 17)])
def test_a_stopwatch_leaves_out_what_is_compiled_on_the_way(
    times: tuple[float, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, steps = iter(times), len(times) - 1
    monkeypatch.setattr("shopgym.experiments.duration.time.perf_counter", lambda: next(clock))
    watch = Stopwatch()
    task = watch.add_task("train x", total=steps)
    for _ in range(steps):
        watch.advance(task)
    assert watch.seconds(task) == steps  # a second each


def test_a_duration_is_said_in_words() -> None:
    sentence = Duration({"opening": 2.0, "train lints": 40.0}, 1000, 2).sentence
    assert sentence == "about 42 s: 2 agents, 1,000 pages in all; the longest stage is 'train lints' (40 s)"
    assert Duration({"train": 600.0}, 1, 1).sentence.startswith("about 10 min")
    assert Duration({"train": 7200.0}, 1, 1).sentence.startswith("about 2.0 h")
