"""Rules about one candidate: stock, price and margin."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ...core.batches import Requests
from ...core.errors import in_range
from ...core.items import Items
from ...core.types import Bool
from ..live_values import unit_value
from .rule import Guard


@dataclass(frozen=True)
class InStock(Guard):
    """Only what is known to be in stock."""

    kind: ClassVar[str] = "in_stock"

    @property
    def why(self) -> str:
        """Why it forbids a candidate."""
        return "sold out"

    def before(self, requests: Requests, items: Items) -> Bool:
        return requests.in_stock


@dataclass(frozen=True)
class MarginFloor(Guard):
    """Only items whose margin per unit (price less cost, currency units) is at least ``minimum``.

    The margin is the request's live one if it has one, else the catalogue's.
    """

    kind: ClassVar[str] = "margin_floor"
    minimum: float = 0.0

    def __post_init__(self) -> None:
        in_range("guards.margin_floor.minimum", self.minimum, -1e12, 1e12)

    @property
    def why(self) -> str:
        """Why it forbids a candidate."""
        return f"margin below {self.minimum:g}"

    def before(self, requests: Requests, items: Items) -> Bool:
        return _at_least("margin", self.minimum, requests, items)

    def never_shown(self, items: Items) -> Bool:
        return np.asarray(items.margin < self.minimum)


@dataclass(frozen=True)
class PriceFloor(Guard):
    """Only items whose price (currency units) is at least ``minimum``; live as in :class:`MarginFloor`."""

    kind: ClassVar[str] = "price_floor"
    minimum: float = 0.0

    def __post_init__(self) -> None:
        in_range("guards.price_floor.minimum", self.minimum, 0.0, 1e12)

    @property
    def why(self) -> str:
        """Why it forbids a candidate."""
        return f"price below {self.minimum:g}"

    def before(self, requests: Requests, items: Items) -> Bool:
        return _at_least("price", self.minimum, requests, items)

    def never_shown(self, items: Items) -> Bool:
        return np.asarray(items.price < self.minimum)


def _at_least(name: str, minimum: float, requests: Requests, items: Items) -> Bool:
    value = unit_value(name, requests, items).astype(np.float32)  # live values are float32
    allowed: Bool = value >= np.float32(minimum)
    return allowed
