"""Order lines from events of visits, so that a catalogue can be made of a shop that has no order lines."""

from __future__ import annotations

from dataclasses import replace

from ...core.errors import InvalidInput
from ...tables.records import EventRecords, OrderLines, RecordOptions, read_order_lines

PAGES = ("view", "click")
NO_CURRENCY = "XXX"
"""ISO 4217: no currency is involved."""


def lines_of_events(events: EventRecords, currency: str | None = None) -> tuple[OrderLines, bool]:
    """(order lines, whether their prices are real) of events.

    Purchases with orders and prices are the lines. Where there are none, every item whose page a visit
    opened is a line of one unit at price 1: popularity and taste are those of page views, and money means
    nothing.

    Raises:
        InvalidInput: there are neither purchases with prices nor page views of known visits.
    """
    bought = events.purchases()
    if bought is not None:
        bought = bought[bought["price"] > 0]
    if bought is not None and len(bought):
        lines = read_order_lines(bought, RecordOptions(mapping="plain", currency=None))
        return replace(lines, currency=(currency or lines.currency or "").upper()), True
    table = events.events
    kind = next((name for name in PAGES if (table["event"] == name).any()), None)
    opened = table[(table["event"] == kind) & table["session_id"].notna() & table["item_id"].notna()]
    if opened.empty:
        raise InvalidInput("events", len(table), "give page views of known visits, or purchases with prices")
    opened = opened.drop_duplicates(["session_id", "item_id"])
    names = {"session_id": "order", "item_id": "item", "user_id": "customer"}
    table = opened.rename(columns=names)[["order", "item", "customer", "time"]]
    lines = read_order_lines(
        table.assign(quantity=1.0, price=1.0), RecordOptions(mapping="plain", price_unit=1.0)
    )
    return replace(lines, currency=NO_CURRENCY), False
