"""Folders of finished runs, written by hand, so that what they hold is known."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from shopgym._version import __version__


def write_sweep(folder: Path, values: dict[tuple[int, int], float], **config: Any) -> Path:
    """A sweep over ``training.rounds`` whose agent ``a`` has these values by (rounds, seed)."""
    (folder / "cells").mkdir(parents=True)
    (folder / "config.yaml").write_text(yaml.safe_dump({"name": folder.name, **config}))
    rows = [
        {"point": f"point-{rounds}", "training.rounds": rounds, "seed": seed, "agent": "a", "failed": ""}
        | {"value": value, "value_low": value - 1, "value_high": value + 1}
        for (rounds, seed), value in values.items()
    ]
    table = pd.DataFrame(rows)
    table.to_csv(folder / "table.csv", index=False)
    table.to_parquet(folder / "table.parquet", index=False)
    worlds = [{"sentence": "a is best"}]
    summary = {"settings": ["training.rounds"], "worlds": worlds, "config_hash": "0" * 64}
    (folder / "summary.json").write_text(json.dumps(summary))
    (folder / "environment.json").write_text(json.dumps({"shopgym": __version__}))
    return folder


def write_experiment(folder: Path) -> Path:
    """A run of agents ``a`` and ``b``; the log refuses to estimate ``b``."""
    (folder / "metrics").mkdir(parents=True)
    config = {
        "name": "mine",
        "seed": 4,
        "agents": {"a": {"alpha": 0.5}, "b": None},
        "shop": {"slate_size": 3},
    }
    agents = [
        {"agent": name, "value": value, "low": value - 1, "high": value + 1, "conversion": conversion}
        for name, value, conversion in (("a", 3.0, 0.25), ("b", 2.0, float("nan")))
    ]
    learning = [
        {"agent": name, "decisions": pages, "reward": value + pages}
        for name, value in (("a", 1.0), ("b", 2.0))
        for pages in (10, 20)
    ]
    evaluation = [
        {"agent": name, "estimator": "dr", "interval": "delta", "value": 9.0, "low": 8.0, "high": 10.0}
        | {"verdict": verdict, "reason": reason}
        for name, verdict, reason in (("a", "trust", ""), ("b", "refuse", "no overlap"))
    ]
    for name, rows in (("agents", agents), ("learning", learning), ("evaluation", evaluation)):
        pd.DataFrame(rows).to_csv(folder / "metrics" / f"{name}.csv", index=False)
    gate = {"candidate": "a", "passed": False, "reason": "its gain may be 0"}
    summary = {"config_hash": "1" * 64, "gate": gate, "candidate": "a", "unit": "click", "failed": {}}
    _finish(folder, config, summary)
    return folder


def write_test(folder: Path, verdict: str) -> Path:
    """An online test of ``new`` whose first metric is margin."""
    folder.mkdir(parents=True)
    relative = {"value": 0.1, "low": 0.05, "high": 0.15}
    rows = [{"arm": "new", "metric": "margin", "relative": relative, "outcome": "better"}]
    analysis = {"verdict": verdict, "reasons": ["the split is broken"], "rows": rows}
    truth = [{"arm": "new", "metric": "margin", "relative": {"value": 0.12, "low": 0.11, "high": 0.13}}]
    summary = {"sentence": "new is better", "analysis": analysis, "truth": truth, "config_hash": "2" * 64}
    _finish(folder, {"kind": "abtest", "name": folder.name}, summary)
    return folder


def _finish(folder: Path, config: dict[str, Any], summary: dict[str, Any]) -> None:
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    (folder / "summary.json").write_text(json.dumps(summary))
    (folder / "environment.json").write_text(json.dumps({"shopgym": __version__}))
