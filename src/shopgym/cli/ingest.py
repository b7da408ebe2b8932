"""``shopgym ingest``: read a shop's records, say what came in, and write them in one form."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .console import AsJson, require_no_input, say
from .record_options import (
    Column,
    Currency,
    DayFirst,
    Decimal,
    Encoding,
    Guest,
    ItemPattern,
    MappingName,
    MinOrders,
    PriceUnit,
    Separator,
    Thousands,
    TimeZone,
    columns_of,
)

if TYPE_CHECKING:
    from ..realism.ingest import Ingested


def ingest(
    files: Annotated[
        list[Path],
        typer.Argument(
            help="Order lines, events, items: CSV of any dialect, JSON lines, Parquet.", metavar="FILE..."
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder to write: order_lines.parquet, events.parquet, set_aside.csv, report.json; without "
            "it only the report is printed."
        ),
    ] = None,
    mapping: MappingName = None,
    column: Column = None,
    day_first: DayFirst = None,
    time_zone: TimeZone = None,
    currency: Currency = None,
    price_unit: PriceUnit = None,
    guest: Guest = None,
    item_pattern: ItemPattern = None,
    min_orders: MinOrders = 1,
    separator: Separator = None,
    decimal: Decimal = None,
    thousands: Thousands = None,
    encoding: Encoding = None,
    as_json: AsJson = False,
) -> None:
    """Read your shop's records, and report what came in, what was set aside and why, and what was assumed.

    'calibrate' and 'run' read the files in the same way; what is written with --out can be given to them too.
    """
    from ..realism.ingest import WRITTEN
    from ..realism.ingest import ingest as read
    from ..tables import Dialect
    from ..tables.records import RecordOptions

    options = RecordOptions(
        mapping,
        columns_of(column),
        Dialect(separator, decimal, thousands, encoding),
        day_first,
        time_zone,
        currency,
        price_unit,
        tuple(guest or ()),
        item_pattern,
        min_orders,
    )
    if out is not None:
        for name in WRITTEN:
            require_no_input("--out", out / name, files)
    ingested = read(files, options)
    written = [] if out is None else ingested.save(out)
    if as_json:
        print(json.dumps({**ingested.summary(), "written": [str(path) for path in written]}))
    else:
        _print(ingested, written)


def _print(ingested: Ingested, written: list[Path]) -> None:
    for report in ingested.reports():
        print_report(report)
    for path in written:
        say(f"{path}: written")


def print_report(report: Mapping[str, Any], set_aside: Path | None = None) -> None:
    """What came in, of one kind of record."""
    from ..tables.records import coverage_words

    say(f"{report['kind']}, read as {report['mapping']}")
    where = f" (listed in {set_aside})" if set_aside is not None else ""
    say(f"  {report['rows']:,} rows: {report['used']:,} used, {report['set_aside']:,} set aside{where}")
    for reason, count in report["set_aside_because"].items():
        say(f"    {count:,}: {reason}")
    if report["kind"] == "events":
        counts = ", ".join(f"{count:,} {kind}" for kind, count in report["events"].items())
        say(f"  {counts}")
        say(f"  {report['users']:,} users, {report['visits']:,} visits, {report['items']:,} items")
    elif report["kind"] == "items":
        filled = ", ".join(f"{name} of {count:,}" for name, count in report["known"].items())
        say(f"  {report['items']:,} items: {filled}")
    else:
        currency = f", in {report['currency']}" if report["currency"] else ""
        say(
            f"  {report['orders']:,} orders, {report['customers']:,} known customers, "
            f"{report['guest_orders']:,} orders by guests, {report['items']:,} items{currency}"
        )
        say(f"  the catalogue covers {coverage_words(report['coverage'])}")
        if report["returned_lines"]:
            say(f"  {report['returned_lines']:,} lines came back")
    if report.get("first") is not None:
        say(f"  from {report['first']} to {report['last']}: {report['days']:g} days")
    for name, words in (("recognised", "the file is"), ("remarks", "note"), ("limits", "limit")):
        for text in report.get(name, ()):
            say(f"  {words}: {text}")
