"""A sweep from its plan to its table, picture and summary."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from ...core.files import write_text
from ..cell_runs import HowToRun, run_study
from ..cells.cell import CellResult
from ..cells.exact_json import exact_json
from ..entries import import_agents
from ..results import environment, write_json
from ..run_folder import SUMMARY
from .plan import Plan
from .table import Ranking, point_table, rankings, tidy_table


@dataclass(frozen=True)
class SweepResults:
    """What a sweep came to.

    Attributes:
        plan: of the sweep.
        table: one row per cell and agent.
        points: one row per point and agent: means and intervals over seeds.
        rankings: of each world.
        failed: by cell, or by cell and agent, why it has no numbers.
    """

    plan: Plan
    table: pd.DataFrame
    points: pd.DataFrame
    rankings: list[Ranking]
    failed: dict[str, str]

    @property
    def headline(self) -> str:
        """One sentence for each world."""
        return "\n".join(ranking.sentence for ranking in self.rankings)

    def summary(self) -> dict[str, Any]:
        """The outcome in one JSON-able mapping; no times, so that it is the same for every run."""
        fields = ("world", "seeds", "level", "sentence", "arms")
        worlds = [{name: getattr(ranking, name) for name in fields} for ranking in self.rankings]
        summary: dict[str, Any] = exact_json(
            {
                "name": self.plan.name,
                "config_hash": self.plan.hash,
                "value": self.plan.kind.value,
                "points": len(self.plan.points),
                "seeds": self.plan.seeds,
                "settings": self.plan.settings,
                "worlds": worlds,
                "failed": self.failed,
            }
        )
        return summary


def run_sweep(plan: Plan, folder: Path, how: HowToRun | None = None) -> SweepResults:
    """Run every cell of a plan into ``folder``, or those that an interrupted run left.

    It writes ``table.csv``, ``points.csv`` (both as Parquet too), ``sweep.png``, ``report.html`` and
    ``summary.json`` beside the folder ``cells`` of their results.

    Raises:
        InvalidInput: ``folder`` holds something else, or another process writes it.
        Exception: every cell failed; the error of the first.
    """
    for point in plan.points:
        import_agents(point.config.agents)
    cells = plan.cells(folder)
    every = [cell for of_point in cells.values() for cell in of_point]

    def finish(results_of_cells: list[CellResult]) -> SweepResults:
        from .report import write_report

        by_cell = {result.cell: result for result in results_of_cells}
        table = tidy_table(plan, cells, by_cell)
        results = SweepResults(
            plan, table, point_table(plan, table), rankings(plan, table), _failed(results_of_cells)
        )
        for name, frame in (("table", results.table), ("points", results.points)):
            write_text(folder / f"{name}.csv", frame.to_csv(index=False))
            frame.to_parquet(folder / f"{name}.parquet", index=False)
        write_json(folder / "environment.json", environment())
        write_report(folder, results)
        write_json(folder / SUMMARY, results.summary())
        return results

    return run_study(folder, plan.stored(), SUMMARY, every, finish, how or HowToRun())


def _failed(results: list[CellResult]) -> dict[str, str]:
    whole = {result.cell: result.failed for result in results if result.failed}
    rows = {
        f"{result.cell}/{row['agent']}": str(row["failed"])
        for result in results
        for row in result.rows
        if row.get("failed")
    }
    return {**whole, **rows}
