"""Run what is missing of a study's cells, keep each result as it comes, and return all in their order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing

from .cell import Cell, CellResult
from .executors import Executor
from .store import CellStore

OnCell = Callable[[CellResult], None]


def run_cells(
    cells: Sequence[Cell], store: CellStore, executor: Executor, on_cell: OnCell = lambda _: None
) -> list[CellResult]:
    """The results of all cells, in the order of ``cells``; those in the store are not run again.

    Args:
        on_cell: called for every cell, also for those that were there already.

    Raises:
        Exception: every cell failed; the error of the first.
    """
    results: dict[str, CellResult] = {}
    missing = []
    for cell in cells:
        stored = store.read(cell)
        if stored is None:
            missing.append(cell)
        else:
            results[cell.name] = stored
            on_cell(stored)
    by_name = {cell.name: cell for cell in missing}
    with closing(executor.run(missing)) as ready:  # whatever happens here, no worker stays
        for result in ready:
            store.write(by_name[result.cell], result)
            results[result.cell] = result
            on_cell(result)
    ordered = [results[cell.name] for cell in cells]
    if all(result.failed for result in ordered):
        first = ordered[0]
        raise first.error or RuntimeError(first.failed)
    return ordered
