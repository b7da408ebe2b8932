"""``shopgym abtest run``: exported policies as arms, a ramp from end to end, and the page of a test."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from builders.abtests import SMALL_ABTEST
from typer.testing import CliRunner

from shopgym.agents import Task
from shopgym.cli.main import app
from shopgym.core.config import build
from shopgym.core.errors import InvalidInput
from shopgym.experiments.catalogs import load_catalog
from shopgym.experiments.config_file import read_config
from shopgym.experiments.seeds import stage_seed
from shopgym.experiments.studies.online_tests import AbtestConfig, run_abtest
from shopgym.experiments.studies.online_tests.arms import exported_policy, train_arms
from shopgym.experiments.studies.online_tests.report import page_of_test
from shopgym.policies.policy import SlatePolicy
from shopgym.policies.serving.saved_policy import write_run_items, write_run_policy
from shopgym.simulators.shop import Shop

pytest.importorskip("tea_tasting")
SMALL: dict[str, Any] = {
    **SMALL_ABTEST,
    "purpose": "A small test.",
    "metrics": ["click", "margin"],
    "truth": 2,
}
RAMP = {"kind": "ramp", "stages": [{"share": 0.2, "days": 4}, {"share": 0.5, "days": 4}]}


def config(**changes: Any) -> AbtestConfig:
    return build(AbtestConfig, {**SMALL, **changes})


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, SlatePolicy]:
    """The treatment as a run saves it, under a name of its own."""
    folder = tmp_path_factory.mktemp("run")
    catalog, _ = load_catalog(config().catalog, stage_seed(3, "catalog"))
    policy = replace(train_arms(config(), catalog)[1], name="best")
    opened = Shop(catalog, config().shop.config, lanes=2, seed=1)
    features = {"user": opened.user_names, "context": opened.context_names, "live": ()}
    write_run_items(folder, catalog.items)
    write_run_policy(folder / "policies", policy, features)
    return folder / "policies" / "best", policy


def test_an_exported_policy_is_an_arm_like_the_agent_that_it_was(saved: Any, tmp_path: Path) -> None:
    """The same test with the agent and with its exported policy says the same."""
    folder, policy = saved
    learnt = run_abtest(config(truth=0), tmp_path / "learnt")
    control = {"control": SMALL["agents"]["control"]}
    exported = run_abtest(
        config(truth=0, agents=control, bundles={"treatment": str(folder)}), tmp_path / "exported"
    )
    assert learnt.sentence == exported.sentence
    assert exported.policies == learnt.policies
    assert exported.policies["treatment"] == replace(policy, name="treatment").hash
    assert json.loads((tmp_path / "exported" / "summary.json").read_text())["policies"] == exported.policies


def test_a_policy_of_another_shop_is_no_arm(saved: Any) -> None:
    folder, policy = saved
    task = Task(policy.items, (), (), 3, attention=np.ones(3))
    other, _ = load_catalog(config(catalog={"source": "synthetic", "items": 30}).catalog, 1)
    for changed, said in (
        (replace(task, items=other.items), "another catalogue"),
        (replace(task, slate_size=2, attention=np.ones(2)), "3 slots"),
        (replace(task, user_names=("age",)), "user features"),
    ):
        with pytest.raises(InvalidInput, match=said) as refused:
            exported_policy("best", folder, changed)
        assert refused.value.field == "bundles.best"
    with pytest.raises(InvalidInput, match="give the folder of a bundle"):
        exported_policy("best", folder / "nowhere", task)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"bundles": {"control": "x"}}, "bundles"),
        ({"bundles": {"a b": "x"}}, "bundles"),
        ({"agents": {}, "bundles": {"control": "x"}}, "agents"),
        ({"bundles": {"new": "x"}, "design": {"kind": "items"}}, "agents"),
    ],
)
def test_bundles_that_make_no_arms_are_refused(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        config(**changes)
    assert refused.value.field == field


def test_paths_of_bundles_are_those_beside_the_config(tmp_path: Path) -> None:
    path = tmp_path / "test.yaml"
    path.write_text(yaml.safe_dump({**SMALL, "bundles": {"new": "runs/x/bundle"}}))
    assert read_config(path)["bundles"] == {"new": str(tmp_path / "runs" / "x" / "bundle")}


def test_a_ramp_from_end_to_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("up.yaml").write_text(yaml.safe_dump({**SMALL, "name": "up"}))
    design = f"design={json.dumps(RAMP)}"
    done = CliRunner().invoke(app, ["abtest", "run", "up.yaml", design, "guardrails={purchase: 0.5}"])
    assert done.exit_code == 0, done.exception
    assert "report: runs/up/report.html" in done.output
    told = json.loads(Path("runs/up/summary.json").read_text())
    stages = [(stage["share"], stage["days"], stage["decision"]) for stage in told["stages"]]
    assert stages == [(0.2, 4, "went on"), (0.5, 4, "went on")]
    rows = pd.read_csv("runs/up/rows.csv")
    assert set(rows["arm"]) == {"control", "treatment"}
    page = Path("runs/up/report.html").read_text()
    assert all(text in page for text in ("The ramp", "The truth", "A small test.", "went on", "50%"))
    assert "http" not in page.replace("http://www.w3.org", "")
    again = CliRunner().invoke(
        app, ["abtest", "analyse", "runs/up/rows.csv", "--user", "user", "--metric", "click"]
    )
    assert again.exit_code == 0, again.exception


def test_the_page_of_a_test_whose_split_is_broken_has_no_effect_on_it(tmp_path: Path) -> None:
    result = run_abtest(config(), tmp_path / "test")
    assert result.analysis is not None
    assert "In numbers" in page_of_test(result)
    broken = replace(result.analysis, verdict="refuse", reasons=("the split is broken: 9 in control",))
    page = page_of_test(replace(result, analysis=broken))
    assert "the split is broken" in page
    assert not any(text in page for text in ("In numbers", "The truth", "Relative effects"))
