"""The benchmark as a study: a cell for each scenario; one table of what was estimated and what was chosen."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd

from ...cells.cell import Cell, Row
from ..study import ShownTable, Study
from .answers import scenario_cells
from .cells import BenchmarkCell, Totals, totals
from .choices import PolicyChoice, scenario_choices
from .config import OpeBenchmarkConfig
from .plots import save_plots
from .printing import shown_tables
from .scenarios import Scenario

ESTIMATED, CHOSEN = "estimated", "chosen"
"""Parts of the table: rows of :class:`.cells.BenchmarkCell`, and of :class:`.choices.PolicyChoice`."""
R = TypeVar("R", BenchmarkCell, PolicyChoice)


def benchmark_cells(config: OpeBenchmarkConfig, prefix: str) -> list[Cell]:
    """A cell for each scenario; the longest first, so that no worker still runs a long one at the end."""
    parts = [(ESTIMATED, each) for each in config.estimated()] + [(CHOSEN, each) for each in config.chosen()]
    parts.sort(key=lambda part: -part[1].replicates * part[1].rounds * (part[1].actions + 20) * part[1].slots)
    return [
        Cell(
            f"{prefix}{part}_{number}",
            f"{__name__}:{part}_rows",
            {"scenario": asdict(scenario), "seed": config.seed},
            {"part": part, "scenario": scenario.name},
        )
        for number, (part, scenario) in enumerate(parts)
    ]


def estimated_rows(cell: Cell) -> list[Row]:
    """Every estimator and interval in the scenario of the cell."""
    return _rows(cell, scenario_cells)


def chosen_rows(cell: Cell) -> list[Row]:
    """Every way to choose in the scenario of the cell."""
    return _rows(cell, scenario_choices)


def _rows(cell: Cell, answers: Callable[[Scenario, int], Sequence[Any]]) -> list[Row]:
    scenario = Scenario(**cell.config["scenario"])
    return [{**asdict(answer), "failed": ""} for answer in answers(scenario, cell.config["seed"])]


def summarise(runs: pd.DataFrame, config: OpeBenchmarkConfig) -> pd.DataFrame:
    """All rows, in the order of the scenarios."""
    order = {each.name: at for at, each in enumerate([*config.estimated(), *config.chosen()])}
    return runs.sort_values("scenario", key=lambda names: names.map(order), kind="stable", ignore_index=True)


def estimated_of(table: pd.DataFrame) -> list[BenchmarkCell]:
    """What was estimated, of the benchmark's table."""
    return _read(table, ESTIMATED, BenchmarkCell)


def chosen_of(table: pd.DataFrame) -> list[PolicyChoice]:
    """What was chosen, of the benchmark's table."""
    return _read(table, CHOSEN, PolicyChoice)


def _read(table: pd.DataFrame, part: str, kind: type[R]) -> list[R]:
    """The rows of a part; numbers that a cell lacks are NaN, whole ones are whole again."""
    read: dict[str, Callable[[Any], Any]] = {"int": int, "float": float, "str": str, "bool": bool}
    rows = table[(table["part"] == part) & (table["failed"] == "")].to_dict("records")
    return [
        kind(**{each.name: read[str(each.type)](row[each.name]) for each in fields(kind)}) for row in rows
    ]


def by_interval(cells: Sequence[BenchmarkCell]) -> dict[str, Totals]:
    """Totals over the scenarios of the shop, by interval."""
    of_shop = [cell for cell in cells if not cell.table]
    names = dict.fromkeys(cell.interval for cell in of_shop)
    return {name: totals([cell for cell in of_shop if cell.interval == name]) for name in names}


def plot(folder: Path, runs: pd.DataFrame, table: pd.DataFrame, config: OpeBenchmarkConfig) -> None:
    """``ope_coverage.png`` and ``ope_verdicts.png``."""
    save_plots(estimated_of(table), folder)


def show(table: pd.DataFrame, config: OpeBenchmarkConfig) -> list[ShownTable]:
    """By scenario, by table, by interval, by way to choose."""
    cells = estimated_of(table)
    return shown_tables(cells, by_interval(cells), chosen_of(table))


def headline(summary: Mapping[str, Any]) -> str:
    """How many of the trusted cells cover as they should."""
    table = pd.DataFrame(summary["table"])
    every = by_interval(estimated_of(table)).get("delta")
    if every is None:
        return "no scenario has an answer"
    cells = f"{every.trusted_good} of {every.trusted_cells} cells that are mostly trusted"
    return f"delta intervals at 95%: {cells} cover 93 to 97% within Monte Carlo error"


STUDY = Study(benchmark_cells, summarise, plot, show, headline)
