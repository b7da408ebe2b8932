"""What a sweep says on the terminal when it is done."""

from __future__ import annotations

from pathlib import Path

from ..experiments.sweeps.report import measured_in, rows_of
from ..experiments.sweeps.run import SweepResults
from .console import print_table, say

MOST_ROWS = 20


def print_sweep(results: SweepResults, folder: Path) -> None:
    """A table for each world, best first, what is told apart, and where everything is."""
    for ranking in results.rankings:
        rows = rows_of(ranking.arms[:MOST_ROWS], results.plan.kind.value)
        title = f"{results.plan.name}: {ranking.world}" if ranking.world else results.plan.name
        print_table(title, rows, left=("agent", "settings"), least=100)
        if len(ranking.arms) > MOST_ROWS:
            say(f"{len(ranking.arms) - MOST_ROWS} more in {folder / 'points.csv'}")
        say(f"{ranking.sentence}.")
    if sentence := measured_in(results.plan):
        say(sentence)
    for name, reason in results.failed.items():
        say(f"{name} failed: {reason}")
    say(f"every cell: {folder / 'table.csv'}; means: {folder / 'points.csv'}")
    say(f"report: {folder / 'report.html'}")
