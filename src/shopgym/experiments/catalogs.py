"""The catalogue that a config names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.errors import InvalidInput
from ..simulators import Catalog
from ..tables import Dialect
from ..tables.records import OrderLines, RecordOptions, read_events, read_items, read_order_lines
from .config import CatalogSection

if TYPE_CHECKING:
    import pandas as pd


def load_catalog(section: CatalogSection, seed: int) -> tuple[Catalog, pd.DataFrame | None]:
    """(catalogue, order lines set aside with their reasons, or None).

    Raises:
        InvalidInput: the table cannot be read, lacks a column, or has no usable row.
    """
    if section.source == "online_retail":
        return Catalog.online_retail(), None
    if section.source == "synthetic":
        return Catalog.synthetic(section.items, seed=seed), None
    assert section.path is not None  # the config requires it with these sources
    lines = catalog_lines(section)
    items = None
    if section.item_table:
        options = RecordOptions(dialect=Dialect(**section.dialect), currency=lines.currency or None)
        items = read_items(section.item_table, options, field="catalog.item_table")
    catalog = Catalog.from_transactions(lines, items=items, units_cap=section.units_cap)
    return catalog.with_units(section.units_scale, section.units_power), lines.set_aside


def catalog_lines(section: CatalogSection) -> OrderLines:
    """The order lines of a section, up to its last day."""
    assert section.path is not None
    options = section.record_options()
    if section.source == "events":
        from ..simulators.catalog.from_events import lines_of_events

        read = read_events(section.path, options, field="catalog.path", columns_field="catalog.columns")
        lines, _ = lines_of_events(read, section.currency)
    else:
        lines = read_order_lines(section.path, options, field="catalog.path", columns_field="catalog.columns")
    if section.until is None:
        return lines
    if "time" not in lines.sold:
        raise InvalidInput("catalog.until", section.until, "the lines have no times: leave it out")
    return lines.until(section.until)
