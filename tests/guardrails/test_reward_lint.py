"""The lint of a reward as it is written: one planted fault for every code, and honest rewards without any."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from shopgym.cli.main import app
from shopgym.core.reward import RewardSpec
from shopgym.guardrails.reward import CODES, Finding, LintReport, spec_lint
from shopgym.guardrails.reward.findings import EXIT_CODES
from shopgym.guardrails.reward.spec_lint import lint_spec

CLICKS = {"click": 0.01}
PLANTED: dict[str, tuple[dict[str, Any], ...]] = {
    "north_star_missing": (
        {"terms": {"revenue": 1.0}},
        {"terms": {"margin": 0.0, "revenue": 1.0}},
        {"terms": {"click": 1.0}, "unit": "click"},
        {"terms": {"margin": 1.0}, "north_star": {"retention": 1.0}},
    ),
    "north_star_negative": (
        {"terms": {"margin": -1.0}},
        {"terms": {"click": -1.0, "margin": 1.0}, "exchange": CLICKS, "north_star": "click"},
        {"terms": {"margin": 1.0}, "north_star": {"margin": -1.0}},
    ),
    "north_star_cost_uncharged": (
        {"terms": {"margin": 1.0}, "north_star": {"margin": 1.0, "return_cost": -1.0}},
    ),
    "cost_rewarded": (
        {"terms": {"margin": 1.0, "return_cost": 1.0}},
        {"terms": {"margin": 1.0, "stockout": 0.5}, "exchange": {"stockout": 0.1}},
        {"terms": {"return_cost": 1.0}, "north_star": {"margin": 1.0, "return_cost": -1.0}},
    ),
    "counted_twice": (
        {"terms": {"margin": 1.0, "revenue": 1.0}},
        {"terms": {"margin": 1.0, "return_cost": -1.0, "expected_return_cost": -1.0}},
    ),
    "discount_charged_twice": ({"terms": {"margin": 1.0, "discount_cost": -1.0}},),
    "rate_not_positive": (
        {"terms": {"margin": 1.0, "click": 1.0}, "exchange": {"click": -0.1}},
        {"terms": {"margin": 1.0, "click": 1.0}, "exchange": {"click": 0.0}},
    ),
    "good_punished": ({"terms": {"margin": 1.0, "click": -1.0}, "exchange": CLICKS},),
    "weight_zero": ({"terms": {"margin": 1.0, "click": 0.0}, "exchange": CLICKS},),
    "only_proxies": ({"terms": {"click": 1.0}, "unit": "click", "north_star": "click"},),
    "dwell_rewarded": ({"terms": {"margin": 1.0, "dwell": 1.0}, "exchange": {"dwell": 0.001}},),
    "exposure_rewarded": ({"terms": {"margin": 1.0, "impression": 1.0}, "exchange": {"impression": 0.01}},),
    "limit_never_binds": (
        {"terms": {"margin": 1.0}, "costs": ["stockout rate <= 100%"]},
        {"terms": {"margin": 1.0}, "costs": ["click >= 0"]},
    ),
    "limit_allows_nothing": ({"terms": {"margin": 1.0}, "costs": ["discount_cost <= 0 per revenue"]},),
    "losses_clipped": ({"terms": {"margin": 1.0}, "clip": {"margin": [0.0, 100.0]}},),
    "horizon_unseen": (
        {
            "terms": {"margin": 1.0},
            "north_star": {"margin": 1.0, "retention": 1.0},
            "exchange": {"retention": 5.0},
        },
    ),
}
HONEST: tuple[dict[str, Any], ...] = (
    {"terms": {"margin": 1.0}},
    {"terms": {"margin": 1.0, "click": 1.0}, "exchange": CLICKS},
    {"terms": {"margin": 1.0, "return_cost": -1.0}},
    {
        "terms": {"margin": 1.0, "expected_return_cost": -1.0},
        "north_star": {"margin": 1.0, "return_cost": -1.0},
    },
    {"terms": {"purchase": 2.0}, "unit": "order line", "north_star": "purchase"},
    {"terms": {"revenue": 1.0}, "north_star": "revenue"},
    {
        "terms": {"margin": 1.0, "stockout": -1.0},
        "exchange": {"stockout": 0.05},
        "costs": ["stockout rate <= 2%", "discount_cost <= 0.05 per revenue"],
        "clip": {"margin": [-50.0, 200.0]},
    },
    {
        "terms": {"margin": 1.0, "satisfaction": 1.0},
        "exchange": {"satisfaction": 0.2},
        "north_star": {"weights": {"margin": 1.0}, "horizon": 90.0},
    },
)
ONE = [(code, spec) for code, specs in PLANTED.items() for spec in specs]


def test_every_code_of_a_written_reward_has_a_planted_fault() -> None:
    """The other codes need a shop, a log or agents: they are planted in the tests of those."""
    written = Path(spec_lint.__file__).read_text()
    assert set(PLANTED) == {code for code in CODES if f'"{code}"' in written}


@pytest.mark.parametrize(("code", "spec"), ONE, ids=[f"{code}-{n}" for n, (code, _) in enumerate(ONE)])
def test_a_planted_fault_is_found(code: str, spec: dict[str, Any]) -> None:
    report = lint_spec(RewardSpec.read(spec))
    assert code in {finding.code for finding in report.findings}
    errors = [finding for finding in report.findings if finding.severity == "error"]
    assert report.exit_code == (3 if errors else 0)
    assert (CODES[code].severity == "error") <= bool(errors)
    for finding in report.findings:
        assert "{" not in finding.message + finding.remedy
        assert finding.message.endswith(".")


@pytest.mark.parametrize("spec", HONEST)
def test_an_honest_reward_has_no_finding(spec: dict[str, Any]) -> None:
    report = lint_spec(RewardSpec.read(spec))
    assert (report.findings, report.exit_code) == ((), 0)


def test_errors_come_first_and_are_counted() -> None:
    spec = RewardSpec({"click": 0.0, "margin": 1.0, "revenue": 1.0}, exchange=CLICKS)
    report = lint_spec(spec)
    assert [finding.severity for finding in report.findings] == ["error", "warning"]
    assert report.headline.startswith("1 error, 1 warning: ")


def run(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["reward", "lint", *map(str, arguments)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout


def test_the_command_prints_findings_with_their_remedy(tmp_path: Path) -> None:
    path = tmp_path / "reward.yaml"
    path.write_text("terms: {margin: 1.0, return_cost: 1.0}\ncosts: [stockout rate <= 2%]\n")
    code, text = run(path, "--html", tmp_path / "report.html")
    assert code == 3
    for words in (
        "which the business wants to maximise: margin",
        "return_cost is a cost",
        "What to do: Give",
    ):
        assert words in text
    assert "stockout at most 2% per impression" in text
    html = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "return_cost is a cost" in html
    assert "<script" not in html


def test_the_command_answers_in_json(tmp_path: Path) -> None:
    path = tmp_path / "reward.yaml"
    path.write_text("{margin: 1.0, return_cost: -1.0}\n")
    code, text = run(path, "--json")
    answer = json.loads(text)
    assert (code, answer["exit_code"], answer["verdict"], answer["findings"]) == (0, 0, "aligned", [])
    assert answer["spec"]["terms"] == {"margin": 1.0, "return_cost": -1.0}
    assert run("online_retail")[0] == 0


def test_a_spec_that_cannot_be_read_ends_with_2(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from shopgym.cli import main

    path = tmp_path / "reward.yaml"
    path.write_text("{margin: 1.0, fame: 1.0}\n")
    for name in (str(path), str(tmp_path / "none.yaml")):
        monkeypatch.setattr("sys.argv", ["shopgym", "reward", "lint", name])
        with pytest.raises(SystemExit) as ended:
            main.main()
        assert ended.value.code == 2


def test_verdicts_have_the_exit_codes_that_are_promised() -> None:
    assert sorted(EXIT_CODES.values()) == [0, 0, 2, 2, 3, 3, 3]
    finding = Finding.make("weight_zero", term="click")
    report = LintReport((finding,), "gameable", "h", tables={"T": [{"a": 0.123456, "b": "<x>", "c": 3}]})
    assert report.exit_code == 3
    assert "&lt;x&gt;" in report.html()
    assert report.summary()["findings"][0]["code"] == "weight_zero"


def test_every_code_of_the_table_has_a_test_that_plants_it() -> None:
    folder = Path(__file__).parent
    names = ("test_shop_lint.py", "test_log_lint.py", "test_audit.py")
    text = "".join((folder / name).read_text(encoding="utf-8") for name in names)
    assert [code for code in CODES if code not in PLANTED and f'"{code}"' not in text] == []
