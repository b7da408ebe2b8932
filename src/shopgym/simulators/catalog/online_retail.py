"""The shipped catalogue of a real online gift shop, and the script that derives it from order lines.

Data: Daqing Chen (2015), Online Retail, UCI Machine Learning Repository,
https://doi.org/10.24432/C5BW33, licence CC BY 4.0. Changed: order lines added up to a table of items;
nothing of any customer is in it.

Derive it again, from the raw table as Parquet with its eight columns::

    python -m shopgym.simulators.catalog.online_retail RAW.parquet [OUT.parquet]
"""

from __future__ import annotations

import json
import re
import sys
from dataclasses import replace
from importlib.resources import as_file, files
from pathlib import Path

import numpy as np

from ...core.files import new_file
from .catalog import Catalog

COLUMNS = {
    "order": "InvoiceNo",
    "item": "StockCode",
    "description": "Description",
    "quantity": "Quantity",
    "time": "InvoiceDate",
    "price": "UnitPrice",
    "customer": "CustomerID",
}
ITEM_PATTERN = r"\d{5}[A-Z]*"
"""Stock codes of goods; the others are postage, fees, vouchers, samples and corrections."""
MIN_ORDERS = 10
_TABLE = "online_retail.parquet"


def online_retail() -> Catalog:
    """The catalogue of UCI Online Retail: about 3,100 gifts, prices in GBP, 2010-12-01 to 2011-12-09."""
    import pyarrow.parquet as pq

    # ParquetFile and to_pylist rather than read_table and to_numpy, which import pandas: half a second
    with as_file(files(__package__) / "data" / _TABLE) as path, pq.ParquetFile(path) as file:
        table = file.read()
    about = json.loads(table.schema.metadata[b"shopgym"])
    columns = {name: np.array(table.column(name).to_pylist()) for name in table.column_names}
    return Catalog.assemble(
        **columns, category_names=tuple(about["category_names"]), currency="GBP", notes=about["notes"]
    )


def derive(raw: str | Path) -> Catalog:
    """The catalogue from the raw table at ``raw`` (Parquet)."""
    import pandas as pd

    df = pd.read_parquet(raw, columns=list(COLUMNS.values()))
    df["StockCode"] = df["StockCode"].str.upper()  # some are typed in either case
    descriptions = df["Description"].dropna().unique()
    df["Description"] = df["Description"].map({words: tidy(words) for words in descriptions})
    catalog = Catalog.from_transactions(
        df, columns=COLUMNS, item_pattern=ITEM_PATTERN, min_orders=MIN_ORDERS, currency="GBP"
    )
    origin = (
        "Daqing Chen (2015), Online Retail, UCI Machine Learning Repository, "
        "https://doi.org/10.24432/C5BW33, CC BY 4.0; order lines added up to a table of items."
    )
    return replace(catalog, notes={"origin": origin, **catalog.notes})


def build_online_retail(raw: str | Path, out: str | Path) -> Catalog:
    """Derive the catalogue from ``raw`` and write to ``out`` what cannot be computed from the rest of it.

    Features and neighbours are left out and computed again on loading. Taste vectors, quality and units
    are kept in float32, ids, names, prices and popularity in full.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    catalog = derive(raw)
    items = catalog.items
    embedding = pa.FixedSizeListArray.from_arrays(
        pa.array(catalog.embedding.ravel()), catalog.embedding.shape[1]
    )
    columns = {
        "item_id": items.item_id,
        "name": items.name,
        "category": items.category.astype(np.int16),
        "price": items.price,
        "unit_cost": items.unit_cost,
        "popularity": items.popularity,
        "quality": catalog.quality,
        "units_mean": catalog.units_mean.astype(np.float32),
        "embedding": embedding,
    }
    about = {"category_names": items.category_names, "notes": dict(catalog.notes)}
    table = pa.table(columns).replace_schema_metadata({"shopgym": json.dumps(about)})
    with new_file(Path(out)) as temporary:
        pq.write_table(table, temporary, compression="zstd", compression_level=19)
    return catalog


def tidy(description: str) -> str:
    """``LUNCH BAG  RED RETROSPOT.`` as ``Lunch Bag Red Retrospot``."""
    words = " ".join(description.split()).strip(" .,")
    return re.sub(r"[^\s/(-]+", lambda word: word.group().capitalize(), words)


def main(arguments: list[str]) -> None:
    """``RAW.parquet [OUT.parquet]``: derive the table; by default in the place of the shipped one."""
    if not 1 <= len(arguments) <= 2:
        raise SystemExit(
            "usage: python -m shopgym.simulators.catalog.online_retail RAW.parquet [OUT.parquet]"
        )
    out = Path(arguments[1]) if len(arguments) == 2 else Path(__file__).parent / "data" / _TABLE
    catalog = build_online_retail(arguments[0], out)
    print(catalog.by_category().to_string())
    for subject, note in catalog.notes.items():
        print(f"{subject}: {note}")
    print(f"{out}: {len(catalog)} items, {out.stat().st_size:,} bytes")


if __name__ == "__main__":
    main(sys.argv[1:])
