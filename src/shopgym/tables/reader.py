"""Tables from files. Every command reads its tables here, so that all accept the same files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.errors import InvalidInput
from .dialect import AUTO, Dialect
from .encoding import WINDOWS, open_bytes
from .numbers import COMMA, DECIMAL, DECIMAL_COMMA, MISSING, POINT, decimal_marks, read_numbers
from .recognise import LEADING_ZERO, TableHead, decimal_of, table_head
from .text import as_text

if TYPE_CHECKING:
    import pandas as pd

RECOGNISED = "recognised"
"""In ``attrs`` of a table: what was recognised that is not plain CSV, a list of words."""
SAMPLE = 200
"""Cells of a column of text that have to be numbers or missing before all are looked at."""


def read_table(
    path: Path,
    field: str,
    *,
    dialect: Dialect = AUTO,
    names: Sequence[str] | None = None,
    text: Sequence[str] = (),
) -> pd.DataFrame:
    """Read a Parquet file, a folder of Parquet files, or a text table such as CSV.

    The ending of the name decides: ``.parquet`` is Parquet, everything else is text, which may be
    compressed (gzip, bzip2, xz, zip, Zstandard). Column names are those of the file, also where two columns
    have the same name. Separator, decimal mark, thousands and encoding are recognised where the dialect does
    not say them; percentages and amounts of one currency are numbers. What was recognised that is not plain
    CSV stands in ``table.attrs["recognised"]``, in words. What may be two numbers, such as ``1,234``, stays
    text, and :func:`.numbers.to_numbers` refuses it. Whole numbers with leading zeros stay text.

    Args:
        path: the file or folder.
        field: what errors call the table, e.g. ``--transactions`` or ``catalog.path``.
        dialect: of a text file.
        names: the columns of a text file without a header; None: its first line holds them.
        text: columns that are names, not numbers: text exactly as it is written, missing only where the cell
            is empty; of a Parquet file the text of their values.

    Raises:
        InvalidInput: the file does not exist, is no such table, leaves its separator open, or has no rows.
    """
    import pandas as pd

    try:
        if is_parquet(path):
            table = pd.read_parquet(path)
            for name in dict.fromkeys(name for name in text if name in table.columns):
                table[name] = as_text(table[name], name)
        else:
            table = _read_text(path, field, dialect, names, text)
    except FileNotFoundError:
        raise InvalidInput(field, str(path), "there is no such file") from None
    except InvalidInput:
        raise
    except UnicodeError as error:
        fix = f"say its encoding (--encoding), e.g. cp1252: it is no {dialect.encoding or 'UTF-8'} ({error})"
        raise InvalidInput(field, str(path), fix) from error
    except Exception as error:  # pandas, pyarrow and every compression have error classes of their own
        reason = " ".join(str(error).split())
        fix = f"give a CSV or Parquet table: it is no readable table ({reason})"
        raise InvalidInput(field, str(path), fix) from error
    if not len(table):
        raise InvalidInput(field, str(path), "give a table with rows: the table has no rows")
    return table


def is_parquet(path: Path) -> bool:
    """Whether :func:`read_table` reads ``path`` as Parquet: a folder, or a file that ends in ``.parquet``."""
    return path.is_dir() or path.suffix == ".parquet"


def table_header(path: Path, field: str, dialect: Dialect = AUTO) -> list[str]:
    """The column names of a table, without its rows.

    Raises:
        InvalidInput: as :func:`read_table`.
    """
    if is_parquet(path):
        import pyarrow.parquet as pq

        file = next(iter(sorted(path.rglob("*.parquet"))), None) if path.is_dir() else path
        if file is not None and file.is_file():
            try:
                return [str(name) for name in pq.read_schema(file).names]
            except Exception:  # read_table says what is wrong with it
                return []
        return []
    try:
        return list(table_head(path, field, dialect).header)
    except InvalidInput:
        raise
    except Exception:  # read_table says what is wrong with it
        return []


def unique_columns(field: str, table: pd.DataFrame, names: Iterable[str]) -> None:
    """Raise :class:`InvalidInput` if several columns of ``table`` have one of these ``names``."""
    header = list(table.columns)
    for name in names:
        if header.count(name) > 1:
            fix = f"the table has it {header.count(name)} times: rename or drop one"
            raise InvalidInput(field, name, fix)


def _read_text(
    path: Path, field: str, dialect: Dialect, names: Sequence[str] | None, text: Sequence[str]
) -> pd.DataFrame:
    head = table_head(path, field, dialect, names is None)
    if names is not None:
        head = replace(head, header=tuple(names))
    decimal = decimal_of(head, dialect, text)
    literal = {*text, *head.zero_padded()}
    if decimal is None:
        literal.update(head.ambiguous(text))
    try:
        table = _parse(path, head, names is None, decimal, literal)
    except UnicodeDecodeError:
        if dialect.encoding is not None or not all(cell.isascii() for cells in head.cells for cell in cells):
            raise
        head = replace(head, encoding=WINDOWS)  # only later lines have letters that tell
        table = _parse(path, head, names is None, decimal, literal)
    remarks = head.remarks()
    if decimal == COMMA:
        remarks.append(DECIMAL_COMMA)
    for place, name in enumerate(table.columns):
        if name not in text and list(table.columns).count(name) == 1 and _is_text(table.iloc[:, place]):
            remarks += _numbers_in_place(table, name, name in literal, decimal)
    table.attrs[DECIMAL] = decimal
    table.attrs[RECOGNISED] = list(dict.fromkeys(remarks))
    return table


def _parse(
    path: Path, head: TableHead, with_header: bool, decimal: str | None, literal: Iterable[str]
) -> pd.DataFrame:
    import pandas as pd

    places = [place for place, name in enumerate(head.header) if name in set(literal)]
    columns = range(len(head.header))
    missing: Any = {place: [""] if place in places else sorted(MISSING) for place in columns}
    options: dict[str, Any] = {"keep_default_na": False, "na_values": missing} if places else {}
    with open_bytes(path) as file:
        table: pd.DataFrame = pd.read_csv(
            file,
            sep=head.separator,
            encoding=head.encoding,
            decimal=decimal or POINT,
            skiprows=head.skip,
            header=0 if with_header else None,
            dtype=dict.fromkeys(places, str),
            **options,
        )
    if head.header:
        table.columns = pd.Index(head.header)
    return table


def _is_text(column: pd.Series) -> bool:
    import pandas as pd

    return column.dtype == object or pd.api.types.is_string_dtype(column.dtype)


def _numbers_in_place(table: pd.DataFrame, name: str, literal: bool, decimal: str | None) -> list[str]:
    """Turn a column of text into numbers where every cell is one; the words to report, if it did."""
    column = table[name]
    if literal:
        column = column.mask(column.isin(MISSING))
    first = column.iloc[:SAMPLE].dropna().tolist()
    if not all(isinstance(cell, str) and decimal_marks([cell]) for cell in first):
        return []
    cells = column.dropna().unique().tolist()
    if not cells:
        return []
    if literal and any(map(LEADING_ZERO.fullmatch, cells)):
        return []  # 007 is a name
    try:
        read = read_numbers(cells, name, decimal)
    except InvalidInput:  # it is told where the column is used as a number
        return []
    if read is None:
        return []
    table[name] = column.map(dict(zip(cells, read.values.tolist()))).astype("float64")
    remarks = [remark for remark in read.remarks if remark != DECIMAL_COMMA or decimal != COMMA]
    return [f"{name}: {remark}" for remark in remarks]
