"""Price, margin, appeal and availability of every item on a day. The market writes, kernels read."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..core.types import F32, F64, Bool


class DayTables(NamedTuple):
    """N items on R days: one row, unless every visit has a calendar of its own."""

    appeal: F32  # (R, N) logits of click apart from taste: quality, season, campaigns, shocks
    lift: F32  # (R, N) exp(appeal)
    log_price: F32  # (R, N) log(price / reference price)
    price: F64  # (R, N)
    margin: F64  # (R, N)
    available: Bool  # (R, N) in the range and in stock
    on_sale: Bool  # (R, N) in the range; (0, 0) where all are: then ``available`` is the stock's own array

    def follow(self, stock: Bool) -> None:
        """Update ``available`` of a single day from the items in ``stock`` (N,)."""
        if self.on_sale.size:
            np.logical_and(stock, self.on_sale[0], out=self.available[0])
        else:
            self.available[0] = stock  # the same array, unless the shop is a copy of another
