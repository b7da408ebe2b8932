"""What anyone may know of the items: the observable side of the catalogue."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property

import numpy as np

from .errors import InvalidInput, finite, one_of, refuse_rows
from .types import F32, F64, I32, AnyArray


@dataclass(frozen=True)
class Items:
    """N items as columns. Inside shopgym an item is its row number; outside, its ``item_id``.

    Attributes:
        item_id: (N,) str, the shop's own ids, unique.
        name: (N,) str, what a person reads.
        category: (N,) int32 into ``category_names``.
        price: (N,) float64 > 0, currency units.
        unit_cost: (N,) float64 >= 0, currency units.
        popularity: (N,) float64 >= 0, share of historic orders, sums to 1.
        features: (N, f) float32, named by ``feature_names``.
        category_names, feature_names: tuples of str.
        currency: ISO 4217 code of ``price`` and ``unit_cost``.
    """

    item_id: AnyArray
    name: AnyArray
    category: I32
    price: F64
    unit_cost: F64
    popularity: F64
    features: F32
    category_names: tuple[str, ...]
    feature_names: tuple[str, ...]
    currency: str = "GBP"

    def __post_init__(self) -> None:
        n = len(self.item_id)
        if n == 0:
            raise InvalidInput("items", 0, "a catalogue needs at least one item")
        for column in ("name", "category", "price", "unit_cost", "popularity", "features"):
            if len(getattr(self, column)) != n:
                raise InvalidInput(
                    f"items.{column}", len(getattr(self, column)), f"give one row per item ({n} rows)"
                )
        if len(np.unique(self.item_id)) != n:
            ids, counts = np.unique(self.item_id, return_counts=True)
            raise InvalidInput("items.item_id", list(ids[counts > 1][:5]), "give each item an id of its own")
        for column, low_ok in (("price", False), ("unit_cost", True), ("popularity", True)):
            values = getattr(self, column)
            bad = ~np.isfinite(values) | ((values < 0) if low_ok else (values <= 0))
            fix = f"give a finite number {'>=' if low_ok else '>'} 0 ({int(bad.sum())} rows are wrong)"
            refuse_rows(f"items.{column}", np.asarray(values, np.float64), bad, fix)
        finite("items.features", self.features)
        if self.features.ndim != 2 or self.features.shape[1] != len(self.feature_names):
            raise InvalidInput("items.features", self.features.shape, "give one column per feature name")
        if len(self.category) and not (
            (self.category >= 0).all() and (self.category < len(self.category_names)).all()
        ):
            raise InvalidInput("items.category", int(self.category.max()), "index into category_names")

    def __len__(self) -> int:
        return len(self.item_id)

    @cached_property
    def margin(self) -> F64:
        """(N,) price less unit cost, currency units per unit sold."""
        return self.price - self.unit_cost

    @cached_property
    def row_of(self) -> dict[str, int]:
        """From ``item_id`` to row number."""
        return {str(item): row for row, item in enumerate(self.item_id)}

    def feature(self, name: str) -> F32:
        """(N,) the column called ``name``."""
        one_of("items.feature", name, self.feature_names)
        return self.features[:, self.feature_names.index(name)]

    def columns(self) -> dict[str, AnyArray]:
        """The array columns by name, e.g. for hashing or writing."""
        columns = {f.name: getattr(self, f.name) for f in fields(self)}
        return {name: values for name, values in columns.items() if isinstance(values, np.ndarray)}
