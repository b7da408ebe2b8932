"""The dialect of a text table, from its first lines. What the lines leave open is refused, not guessed."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..core.errors import InvalidInput
from .dialect import BLANKS, SEPARATORS, Dialect
from .encoding import HEAD, PLAIN, encoding_of, open_bytes
from .numbers import COMMA, MISSING, POINT, decimal_marks, is_ambiguous

ROWS = 1000
"""Rows that are looked at."""
HINT = re.compile(r"sep=(.)\r?\n")
"""A first line by which spreadsheets tell the separator."""
LEADING_ZERO = re.compile(r"[-+]?0\d+")
SEPARATOR_NAMES = {",": "comma", ";": "semicolon", "\t": "tab", "|": "pipe", BLANKS: "blanks"}


@dataclass(frozen=True)
class TableHead:
    """How a text table is written, and its first cells.

    Attributes:
        encoding, separator: of the file.
        skip: lines before the header.
        header: the names in the first line; empty where the table has none.
        cells: column by column, the cells of the first rows that are not missing.
    """

    encoding: str
    separator: str
    skip: int
    header: tuple[str, ...]
    cells: tuple[tuple[str, ...], ...]

    def remarks(self) -> list[str]:
        """What is not that of plain CSV, in words."""
        out = []
        if self.separator != ",":
            out.append(f"separated by {SEPARATOR_NAMES.get(self.separator, repr(self.separator))}")
        if self.encoding not in PLAIN:
            out.append(f"encoding {self.encoding}")
        return out

    def decimals(self, exclude: Sequence[str] = ()) -> set[str]:
        """The decimal marks of columns that can be read with one mark only."""
        readings = [decimal_marks(cells) for name, cells in self._named() if name not in exclude and cells]
        return {next(iter(marks)) for marks in readings if len(marks) == 1}

    def ambiguous(self, exclude: Sequence[str] = ()) -> list[str]:
        """The columns whose cells with a point, such as 1.234, may all be thousands."""
        out = []
        for name, cells in self._named():
            marked = [cell for cell in cells if POINT in cell]
            if name not in exclude and marked and all(map(is_ambiguous, marked)) and decimal_marks(cells):
                out.append(name)
        return out

    def zero_padded(self) -> list[str]:
        """The columns of whole numbers with leading zeros, such as 007: they are names."""
        return [name for name, cells in self._named() if any(map(LEADING_ZERO.fullmatch, cells))]

    def _named(self) -> list[tuple[str, tuple[str, ...]]]:
        return list(zip(self.header, self.cells))


def table_head(path: Path, field: str, dialect: Dialect, with_header: bool = True) -> TableHead:
    """Read the beginning of a text table.

    Raises:
        InvalidInput: rows with more cells than the header has names, or several separators that fit.
        OSError, ValueError: it cannot be read.
    """
    with open_bytes(path) as file:
        start = file.read(HEAD)
        whole = not file.read(1)
    encoding = dialect.encoding or encoding_of(start, whole)
    text = codecs.getincrementaldecoder(encoding)().decode(start, final=whole).removeprefix("\ufeff")
    hint = HINT.match(text)
    if hint:
        text = text[hint.end() :]
    if not whole:  # the last line may be cut
        text = text[: text.rfind("\n") + 1] or text
    separator = dialect.separator or (hint[1] if hint else _separator(text, path, field, whole))
    rows = _rows(text, separator)
    if not whole and len(rows) > 2:
        rows.pop()  # it may be cut within quotes
    header = tuple(rows[0]) if with_header and rows else ()
    body = rows[1:] if with_header else rows
    if header and body and len(body[0]) > len(header):
        if any(len(row) != len(body[0]) for row in body):
            raise ValueError(f"row 0 has {len(body[0])} values, the header {len(header)} names")
        fix = (
            f"the rows have {len(body[0])} values and the header {len(header)} names: name all columns, or "
            "drop the separator at the end of lines"
        )
        raise InvalidInput(field, str(path), fix)
    width = max(map(len, body), default=0)
    columns = tuple(
        tuple(row[j].strip() for row in body if j < len(row) and row[j].strip() not in MISSING)
        for j in range(width)
    )
    return TableHead(encoding, separator, int(bool(hint)), header, columns)


def _separator(text: str, path: Path, field: str, whole: bool) -> str:
    """The separator with which all rows have as many cells as the header, more than one."""
    widths: dict[str, list[int]] = {}
    for mark in SEPARATORS:
        rows = _rows(text, mark)
        widths[mark] = [len(row) for row in (rows if whole or len(rows) < 3 else rows[:-1])]
    even = [mark for mark, width in widths.items() if width and width[0] > 1 and len(set(width)) == 1]
    if len(even) > 1:
        names = " and ".join(SEPARATOR_NAMES[mark] for mark in even)
        raise InvalidInput(field, str(path), f"{names} both separate its columns: say which (--separator)")
    if even:
        return even[0]
    return max(SEPARATORS, key=lambda mark: widths[mark][0] if widths[mark] else 0)


def _rows(text: str, separator: str) -> list[list[str]]:
    """The first rows; blank lines are left out."""
    if separator == BLANKS:
        return [line.split() for line in text.splitlines()[:ROWS] if line.strip()]
    out: list[list[str]] = []
    try:
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator):
            if row:
                out.append(row)
            if len(out) == ROWS:
                break
    except csv.Error:  # e.g. a cell that is very long: what came before is what there is
        pass
    return out


def decimal_of(head: TableHead, dialect: Dialect, exclude: Sequence[str]) -> str | None:
    """The decimal mark of a table: the one given, or that of its columns; None where they do not tell."""
    decimal = dialect.with_implied_decimal().decimal
    if decimal is not None:
        return decimal
    decimals = head.decimals(exclude)
    if len(decimals) == 1:
        return next(iter(decimals))
    return None if decimals or head.separator != "," or _has_comma_numbers(head, exclude) else POINT


def _has_comma_numbers(head: TableHead, exclude: Sequence[str]) -> bool:
    columns = (cells for name, cells in zip(head.header, head.cells) if name not in exclude)
    return any(COMMA in cell for cells in columns if cells and decimal_marks(cells) for cell in cells)
