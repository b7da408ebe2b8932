"""A shop's catalogue: what can be observed of the items, and what only the simulation knows."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ...core import InvalidInput, Items
from ...core.errors import in_range, refuse_rows
from ...core.files import new_file
from ...core.hashing import hash_arrays
from ...core.statistics import gini
from ...core.types import F32, F64, I32, AnyArray
from .item_attributes import ItemAttributes
from .neighbours import nearest

if TYPE_CHECKING:
    import pandas as pd

UNITS_CAP = 6
"""Units of one order line count up to here: what a household buys, not a reseller."""
LATENT = 16
"""Columns of the latent taste space by default."""
OBSERVED = 8
"""Columns of the latent taste space that a shop's own analysts can compute."""
FEATURE_NAMES = (*(f"embedding_{c}" for c in range(OBSERVED)), "log_price", "margin_rate", "popularity")
LATENT_COLUMNS = ("embedding", "quality", "units_mean", "neighbours")
NAMES = ("category_names", "feature_names", "currency")
"""What is known of the items beside their columns, in the order in which it is hashed."""
_FORMAT = "shopgym.catalog.1"


@dataclass(frozen=True, eq=False)
class Catalog:
    """N items, observable and latent. The shop's users respond to what is latent.

    Attributes:
        items: the observable side. ``items.features`` holds, under ``FEATURE_NAMES``, the first 8
            columns of ``embedding`` scaled to norm 1, then log price, margin rate (price less cost over
            price) and log popularity, each standardised over the catalogue.
        embedding: (N, d >= 8) float32, rows of norm 1: the true taste space. Agents see 8 columns of it.
        quality: (N,) float32, general appeal, mean 0 and standard deviation 1 (all 0 if the same).
        units_mean: (N,) float64 >= 1, mean units per purchased order line.
        neighbours: (N, K) int32, the K = min(64, N - 1) other items most similar by the observed
            embedding, most similar first.
        notes: assumptions and counts in words, by subject.
        details: brand, seller, delivery, returns and more; drawn unless given.

    Raises:
        InvalidInput: naming the column and the first bad row.
    """

    items: Items
    embedding: F32
    quality: F32
    units_mean: F64
    neighbours: I32
    notes: Mapping[str, str] = field(default_factory=dict)
    details: ItemAttributes = field(default_factory=ItemAttributes.none)

    # constructors that stand on top of this class; the package sets them
    synthetic: ClassVar[Callable[..., Catalog]]
    online_retail: ClassVar[Callable[[], Catalog]]
    from_transactions: ClassVar[Callable[..., Catalog]]

    def __post_init__(self) -> None:
        n = len(self.items)
        object.__setattr__(self, "notes", dict(self.notes))
        if not len(self.details.brand):
            object.__setattr__(self, "details", ItemAttributes.assume(self.items.category, self.quality))
        for column in ("item_id", "name"):
            if getattr(self.items, column).dtype.kind != "U":
                raise InvalidInput(f"items.{column}", getattr(self.items, column).dtype.str, "give str")
        kinds = ((np.float32, 2), (np.float32, 1), (np.float64, 1), (np.int32, 2))
        for column, (kind, ndim) in zip(LATENT_COLUMNS, kinds, strict=True):
            values = getattr(self, column)
            if values.dtype != kind or values.ndim != ndim or len(values) != n:
                fix = f"give {np.dtype(kind)} with {ndim} dimension(s) and one row per item ({n} rows)"
                raise InvalidInput(f"catalog.{column}", f"{values.dtype} {values.shape}", fix)
        if self.embedding.shape[1] < OBSERVED:
            raise InvalidInput("catalog.embedding", self.embedding.shape, f"give {OBSERVED} columns or more")
        length = np.sqrt(np.einsum("nd,nd->n", self.embedding, self.embedding))
        _refuse("embedding", self.embedding, ~(np.abs(length - 1) < 1e-3), "scale each row to norm 1")
        _refuse("quality", self.quality, ~np.isfinite(self.quality), "give finite numbers")
        mean, sd = self.quality.mean(dtype=np.float64), self.quality.std(dtype=np.float64)
        if abs(mean) > 1e-3 or not (abs(sd - 1) < 1e-3 or sd < 1e-6):
            raise InvalidInput(
                "catalog.quality", f"mean {mean:.4g}, sd {sd:.4g}", "standardise to mean 0 and sd 1"
            )
        _refuse("units_mean", self.units_mean, ~(self.units_mean >= 1), "give at least 1 unit a line")
        _refuse("units_mean", self.units_mean, ~np.isfinite(self.units_mean), "give finite numbers")
        if len(self.details.brand) != n:
            raise InvalidInput("catalog.details", len(self.details.brand), f"give {n} rows, one per item")
        out = (self.neighbours < 0) | (self.neighbours >= n) | (self.neighbours == np.arange(n)[:, None])
        _refuse("neighbours", self.neighbours, out.any(axis=1), "give row numbers of other items")

    def __len__(self) -> int:
        return len(self.items)

    def with_units(self, scale: float, power: float = 1.0) -> Catalog:
        """The catalogue with mean units u of a line changed to 1 + ``scale`` (u - 1) ** ``power``.

        Raises:
            InvalidInput: ``scale`` or ``power`` is not in [0, 1000].
        """
        in_range("catalog.units_scale", scale, 0.0, 1000.0)
        in_range("catalog.units_power", power, 0.0, 1000.0)
        return replace(self, units_mean=1.0 + scale * (self.units_mean - 1.0) ** power)

    @classmethod
    def assemble(
        cls,
        *,
        item_id: AnyArray,
        name: AnyArray,
        category: AnyArray,
        category_names: tuple[str, ...],
        price: AnyArray,
        unit_cost: AnyArray,
        popularity: AnyArray,
        embedding: AnyArray,
        quality: AnyArray,
        units_mean: AnyArray,
        currency: str = "GBP",
        notes: Mapping[str, str] | None = None,
    ) -> Catalog:
        """A catalogue from raw columns, one row per item: derives features and neighbours.

        ``embedding`` rows are scaled to norm 1 and may not be zero in their first 8 columns;
        ``popularity`` > 0 is scaled to sum to 1 and ``quality`` is standardised.
        """
        price, unit_cost = np.array(price, np.float64), np.array(unit_cost, np.float64)
        popularity = np.asarray(popularity, np.float64)
        _refuse("popularity", popularity, ~(popularity > 0), "give each item a share above 0")
        _refuse("price", price, ~(price > 0), "give a price above 0")
        embedding = unit_rows(np.asarray(embedding))
        observed = unit_rows(embedding[:, :OBSERVED])
        numbers = (np.log(price), (price - unit_cost) / price, np.log(popularity))
        items = Items(
            item_id=np.array(item_id, np.str_),
            name=np.array(name, np.str_),
            category=np.array(category, np.int32),
            price=price,
            unit_cost=unit_cost,
            popularity=popularity / popularity.sum(),
            features=np.column_stack([observed, *map(standardise, numbers)]).astype(np.float32),
            category_names=tuple(category_names),
            feature_names=FEATURE_NAMES,
            currency=currency,
        )
        return cls(
            items=items,
            embedding=embedding,
            quality=standardise(quality).astype(np.float32),
            units_mean=np.array(units_mean, np.float64),
            neighbours=nearest(observed),
            notes=notes or {},
        )

    @cached_property
    def hash(self) -> str:
        """SHA-256 (hex) of all columns and names; the notes are left out."""
        items = self.items
        return hash_arrays({**items.columns(), **self._latent()}, [getattr(items, name) for name in NAMES])

    def save(self, path: str | Path) -> None:
        """Write one Parquet file, whole or not at all."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        arrays = {**self.items.columns(), **self._latent()}
        columns = {name: _to_arrow(pa, values) for name, values in arrays.items() if values[0].size}
        header = {
            "format": _FORMAT,
            "hash": self.hash,
            **{name: getattr(self.items, name) for name in NAMES},
            "notes": dict(self.notes),
        }
        table = pa.table(columns).replace_schema_metadata({"shopgym": json.dumps(header)})
        with new_file(Path(path)) as temporary:
            pq.write_table(table, temporary, compression="zstd")

    @classmethod
    def load(cls, path: str | Path) -> Catalog:
        """Read what :meth:`save` wrote.

        Raises:
            InvalidInput: if the file is missing, is something else, or was changed since.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            table = pq.read_table(path)
        except (OSError, pa.ArrowInvalid) as error:
            raise InvalidInput(
                "catalog", str(path), f"give a file that Catalog.save wrote ({error})"
            ) from error
        header = json.loads((table.schema.metadata or {}).get(b"shopgym", b"{}"))
        if header.get("format") != _FORMAT:
            raise InvalidInput("catalog", str(path), f"give a file that Catalog.save wrote ({_FORMAT})")
        arrays: dict[str, Any] = {name: _to_numpy(table.column(name)) for name in table.column_names}
        latent: dict[str, Any] = {
            name: arrays.pop(name, np.empty((table.num_rows, 0), np.int32)) for name in LATENT_COLUMNS
        }
        details = {name: arrays.pop(name) for name in list(arrays) if name.startswith("details.")}
        texts: dict[str, Any] = {name: tuple(header[name]) for name in ("category_names", "feature_names")}
        items = Items(**arrays, **texts, currency=header["currency"])
        if details:
            columns: dict[str, Any] = {name.split(".")[1]: values for name, values in details.items()}
            latent["details"] = ItemAttributes(**columns)
        catalog = cls(items=items, **latent, notes=header["notes"])
        if catalog.hash != header["hash"]:
            raise InvalidInput("catalog", str(path), "the file was changed after it was saved: save it again")
        return catalog

    def describe(self) -> dict[str, float | int | str]:
        """The catalogue in a few figures."""
        items = self.items
        low, median, high = np.quantile(items.price, [0.05, 0.5, 0.95])
        return {
            "items": len(self),
            "categories": len(items.category_names),
            "currency": items.currency,
            "price_p05": float(low),
            "price_median": float(median),
            "price_p95": float(high),
            "price_log_sd": float(np.log(items.price).std()),
            "margin_rate_mean": float((items.margin / items.price).mean()),
            "units_per_line_mean": float(self.units_mean.mean()),
            "popularity_gini": gini(items.popularity),
            "popularity_zipf_top20": zipf_exponent(items.popularity),
            "observed_share_of_taste": float((self.embedding[:, :OBSERVED] ** 2).sum() / len(self)),
        }

    def by_category(self) -> pd.DataFrame:
        """One row per category, most ordered first, with its three most popular items."""
        import pandas as pd

        items = self.items
        rows = []
        for number, name in enumerate(items.category_names):
            members = np.flatnonzero(items.category == number)
            best = members[np.argsort(-items.popularity[members], kind="stable")[:3]]
            rows.append(
                {
                    "category": name,
                    "items": len(members),
                    "order_share": items.popularity[members].sum(),
                    "price_median": np.median(items.price[members]) if len(members) else np.nan,
                    "most_popular": "; ".join(items.name[best]),
                }
            )
        return pd.DataFrame(rows).sort_values("order_share", ascending=False, ignore_index=True)

    def _latent(self) -> dict[str, AnyArray]:
        latent: dict[str, AnyArray] = {name: getattr(self, name) for name in LATENT_COLUMNS}
        # assumed attributes follow from the other columns, so they are not stored
        details = {} if self.details.assumed else self.details.columns()
        return {**latent, **{f"details.{name}": values for name, values in details.items()}}


def unit_rows(rows: AnyArray) -> F32:
    """``rows`` (N, d) scaled to Euclidean norm 1, float32; a zero or non-finite row is refused."""
    values = rows.astype(np.float64)
    length = np.sqrt(np.einsum("nd,nd->n", values, values))
    _refuse("embedding", rows, ~(np.isfinite(length) & (length > 0)), "give finite rows other than zero")
    unit: F32 = (values / length[:, None]).astype(np.float32)
    return unit


def standardise(values: AnyArray) -> F64:
    """``values`` (N,) with mean 0 and standard deviation 1; all zero where they are all the same."""
    centred = np.asarray(values, np.float64) - np.mean(values, dtype=np.float64)
    sd = float(centred.std())
    # Equal numbers can differ from their mean by rounding: that is not a spread.
    return centred / sd if sd > 1e-12 * max(1.0, float(np.abs(values).max())) else np.zeros_like(centred)


def zipf_exponent(share: F64) -> float:
    """Minus the log-log slope of share on rank over the top 20% of items; NaN with fewer than 3 of them."""
    top = np.sort(share)[::-1][: len(share) // 5]
    if len(top) < 3:
        return float("nan")
    return -float(np.polyfit(np.log(np.arange(1, len(top) + 1)), np.log(top), 1)[0])


def _refuse(column: str, values: AnyArray, bad: AnyArray, fix: str) -> None:
    refuse_rows(f"catalog.{column}", values, bad, f"{fix} ({bad.sum()} rows)")


def _to_arrow(pa: Any, values: AnyArray) -> Any:
    """A numpy column as an Arrow one; (N, d) becomes lists of d."""
    if values.ndim == 2:
        return pa.FixedSizeListArray.from_arrays(pa.array(values.ravel()), values.shape[1])
    return pa.array(values)


def _to_numpy(column: Any) -> AnyArray:
    """The inverse of :func:`_to_arrow`: an array of its own, not a read-only view."""
    array = column.combine_chunks()
    if array.type.num_fields == 1:
        return np.array(array.flatten()).reshape(len(array), -1)
    values = np.array(array)
    return values.astype(np.str_) if values.dtype == object else values
