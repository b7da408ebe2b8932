"""An answer line by line, and its table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from ..offline.verdict import CAUTION, REFUSE
from .sentences import amount, cautions, conclusion, diagnostics_line, logged, notes_of, number, refusals

COLOURS = {"trust": "#0f766e", "caution": "#b45309", "refuse": "#b91c1c"}
"""Of the verdicts, on a screen."""
HEADER = ("estimator", "value", "interval", "verdict")


@dataclass(frozen=True)
class Line:
    """A line of an answer: ``mark`` is its first word, in the colour of ``verdict``; both may be empty."""

    text: str
    mark: str = ""
    verdict: str = ""

    def __str__(self) -> str:
        return f"{self.mark}{self.text}"


@dataclass(frozen=True)
class TextTable:
    """A table as text: ``header`` names the columns, ``left`` those that are aligned left."""

    header: tuple[str, ...]
    rows: list[tuple[str, ...]]
    left: tuple[str, ...] = ()
    title: str = ""

    def as_text(self) -> str:
        """The table with blanks between its columns."""
        rows = [self.header, *self.rows]
        widths = [max(len(row[i]) for row in rows) for i in range(len(self.header))]
        sides = ["<" if name in self.left else ">" for name in self.header]
        lines = [
            "  "
            + "   ".join(f"{cell:{s}{w}}" for cell, s, w in zip(row, sides, widths, strict=True)).rstrip()
            for row in rows
        ]
        return "\n".join([*([self.title] if self.title else []), *lines])


Block = Line | TextTable
"""What an answer consists of, from top to bottom."""


def lines_before(answer: Mapping[str, Any]) -> list[Line]:
    """What is read before any table: refusals, what was logged, and the verdict with its sentence."""
    value = amount(answer["logged_value"], answer["unit"])
    return [
        *(Line(f" {', '.join(names)}: {reason}", "REFUSED", REFUSE) for reason, names in refusals(answer)),
        Line(f"{answer['policy']} on {answer['log']}: {logged(answer, value)}"),
        Line(f": {conclusion(answer)}", answer["verdict"], answer["verdict"]),
        *(Line(sentence) for sentence in advice(answer)),
    ]


def advice(answer: Mapping[str, Any]) -> list[str]:
    """How many more decisions would settle it, where it is not settled."""
    size = answer.get("sample_size") or {}
    return [size["sentence"]] if size.get("sentence") else []


def lines_after(answer: Mapping[str, Any]) -> list[Line]:
    """What is read after the table: the diagnostics, reasons for caution and notes."""
    lines = [Line(diagnostics_line(answer))] if answer["estimates"] else []
    for reason, names in cautions(answer["estimates"]):
        lines.append(Line(f" {', '.join(names)}: {reason}", CAUTION, CAUTION))
    return lines + [Line(f"note: {note}") for note in notes_of(answer)]


def table_of(answer: Mapping[str, Any]) -> TextTable:
    """Estimator, value, interval and verdict of every estimate."""
    rows = [
        (e["estimator"], f"{e['value']:.4g}", f"[{number(e['low'])}, {number(e['high'])}]", e["verdict"])
        for e in answer["estimates"]
    ]
    return TextTable(HEADER, [*rows], left=("estimator", "verdict"))


def blocks_of(answer: Mapping[str, Any]) -> list[Block]:
    """The whole answer."""
    table = [table_of(answer)] if answer["estimates"] else []
    return [*lines_before(answer), *table, *lines_after(answer)]


def text(blocks: Iterable[Block]) -> str:
    """Blocks as plain text, an empty line before and after each table."""
    out: list[str] = []
    for block in blocks:
        blank = [""] if isinstance(block, TextTable) and out and out[-1] else []
        out += [*blank, block.as_text(), ""] if isinstance(block, TextTable) else [str(block)]
    return "\n".join(out)


def html(blocks: Sequence[Block]) -> str:
    """Blocks as HTML for a notebook: paragraphs and tables, the verdict in its colour."""
    out = []
    for block in blocks:
        if isinstance(block, Line):
            colour = COLOURS.get(block.verdict, "inherit")
            mark = f'<b style="color:{colour}">{escape(block.mark)}</b>' if block.mark else ""
            out.append(f"<p>{mark}{escape(block.text)}</p>")
            continue
        head = "".join(f"<th>{escape(name)}</th>" for name in block.header)
        body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in block.rows)
        caption = f"<caption>{escape(block.title)}</caption>" if block.title else ""
        out.append(f"<table>{caption}<tr>{head}</tr>{body}</table>")
    return "".join(out)


def _cell(text: str) -> str:
    style = f' style="color:{COLOURS[text]}"' if text in COLOURS else ""
    return f"<td{style}>{escape(text)}</td>"
