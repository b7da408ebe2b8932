"""The answer at a terminal: the lines of :mod:`shopgym.evaluation.answer` in colour, and rich tables."""

from __future__ import annotations

from collections.abc import Iterable

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ...evaluation.answer import Block, Line, TextTable
from ...experiments.console import wide_console

MOST = 400
"""Columns of the widest table."""
COLOURS = {"trust": "green", "caution": "yellow", "refuse": "red"}


def print_blocks(blocks: Iterable[Block]) -> None:
    """Print them."""
    console = Console()
    for block in blocks:
        if isinstance(block, Line):
            _print_line(console, block)
        else:
            _print_table(block)


def _print_line(console: Console, line: Line) -> None:
    colour = COLOURS.get(line.verdict)
    mark = f"[{colour}]{escape(line.mark)}[/]" if colour else line.mark
    console.print(f"{mark}{escape(line.text)}", highlight=False, soft_wrap=True)


def _print_table(block: TextTable) -> None:
    table = Table(box=SIMPLE_HEAD, title=escape(block.title) if block.title else None, title_justify="left")
    for name in block.header:
        table.add_column(escape(name), justify="left" if name in block.left else "right", no_wrap=True)
    for row in block.rows:
        table.add_row(*(_cell(name, cell) for name, cell in zip(block.header, row, strict=True)))
    width = Console(width=MOST).measure(table).maximum
    wide_console(width).print(table, highlight=False)


def _cell(name: str, text: str) -> str:
    return f"[{COLOURS[text]}]{text}[/]" if name == "verdict" and text in COLOURS else escape(text)
