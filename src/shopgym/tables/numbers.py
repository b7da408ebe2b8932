"""Numbers as people write them: 1,5 and 1.234,50 and 12% and £5. What may be two numbers is refused."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..core.errors import InvalidInput
from ..core.types import F64
from .dialect import AUTO, THOUSANDS, Dialect

if TYPE_CHECKING:
    import pandas as pd

CURRENCIES = "£€$¥"
MISSING = frozenset({"", "NA", "N/A", "#N/A", "n/a", "NaN", "nan", "None", "none", "null", "NULL", "<NA>"})
"""Cells of a column of numbers that hold none."""
DECIMAL = "decimal mark"
"""In ``attrs`` of a table and its columns: the decimal mark that was given or recognised."""
FLAGS = {"yes": 1.0, "no": 0.0, "true": 1.0, "false": 0.0}
POINT, COMMA = ".", ","
DECIMAL_COMMA = "decimal comma"
WRITTEN = re.compile(
    rf"(?P<sign>[-+\u2212]?)\s*(?:(?P<before>[{CURRENCIES}])\s*(?P<minus>[-\u2212]?))?"
    rf"(?P<digits>\d(?:[\d{re.escape(THOUSANDS)}]*[\d.,])?|[.,]\d+)(?P<exponent>[eE][-+]?\d+)?"
    rf"\s*(?P<percent>%?)\s*(?P<after>[{CURRENCIES}]?)"
)
"""A sign, a currency before or behind, digits with marks between them, an exponent, a percent sign."""


def _shape(decimal: str, marks: str) -> re.Pattern[str]:
    """Digits with this decimal mark, maybe in groups of three."""
    point = re.escape(decimal)
    group = f"[{re.escape(marks)}]" if marks else "(?!)"
    return re.compile(rf"(?:\d+|[1-9]\d{{0,2}}(?P<mark>{group})\d{{3}}(?:(?P=mark)\d{{3}})*)?(?:{point}\d*)?")


SHAPES = {decimal: _shape(decimal, THOUSANDS.replace(decimal, "")) for decimal in (POINT, COMMA)}


@dataclass(frozen=True)
class Numbers:
    """Cells read as numbers.

    Attributes:
        values: (r,) NaN where a cell is none.
        decimal: the mark that was read as the decimal mark; "" where no cell has one of the two marks.
        percent: whether the cells are percentages; 5% is 0.05.
        currency: the sign that the cells carry, or "".
        grouped: whether thousands are separated.
    """

    values: F64
    decimal: str = ""
    percent: bool = False
    currency: str = ""
    grouped: bool = False

    @property
    def remarks(self) -> list[str]:
        """What is unusual about them, in words."""
        out = [DECIMAL_COMMA] if self.decimal == COMMA else []
        out += ["thousands separated"] if self.grouped else []
        out += ["percentages (5% is 0.05)"] if self.percent else []
        return out + ([f"in {self.currency}"] if self.currency else [])


def decimal_marks(cells: Iterable[str]) -> frozenset[str]:
    """The decimal marks that explain every cell: both where none has a comma or a point or where it could
    be either, as in ``1,234``; none where a cell is no number."""
    fitting = {POINT, COMMA}
    for cell in cells:
        match = WRITTEN.fullmatch(cell.strip())
        if match is None:
            return frozenset()
        fitting &= {mark for mark in fitting if SHAPES[mark].fullmatch(match["digits"])}
        if not fitting:
            return frozenset()
    return frozenset(fitting)


def is_ambiguous(cell: str, dialect: Dialect = AUTO) -> bool:
    """Whether the cell is one number with a decimal point and another with a decimal comma."""
    if dialect.with_implied_decimal().decimal is not None:
        return False
    return len({_number(cell, mark) for mark in decimal_marks([cell])}) == 2


def read_numbers(cells: Sequence[str], field: str, decimal: str | None = None) -> Numbers | None:
    """The cells as numbers; None where one is no number or the cells may be two numbers each.

    Args:
        cells: (r,) texts, none is missing.
        field: what errors call them.
        decimal: the decimal mark; None: the one that explains all cells.

    Raises:
        InvalidInput: cells of several currencies, or some with and some without a percent sign.
    """
    fitting = decimal_marks(cells)
    if decimal is not None:
        fitting &= {decimal}
    readings = {mark: np.array([_number(cell, mark) for cell in cells], dtype=np.float64) for mark in fitting}
    if not readings:
        return None
    values = next(iter(readings.values()))
    if not all(np.array_equal(values, other) for other in readings.values()):
        return None
    marked = any(mark in cell for cell in cells for mark in (POINT, COMMA))
    mark = next(iter(fitting)) if marked and len(fitting) == 1 else ""
    parts = [match for cell in cells if (match := WRITTEN.fullmatch(cell.strip()))]
    signs = Counter(part["before"] or part["after"] or "" for part in parts)
    percent = Counter(bool(part["percent"]) for part in parts)
    currencies = sorted(set(signs) - {""})
    if len(currencies) > 1:
        raise InvalidInput(field, dict(signs), "amounts of several currencies: convert them to one")
    if currencies and signs[""] > int((values == 0).sum()):
        raise InvalidInput(
            field, dict(signs), "some amounts have a currency and others have none: write all alike"
        )
    if len(percent) == 2 and percent[False] > int((values == 0).sum()):
        fix = "some cells have a percent sign and others have none: write all alike"
        raise InvalidInput(field, {"with": percent[True], "without": percent[False]}, fix)
    grouped = any(
        shape["mark"] for part in parts if (shape := SHAPES[mark or POINT].fullmatch(part["digits"]))
    )
    return Numbers(values, mark, True in percent, "".join(currencies), grouped)


def to_numbers(column: pd.Series, field: str) -> F64:
    """(r,) the column as numbers, NaN where a cell is none or is missing; in a column without numbers Yes and
    True are 1, No and False 0.

    Raises:
        InvalidInput: cells that may be two numbers, such as ``1,234``; the message names the options.
    """
    import pandas as pd

    if column.dtype.kind in "mMc":  # dates would be counted in nanoseconds
        return np.full(len(column), np.nan)
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype(column.cat.categories.dtype)
    numbers = pd.to_numeric(column, errors="coerce")
    values = np.array(numbers.to_numpy(dtype=np.float64, na_value=np.nan))
    undecided = column.attrs.get(DECIMAL) is None and not pd.api.types.is_numeric_dtype(column)
    if undecided or (np.isnan(values) & column.notna().to_numpy()).any():
        cells = [cell if isinstance(cell, str) else "" for cell in column.to_numpy(dtype=object)]
        read = _each(cells, field, column.attrs.get(DECIMAL))  # all cells: 5% and 0.05 are not alike
        values = np.where(np.isnan(read), values, read)
    return values


def _each(cells: list[str], field: str, decimal: str | None) -> F64:
    """(r,) the numbers among the cells, or else the flags, NaN for the others."""
    numeric = [cell for cell in dict.fromkeys(cells) if decimal_marks([cell])]
    words: dict[str, float] = {}
    if not numeric:
        words = {cell: FLAGS[cell.strip().lower()] for cell in set(cells) if cell.strip().lower() in FLAGS}
    else:
        read = read_numbers(numeric, field, decimal)
        if read is None:
            example = next((cell for cell in numeric if is_ambiguous(cell)), numeric[0])
            point, comma = (_number(example, mark) for mark in (POINT, COMMA))
            fix = f"it may be {point:.10g} or {comma:.10g}: say which mark is decimal (--decimal . or ,)"
            if not is_ambiguous(example):
                fix = "some cells have a decimal comma and others a decimal point: write all alike"
            raise InvalidInput(field, example, fix)
        words = dict(zip(numeric, read.values.tolist()))
    return np.array([words.get(cell, np.nan) for cell in cells])


def _number(cell: str, decimal: str) -> float:
    """The number in a cell that is one with this decimal mark; NaN where it is none."""
    match = WRITTEN.fullmatch(cell.strip())
    if match is None or not SHAPES[decimal].fullmatch(match["digits"]):
        return float("nan")
    digits = match["digits"].translate({ord(mark): None for mark in THOUSANDS if mark != decimal})
    number = float(digits.replace(decimal, ".") + (match["exponent"] or ""))
    if match["percent"]:
        number /= 100.0
    negative = bool(match["minus"]) or match["sign"] in ("-", "\u2212")
    return -number if negative else number
