"""Deployments day by day: what they earn, what is in stock, what is asked, and where the report shows it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.progress import Progress

from shopgym.experiments.config import parse_config
from shopgym.experiments.duration import SMALL_LINT
from shopgym.experiments.report import write_report
from shopgym.experiments.results import write_tables
from shopgym.experiments.runner import Experiment

CONFIG: dict[str, Any] = {
    "name": "days",
    "seed": 3,
    "days": 6.0,
    "catalog": {"source": "synthetic", "items": 40},
    "shop": {
        "users": 300,
        "slate_size": 2,
        "num_candidates": 6,
        "max_pages": 3,
        "allow_losses": True,
        "choice": {"click_base": 0.0, "cart_base": 1.0, "buy_base": 2.0},
        "people": {"enabled": True},
        "arrivals": {"per_day": 20, "established": 20},
    },
    "agents": {"popularity": {"decay": 0.25, "floor": 0.25}, "random": {}},
    "training": {"rounds": 2, "batch": 30, "warm_up": 2},
    "log": {"agent": "popularity", "options": {"decay": 0.25, "floor": 0.25}},
    "evaluation": {"bootstrap": 100, "estimators": ["dr"]},
}
SCARCE = {"conversion": 0.02, "minimum": 1, "lead_time": 2, "cover_days": 2.0, "out_at_start": 0.0}
CAMPAIGN = {"start": 2.0, "days": 2.0, "price_off": 0.3, "share": 1.0}
LOG = CONFIG["log"]
KINDS = {
    "season": {
        "episode": "season",
        "shop": CONFIG["shop"] | {"stock": SCARCE, "campaigns": [CAMPAIGN]},
        "log": LOG | {"episodes": 1},
        "truth": {"episodes": 3},
    },
    "life": {"episode": "life", "log": LOG | {"episodes": 200}, "truth": {"episodes": 60}},
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_days_add_up_to_the_deployment_and_show_the_campaign(kind: str, tmp_path: Path) -> None:
    experiment = Experiment(parse_config(CONFIG | KINDS[kind]), Progress(disable=True))
    experiment.lint_size = SMALL_LINT
    results, _ = experiment.run()
    days = results.days
    assert list(days.groupby("agent")["day"].count()) == [6, 6]
    agents = results.agents.set_index("agent")
    for name, rows in days.groupby("agent"):
        visits = rows["pages"].sum() / agents.loc[name, "pages_per_visit"]
        per_visit = rows["margin"].sum() / visits
        assert per_visit == pytest.approx(agents.loc[name, "margin_per_visit"])
        shown = rows.set_index("day")["price_level"].dropna()
        off = [2, 3] if kind == "season" else []
        assert shown[shown.index.isin(off)].to_numpy() == pytest.approx(0.7)
        assert shown[~shown.index.isin(off)].to_numpy() == pytest.approx(1.0)
    stock = days["in_stock"].to_numpy()
    if kind == "season":
        assert ((stock > 0) & (stock <= 1)).all()
        assert np.ptp(stock) > 0
    else:
        assert np.isnan(stock).all()
    write_tables(tmp_path / "metrics", results)
    write_report(tmp_path, results)
    assert (tmp_path / "metrics" / "days.csv").is_file()
    page = (tmp_path / "report.html").read_text()
    assert 'alt="days"' in page
    assert ('alt="offline"' in page) == (kind == "life")
