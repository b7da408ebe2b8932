"""The blocks of every page run in its order and print what stands there: see ``builders/pages.py``."""

from __future__ import annotations

import json
import os
import re
import shutil
import warnings
from pathlib import Path
from runpy import run_path
from typing import Any

import pandas as pd
import pytest
import typer
from builders.pages import PAGES, name_of, opened, parse
from builders.paths import ROOT

from shopgym.cli.main import app
from shopgym.core.files import write_text
from shopgym.policies.serving import load_bundle

WITH_BLOCKS = [page for page in PAGES if any(parse(page))]
NEED_A_RUN = ("environments", "evaluation", "serving", "decision-log", "sequences")
"""Pages that read what ``shopgym run`` leaves, or what was served from it."""
QUICK = ("experiments",)
"""Pages whose blocks together take less than five seconds."""
RUN = {
    "name": "online_retail",
    "catalog": {"source": "synthetic", "items": 150},
    "shop": {"users": 300, "slate_size": 5},
    "agents": {"popularity": {}, "lints": {}},
    "training": {"rounds": 3, "batch": 100, "warm_up": 1},
    "log": {"decisions": 2000},
    "evaluation": {"bootstrap": 100},
    "truth": {"decisions": 1000},
    "gate": {"candidate": "lints"},
}
"""A small run in the place of the run on real products, which takes minutes."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which somebody has run an experiment, exported its policy and served two pages."""
    from shopgym.experiments.config import parse_config
    from shopgym.experiments.export import export_policy
    from shopgym.experiments.runner import run

    folder = tmp_path_factory.mktemp("docs")
    finished = folder / "runs" / "online_retail"
    run(parse_config(RUN), finished, quiet=True)
    gate = json.loads((finished / "gate.json").read_text())
    gate["lints"]["passed"] = True  # after so few pages nothing passes
    write_text(finished / "gate.json", json.dumps(gate))
    shutil.rmtree(finished / "bundle", ignore_errors=True)
    export_policy(finished, "lints", finished / "bundle")
    serve_two_pages(folder, finished / "bundle")
    return folder


def serve_two_pages(folder: Path, bundle: Path) -> None:
    """Leave the bundle and the log of a server that decided twice and was told one reward."""
    from shopgym.policies.decision_log import compact
    from shopgym.policies.serving.server import make_app

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it would like another client library
        from starlette.testclient import TestClient

    shutil.copytree(bundle, folder / "bundle")
    golden = json.loads((folder / "bundle" / "golden.json").read_text())
    with TestClient(make_app(load_bundle(folder / "bundle"), folder / "served")) as client:
        for case in golden[:2]:
            assert client.post("/rank", json=case["request"]).is_success
        reward = {"request_id": golden[0]["request"]["request_id"], "rewards": [0, 2.35, 0, 0, 0]}
        assert client.post("/reward", json=reward | {"events": {"click": [0, 1, 0, 0, 0]}}).is_success
    compact(folder / "served", load_bundle(folder / "bundle").policy).write(folder / "served.parquet")


@pytest.fixture(scope="module")
def real_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, after the run on real products."""
    from shopgym.experiments.config import load_config
    from shopgym.experiments.runner import run

    folder = tmp_path_factory.mktemp("real")
    run(load_config("online_retail"), folder / "runs" / "online_retail", quiet=True)
    serve_two_pages(folder, folder / "runs" / "online_retail" / "bundle")
    shutil.copytree(folder / "runs" / "online_retail", folder / "run")
    return folder


def run_page(page: Path, *, real: bool) -> None:
    """Evaluate every block of a page in its order."""
    with opened(page, real=real) as document:
        for example in document:
            example.evaluate()


def pages_to_run() -> list[Any]:
    """Every page with blocks; those that take long are marked."""
    return [
        pytest.param(page, id=name_of(page), marks=() if page.stem in QUICK else pytest.mark.slow)
        for page in WITH_BLOCKS
    ]


@pytest.mark.parametrize("page", pages_to_run())
def test_the_blocks_of_a_page_run(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    if page.stem in NEED_A_RUN:
        shutil.copytree(request.getfixturevalue("folder"), tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    run_page(page, real=False)


@pytest.mark.slow
@pytest.mark.skipif("SHOPGYM_NIGHTLY" not in os.environ, reason="takes minutes: make nightly")
@pytest.mark.parametrize("page", [page for page in WITH_BLOCKS if page.stem in NEED_A_RUN], ids=name_of)
def test_the_outputs_of_the_run_on_real_products_are_those_of_the_page(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, real_folder: Path
) -> None:
    makes = shutil.ignore_patterns("bundle", "served*") if page.stem == "serving" else None
    shutil.copytree(real_folder, tmp_path, dirs_exist_ok=True, ignore=makes)
    monkeypatch.chdir(tmp_path)
    run_page(page, real=True)


@pytest.mark.slow
@pytest.mark.skipif("SHOPGYM_NIGHTLY" not in os.environ, reason="takes minutes: make nightly")
def test_the_table_of_the_readme_is_that_of_the_run(real_folder: Path) -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8").replace("−", "-")
    metrics = real_folder / "runs" / "online_retail" / "metrics"
    agents, estimates = (pd.read_csv(metrics / f"{name}.csv") for name in ("agents", "evaluation"))
    for agent in agents.itertuples():
        assert f"{agent.value:.4f}" in text, agent.agent
        assert f"{agent.value_on_log:.4f}" in text, agent.agent
    for row in estimates.query("estimator == 'dr' and interval == 'delta'").itertuples():
        shown = f"{row.value:.3f} [{row.low:.3f}, {row.high:.3f}]" in text
        assert shown == (row.verdict != "refuse"), row.agent


def commands_of(page: Path) -> set[str]:
    """What a page tells its reader to type after ``shopgym``."""
    text = page.read_text(encoding="utf-8")
    blocks = re.findall(r"^```\w*\n.*?^```$", text, flags=re.DOTALL | re.MULTILINE)
    lines = [line.strip() for block in blocks for line in block.splitlines()]
    lines += [line.strip() for line in text.splitlines() if line.startswith("    ")]
    found = {line.removeprefix("$ ").partition("#")[0] for line in lines if re.match(r"(\$ )?shopgym ", line)}
    prose = re.sub(r"^```\w*\n.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)
    return found | {" ".join(span.split()) for span in re.findall(r"`(shopgym\s[^`]+)`", prose)}


@pytest.mark.parametrize("page", [page for page in PAGES if commands_of(page)], ids=name_of)
def test_the_commands_of_a_page_exist_with_their_options(page: Path) -> None:
    for line in commands_of(page):
        words = [word.strip("[]|&") for word in re.split(r"[\s=]+", line)[1:]]
        command: Any = typer.main.get_command(app)
        while words and hasattr(command, "commands"):
            name = words.pop(0)
            if name.startswith("-"):
                break
            assert name in command.commands, line
            command = command.commands[name]
        spellings = [[*parameter.opts, *parameter.secondary_opts] for parameter in command.params]
        options = {option for names in spellings for option in names} | {"--help"}
        assert {word for word in words if word.startswith("--")} <= options, line


def test_the_film_of_a_customer_is_made(tmp_path: Path) -> None:
    run_path(str(ROOT / "examples" / "watch_a_shopper.py"))["main"](str(tmp_path / "shopper.gif"))
    assert (tmp_path / "shopper.gif").stat().st_size > 10_000
