"""Goods on their way back. The shop learns of a return, and has the goods again, after the delay."""

from __future__ import annotations

import numpy as np

from ...core.batches import EVENT_QUANTITY, EVENT_RETURN_DELAY, EVENT_RETURNED, EVENT_SOLD
from ...core.types import F64, I64


class Returns:
    """What was sold and will come back. Times are days since the shop opened."""

    def __init__(self) -> None:
        self._parts: list[tuple[F64, I64, I64]] = []  # due, item rows and units, step by step

    def __len__(self) -> int:
        return sum(len(due) for due, _, _ in self._parts)

    def expect(self, lines: F64, time: F64) -> None:
        """Record which of the order lines of a step, (r, 13) rows of ``Feedback.events``, will be sent back.

        ``time`` (r,) is when their pages were shown.
        """
        returned = np.flatnonzero(lines[:, EVENT_RETURNED])
        if len(returned):
            sent = lines[returned]
            due: F64 = sent[:, EVENT_RETURN_DELAY] + time[returned]
            self._parts.append(
                (due, sent[:, EVENT_SOLD].astype(np.int64), sent[:, EVENT_QUANTITY].astype(np.int64))
            )

    def arrived(self, day: float) -> tuple[I64, I64]:
        """(item rows, units), both (r,) int64, of what came back by ``day`` and was not reported before."""
        if not self._parts:
            return np.empty(0, np.int64), np.empty(0, np.int64)
        due, items, units = (np.concatenate(parts) for parts in zip(*self._parts, strict=True))
        arrived = due <= day
        self._parts = [(due[~arrived], items[~arrived], units[~arrived])]
        return items[arrived], units[arrived]
