"""Goods on their way back: known to the shop, and on the shelf again, only after the delay."""

from __future__ import annotations

import numpy as np

from ..core.nouns import Feedback
from ..core.types import F64, AnyArray


class Returns:
    """What was sold and will come back. Times are days since the shop opened."""

    def __init__(self) -> None:
        self._due: F64 = np.empty(0)
        self._lines: AnyArray = np.empty((0, 2), np.int64)  # item row, units

    def __len__(self) -> int:
        return len(self._due)

    def expect(self, feedback: Feedback, time: F64) -> None:
        """Note what of a tick will be sent back; ``time`` is (n,), when each page was shown."""
        lanes, slots = np.nonzero(feedback.returned)
        if len(lanes):
            due = time[lanes] + feedback.return_delay[lanes, slots]
            lines = np.stack([feedback.sold[lanes, slots], feedback.quantity[lanes, slots]], axis=1)
            self._due = np.concatenate([self._due, due])
            self._lines = np.concatenate([self._lines, lines])

    def arrived(self, day: float) -> tuple[AnyArray, AnyArray]:
        """(item rows, units), both (r,) int64, of what has come back by ``day``; handed out once."""
        here = self._due <= day
        lines = self._lines[here]
        if len(lines):
            self._due, self._lines = self._due[~here], self._lines[~here]
        return lines[:, 0], lines[:, 1]
