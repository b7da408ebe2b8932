"""The cells of an experiment: one, the whole of it; its rows are those of the agents."""

from __future__ import annotations

from typing import Any

from rich.progress import Progress

from ...core.config import build
from ..cells.cell import Cell, Row
from ..config import ExperimentConfig
from ..results import Results, is_told

HERE = f"{__name__}:experiment_rows"


def experiment_cells(config: ExperimentConfig, prefix: str) -> list[Cell]:
    """The one cell of an experiment with one seed."""
    return [Cell(f"{prefix}seed-{config.seed}", HERE, config.stored(), {"seed": config.seed})]


def experiment_rows(cell: Cell) -> list[Row]:
    """Run the experiment; one row for each agent."""
    from ..runner import Experiment, run

    config = build(ExperimentConfig, cell.config)
    if cell.folder is None:
        results, _ = Experiment(config, Progress(disable=True)).run()
    else:
        results = run(config, cell.folder, quiet=True, overwrite=True)
    return [*(_row(results, name) for name in results.names), *_failed(results)]


def _row(results: Results, name: str) -> Row:
    """What was found of one agent; the estimate from the log only where it may be shown."""
    measured = results.agent(name)
    row: Row = {"agent": name, "failed": ""}
    row |= {
        "value": measured.pop("value"),
        "value_low": measured.pop("low"),
        "value_high": measured.pop("high"),
    }
    row |= measured
    estimate: dict[str, Any] = results.estimate(name, "dr") or {}
    told = bool(estimate) and is_told(estimate)
    row |= {f"dr_{part}": estimate[part] if told else None for part in ("value", "low", "high")}
    row["dr_verdict"] = estimate.get("verdict", "")
    verdict = results.verdicts.get(name)
    row["gate"] = "baseline" if verdict is None else verdict.outcome
    return row


def _failed(results: Results) -> list[Row]:
    return [{"agent": name, "failed": reason} for name, reason in results.failed.items()]
