"""Guards: rules that remove candidates before the first slot and between the slots.

They act inside the sampler, so the logged propensities are those of the guarded policy.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np

from ..core.batches import Requests
from ..core.config import build
from ..core.errors import in_range, one_of
from ..core.items import Items
from ..core.types import I32, Bool
from .live_values import unit_value


class Guard:
    """A rule. It may forbid candidates outright, or depending on the slots chosen so far."""

    kind: ClassVar[str]
    looks_back: ClassVar[bool] = False
    """Whether ``after`` depends on earlier slots; then slot marginals have no closed form."""

    def before(self, requests: Requests, items: Items) -> Bool:
        """(n, m) candidates the rule allows at all."""
        return np.ones(requests.candidates.shape, dtype=bool)

    def after(self, requests: Requests, items: Items, positions: I32) -> Bool:
        """(n, m) candidates the rule allows after the slots ``positions`` (n, j)."""
        return np.ones(requests.candidates.shape, dtype=bool)


@dataclass(frozen=True)
class InStock(Guard):
    """Only what is known to be in stock."""

    kind: ClassVar[str] = "in_stock"

    def before(self, requests: Requests, items: Items) -> Bool:
        return requests.in_stock


@dataclass(frozen=True)
class MarginFloor(Guard):
    """Only items whose margin per unit (price less cost, currency units) is at least ``minimum``.

    The margin is the request's live one if it has one, else the catalogue's.
    """

    kind: ClassVar[str] = "margin_floor"
    minimum: float = 0.0

    def before(self, requests: Requests, items: Items) -> Bool:
        margin = unit_value("margin", requests, items).astype(np.float32)  # live values are float32
        allowed: Bool = margin >= np.float32(self.minimum)
        return allowed


@dataclass(frozen=True)
class CategoryCap(Guard):
    """At most ``maximum`` items of one category in a slate."""

    kind: ClassVar[str] = "category_cap"
    looks_back: ClassVar[bool] = True
    maximum: int = 2

    def __post_init__(self) -> None:
        in_range("guards.category_cap.maximum", self.maximum, 1, 1000)

    def after(self, requests: Requests, items: Items, positions: I32) -> Bool:
        category = items.category[np.maximum(requests.candidates, 0)]
        shown = np.take_along_axis(category, np.maximum(positions, 0), axis=1)
        same = (shown[:, :, None] == category[:, None, :]) & (positions >= 0)[:, :, None]
        allowed: Bool = same.sum(axis=1) < self.maximum
        return allowed


GUARDS: dict[str, type[InStock] | type[MarginFloor] | type[CategoryCap]] = {
    c.kind: c for c in (InStock, MarginFloor, CategoryCap)
}


def guard_spec(guard: Any) -> dict[str, Any]:
    """JSON-able form of a rule; :func:`guard_from_spec` reads it back."""
    return {"kind": guard.kind, **asdict(guard)}


def guard_from_spec(spec: Mapping[str, Any]) -> InStock | MarginFloor | CategoryCap:
    """The rule that ``spec`` describes."""
    options = dict(spec)
    kind = options.pop("kind", None)
    one_of("guards.kind", kind, GUARDS)
    return build(GUARDS[kind], options, f"guards.{kind}")
