"""Items of any shop system: a product export, a list of prices, a list of costs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ...core.errors import InvalidInput
from ..numbers import to_numbers
from .columns import RecordTable
from .money import require_whole_units
from .options import RecordOptions
from .set_aside import Refusals, reasons_of

if TYPE_CHECKING:
    import pandas as pd

ATTRIBUTES = ("description", "category", "price", "unit_cost")
PRODUCT_LEVEL = ("description", "category")
"""Fields that some systems write on the first line of a product only."""


@dataclass(frozen=True, eq=False)
class ItemTable:
    """Items by id.

    Attributes:
        items: one row for each item, the index is its id (str): what the files have of description,
            category, price and unit_cost; missing where they do not say.
        set_aside: ``row``, ``column``, ``value``, ``reason``.
        rows: number of rows that were read.
        remarks: what was recognised or assumed, in words.
        mapping: names of the mappings.
    """

    items: pd.DataFrame
    set_aside: pd.DataFrame
    rows: int
    remarks: tuple[str, ...] = ()
    mapping: str = "plain"

    def reasons(self) -> dict[str, int]:
        """Number of rows set aside by column and reason, the most frequent first."""
        return reasons_of(self.set_aside)


def item_table(records: Sequence[RecordTable], options: RecordOptions) -> ItemTable:
    """The items of one or more files: what an earlier file says of an item counts before a later one.

    Args:
        records: the rows of each file, e.g. of products and of costs.
        options: how they are read.

    Raises:
        InvalidInput: a file has no column for the item, or no row can be used.
    """
    import pandas as pd

    parts = [_items(record, options) for record in records]
    items = parts[0].items
    for part in parts[1:]:
        items = items.combine_first(part.items)
    return ItemTable(
        items.sort_index(),
        pd.concat([part.set_aside for part in parts], ignore_index=True),
        sum(part.rows for part in parts),
        tuple(dict.fromkeys(remark for part in parts for remark in part.remarks)),
        ", ".join(dict.fromkeys(part.mapping for part in parts)),
    )


def _items(record: RecordTable, options: RecordOptions) -> ItemTable:
    mapping = record.mapping
    record.require(["item"])
    table, remarks = record.table.copy(), [*mapping.remarks, *record.remarks]
    refusals = Refusals(len(table))
    if "product" in table:
        for name in PRODUCT_LEVEL:
            if name in table:
                table[name] = table.groupby("product")[name].transform("first")
    refusals.refuse(table["item"].isna(), "item", "missing")
    pattern = options.item_pattern or mapping.item_pattern
    if pattern is not None:
        fits = table["item"].fillna("").map(lambda cell: re.fullmatch(pattern, cell) is not None)
        refusals.refuse(~fits, "item", f"does not match {pattern}")
    for name in ("price", "unit_cost"):
        if name in table:
            said = table[name].notna()
            table[name] = to_numbers(table[name], name)
            refusals.refuse(said & ~(table[name] >= 0), name, "no number, or below 0")
    if "price" in table and options.price_unit is None:
        require_whole_units(table["price"].to_numpy(np.float64), options.currency or "")
    for name in {"price", "unit_cost"} & set(table):
        table[name] *= options.price_unit or 1.0
    refusals.refuse(table["item"].duplicated() & table["item"].notna(), "item", "this id was there before")
    set_aside = refusals.table(record.row, record.table, record.file)
    items = table[refusals.good].set_index("item")
    if items.empty:
        raise InvalidInput("items", reasons_of(set_aside), f"none of {len(table)} rows can be used")
    kept = items[[name for name in ATTRIBUTES if name in items]]
    return ItemTable(kept, set_aside, len(table), tuple(remarks), mapping.name)
