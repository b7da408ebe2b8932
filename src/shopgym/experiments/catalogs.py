"""The catalogue that a config names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..simulators import Catalog
from ..tables import Dialect
from ..tables.records import RecordOptions, read_items, read_order_lines
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
    assert section.path is not None  # the config requires it with this source
    lines = read_order_lines(
        section.path, section.record_options(), field="catalog.path", columns_field="catalog.columns"
    )
    items = None
    if section.item_table:
        options = RecordOptions(dialect=Dialect(**section.dialect), currency=lines.currency or None)
        items = read_items(section.item_table, options, field="catalog.item_table")
    return Catalog.from_transactions(lines, items=items, units_cap=section.units_cap), lines.set_aside
