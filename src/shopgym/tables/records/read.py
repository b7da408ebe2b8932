"""The one way from a file or a table to order lines or events."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .columns import RecordTable, read_record_tables, record_table
from .events import EventRecords, event_records
from .items import ItemTable, item_table
from .mapping import EVENTS, ITEMS, LINES
from .options import RecordOptions
from .order_lines import FOR_A_CATALOG, OrderLines, order_lines

if TYPE_CHECKING:
    import pandas as pd


def read_order_lines(
    source: Path | Sequence[Path] | pd.DataFrame,
    options: RecordOptions | None = None,
    *,
    need: Sequence[str] = FOR_A_CATALOG,
    fewest: int = 1,
    field: str = "transactions",
    columns_field: str = "columns",
) -> OrderLines:
    """Order lines from a file, from several files of one system, or from a table.

    Args:
        source: CSV, JSON lines, a list in JSON, Parquet, or a table with one row per order line.
        options: how they are read; None: everything is recognised.
        need: the fields that must have a column. Times are read wherever there are any; where they are not
            needed and cannot be read, they are left out, and a remark says why.
        fewest: lines that must be usable.
        field, columns_field: what errors call the file and the mapping of its columns.

    Raises:
        InvalidInput: names the file, the column or the row, and what to do.
    """
    options = options or RecordOptions()
    record = _records(source, options, LINES, field, columns_field)
    return order_lines(record, options, need=need, fewest=fewest)


def read_events(
    source: Path | Sequence[Path] | pd.DataFrame,
    options: RecordOptions | None = None,
    *,
    field: str = "events",
    columns_field: str = "columns",
) -> EventRecords:
    """Events from a file, from several files of one system, or from a table.

    Args:
        source, options, field, columns_field: as of :func:`read_order_lines`.

    Raises:
        InvalidInput: names the file, the column or the row, and what to do.
    """
    options = options or RecordOptions()
    return event_records(_records(source, options, EVENTS, field, columns_field), options)


def read_items(
    source: Path | Sequence[Path] | pd.DataFrame,
    options: RecordOptions | None = None,
    *,
    field: str = "items",
) -> ItemTable:
    """Items from a file, from several files such as products and costs, or from a table.

    Args:
        source, options, field: as of :func:`read_order_lines`. Of several files, the first that says
            something of an item counts.

    Raises:
        InvalidInput: names the file, the column or the row, and what to do.
    """
    options = options or RecordOptions()
    sources = [source] if isinstance(source, Path) or not isinstance(source, Sequence) else list(source)
    return item_table([_records(one, options, ITEMS, field, "columns") for one in sources], options)


def _records(
    source: Path | Sequence[Path] | pd.DataFrame,
    options: RecordOptions,
    kind: str,
    field: str,
    columns_field: str,
) -> RecordTable:
    if isinstance(source, Path):
        source = [source]
    if isinstance(source, Sequence):
        return read_record_tables(list(source), field, options, kind, columns_field)
    return record_table(source, options, kind, columns_field)
