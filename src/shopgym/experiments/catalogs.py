"""The catalogue that a config names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..simulators import Catalog
from ..simulators.catalog.transactions import NAMES, OPTIONAL, REQUIRED, clean
from ..tables import Dialect, read_table, unique_columns
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
    names = [section.columns.get(name, name) for name in NAMES]
    table = read_table(section.path, "catalog.path", dialect=Dialect(**section.dialect), text=names)
    used = [section.columns.get(name, name) for name in (*REQUIRED, *OPTIONAL)]
    unique_columns("catalog.columns", table, used)
    options: dict[str, Any] = {
        "columns": section.columns,
        "item_pattern": section.item_pattern,
        "min_orders": section.min_orders,
    }
    _, set_aside = clean(table, **options)
    return Catalog.from_transactions(table, **options, units_cap=section.units_cap), set_aside
