"""A run whose reward can be gamed: nothing leaves unless somebody says why, and then everybody sees it."""

from __future__ import annotations

import json
import logging
import warnings
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from shopgym.cli.main import app
from shopgym.core import InvalidInput
from shopgym.experiments.config import parse_config
from shopgym.experiments.export import export_policy
from shopgym.experiments.runner import run
from shopgym.policies.decision_log.log import DecisionLog
from shopgym.policies.serving.bundle import load_bundle
from shopgym.policies.serving.server import make_app

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it would like another client library
    from starlette.testclient import TestClient

pytestmark = pytest.mark.slow

CLICKS: dict[str, Any] = {
    "name": "clicks",
    "seed": 3,
    "catalog": {"source": "synthetic", "items": 150},
    "shop": {
        "users": 400,
        "slate_size": 2,
        "num_candidates": 8,
        "choice": {"click_base": -2.0, "cart_base": -0.5, "buy_base": 0.5, "taste_weight": 3.0},
    },
    "reward": {
        "terms": {"click": 1.0},
        "unit": "click",
        "north_star": "margin",
        "costs": ["stockout <= 50% per impression"],
    },
    "agents": {"popularity": {}, "lints": {"draws": 3}},
    "training": {"rounds": 10, "batch": 400, "warm_up": 5},
    "log": {"decisions": 8000},
    "evaluation": {"bootstrap": 100},
    "truth": {"decisions": 4000},
    "gate": {"ranking": {"metric": "ndcg", "outcome": "click", "at_least": 0.5}},
}


@pytest.fixture(scope="module")
def refused(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "clicks"
    run(parse_config(CLICKS), folder, quiet=True)
    return folder


def test_a_reward_that_can_be_gamed_is_not_exported(refused: Path) -> None:
    assert json.loads((refused / "reward_lint.json").read_text())["verdict"] == "gameable"
    verdict = json.loads((refused / "gate.json").read_text())["lints"]
    assert not verdict["passed"]
    assert [clause["name"] for clause in verdict["clauses"]] == [
        "north star",
        "stockout per impression",
        "ndcg of clicks",
        "reward lint",
    ]
    ranking = verdict["clauses"][2]
    assert ranking["passed"]  # an agent that was paid for clicks shows what people click
    assert ranking["bound"] > 0.5
    assert "the reward can be gamed in this shop" in verdict["reason"]
    assert not (refused / "bundle").exists()
    assert "What was asked of lints" in (refused / "report.html").read_text()
    with pytest.raises(InvalidInput, match="can be gamed"):
        export_policy(refused, "lints", refused.parent / "bundle")


def test_the_north_star_is_judged_on_the_log_in_its_own_unit(refused: Path) -> None:
    verdict = json.loads((refused / "gate.json").read_text())["lints"]
    assert verdict["unit"] == "GBP of margin"
    log = DecisionLog.read(refused / "log.parquet")
    assert log.unit == "click"
    assert {"margin", "stockout", "return_cost", "discount_cost"} <= log.events.keys()
    assert (log.reward == log.events["click"]).all()


def test_an_override_stands_in_the_evidence_and_the_server_shows_it(
    refused: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    reason = "a trial on staff accounts"
    out = tmp_path / "bundle"
    arguments = ["export", str(refused), "--out", str(out), "--agent", "lints", "--override", reason]
    exported = CliRunner().invoke(app, arguments)
    assert exported.exit_code == 0
    assert f"WARNING: lints leaves although the gate refused it: {reason}" in exported.output
    bundle = load_bundle(out)
    assert bundle.override == reason
    assert bundle.evidence["gate"]["override"] == reason
    assert f"the gate refused it: {reason}" in CliRunner().invoke(app, ["bundle", "inspect", str(out)]).output
    shown = f"the gate refused this policy; it serves because: {reason}"
    caplog.set_level(logging.WARNING, "shopgym.server")
    with TestClient(make_app(bundle, tmp_path / "log")) as client:
        for page in ("/healthz", "/readyz", "/info"):
            assert client.get(page).json()["override"] == shown
    assert reason in caplog.text


def test_an_override_without_a_reason_is_refused_before_anything_runs(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="say why"):
        run(parse_config(CLICKS), tmp_path / "clicks", quiet=True, override=" ")
    assert not (tmp_path / "clicks").exists()
