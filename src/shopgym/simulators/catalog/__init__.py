"""Items: attributes, from transactions, synthetic, the shipped catalogue, neighbours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .catalog import FEATURE_NAMES, LATENT, OBSERVED, Catalog
from .item_attributes import ItemAttributes
from .synthetic import synthetic_catalog

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["FEATURE_NAMES", "LATENT", "OBSERVED", "Catalog", "ItemAttributes"]


def _online_retail() -> Catalog:
    """The shipped catalogue of a real gift shop: :mod:`.online_retail`."""
    from .online_retail import online_retail

    return online_retail()


def _from_transactions(df: pd.DataFrame, **options: Any) -> Catalog:
    """A catalogue from a shop's own order lines: :func:`.transactions.catalog_from_transactions`."""
    from .transactions import catalog_from_transactions  # pandas and scipy.sparse take long to import

    return catalog_from_transactions(df, **options)


Catalog.synthetic = staticmethod(synthetic_catalog)
Catalog.online_retail = staticmethod(_online_retail)
Catalog.from_transactions = staticmethod(_from_transactions)
