"""What an item is on a day: the arrays that kernels read and the market writes."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..core.types import F32, F64, Bool


class DayTables(NamedTuple):
    """What an item is on R days (one, unless every visitor lives on a calendar of their own)."""

    appeal: F32  # (R, N) logits of click besides taste: quality, season, campaigns, shocks
    lift: F32  # (R, N) exp(appeal)
    log_price: F32  # (R, N) log(price / what it is compared with)
    price: F64  # (R, N)
    margin: F64  # (R, N)
    available: Bool  # (R, N) in the range and in stock
    on_sale: Bool  # (R, N) in the range; (0, 0) where all is, and ``available`` is the column of the stock

    def follow(self, stock: Bool) -> None:
        """Take over which items are in ``stock`` (N,), on a single day."""
        if self.on_sale.size:
            np.logical_and(stock, self.on_sale[0], out=self.available[0])
