"""Records of any shop system: order lines and events, read through mappings."""

from .columns import RecordTable, read_record_table, stacked
from .events import EventRecords, event_records, split_visits
from .items import ItemTable, item_table
from .mapping import EVENTS, ITEMS, LINES, RecordMapping, load_mapping, shipped_mappings
from .options import RecordOptions
from .order_lines import FOR_A_CATALOG, FOR_A_SHOP, OrderLines, order_lines
from .read import read_events, read_items, read_order_lines
from .report import (
    FEWEST_CUSTOMERS,
    FEWEST_DAYS,
    coverage_words,
    events_report,
    items_report,
    limits,
    lines_report,
)
from .set_aside import save_set_aside

__all__ = [
    "EVENTS",
    "FEWEST_CUSTOMERS",
    "FEWEST_DAYS",
    "FOR_A_CATALOG",
    "FOR_A_SHOP",
    "ITEMS",
    "LINES",
    "EventRecords",
    "ItemTable",
    "OrderLines",
    "RecordMapping",
    "RecordOptions",
    "RecordTable",
    "coverage_words",
    "event_records",
    "events_report",
    "item_table",
    "items_report",
    "limits",
    "lines_report",
    "load_mapping",
    "order_lines",
    "read_events",
    "read_items",
    "read_order_lines",
    "read_record_table",
    "save_set_aside",
    "shipped_mappings",
    "split_visits",
    "stacked",
]
