"""A study in cells: what turns its cells' rows into a table, pictures and a sentence. One runner for all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from ...core.files import write_text
from ..cell_runs import HowToRun, rows_of, run_study, table_of
from ..cells.cell import Cell, CellResult, Row
from ..cells.exact_json import exact_json
from ..results import environment, write_json
from ..run_folder import SUMMARY

RUNS, TABLE = "runs.csv", "table.csv"
"""One row for each row of a cell; and what they come to. A finished study has both."""
ShownTable = tuple[str, list[Row]]
"""Title and rows of a table for the terminal, numbers as text."""


@dataclass(frozen=True)
class Study:
    """One kind of study.

    Attributes:
        cells: of a config, for a prefix of their names.
        summarise: the table of (runs, config): what a reader wants to see.
        plot: writes pictures of (folder, runs, table, config).
        show: what is printed of (table, config).
        headline: what a summary says, in one sentence.
        times: columns of the table that differ from run to run; a summary leaves them out.
    """

    cells: Callable[[Any, str], list[Cell]]
    summarise: Callable[[pd.DataFrame, Any], pd.DataFrame]
    plot: Callable[[Path, pd.DataFrame, pd.DataFrame, Any], None]
    show: Callable[[pd.DataFrame, Any], list[ShownTable]]
    headline: Callable[[Mapping[str, Any]], str]
    times: tuple[str, ...] = ()

    def run(self, config: Any, folder: Path, how: HowToRun | None = None) -> pd.DataFrame:
        """Run it into ``folder``, or go on with it; returns its table.

        Raises:
            InvalidInput: ``folder`` exists and is no such study, or may not be replaced.
        """
        cells = self.cells(config, "")

        def finish(results: list[CellResult]) -> pd.DataFrame:
            runs = table_of(rows_of(cells, results))
            table = self.summarise(runs, config)
            write_text(folder / TABLE, table.to_csv(index=False))
            write_json(folder / "environment.json", environment())
            self.plot(folder, runs, table, config)
            write_json(folder / SUMMARY, self.summary(config, table))
            write_text(folder / RUNS, runs.to_csv(index=False))
            return table

        return run_study(folder, config.stored(), RUNS, cells, finish, how or HowToRun())

    def summary(self, config: Any, table: pd.DataFrame) -> dict[str, Any]:
        """The table without times: the same for every run of the config."""
        rows = table.drop(columns=[name for name in self.times if name in table]).to_dict("records")
        return {"name": config.name, "config_hash": config.hash, "table": exact_json(rows)}
