"""Where lines and tables are printed."""

from __future__ import annotations

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, ProgressColumn, TextColumn, TimeElapsedColumn


def plain_console(least: int = 0, *, stderr: bool = False) -> Console:
    """The terminal. It prints names as they are: ``[x]`` is no markup and ``:a:`` no emoji.

    Args:
        least: columns at the least: piped it would be 80, too few for numbers.
        stderr: print on the error stream.
    """
    width = max(Console().width, least) if least else None
    return Console(width=width, stderr=stderr, markup=False, emoji=False, highlight=False)


def stage_columns() -> tuple[ProgressColumn, ...]:
    """The columns of the bars of a run: what is done, how much of it, for how long."""
    name = TextColumn("{task.description:<32}", markup=False)
    return name, BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
