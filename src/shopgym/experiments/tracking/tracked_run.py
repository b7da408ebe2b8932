"""A finished run as a tracking store has it: parameters, metrics, tags, files, and runs nested in it.

Of an experiment each agent is a nested run, of a sweep or study each row of its table: one agent, point and
seed. So agents are compared by metrics of the same name. What the log or a test cannot tell has no metric:
its verdict and the reason stand among the tags.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from ...core.hashing import hash_json
from ...evaluation.offline.verdict import REFUSE
from ..finished import FinishedRun, arms, require_finished
from ..kinds import ABTEST, EXPERIMENT
from ..run_folder import CONFIG, SUMMARY

FILES = (CONFIG, SUMMARY, "report.html", "environment.json", "gate.json", "table.csv", "runs.csv", "rows.csv")
FOLDERS = ("bundle", "metrics", "plots")
"""What is kept of a run's folder. A log stays where it is: it may be large."""
COUNTED = "decisions"
"""The column of a learning curve that is the step of its metrics."""


@dataclass(frozen=True)
class TrackedMetric:
    """One number, at a step of its own where it is part of a curve."""

    name: str
    value: float
    step: int = 0


@dataclass(frozen=True)
class TrackedRun:
    """What is written of a run.

    Attributes:
        name: of the run.
        params: what it was made with, as text, by dotted name.
        metrics: finite numbers that may be trusted.
        tags: hashes, versions, verdicts and sentences.
        files: files and folders to keep.
        nested: its parts.
    """

    name: str
    params: Mapping[str, str] = field(default_factory=dict)
    metrics: tuple[TrackedMetric, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    files: tuple[Path, ...] = ()
    nested: tuple[TrackedRun, ...] = ()


def tracked_run(run: FinishedRun) -> TrackedRun:
    """What a store is told of ``run``.

    Raises:
        InvalidInput: the run is not finished, or cannot be read.
    """
    require_finished(run)
    tags = {"shopgym.run": run_hash(run), "shopgym.kind": run.kind, "shopgym.version": run.version}
    tags |= {
        "shopgym.config_hash": str(run.summary.get("config_hash", "")),
        "shopgym.headline": run.headline,
        **{f"shopgym.failed.{name}": str(why) for name, why in run.summary.get("failed", {}).items()},
        **_verdict(run),
    }
    metrics = _test_metrics(run.summary) if run.kind == ABTEST else _arm_metrics(run)
    return TrackedRun(
        run.folder.resolve().name,
        dict(flattened(run.config)),
        tuple(metrics),
        {name: text for name, text in tags.items() if text},
        tuple(path for name in (*FILES, *FOLDERS) if (path := run.folder / name).exists()),
        tuple(_agents(run) if run.kind == EXPERIMENT else _rows(run)),
    )


def run_hash(run: FinishedRun) -> str:
    """SHA-256 of what was run, by which version, and what it came to: the same wherever the folder is.

    How long a server took to answer differs from run to run, and is left out.
    """
    summary = {name: value for name, value in run.summary.items() if name != "served"}
    return hash_json({"config": run.config, "version": run.version, "summary": summary})


def flattened(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """(dotted name, text) of every setting; a list is one value."""
    if isinstance(value, Mapping) and value:
        for name, part in value.items():
            yield from flattened(part, f"{path}.{name}".strip("."))
    else:
        yield path, value if isinstance(value, str) else json.dumps(value)


def _verdict(run: FinishedRun) -> dict[str, str]:
    if run.kind == EXPERIMENT:
        gate = run.summary.get("gate", {})
        words = {"verdict": "passed" if gate.get("passed") else "refused", "reason": gate.get("reason", "")}
        return {
            "shopgym.verdict": words["verdict"],
            "shopgym.reason": str(words["reason"]),
            "shopgym.candidate": str(run.summary.get("candidate", "")),
            "shopgym.unit": str(run.summary.get("unit", "")),
        }
    analysis = run.summary.get("analysis") if run.kind == ABTEST else None
    if analysis is None:
        return {}
    return {"shopgym.verdict": str(analysis["verdict"]), "shopgym.reason": "; ".join(analysis["reasons"])}


def _test_metrics(summary: Mapping[str, Any]) -> Iterator[TrackedMetric]:
    """The relative effects of an online test, and the truth; no effect of a test that is refused."""
    analysis = summary.get("analysis")
    if analysis is not None and analysis["verdict"] != REFUSE:
        for row in analysis["rows"]:
            yield from _numbers(f"effect.{row['arm']}.{row['metric']}", row["relative"])
    for true in summary.get("truth", ()):
        yield from _numbers(f"truth.{true['arm']}.{true['metric']}", true["relative"])


def _arm_metrics(run: FinishedRun) -> Iterator[TrackedMetric]:
    """The mean of every agent and point over seeds, with its interval."""
    value = run.config_kind.value
    for row in arms(run):
        name = ".".join(str(row[key]) for key in reversed(run.keys))
        yield from _numbers(f"{value}.{name}", {"value": row[value], "low": row["low"], "high": row["high"]})


def _agents(run: FinishedRun) -> Iterator[TrackedRun]:
    """The agents of an experiment, each with its learning curve and what the log tells of it."""
    folder = run.folder / "metrics"
    learning, evaluation = (pd.read_csv(folder / f"{name}.csv") for name in ("learning", "evaluation"))
    for row in run.table().to_dict("records"):
        agent = str(row["agent"])
        curve = learning[learning["agent"] == agent].drop(columns="agent").to_dict("records")
        steps = [
            metric
            for point in curve
            for metric in _numbers("learning", point, step=int(point[COUNTED]))
            if metric.name != f"learning.{COUNTED}"
        ]
        offline, tags = _offline(evaluation[evaluation["agent"] == agent])
        final = _numbers("", {str(name): row[name] for name in row if name not in ("agent", "seed")})
        entry = run.config.get("agents", {}).get(agent) or {}
        params = {"agent": agent, "seed": str(row["seed"]), **dict(flattened(entry, "options"))}
        yield TrackedRun(agent, params, (*steps, *final, *offline), tags)


def _offline(rows: pd.DataFrame) -> tuple[list[TrackedMetric], dict[str, str]]:
    """The estimates of one agent that are not refused; and every verdict as a tag."""
    metrics: list[TrackedMetric] = []
    tags = {}
    for row in rows.to_dict("records"):
        name = f"offline.{row['estimator']}.{row['interval']}"
        reason = "" if pd.isna(row["reason"]) else f": {row['reason']}"
        tags[f"shopgym.verdict.{name}"] = f"{row['verdict']}{reason}"
        if row["verdict"] != REFUSE:
            metrics += _numbers(name, {end: row[end] for end in ("value", "low", "high")})
    return metrics, tags


def _rows(run: FinishedRun) -> Iterator[TrackedRun]:
    """The rows of the table of a sweep or study: one agent, point and seed each."""
    if not run.config_kind.value:
        return
    keys = [*run.keys, "seed"]
    for row in run.table().to_dict("records"):
        named = {key: str(row[key]) for key in keys if key in row}
        verdict = {"shopgym.verdict.dr": str(row["dr_verdict"])} if "dr_verdict" in row else {}
        numbers = {str(name): value for name, value in row.items() if name not in named}
        yield TrackedRun(
            " ".join(f"{key}={text}" for key, text in named.items()),
            named,
            tuple(_numbers("", numbers)),
            verdict,
        )


def _numbers(prefix: str, row: Mapping[Any, Any] | None, step: int = 0) -> Iterable[TrackedMetric]:
    """The finite numbers of a mapping as metrics; words, truth values and what is no number are left out."""
    for name, value in (row or {}).items():
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            yield TrackedMetric(metric_name(f"{prefix}.{name}".strip(".")), float(value), step)


def metric_name(name: str) -> str:
    """``name`` in the letters that stores accept; others become ``_``."""
    return re.sub(r"[^\w.:/ -]", "_", name, flags=re.ASCII)
