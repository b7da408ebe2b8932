"""The report of a run says what its reward does in the shop, and what clicks alone would have cost."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from shopgym.experiments.config import parse_config
from shopgym.experiments.runner import run

pytestmark = pytest.mark.slow

SMALL: dict[str, Any] = {
    "name": "small",
    "seed": 3,
    "catalog": {"source": "synthetic", "items": 150},
    "shop": {"users": 400, "slate_size": 2, "num_candidates": 8},
    "agents": {"popularity": {}, "random": {}},
    "training": {"rounds": 3, "batch": 200, "warm_up": 3},
    "log": {"decisions": 2000},
    "evaluation": {"bootstrap": 100},
    "truth": {"decisions": 1000},
}


def test_the_report_shows_the_lint_and_what_clicks_alone_would_have_cost(tmp_path: Path) -> None:
    results = run(parse_config(SMALL), tmp_path / "run", quiet=True)
    assert results.lint.verdict == "aligned"
    assert results.clicks is not None
    report = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert "<h2>The reward</h2>" in report
    assert 'alt="Under pressure"' in report
    assert f"would keep {results.clicks.share.value:.0%} of the margin" in report
    assert results.clicks.share.high < 1.0
    assert set(results.monitors) == {"popularity", "random"}
    assert all(len(monitor.rows) == 3 for monitor in results.monitors.values())
    assert report.count('alt="Monitor of ') == 2


def test_a_reward_that_cannot_be_linted_is_said_to_be_so_everywhere(tmp_path: Path) -> None:
    """The mean of a page's diversity is not known item by item."""
    reward = {"terms": {"margin": 1.0}, "north_star": "diversity"}
    results = run(parse_config({**SMALL, "reward": reward}), tmp_path / "run", quiet=True)
    assert results.lint.verdict == "not linted"
    assert "the reward was not linted" in results.chosen.sentence
    summary = json.loads((tmp_path / "run" / "summary.json").read_text(encoding="utf-8"))
    assert "diversity" in summary["reward_not_linted"]
    written = json.loads((tmp_path / "run" / "reward_lint.json").read_text(encoding="utf-8"))
    assert written["verdict"] == "not linted"
    report = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert "<b>not linted</b>Nobody knows whether this reward can be gamed" in report
