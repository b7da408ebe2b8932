"""The catalogue that a config names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from ..core.errors import InvalidInput
from ..simulators import Catalog
from ..simulators.catalog.transactions import clean
from .config import CatalogSection


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
    table = read_table(section.path, "catalog.path")
    options: dict[str, Any] = {
        "columns": section.columns,
        "item_pattern": section.item_pattern,
        "min_orders": section.min_orders,
    }
    _, set_aside = clean(table, **options)
    return Catalog.from_transactions(table, **options), set_aside


def read_table(path: Path, field: str) -> pd.DataFrame:
    """A CSV or Parquet table."""
    try:
        return pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path)
    except FileNotFoundError:
        raise InvalidInput(field, str(path), "there is no such file") from None
    except (OSError, ValueError) as error:
        raise InvalidInput(field, str(path), f"give a CSV or Parquet table ({error})") from None
