"""Goods on their way back: known to the shop, and on the shelf again, only after the delay."""

from __future__ import annotations

import numpy as np

from ..core.nouns import Feedback
from ..core.types import F64, AnyArray


class Returns:
    """What was sold and will come back. Times are days since the shop opened."""

    def __init__(self) -> None:
        self._parts: list[tuple[F64, AnyArray]] = []  # due, and (item row, units), tick by tick

    def __len__(self) -> int:
        return sum(len(due) for due, _ in self._parts)

    def expect(self, feedback: Feedback, lanes: AnyArray, slots: AnyArray, time: F64) -> None:
        """Note which of the order lines at (lanes, slots), both (r,), of a tick will be sent back.

        ``time`` (n,) is when each lane's page was shown.
        """
        back = feedback.returned[lanes, slots]
        if back.any():
            lanes, slots = lanes[back], slots[back]
            due = time[lanes] + feedback.return_delay[lanes, slots]
            lines = np.stack([feedback.sold[lanes, slots], feedback.quantity[lanes, slots]], axis=1)
            self._parts.append((due, lines.astype(np.int64)))

    def arrived(self, day: float) -> tuple[AnyArray, AnyArray]:
        """(item rows, units), both (r,) int64, of what has come back by ``day``; handed out once."""
        if not self._parts:
            return np.empty(0, np.int64), np.empty(0, np.int64)
        due = np.concatenate([due for due, _ in self._parts])
        lines = np.concatenate([lines for _, lines in self._parts])
        here = due <= day
        self._parts = [(due[~here], lines[~here])]
        return lines[here, 0], lines[here, 1]
