"""The filled slots of past pages as rows; some pages are held out for calibration."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from ...core.types import F32, F64, I64, Bool


@dataclass(frozen=True)
class Rows:
    """r filled slots.

    Attributes:
        x: (r, D) float32 features.
        y: (r,) target.
        attention: (r,) of the slot, in (0, 1].
        page: (r,) number of the page; the slots of a page are neighbours.
        holdout: (r,) whether the page is held out.
    """

    x: F32
    y: F64
    attention: F64
    page: I64
    holdout: Bool

    def __len__(self) -> int:
        return len(self.y)

    def select(self, rows: Bool | slice) -> Rows:
        """The rows at a mask or a slice."""
        return Rows(*(getattr(self, f.name)[rows] for f in fields(self)))


class HoldoutBuffer:
    """Keeps the latest rows; marks a random share of pages as held out.

    Args:
        size: number of rows to keep; pages are dropped as a whole.
        held_share: share of pages to hold out.
    """

    def __init__(self, size: int, held_share: float, rng: np.random.Generator) -> None:
        self.size, self.held_share, self.rng = size, held_share, rng
        self.parts: list[Rows] = []
        self.pages = 0

    def add(self, x: F32, y: F64, attention: F64, row: I64, pages: int) -> None:
        """Add the filled slots of a batch of ``pages`` pages; ``row`` (r,) says of which page, in order."""
        holdout = self.rng.random(pages) < self.held_share
        self.parts.append(Rows(x, y, attention, self.pages + row, holdout[row]))
        self.pages += pages

    def rows(self) -> Rows:
        """All rows that are kept."""
        if len(self.parts) > 1:
            rows = Rows(*(np.concatenate([getattr(p, f.name) for p in self.parts]) for f in fields(Rows)))
            start = max(0, len(rows) - self.size)
            while 0 < start < len(rows) and rows.page[start] == rows.page[start - 1]:
                start += 1
            self.parts = [rows.select(slice(start, None))]
        return self.parts[0]
