"""A shop's own files, read at once: order lines and events, and the report of what came in."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.errors import InvalidInput
from ..core.files import make_folder, new_file, write_text
from ..tables.records import (
    EVENTS,
    ITEMS,
    LINES,
    EventRecords,
    ItemTable,
    OrderLines,
    RecordOptions,
    RecordTable,
    event_records,
    events_report,
    item_table,
    items_report,
    lines_report,
    order_lines,
    read_order_lines,
    read_record_table,
    save_set_aside,
    stacked,
)

if TYPE_CHECKING:
    import pandas as pd

NEEDED = ("order", "time")
"""What order lines must have to be a record at all."""
LINES_FILE, RETURNED_FILE = "order_lines.parquet", "returned_lines.parquet"
EVENTS_FILE, ITEMS_FILE = "events.parquet", "items.parquet"
SET_ASIDE_FILE, REPORT_FILE = "set_aside.csv", "report.json"
WRITTEN = (LINES_FILE, RETURNED_FILE, EVENTS_FILE, ITEMS_FILE, SET_ASIDE_FILE, REPORT_FILE)
"""Files of a folder that :meth:`Ingested.save` writes, where there is something to write."""


@dataclass(frozen=True, eq=False)
class Ingested:
    """What was read.

    Attributes:
        lines: order lines; of event files, their purchases if orders and prices were recorded; or None.
        events: events, or None.
        items: items, or None.
        lines_are_events: whether the order lines are the purchases among the events.
    """

    lines: OrderLines | None
    events: EventRecords | None
    items: ItemTable | None = None
    lines_are_events: bool = False

    def reports(self) -> list[dict[str, Any]]:
        """One report for each kind of record."""
        out = []
        if self.lines is not None:
            report = {**lines_report(self.lines), "recognised": list(self.lines.recognised)}
            if self.lines_are_events:
                report["mapping"] = "the purchases among the events"
            out.append(report)
        if self.events is not None:
            out.append(events_report(self.events))
        if self.items is not None:
            out.append(items_report(self.items))
        return out

    def summary(self) -> dict[str, Any]:
        """``used``, ``set_aside`` and ``coverage`` of all files, and the reports of each kind."""
        reports = self.reports()
        files = [report for report in reports if not (self.lines_are_events and report["kind"] == LINES)]
        coverage = next((report["coverage"] for report in reports if "coverage" in report), None)
        return {
            "rows": sum(report["rows"] for report in files),
            "used": sum(report["used"] for report in files),
            "set_aside": sum(report["set_aside"] for report in files),
            "coverage": coverage,
            "records": reports,
        }

    def set_aside(self) -> pd.DataFrame:
        """The rows that are not used: row, column, value, reason."""
        import pandas as pd

        tables = [] if self.lines is None or self.lines_are_events else [self.lines.set_aside]
        tables += [part.set_aside for part in (self.events, self.items) if part is not None]
        return pd.concat(tables, ignore_index=True)

    def save(self, folder: Path) -> list[Path]:
        """Write everything to ``folder``; returns the paths. Customers keep their ids, and nothing else that
        is about them is written."""
        make_folder(folder)
        paths = []
        tables = {
            LINES_FILE: None if self.lines is None else self.lines.sold,
            RETURNED_FILE: None if self.lines is None or self.lines.returned.empty else self.lines.returned,
            EVENTS_FILE: None if self.events is None else self.events.events,
            ITEMS_FILE: None if self.items is None else self.items.items.reset_index(),
        }
        for name, table in tables.items():
            if table is not None:
                with new_file(folder / name) as temporary:
                    table.to_parquet(temporary, index=False)
                paths.append(folder / name)
        save_set_aside(self.set_aside(), folder / SET_ASIDE_FILE)
        write_text(folder / REPORT_FILE, json.dumps(self.summary(), indent=2) + "\n")
        return [*paths, folder / SET_ASIDE_FILE, folder / REPORT_FILE]


def ingest(files: Sequence[Path], options: RecordOptions | None = None, *, field: str = "FILE") -> Ingested:
    """Read files of order lines and of events.

    Args:
        files: CSV of any dialect, JSON lines, a list in JSON, Parquet. Files of one kind are of one system.
        options: how they are read; None: everything is recognised.
        field: what errors call the files.

    Raises:
        InvalidInput: names the file, the column or the row, and what to do.
    """
    options = options or RecordOptions()
    if not files:
        raise InvalidInput(field, [], "give a file or more")
    tables = {path: read_record_table(path, field, options, None, "--column") for path in files}
    record_of_lines, record_of_events = (_of_kind(tables, kind, field) for kind in (LINES, EVENTS))
    lines = events = None
    if record_of_lines is not None:
        lines = order_lines(record_of_lines, options, need=NEEDED)
    if record_of_events is not None:
        events = event_records(record_of_events, options)
    of_items = [table for table in tables.values() if table.mapping.kind == ITEMS]
    items = item_table(of_items, options) if of_items else None
    if lines is None and events is not None:
        bought = events.purchases()
        if bought is not None:
            plain = RecordOptions(
                mapping="plain", min_orders=options.min_orders, item_pattern=options.item_pattern
            )
            return Ingested(read_order_lines(bought, plain), events, items, lines_are_events=True)
    return Ingested(lines, events, items)


def _of_kind(tables: Mapping[Path, RecordTable], kind: str, field: str) -> RecordTable | None:
    """The rows of all files of one kind; None where there are none."""
    names = [path for path, table in tables.items() if table.mapping.kind == kind]
    if not names:
        return None
    return stacked([tables[path] for path in names], [path.name for path in names], field)
