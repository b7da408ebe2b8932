"""What came in: rows, orders, customers, items, time, coverage, what was set aside, what was assumed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .events import EventRecords
from .items import ItemTable
from .order_lines import OrderLines
from .times import DAY

if TYPE_CHECKING:
    import pandas as pd

FEWEST_DAYS, FEWEST_CUSTOMERS = 60.0, 30
"""Fewer say nothing of how often customers come back."""
YEAR_DAYS = 364.0


def lines_report(lines: OrderLines) -> dict[str, Any]:
    """The report of order lines, as values that JSON can hold."""
    sold = lines.sold
    out: dict[str, Any] = {
        "kind": "order lines",
        "mapping": lines.mapping,
        "rows": lines.rows,
        "used": len(sold),
        "set_aside": len(lines.set_aside),
        "set_aside_because": lines.reasons(),
        "coverage": lines.coverage,
        "orders": int(sold["order"].nunique()),
        "customers": int(sold["customer"].nunique()) if "customer" in sold else 0,
        "guest_orders": lines.guests,
        "items": int(sold["item"].nunique()) if "item" in sold else 0,
        "currency": lines.currency,
        "returned_lines": len(lines.returned),
        **_span(sold),
        "remarks": list(lines.remarks),
    }
    return {**out, "limits": limits(lines)}


def events_report(events: EventRecords) -> dict[str, Any]:
    """The report of events, as values that JSON can hold."""
    table = events.events
    counts = table["event"].astype(str).value_counts()
    return {
        "kind": "events",
        "mapping": events.mapping,
        "rows": events.rows,
        "used": len(table),
        "set_aside": len(events.set_aside),
        "set_aside_because": events.reasons(),
        "events": {str(kind): int(count) for kind, count in counts.items()},
        "users": int(table["user_id"].nunique()),
        "visits": int(table["session_id"].nunique()),
        "items": int(table["item_id"].nunique()),
        **_span(table),
        "remarks": list(events.remarks),
    }


def items_report(table: ItemTable) -> dict[str, Any]:
    """The report of items, as values that JSON can hold."""
    said = {name: int(table.items[name].notna().sum()) for name in table.items}
    return {
        "kind": "items",
        "mapping": table.mapping,
        "rows": table.rows,
        "used": len(table.items),
        "set_aside": len(table.set_aside),
        "set_aside_because": table.reasons(),
        "items": len(table.items),
        "known": said,
        "remarks": list(table.remarks),
    }


def limits(lines: OrderLines) -> list[str]:
    """What the records cannot say, with the reason."""
    sold, out = lines.sold, []
    if "time" not in sold:
        out.append("no times: nothing that depends on days, weeks or coming back can be fitted")
    else:
        days = float(sold["time"].max() - sold["time"].min()) / DAY
        if days < FEWEST_DAYS:
            out.append(f"{days:.0f} days: how often customers come back needs {FEWEST_DAYS:.0f} or more")
        if days < YEAR_DAYS:
            out.append(f"{days:.0f} days: seasons need a whole year")
        if (sold["time"] % DAY == 0).all():
            out.append("days without hours: the hours of the day are unknown")
    customers = int(sold["customer"].nunique()) if "customer" in sold else 0
    if customers == 0:
        out.append("no known customer: how often customers come back is unknown")
    elif customers < FEWEST_CUSTOMERS:
        out.append(f"{customers} known customers: how often they come back needs {FEWEST_CUSTOMERS} or more")
    if "item" not in sold:
        out.append("no items: a catalogue cannot be made of these records")
    if "price" not in sold:
        out.append("no prices: a catalogue cannot be made of these records")
    elif not lines.currency:
        out.append("no currency: say which it is (--currency EUR)")
    if "unit_cost" not in sold:
        out.append("no unit costs: margins are assumed")
    return out


def coverage_words(coverage: dict[str, dict[str, float]]) -> str:
    """``99 of 987 items, 540 of 6,000 lines, 9.0% of the revenue``."""
    parts = [
        f"{coverage[name]['used']:,} of {coverage[name]['total']:,} {name}"
        for name in ("items", "lines")
        if name in coverage
    ]
    revenue = coverage.get("revenue")
    if revenue is not None and revenue["total"] > 0:
        parts.append(f"{revenue['used'] / revenue['total']:.1%} of the revenue")
    return ", ".join(parts)


def _span(table: pd.DataFrame) -> dict[str, Any]:
    import pandas as pd

    if "time" not in table:
        return {"first": None, "last": None, "days": None}
    first, last = float(table["time"].min()), float(table["time"].max())
    shown = [pd.Timestamp(time, unit="s").isoformat(timespec="seconds", sep=" ") for time in (first, last)]
    return {"first": shown[0], "last": shown[1], "days": round((last - first) / DAY, 2)}
