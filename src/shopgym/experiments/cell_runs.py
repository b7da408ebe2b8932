"""A study in cells, from its folder to its analysis: begun, or gone on with after an interruption."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd
from rich.progress import (
    Progress,
    TextColumn,
    TimeRemainingColumn,
)

from .cells.cell import Cell, CellResult, Row
from .cells.executors import Executor, Serial
from .cells.run import run_cells
from .cells.store import FOLDER, CellStore
from .console import stage_columns
from .run_folder import begin_folder, sole_writer

T = TypeVar("T")


@dataclass(frozen=True)
class HowToRun:
    """What does not change a result.

    Attributes:
        executor: who runs the cells.
        quiet: no bar and no notes.
        overwrite: replace an earlier run.
    """

    executor: Executor = field(default_factory=Serial)
    quiet: bool = False
    overwrite: bool = False


def run_study(
    folder: Path,
    stored: Mapping[str, Any],
    mark: str,
    cells: Sequence[Cell],
    finish: Callable[[list[CellResult]], T],
    how: HowToRun,
) -> T:
    """Run a study into ``folder``, or go on with one that was interrupted.

    Args:
        stored: its config.
        mark: the file that a finished one has.
        finish: called with the results in the order of ``cells``; it writes the study's files, ``mark``
            last, and gives what is returned.

    Raises:
        InvalidInput: ``folder`` holds something else, or another process writes it.
    """
    with sole_writer(folder):
        begin_folder(folder, stored, mark, how.overwrite)
        store = CellStore(folder / FOLDER)
        store.clean()
        if not how.quiet:
            _say_what_is_there(store, cells)
        columns = (*stage_columns(), TextColumn("left:"), TimeRemainingColumn())
        with Progress(*columns, disable=how.quiet) as progress:
            bar = progress.add_task("cells", total=len(cells))
            results = run_cells(cells, store, how.executor, lambda _: progress.advance(bar))
        return finish(results)


def _say_what_is_there(store: CellStore, cells: Sequence[Cell]) -> None:
    done = store.count(cells)
    if done:
        print(f"{done} of {len(cells)} cells are done already", file=sys.stderr)
    for reason, count in Counter(store.set_aside.values()).items():
        first = next(name for name, said in store.set_aside.items() if said == reason)
        print(f"{count} cells are run again, {first} for one: {reason}", file=sys.stderr)


def rows_of(cells: Sequence[Cell], results: Sequence[CellResult]) -> list[Row]:
    """The rows of all cells, each with the key of its cell; of a cell that failed one that says why."""
    rows: list[Row] = []
    for cell, result in zip(cells, results, strict=True):
        made = result.rows or [{"agent": "", "failed": result.failed}]
        rows += [{**cell.key, **row} for row in made]
    return rows


def table_of(rows: Sequence[Row]) -> pd.DataFrame:
    """The rows as a table; a column without any value counts as one of numbers."""
    table = pd.DataFrame(rows)
    if "failed" in table:
        table["failed"] = table["failed"].fillna("")
    empty = [name for name in table if table[name].isna().all()]
    return table.astype(dict.fromkeys(empty, float))
