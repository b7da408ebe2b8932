"""Goods on their way back: known to the shop, and on the shelf again, only after the delay."""

from __future__ import annotations

import numpy as np

from ..core.nouns import Feedback
from ..core.types import F64, AnyArray


class Returns:
    """What was sold and will come back. Times are days since the shop opened."""

    def __init__(self) -> None:
        self._parts: list[tuple[F64, AnyArray, AnyArray]] = []  # due, item rows and units, tick by tick

    def __len__(self) -> int:
        return sum(len(due) for due, _, _ in self._parts)

    def expect(self, feedback: Feedback, lanes: AnyArray, slots: AnyArray, time: F64 | float) -> None:
        """Note which of the order lines at (lanes, slots), both (r,), of a tick will be sent back.

        ``time`` is when the pages were shown, (n,) or one for all.
        """
        back = feedback.returned[lanes, slots]
        if np.count_nonzero(back):
            at = lanes[back], slots[back]
            shown = time if isinstance(time, float) else time[at[0]]
            due: F64 = shown + feedback.return_delay[at].astype(np.float64)
            self._parts.append((due, feedback.sold[at], feedback.quantity[at]))

    def arrived(self, day: float) -> tuple[AnyArray, AnyArray]:
        """(item rows, units), both (r,) int64, of what has come back by ``day``; handed out once."""
        if not self._parts:
            return np.empty(0, np.int64), np.empty(0, np.int64)
        due, items, units = (np.concatenate(parts) for parts in zip(*self._parts, strict=True))
        here = due <= day
        self._parts = [(due[~here], items[~here], units[~here])]
        return items[here].astype(np.int64), units[here].astype(np.int64)
