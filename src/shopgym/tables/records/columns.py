"""From a file or table to our fields: the mapping that fits, its columns, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...core.errors import InvalidInput
from ..dialect import BLANKS, Dialect
from ..nested import BROKEN, RECORD, field_names, flatten, is_json, json_records
from ..reader import RECOGNISED, is_parquet, read_table, unique_columns
from ..recognise import table_head
from ..text import as_text
from .mapping import LINES, NUMBERS, RecordMapping, recognise_headerless
from .options import RecordOptions
from .overlap import in_later_files
from .set_aside import Refusals

if TYPE_CHECKING:
    import pandas as pd


NAMES = "names"
"""In ``attrs`` of a table that was nested: the names of all its fields, also of those that were left out."""


@dataclass(frozen=True, eq=False)
class RecordTable:
    """Rows in our fields. Columns that no field needs are left out, personal data among them.

    Attributes:
        table: one column for each field that the records have; ids as text, missing where empty.
        row: (r,) position in the file, from 0.
        mapping: how it was read.
        header: the columns of the file.
        remarks: what is to be said, in words.
        file: (r,) name of the file, where there are several; else None.
        recognised: how a text table is written, where that is not plain CSV, in words.
        columns_field: what errors call the mapping of columns.
        repeated: of several files, the rows that a later one has too, as in ``set_aside``; they are in no
            other field.
        files: of several files, the name and the columns of each, without rows.
    """

    table: pd.DataFrame
    row: Any
    mapping: RecordMapping
    header: tuple[str, ...]
    remarks: tuple[str, ...] = ()
    file: Any = None
    recognised: tuple[str, ...] = ()
    columns_field: str = "columns"
    repeated: pd.DataFrame | None = None
    files: tuple[tuple[str, RecordTable], ...] = ()

    def set_aside(self, refusals: Refusals) -> pd.DataFrame:
        """The rows that are not used: those of ``refusals``, and those that a later file has too."""
        import pandas as pd

        refused = refusals.table(self.row, self.table, self.file)
        return refused if self.repeated is None else pd.concat([self.repeated, refused], ignore_index=True)

    @property
    def rows(self) -> int:
        """How many were read."""
        return len(self.table) + (0 if self.repeated is None else len(self.repeated))

    def require(self, need: Sequence[str], file: str = "the table") -> None:
        """Raise :class:`InvalidInput` for the first needed field that has no column, in any of the files."""
        for name, part in self.files:
            part.require(need, name)
        for name in need:
            derived = {"order": bool(self.mapping.order_from), "price": "value" in self.table}
            if name in self.table or derived.get(name, False):
                continue
            why = self.mapping.lacks.get(name)
            theirs = ", ".join(self.mapping.columns.get(name, (name,)))
            if why is not None:
                fix = f"{self.mapping.title} has no {name}: {why}"
            else:
                fix = _no_column(name, self.header, file)
            raise InvalidInput(_field(self.columns_field, name), theirs, fix)


def _field(columns_field: str, name: str) -> str:
    """``columns.order``, but ``--column`` where that is an option."""
    return columns_field if columns_field.startswith("--") else f"{columns_field}.{name}"


def _no_column(name: str, header: Sequence[str], file: str = "the table") -> str:
    shown = ", ".join(header[:40])
    return (
        f"no column for {name}: {file} has {shown}; map it with columns={{'{name}': NAME}} or "
        f"--column {name}=NAME"
    )


def record_table(
    table: pd.DataFrame, options: RecordOptions, kind: str | None = None, columns_field: str = "columns"
) -> RecordTable:
    """The fields of a table.

    Raises:
        InvalidInput: a column that was named is not in the table, occurs twice or holds several values in a
            cell.
    """
    import pandas as pd

    header = [str(name) for name in table.columns]
    mapping = options.mapping_of(header, kind)
    located = mapping.located(header)
    for ours, theirs in options.columns.items():
        if theirs not in header:
            names = table.attrs.get(NAMES, header)
            raise InvalidInput(_field(columns_field, ours), theirs, _no_column(ours, names))
    unique_columns(columns_field, table, [name for names in located.values() for name in names])
    named = table.set_axis(header, axis=1)
    fields: dict[str, pd.Series] = {}
    for ours, names in located.items():
        columns = [_cells(named[name].reset_index(drop=True), ours) for name in names]
        first = columns[0]
        for other in columns[1:]:
            first = first.where(first.notna(), other)
        fields[ours] = first
    row = table.index.to_numpy() if table.index.name == RECORD else np.arange(len(table))
    remarks: tuple[str, ...] = ()
    broken = len(table.attrs.get(BROKEN, ()))
    if broken:
        remarks += (f"{broken:,} lines are no JSON objects and were left out",)
    frame = pd.DataFrame(fields, index=pd.RangeIndex(len(table)))
    frame.attrs.update(table.attrs)  # the decimal mark of its numbers
    recognised = tuple(table.attrs.get(RECOGNISED, ()))
    shown = tuple(table.attrs.get(NAMES, header))
    return RecordTable(frame, row, mapping, shown, remarks, None, recognised, columns_field)


def read_record_tables(
    paths: Sequence[Path],
    field: str,
    options: RecordOptions,
    kind: str | None = None,
    columns_field: str = "columns",
) -> RecordTable:
    """The rows of several files of one system, one below the other.

    Raises:
        InvalidInput: as :func:`read_record_table`, or the files are of different systems.
    """
    tables = [read_record_table(path, field, options, kind, columns_field) for path in paths]
    return stacked(tables, [path.name for path in paths], field)


def stacked(tables: Sequence[RecordTable], names: Sequence[str], field: str) -> RecordTable:
    """Tables of one system, one below the other. A row that a later table has too counts there.

    Args:
        tables: one or more.
        names: of their files.
        field: what errors call the files.

    Raises:
        InvalidInput: the files are of different systems.
    """
    import pandas as pd

    first = tables[0]
    if len(tables) == 1:
        return first
    other = next((table for table in tables if table.mapping.name != first.mapping.name), None)
    if other is not None:
        fix = f"files of one kind are of one system, here of {first.mapping.name} and {other.mapping.name}"
        raise InvalidInput(field, list(names), f"{fix}: read them apart")
    tables, units_said = _with_quantities(tables, names)
    table = pd.concat([part.table for part in tables], ignore_index=True)
    remarks = tuple(dict.fromkeys(remark for part in tables for remark in part.remarks))
    for name, part in zip(names, tables):
        absent = [str(column) for column in table if column not in part.table]
        remarks += (f"{name} has no column for {', '.join(absent)}",) if absent else ()
    remarks += units_said
    row = np.concatenate([part.row for part in tables])
    number = np.repeat(np.arange(len(tables)), [len(part.table) for part in tables])
    file = np.array(names, dtype=object)[number]
    again = in_later_files(table, number, first.mapping.kind)
    refusals = Refusals(len(table))
    refusals.refuse(again, "file", "a later file has this row too")
    repeated = refusals.table(row, table, file)
    table = table[~again].reset_index(drop=True)
    table.attrs.update(first.table.attrs)
    files = tuple((name, replace(part, table=part.table.iloc[:0])) for name, part in zip(names, tables))
    return replace(
        first,
        table=table,
        row=row[~again],
        remarks=remarks,
        file=file[~again],
        repeated=repeated,
        files=files,
    )


def _with_quantities(
    tables: Sequence[RecordTable], names: Sequence[str]
) -> tuple[Sequence[RecordTable], tuple[str, ...]]:
    """Order lines of a file without quantities beside one that has them: one unit each, as if read alone."""
    without = {name for name, part in zip(names, tables) if "quantity" not in part.table}
    if not without or len(without) == len(tables) or tables[0].mapping.kind != LINES:
        return tables, ()
    filled = [
        replace(part, table=part.table.assign(quantity=1.0)) if name in without else part
        for name, part in zip(names, tables)
    ]
    said = (f"no column of quantities in {', '.join(sorted(without))}: every line there is one unit",)
    return filled, said


def read_record_table(
    path: Path,
    field: str,
    options: RecordOptions,
    kind: str | None = None,
    columns_field: str = "columns",
) -> RecordTable:
    """The fields of a file: CSV of any dialect, JSON lines, a list in JSON, Parquet, nested or flat.

    Raises:
        InvalidInput: it cannot be read; names the file, the column and what to do.
    """
    table, options = _rows(path, field, options, kind)
    return record_table(table, options, kind, columns_field)


def _rows(
    path: Path, field: str, options: RecordOptions, kind: str | None
) -> tuple[pd.DataFrame, RecordOptions]:
    """(the rows as they are in the file, the options with the mapping where only the file tells it)."""
    if not path.exists():
        raise InvalidInput(field, str(path), "there is no such file")
    if is_json(path):
        return _from_records(*_json(path, field), field, options, kind)
    if is_parquet(path):
        table = read_table(path, field)
        if any(_is_nested(table[name]) for name in table.columns):
            records = [_without_arrays(record) for record in table.to_dict("records")]
            return _from_records(records, [], field, options, kind)
        return table, options
    return _from_text(path, field, options, kind)


def _from_text(
    path: Path, field: str, options: RecordOptions, kind: str | None
) -> tuple[pd.DataFrame, RecordOptions]:
    header, headerless = _head(path, field, options.dialect, kind)
    mapping = headerless or options.mapping_of(header, kind)
    dialect = options.dialect
    if mapping.separator is not None and dialect.separator is None:
        dialect = Dialect(mapping.separator, dialect.decimal, dialect.thousands, dialect.encoding)
    if mapping.names:  # a file without a header is told by its cells or by the name of its mapping
        options = replace(options, mapping=mapping)
        header = list(mapping.names)
    located = mapping.located(header)
    text = [name for ours, names in located.items() if ours not in NUMBERS for name in names]
    table = read_table(path, field, dialect=dialect, names=mapping.names or None, text=text)
    return table, options


def _head(
    path: Path, field: str, dialect: Dialect, kind: str | None
) -> tuple[list[str], RecordMapping | None]:
    """(names in the first line, the mapping of a file without a header that it is one of)."""
    try:
        head = table_head(path, field, dialect)
    except InvalidInput:
        raise
    except Exception:  # read_table says what is wrong with it
        return [], None
    if len(head.header) == 1 and dialect.separator in (None, BLANKS):
        words = head.header[0].split()
        return (words if len(words) > 1 else list(head.header)), None
    return list(head.header), recognise_headerless(head.header, kind)


def _json(path: Path, field: str) -> tuple[list[dict[str, Any]], list[int]]:
    try:
        return json_records(path)
    except (ValueError, OSError) as error:
        raise InvalidInput(field, str(path), f"give JSON lines or a list of records: {error}") from None


def _from_records(
    records: list[dict[str, Any]], broken: list[int], field: str, options: RecordOptions, kind: str | None
) -> tuple[pd.DataFrame, RecordOptions]:
    names = field_names(records)
    mapping = options.mapping_of(names, kind)
    located = mapping.located(names)
    wanted = {name for names_of_field in located.values() for name in names_of_field}
    lines = mapping.lines or _list_of(wanted, records)
    table = flatten(records, field, lines, wanted)
    if not len(table):
        raise InvalidInput(
            field, f"{len(records):,} records", "give records that are JSON objects: there is none"
        )
    table = table.reindex(columns=[name for name in names if name in wanted])
    table.attrs[BROKEN], table.attrs[NAMES] = broken, names
    return table, options


def _list_of(wanted: set[str], records: list[dict[str, Any]]) -> str:
    """The list in which most of the wanted columns lie; "" where there is none or only one."""
    prefixes = [name.rpartition(".")[0] for name in wanted if "." in name]
    lists = {key for record in records[:200] for key, value in record.items() if isinstance(value, list)}
    counts = {name: prefixes.count(name) for name in lists if name in prefixes}
    return max(sorted(counts), key=lambda name: counts[name], default="")


def _cells(column: pd.Series, ours: str) -> pd.Series:
    """Ids as text, missing if empty; integers lose the ``.0`` that a missing value gives them."""
    import pandas as pd

    if ours in NUMBERS:
        return column
    if ours == "time" and (
        pd.api.types.is_numeric_dtype(column) or pd.api.types.is_datetime64_any_dtype(column)
    ):
        return column
    if pd.api.types.is_float_dtype(column):
        finite = column.dropna()
        if np.isfinite(finite).all() and (finite % 1 == 0).all():
            column = column.astype("Int64")
    elif column.dtype == object and pd.api.types.infer_dtype(column, skipna=True) in (
        "floating",
        "mixed-integer-float",
    ):
        column = column.map(lambda cell: int(cell) if isinstance(cell, float) and cell.is_integer() else cell)
    text = as_text(column, ours).astype("string").str.strip()
    return text.mask(text == "").astype(object).where(lambda cells: cells.notna(), None)


def _is_nested(column: pd.Series) -> bool:
    first = next((cell for cell in column.head(200) if cell is not None), None)
    return isinstance(first, dict | list | np.ndarray)


def _without_arrays(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, dict):
        return {key: _without_arrays(inner) for key, inner in value.items()}
    return [_without_arrays(inner) for inner in value] if isinstance(value, list) else value
