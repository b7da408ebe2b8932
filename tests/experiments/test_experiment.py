"""One experiment end to end on a small shop, and everything a user may get wrong on the way."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from shopgym.agents import Task, make_agent
from shopgym.cli.config import config_class
from shopgym.cli.main import main
from shopgym.core import InvalidInput
from shopgym.core.config import build
from shopgym.experiments.config import (
    LogSection,
    parse_config,
)
from shopgym.experiments.config_file import read_config
from shopgym.experiments.export import export_policy
from shopgym.experiments.kinds import KINDS
from shopgym.experiments.policy_store import read_policy
from shopgym.experiments.runner import run
from shopgym.experiments.sweeps.plan import checked_config
from shopgym.policies.decision_log.log import DecisionLog, logged_marginals
from shopgym.policies.policy import SlatePolicy
from shopgym.policies.serving.bundle import load_bundle
from shopgym.simulators import Catalog

pytestmark = pytest.mark.slow

SMALL: dict[str, Any] = {
    "name": "small",
    "seed": 3,
    "catalog": {"source": "synthetic", "items": 150},
    "shop": {
        "users": 400,
        "slate_size": 2,
        "num_candidates": 8,
        "choice": {"click_base": -2.0, "cart_base": -0.5, "buy_base": 0.5, "taste_weight": 3.0},
    },
    "agents": {"popularity": {}, "lints": {"draws": 3}},
    "training": {"rounds": 15, "batch": 400, "warm_up": 5},
    "log": {"decisions": 12_000},
    "evaluation": {"bootstrap": 200},
    "truth": {"decisions": 8000},
}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "small"
    run(parse_config(SMALL), folder, quiet=True)
    return folder


def test_leaves_everything_that_was_promised(finished: Path) -> None:
    for name in (
        "config.yaml",
        "summary.json",
        "gate.json",
        "environment.json",
        "catalog.parquet",
        "log.parquet",
        "report.html",
        "metrics/agents.csv",
        "metrics/agents.parquet",
        "metrics/learning.csv",
        "metrics/evaluation.csv",
        "plots/learning.png",
        "plots/offline.png",
        "plots/gains.png",
        "policies/lints/manifest.json",
        "bundle/manifest.json",
    ):
        assert (finished / name).is_file(), name
    assert (
        parse_config(yaml.safe_load((finished / "config.yaml").read_text())).hash == parse_config(SMALL).hash
    )


def test_the_story_holds(finished: Path) -> None:
    summary = json.loads((finished / "summary.json").read_text())
    assert summary["candidate"] == "lints"
    assert summary["true_gain"][1] > 0
    assert summary["gate"]["passed"]
    assert summary["served"]["equal"] == summary["served"]["cases"] == summary["served"]["logged"]
    evaluation = pd.read_parquet(finished / "metrics/evaluation.parquet")
    dr = evaluation[evaluation["estimator"] == "dr"]
    # half-widths of 95% intervals are 1.96 standard errors: 2.5 of them miss with probability 1e-6
    assert (abs(dr["value"] - dr["truth"]) < 2.5 * (dr["high"] - dr["low"]) / 2).all()
    assert set(evaluation["estimator"]) == {"ips", "snips", "dm", "dr"}
    assert set(evaluation["interval"]) == {"delta", "bootstrap"}
    learning = pd.read_parquet(finished / "metrics/learning.parquet").query("agent == 'lints'")
    assert learning["regret"].tail(5).mean() < learning["regret"].head(3).mean()
    assert (pd.read_parquet(finished / "metrics/learning.parquet")["regret"] > 0).all()


def test_the_log_says_what_the_policy_did(finished: Path) -> None:
    log = DecisionLog.read(finished / "log.parquet")
    assert log.config_hash == parse_config(SMALL).hash
    assert log.policy_name == "popularity"
    assert log.marginals is not None
    catalog = Catalog.load(finished / "catalog.parquet")
    task = Task(catalog.items, log.user_names, log.context_names, 2, attention=np.ones(2))
    logger = make_agent("popularity", task, np.random.default_rng(0), **LogSection().options).policy()
    assert isinstance(logger, SlatePolicy)
    assert log.policy_hash == logger.hash
    requests = log.requests()
    np.testing.assert_array_equal(log.propensities, logger.propensities(requests, log.positions))
    np.testing.assert_array_equal(log.marginals, logged_marginals(logger, requests, log.positions))
    np.testing.assert_array_equal(log.slates, np.take_along_axis(log.candidates, log.positions, axis=1))
    # every first slot had candidates whose probabilities add up to 1
    np.testing.assert_allclose(logger.marginals(requests)[:, 0].sum(axis=1), 1.0)
    served = load_bundle(finished / "bundle").policy
    assert served.hash == read_policy(finished / "policies", "lints", catalog.items).hash != log.policy_hash


def test_same_config_same_bytes(finished: Path, tmp_path: Path) -> None:
    run(parse_config(SMALL), tmp_path / "again", quiet=True)
    timed = {"report.html", "summary.json"}  # these say how long the server took to answer
    for path in sorted(finished.rglob("*")):
        if path.is_file() and path.name not in timed:
            assert path.read_bytes() == (tmp_path / "again" / path.relative_to(finished)).read_bytes(), path
    first, again = (
        re.sub(r"answer took [0-9.]+ ms", "", (folder / "report.html").read_text())
        for folder in (finished, tmp_path / "again")
    )
    assert first == again


def test_report_needs_no_network(finished: Path) -> None:
    page = (finished / "report.html").read_text()
    pictures = re.findall(r'alt="([^"]*)" src="data:image/png;base64,', page)
    monitors = [name for name in pictures if name.startswith("Monitor of ")]
    assert [name for name in pictures if name not in monitors] == [
        "learning",
        "offline",
        "gains",
        "Under pressure",
    ]
    assert len(monitors) == len(pd.read_csv(finished / "metrics" / "agents.csv"))
    assert not re.search(r"""(src|href)=["'](?!data:)""", page)
    assert "http" not in page
    summary = json.loads((finished / "summary.json").read_text())
    gate = summary["gate"]
    assert f"<p>lints passed the gate: {escape(gate['reason'])}.</p>" in page
    served = summary["served"]
    assert f"asked {served['cases']} golden requests over HTTP" in page
    assert f"{served['equal']} decisions were equal" in page
    for row in pd.read_csv(finished / "metrics" / "agents.csv").to_dict("records"):
        assert f"<td>{row['agent']}</td>" in page
        assert f"{row['value']:.4f}" in page
        assert row["agent"] == summary["baseline"] or f"{row['gain']:+.4f} [" in page
    config = parse_config(SMALL)
    assert f"config {config.hash[:16]} · seed 3" in page
    assert page.count('<div class="visitor">') == 3
    assert page.count('<div class="card">') == 3 * 2 * 2  # visitors x policies x slots


def test_export_again_and_refusals(finished: Path, tmp_path: Path) -> None:
    bundle = export_policy(finished, "lints", tmp_path / "copy")
    assert bundle.hash == load_bundle(finished / "bundle").hash
    assert bundle.evidence["gate"]["passed"]
    with pytest.raises(InvalidInput, match="baseline"):
        export_policy(finished, "popularity", tmp_path / "no")
    with pytest.raises(InvalidInput, match="vw"):
        export_policy(finished, "vw", tmp_path / "no")
    with pytest.raises(InvalidInput, match="shopgym run"):
        export_policy(tmp_path, "lints", tmp_path / "no")
    assert not (tmp_path / "no").exists()


def test_a_policy_that_was_changed_is_not_exported(finished: Path, tmp_path: Path) -> None:
    import shutil

    shutil.copytree(finished, tmp_path / "run")
    spec = tmp_path / "run" / "policies" / "lints" / "policy.json"
    changed = spec.read_text().replace('"floor": 0.05', '"floor": 0.06')
    assert changed != spec.read_text()
    spec.write_text(changed)
    with pytest.raises(InvalidInput, match="changed after it was saved"):
        export_policy(tmp_path / "run", "lints", tmp_path / "no")


def test_a_failed_run_leaves_what_is_done_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import shopgym.experiments.runner as runner

    def stop(*_: Any) -> None:
        raise RuntimeError("pulled the plug")

    monkeypatch.setattr(runner, "write_tables", stop)
    tiny = {**SMALL, "training": {"rounds": 2, "batch": 100, "warm_up": 1}, "truth": {"decisions": 1000}}
    with pytest.raises(RuntimeError, match="plug"):
        run(parse_config(tiny | {"log": {"decisions": 200}}), tmp_path / "x", quiet=True)
    assert [path.name for path in tmp_path.iterdir()] == ["x"]  # no file half written, no lock
    assert sorted(path.name for path in (tmp_path / "x").iterdir()) == ["cells", "config.yaml"]
    with pytest.raises(InvalidInput, match="another config"):
        run(parse_config(tiny), tmp_path / "x", quiet=True)

    def wrong(*_: Any) -> None:
        raise InvalidInput("shop", 1, "it cannot be run")

    monkeypatch.setattr(runner, "write_tables", wrong)
    with pytest.raises(InvalidInput, match="cannot be run"):
        run(parse_config(tiny | {"log": {"decisions": 200}}), tmp_path / "x", quiet=True)
    assert list(tmp_path.iterdir()) == []


# configs


def test_any_known_estimator_may_be_asked_for() -> None:
    section = {"evaluation": {"estimators": ["snips", "sg-dr", "cascade-dr"]}}
    assert parse_config({**SMALL, **section}).evaluation.estimators == ("snips", "sg-dr", "cascade-dr")
    with pytest.raises(InvalidInput, match="choose one of ips, snips"):
        parse_config({**SMALL, "evaluation": {"estimators": ["magic"]}})


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"seeed": 1}, "seeed"),
        ({"seed": -1}, "seed"),
        ({"name": "../up"}, "name"),
        ({"shop": {"slate_size": 0}}, "shop.slate_size"),
        ({"shop": {"slate_size": "five"}}, "shop.slate_size"),
        ({"shop": {"slates": 5}}, "shop.slates"),
        ({"shop": {"choice": {"drift": 3}}}, "shop.choice.drift"),
        ({"shop": {"stock": {"lead_time": -2}}}, "shop.stock.lead_time"),
        ({"shop": [1]}, "shop"),
        ({"reward": {"terms": {"click": 1.0}}}, "reward.terms.click"),
        ({"guards": [{"kind": "luck"}]}, "guards.kind"),
        ({"guards": [{"kind": "category_cap", "maximum": 0}]}, "guards.category_cap.maximum"),
        ({"agents": {"popularity": {}, "lintz": {}}}, "agents"),
        ({"agents": {"popularity": {}, "lints": {"alhpa": 1}}}, "agents.lints.alhpa"),
        ({"agents": {"popularity": {}}}, "agents"),
        ({"gate": {"baseline": "oracle"}}, "gate.baseline"),
        ({"reward": {"costs": ["margin >= 0.9 of popularty's"]}}, "reward.costs.margin per page.versus"),
        ({"gate": {"level": 1.5}}, "gate.level"),
        ({"training": {"rounds": 0}}, "training.rounds"),
        ({"evaluation": {"estimators": ["magic"]}}, "evaluation.estimators"),
        ({"catalog": {"source": "transactions"}}, "catalog.path"),
    ],
)
def test_bad_configs_name_field_value_and_fix(change: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_config({**SMALL, **change})
    assert caught.value.field.startswith(field)
    assert caught.value.fix


def test_shipped_configs_are_valid_and_say_what_they_are_for() -> None:
    import shopgym.experiments as experiments

    folder = Path(experiments.__path__[0]) / "configs"
    paths = sorted(folder.glob("*.yaml"))
    assert paths
    for path in paths:
        raw = read_config(path)
        kind = raw.get("kind", "experiment")
        config = checked_config(raw) if kind in KINDS else build(config_class(kind), raw)
        assert raw["purpose"]
        assert config.name == path.stem
        assert read_config(Path(path.stem)) == raw
        said = f"{path.read_text().splitlines()[0]} {raw.get('running_time', '')}"
        assert re.search("minute|hour|second", said), path  # how long it takes


# the command line


def shopgym(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "shopgym.cli.main", *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, check=False)


def test_bad_input_is_one_line_and_exit_code_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad.yaml").write_text("name: bad\nshop: {slate_size: 0}\n")
    (tmp_path / "broken.yaml").write_text("name: [\n")
    (tmp_path / "list.yaml").write_text("- 1\n")
    (tmp_path / "twice.yaml").write_text("name: a\nseed: 1\nseed: 2\n")
    (tmp_path / "latin.yaml").write_bytes(b"name: \xff\n")
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "file").write_text("mine")
    (tmp_path / "good.yaml").write_text("name: good\n")
    for arguments, words in (
        (("run", "bad.yaml"), "shop.slate_size = 0"),
        (("run", "broken.yaml"), "not YAML"),
        (("run", "list.yaml"), "mapping"),
        (("run", "none.yaml"), "no such file"),
        (("run", "onlin_retail"), "did you mean 'online_retail'?"),
        (("run", "twice.yaml"), "given twice"),
        (("run", "latin.yaml"), "UTF-8"),
        (("run", "good.yaml", "--out", "precious"), "no run"),
        (("run", "good.yaml", "--out", "bad.yaml"), "no run"),
        (("export", ".", "--out", "b"), "shopgym run"),
        (("serve", "nothing"), "nothing"),
        (("evaluate", "none.csv", "--policy", "uniform"), "none.csv"),
    ):
        monkeypatch.setattr(sys, "argv", ["shopgym", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        assert ended.value.code == 2
        assert words in said.err
        assert said.out == ""
        assert said.err.count("\n") == 1
    done = shopgym("run", "bad.yaml", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("shopgym: shop.slate_size = 0: ")
    configs = {f"{name}.yaml" for name in ("bad", "broken", "list", "twice", "latin", "good")}
    assert {path.name for path in tmp_path.iterdir()} == configs | {"precious"}
    assert (tmp_path / "precious" / "file").read_text() == "mine"


def test_help_names_every_command(tmp_path: Path) -> None:
    done = shopgym("--help", cwd=tmp_path)
    assert done.returncode == 0
    for command in ("run", "evaluate", "export", "serve", "bundle", "log"):
        assert command in done.stdout
    assert shopgym("--version", cwd=tmp_path).stdout.startswith("shopgym ")
