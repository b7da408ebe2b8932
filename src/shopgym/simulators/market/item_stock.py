"""Stock of single items: what is on hand, and levels other than those that the rule of the shop gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ...core.errors import InvalidInput, did_you_mean, in_range
from ...core.types import I64, AnyArray

if TYPE_CHECKING:
    from ..catalog.catalog import Catalog

MOST_UNITS = 1_000_000_000
NEVER = -(2**62)
"""A reorder point that no stock falls to."""


@dataclass(frozen=True)
class ItemStock:
    """Some items, and what their stock is instead. What is None stays as the rule has it.

    Attributes:
        ids: item ids of the catalogue; give these or ``top``.
        top: so many items, the most popular ones.
        factor: of both levels that the rule gives, rounded; 0.5 halves them, 0 = never in stock. The opening
            stock, which is drawn, follows.
        on_hand: units on the first day, of each item; nothing else is then on its way.
        reorder_point, order_up_to: order up to S where the position is at or below s, units of each item.
        restock: False = what is on hand on the first day is all there is.
    """

    ids: tuple[str, ...] = ()
    top: int = 0
    factor: float = 1.0
    on_hand: int | None = None
    reorder_point: int | None = None
    order_up_to: int | None = None
    restock: bool = True

    def __post_init__(self) -> None:
        field = "shop.stock.items"
        in_range(f"{field}.top", self.top, 0, MOST_UNITS)
        ids: object = self.ids
        if not isinstance(ids, tuple | list) or not all(isinstance(name, str) for name in ids):
            raise InvalidInput(f"{field}.ids", self.ids, "give a list of item ids, each in quotes")
        if bool(self.ids) == bool(self.top):
            raise InvalidInput(f"{field}.ids", list(self.ids), "give ids, or top above 0, and not both")
        in_range(f"{field}.factor", self.factor, 0.0, 1e6)
        for name in ("on_hand", "reorder_point", "order_up_to"):
            value = getattr(self, name)
            if value is not None:
                in_range(f"{field}.{name}", value, 0, MOST_UNITS)
                if name != "on_hand" and self.factor != 1.0:
                    fix = f"leave it out: {name} is given, so there is no level of the rule to multiply"
                    raise InvalidInput(f"{field}.factor", self.factor, fix)

    def rows(self, catalog: Catalog, field: str) -> AnyArray:
        """Item rows that this is about.

        Raises:
            InvalidInput: an id that the catalogue does not have, or more items than it has.
        """
        if self.top > len(catalog):
            raise InvalidInput(f"{field}.top", self.top, f"the catalogue has only {len(catalog)} items")
        if self.top:
            return np.argsort(-catalog.items.popularity, kind="stable")[: self.top]
        row_by_id = {name: row for row, name in enumerate(catalog.items.item_id.tolist())}
        for name in self.ids:
            if name not in row_by_id:
                fix = f"the catalogue has no such item{did_you_mean(name, row_by_id)}"
                raise InvalidInput(f"{field}.ids", name, fix)
        return np.array([row_by_id[name] for name in self.ids])


def with_item_stock(
    catalog: Catalog, items: tuple[ItemStock, ...], reorder_point: I64, order_up_to: I64
) -> tuple[I64, I64, I64]:
    """((N,) s, (N,) S, (N,) opening stock or -1 where it is drawn). The later of two entries holds.

    Args:
        catalog: N items.
        items: what differs.
        reorder_point, order_up_to: (N,) of the rule. They are not changed.
    """
    low, high = reorder_point.copy(), order_up_to.copy()
    on_hand = np.full(len(catalog), -1)
    for number, entry in enumerate(items):
        field = f"shop.stock.items[{number}]"
        rows = entry.rows(catalog, field)
        if entry.factor != 1.0:
            base_stock = order_up_to[rows] - reorder_point[rows] == 1
            high[rows] = np.rint(order_up_to[rows] * entry.factor).astype(np.int64)
            scaled = np.floor(reorder_point[rows] * entry.factor).astype(np.int64)
            low[rows] = np.where(base_stock, high[rows] - 1, np.minimum(scaled, high[rows] - 1))
        if entry.order_up_to is not None:
            high[rows] = entry.order_up_to
        if entry.reorder_point is not None:
            low[rows] = entry.reorder_point
        if entry.on_hand is not None:
            on_hand[rows] = entry.on_hand
        if not entry.restock:
            low[rows] = NEVER
        if (low[rows] >= high[rows]).any():
            at = rows[int((low[rows] >= high[rows]).argmax())]
            name, level = str(catalog.items.item_id[at]), int(high[at])
            fix = f"of item {name!r} the order-up-to level is {level}: give less, or a higher order_up_to"
            raise InvalidInput(f"{field}.reorder_point", int(low[at]), fix)
    return low, high, on_hand
