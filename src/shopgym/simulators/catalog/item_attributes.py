"""Further columns of the items: brand, seller, delivery, returns, dates of sale, worth."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from ...core.errors import InvalidInput, refuse_rows
from ...core.types import F32, F64, I32, AnyArray
from ..engine.hash_rng import key, keys, units

ITEMS_PER_BRAND, ITEMS_PER_SELLER = 25, 150
WORTH_QUALITY = 0.4
"""Assumed correlation of an item's worth with how appealing it looks."""


@dataclass(frozen=True, eq=False)
class ItemAttributes:
    """N items as columns. ``assumed`` says that all columns are drawn, because there is no data.

    Attributes:
        brand, seller: (N,) int32 numbers.
        shipping_days: (N,) float32 >= 0, from order to the customer, before the region's own days.
        return_rate: (N,) float64 in [0, 1), share of order lines that come back.
        launch_day, retire_day: (N,) float64, days since the shop opened between which it is on sale.
        worth: (N,) float32, mean 0 and sd 1: how good the item turns out to be. It changes satisfaction
            and returns, not clicks.
    """

    brand: I32
    seller: I32
    shipping_days: F32
    return_rate: F64
    launch_day: F64
    retire_day: F64
    worth: F32
    assumed: bool = False

    def __post_init__(self) -> None:
        n = len(self.brand)
        for name, values in self.columns().items():
            if values.shape != (n,):
                raise InvalidInput(f"catalog.details.{name}", values.shape, f"give one number per item ({n})")
            bad = np.isnan(values)
            if name in ("brand", "seller", "shipping_days", "return_rate"):
                bad |= values < 0
            if name == "return_rate":
                bad |= values >= 1
            fix = f"give a number in its range ({int(bad.sum())} rows are wrong)"
            refuse_rows(f"catalog.details.{name}", values, bad, fix)
        early = self.retire_day < self.launch_day
        refuse_rows("catalog.details.retire_day", self.retire_day, early, "must follow launch_day")

    @classmethod
    def none(cls) -> ItemAttributes:
        """Of no items; ``Catalog`` replaces it by :meth:`assume`."""
        days, number = np.empty(0), np.empty(0, np.int32)
        return cls(number, number, days.astype(np.float32), days, days, days, days.astype(np.float32))

    @classmethod
    def assume(cls, category: I32, quality: F32, *, seed: int = 0) -> ItemAttributes:
        """Plausible details of items of these categories and qualities (N,), drawn row by row.

        Return rates vary by category (0.25 to 1.75 of the mean 0.1) and shipping by seller (1 to 5 days).
        """
        from scipy.special import ndtri

        n = len(category)
        row = np.arange(n, dtype=np.uint64)
        root = [np.uint64(key(np.uint64(seed), np.uint64(1000 + part))) for part in range(6)]
        seller = (units(keys(root[1], row)) * max(1, n // ITEMS_PER_SELLER)).astype(np.int32)
        noise = ndtri(np.maximum(units(keys(root[4], row)), 1e-12))
        worth = WORTH_QUALITY * quality + np.sqrt(1 - WORTH_QUALITY**2) * noise
        spread = float(worth.std()) or 1.0
        return cls(
            brand=(units(keys(root[0], row)) * max(1, n // ITEMS_PER_BRAND)).astype(np.int32),
            seller=seller,
            shipping_days=(1 + np.floor(5 * units(keys(root[2], seller.astype(np.uint64))))).astype(
                np.float32
            ),
            return_rate=0.1 * (0.25 + 1.5 * units(keys(root[3], category.astype(np.uint64)))),
            launch_day=np.full(n, -np.inf),
            retire_day=np.full(n, np.inf),
            worth=((worth - worth.mean()) / spread).astype(np.float32),
            assumed=True,
        )

    def columns(self) -> dict[str, AnyArray]:
        """The columns by name."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name != "assumed"}
