"""The answer at a terminal: the lines of :mod:`shopgym.evaluation.answer` in colour, and rich tables."""

from __future__ import annotations

from collections.abc import Iterable

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ...evaluation.answer import Block, Line, TextTable
from ...experiments.console import plain_console

MOST = 400
"""Columns of the widest table."""
COLOURS = {"trust": "green", "caution": "yellow", "refuse": "red"}


def print_blocks(blocks: Iterable[Block]) -> None:
    """Print them."""
    console = plain_console()
    for block in blocks:
        if isinstance(block, Line):
            _print_line(console, block)
        else:
            _print_table(block)


def _print_line(console: Console, line: Line) -> None:
    mark = (line.mark, COLOURS.get(line.verdict, ""))
    console.print(Text.assemble(mark, line.text), soft_wrap=True)


def _print_table(block: TextTable) -> None:
    table = Table(box=SIMPLE_HEAD, title=block.title or None, title_justify="left")
    for name in block.header:
        table.add_column(name, justify="left" if name in block.left else "right", no_wrap=True)
    for row in block.rows:
        table.add_row(*(_cell(name, cell) for name, cell in zip(block.header, row, strict=True)))
    console = plain_console(MOST)
    plain_console(console.measure(table).maximum).print(table)


def _cell(name: str, text: str) -> Text:
    return Text(text, style=COLOURS.get(text, "") if name == "verdict" else "")
