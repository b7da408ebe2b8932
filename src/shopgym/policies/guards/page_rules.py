"""Rules about a page as a whole: diversity."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ...core.batches import Requests
from ...core.errors import in_range
from ...core.items import Items
from ...core.types import I32, AnyArray, Bool
from .rule import Guard


@dataclass(frozen=True)
class CategoryCap(Guard):
    """At most ``maximum`` items of one category in a slate."""

    kind: ClassVar[str] = "category_cap"
    maximum: int = 2

    def __post_init__(self) -> None:
        in_range("guards.category_cap.maximum", self.maximum, 1, 1000)

    @property
    def looks_back(self) -> bool:
        """Always."""
        return True

    @property
    def why(self) -> str:
        """Why it forbids a candidate."""
        return f"{self.maximum} of its category on the page"

    def after(self, requests: Requests, items: Items, positions: I32) -> Bool:
        allowed: Bool = same_category(requests, items, positions) < self.maximum
        return allowed

    def share_at_most(self, slots: int, items: Items) -> Mapping[str, float]:
        return dict.fromkeys(items.category_names, self.maximum / slots)


def same_category(requests: Requests, items: Items, positions: I32) -> AnyArray:
    """(n, m) how many of the slots ``positions`` (n, j) show an item of each candidate's category."""
    category = items.category[np.maximum(requests.candidates, 0)]
    shown, width = np.take_along_axis(category, np.maximum(positions, 0), axis=1), len(items.category_names)
    row, slot = np.nonzero(positions >= 0)
    counts = np.bincount(row * width + shown[row, slot], minlength=len(positions) * width)
    count: AnyArray = np.take_along_axis(counts.reshape(-1, width), category, axis=1)
    return count
