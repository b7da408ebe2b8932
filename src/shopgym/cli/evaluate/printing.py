"""The answer at a terminal: the lines of :mod:`shopgym.evaluation.answer` in colour, and a rich table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ...evaluation.answer import Line, lines_after, lines_before, table_rows

COLOURS = {"trust": "green", "caution": "yellow", "refuse": "red"}


def print_answer(answer: Mapping[str, Any]) -> None:
    """Print it."""
    console = Console()
    _print_lines(console, lines_before(answer))
    if answer["estimates"]:
        console.print(_table(answer))
    _print_lines(console, lines_after(answer))


def _print_lines(console: Console, lines: Iterable[Line]) -> None:
    for line in lines:
        colour = COLOURS.get(line.verdict)
        mark = f"[{colour}]{escape(line.mark)}[/]" if colour else line.mark
        console.print(f"{mark}{escape(line.text)}", highlight=False, soft_wrap=True)


def _table(answer: Mapping[str, Any]) -> Table:
    table = Table(box=SIMPLE_HEAD)
    for name in ("estimator", "value", "interval", "verdict"):
        table.add_column(name, justify="right" if name in ("value", "interval") else "left", no_wrap=True)
    for estimator, value, interval, verdict in table_rows(answer):
        table.add_row(estimator, value, escape(interval), f"[{COLOURS[verdict]}]{verdict}[/]")
    return table
