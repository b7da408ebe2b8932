"""The report of a run says what its reward does in the shop, and what clicks alone would have cost."""

from __future__ import annotations

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
    assert results.lint is not None
    assert results.lint.verdict == "aligned"
    assert results.clicks is not None
    report = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert "<h2>The reward</h2>" in report
    assert 'alt="Under pressure"' in report
    assert f"would keep {results.clicks.share.value:.0%} of the margin" in report
    assert results.clicks.share.high < 1.0
