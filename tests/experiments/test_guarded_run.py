"""One declaration of guards in a whole run: training, deployment, log, evaluation, bundle and server."""

from __future__ import annotations

import json
import re
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from shopgym.core import InvalidInput
from shopgym.experiments.config import parse_config
from shopgym.experiments.export import export_policy
from shopgym.experiments.policy_store import read_policy
from shopgym.experiments.runner import run
from shopgym.policies.decision_log import DecisionLog
from shopgym.policies.guards import guard_spec
from shopgym.policies.serving.bundle import load_bundle
from shopgym.simulators import Catalog

CONFIG: dict[str, Any] = {
    "name": "guarded",
    "seed": 3,
    "catalog": {"source": "synthetic", "items": 60},
    "shop": {
        "users": 200,
        "slate_size": 3,
        "num_candidates": 10,
        "live": True,
        "choice": {"click_base": -2.0, "cart_base": -0.5, "buy_base": 0.5},
    },
    "guards": [
        {"kind": "in_stock"},
        {"kind": "frequency_cap", "maximum": 2, "days": 1.0},
        {"kind": "exposure_floor", "items": {"categories": ["Category 1"]}, "minimum": 0.1},
        {"kind": "category_cap", "maximum": 2},
        {"kind": "discount_budget", "maximum": 0.05},
    ],
    "agents": {"popularity": {}, "lints": {"draws": 3}},
    "training": {"rounds": 4, "batch": 200, "warm_up": 3, "reward": "booked", "attribution": "linear"},
    "log": {"decisions": 1000},
    "evaluation": {"bootstrap": 100, "estimators": ["ips", "dr"]},
    "truth": {"decisions": 1000},
}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "guarded"
    run(parse_config(CONFIG), folder, quiet=True, override="to see the bundle")
    return folder


def test_the_log_has_the_counters_and_replays(finished: Path) -> None:
    log = DecisionLog.read(finished / "log.parquet")
    assert log.version == 2
    assert set(log.counters) == {"shown", "shown.Category 1", "shown_item_1d", "discount", "revenue"}
    items = Catalog.load(finished / "catalog.parquet").items
    for name in ("popularity", "lints"):
        policy = read_policy(finished / "policies", name, items)
        assert [guard_spec(guard) for guard in policy.guards] == json.loads(
            (finished / "policies" / name / "policy.json").read_text()
        )["guards"]
        # what the log shows is within the cap, and every policy that is judged on it reads the same counters
        shown = np.take_along_axis(log.counters["shown_item_1d"], np.maximum(log.positions, 0), axis=1)
        assert (shown[log.positions >= 0] < 2).all()
        propensities = policy.propensities(log.requests(), log.positions)
        assert ((propensities >= 0) & (propensities <= 1 + 1e-9)).all()


def test_interventions_are_in_every_stage(finished: Path) -> None:
    table = pd.read_parquet(finished / "metrics" / "interventions.parquet")
    pd.testing.assert_frame_equal(
        table.drop(columns="items"),
        pd.read_csv(finished / "metrics" / "interventions.csv").drop(columns="items"),
    )
    stages = set(zip(table["stage"], table["agent"], strict=True))
    assert stages == {
        *(("training", name) for name in ("popularity", "lints")),
        *(("deployment", name) for name in ("popularity", "lints")),
        ("log", "popularity"),
    }
    assert (table.groupby(["stage", "agent"]).size() == len(CONFIG["guards"])).all()
    by_rule = table[table["stage"] == "deployment"].groupby("rule")["slots"].sum()
    assert by_rule["frequency_cap per item"] > 0
    assert by_rule["exposure_floor of Category 1"] > 0
    deployed = table[(table["stage"] == "deployment") & (table["agent"] == "popularity")]
    assert (deployed["pages_in_all"] == 1000).all()


def test_a_policy_that_leans_on_its_guards_is_said_to(finished: Path) -> None:
    table = pd.read_parquet(finished / "metrics" / "interventions.parquet")
    leaning = set(table[(table["stage"] == "deployment") & table["leans"]]["agent"])
    said = json.loads((finished / "summary.json").read_text()).get("leans_on_guards", [])
    assert {sentence.split()[0] for sentence in said} == leaning
    assert "popularity" in leaning  # caps and floors take the same few items off its pages


def test_the_bundle_has_the_rules_their_evidence_and_counted_golden_cases(finished: Path) -> None:
    bundle = load_bundle(finished / "bundle")
    rules = [guard.kind for guard in bundle.policy.guards]
    assert rules == [guard["kind"] for guard in CONFIG["guards"]]
    evidence = bundle.evidence["guards"]
    assert [row["rule"].split()[0] for row in evidence] == rules
    assert all(row["agent"] == bundle.policy.name for row in evidence)
    summary = json.loads((finished / "summary.json").read_text())
    assert summary["served"]["equal"] == summary["served"]["cases"]
    golden = json.loads((finished / "bundle" / "golden.json").read_text())
    assert any(any(case["request"]["counters"]["shown_item_1d"]) for case in golden)


def test_a_run_without_the_table_still_exports(finished: Path, tmp_path: Path) -> None:
    """Runs of earlier versions have none."""
    hidden = finished / "metrics" / "interventions.parquet"
    aside = hidden.rename(tmp_path / "aside.parquet")
    try:
        agent = json.loads((finished / "summary.json").read_text())["candidate"]
        bundle = export_policy(finished, agent, tmp_path / "bundle", override="to see the bundle")
    finally:
        aside.rename(hidden)
    assert bundle.evidence["guards"] == []


@pytest.mark.parametrize(
    ("guards", "message"),
    [
        ([{"kind": "age_limit", "items": {"categories": ["x"]}}], r"age_limit\.column = 'user\.age'"),
        ([{"kind": "frequency_cap", "maximum": 0}], r"guards.*maximum = 0"),
        ([{"kind": "frequency_cap"}, {"kind": "frequency_cap"}], "declared twice"),
        ([{"kind": "frequencycap"}], "did you mean 'frequency_cap'"),
    ],
)
def test_wrong_guards_are_refused_when_the_config_is_read(guards: list[Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        parse_config({**CONFIG, "guards": guards})


def test_the_discount_budget_needs_live_prices() -> None:
    with pytest.raises(InvalidInput, match=r"set shop\.live: true"):
        parse_config({**CONFIG, "shop": {**CONFIG["shop"], "live": False}})


def test_the_report_says_how_often_each_guard_intervened_and_who_leans_on_them(finished: Path) -> None:
    report = (finished / "report.html").read_text(encoding="utf-8")
    section = report.partition("<h2>The guards</h2>")[2].partition("<h2>")[0]
    assert section
    first = section.partition("</table>")[0]
    rows = np.array(re.findall("<td>(.*?)</td>", first)).reshape(-1, 8)
    counted = pd.read_parquet(finished / "metrics" / "interventions.parquet")
    deployed = counted[counted["stage"] == "deployment"].reset_index(drop=True)
    assert rows[:, 0].tolist() == deployed["agent"].tolist()
    assert rows[:, 1].tolist() == deployed["rule"].tolist()
    for column, name in ((2, "slots"), (4, "alone"), (5, "unmet")):
        assert [int(text.replace(",", "")) for text in rows[:, column]] == deployed[name].tolist()
    warnings = json.loads((finished / "summary.json").read_text(encoding="utf-8"))["leans_on_guards"]
    assert warnings
    assert all(escape(warning) in section for warning in warnings)
    share = deployed.set_index("agent")["masked_share"]["lints"].iloc[0]
    assert f"lints {share:.1%}" in section
    assert "While the agents learnt" in section
