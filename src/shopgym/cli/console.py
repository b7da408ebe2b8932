"""What commands print: lines, tables and bars of progress."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

SHORT = 24
"""Letters of a cell that is never broken: names, numbers and hashes."""
WIDEST = 10_000
"""Letters of a line, for measuring what a table would need."""
WIDE = 110
"""Letters of a line of a scorecard: the names of its facts are long, and none is broken."""
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]


def require_no_input(option: str, target: Path | None, inputs: Sequence[Path | None]) -> None:
    """Raise :class:`InvalidInput` if the file that is to be written is one of those that are read."""
    from ..core.errors import InvalidInput

    if target is None or not target.exists():
        return
    if any(path is not None and path.exists() and target.samefile(path) for path in inputs):
        fix = "it is read by this command, and would be replaced: choose another place"
        raise InvalidInput(option, str(target), fix)


def say(text: str) -> None:
    """Print a line as it is: no markup, no breaks."""
    from ..experiments.console import plain_console

    plain_console().print(text, soft_wrap=True)


def print_table(
    title: str | None, rows: Sequence[Mapping[str, Any]], *, left: Sequence[str] = (), least: int = 0
) -> None:
    """Print a table, one row a mapping; nothing without rows.

    Args:
        title: above the table.
        rows: with the same keys, the names of the columns.
        left: columns that are aligned left; the others are numbers. Long cells are broken where they do
            not fit, short ones never.
        least: width at the least; then no cell is broken, and the table may be wider.
    """
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from ..experiments.console import plain_console

    if not rows:
        return
    table = Table(box=SIMPLE_HEAD)
    for name in rows[0]:
        side: Any = "left" if name in left else "right"
        longest = max(len(str(row[name])) for row in rows)
        whole = longest if longest <= SHORT else None
        table.add_column(name, justify=side, overflow="fold", no_wrap=least > 0, min_width=whole)
    for row in rows:
        table.add_row(*(str(value) for value in row.values()))
    if title:
        say(title)
    natural = plain_console(WIDEST).measure(table).maximum if least else 0
    plain_console(max(least, natural)).print(table)


def print_meanings(meanings: Mapping[str, str]) -> None:
    """One line a name, with what it means."""
    say("what they mean:")
    for name, meaning in meanings.items():
        say(f"  {name}: {meaning}")


@contextmanager
def progress_bar(
    name: str, *columns: Any, quiet: bool = False
) -> Iterator[Callable[[str, float, float | None], None]]:
    """A bar on the error stream with these columns; yields what updates it: (description, done, total)."""
    from rich.progress import Progress

    from ..experiments.console import plain_console

    console = plain_console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=quiet or not console.is_terminal) as bar:
        task = bar.add_task(name, total=None)
        yield lambda name, done, total: bar.update(task, description=name, completed=done, total=total)
