"""Sums of what a shopper did with the slots of a page."""

from __future__ import annotations

import numpy as np

from shopgym.core.types import AnyArray
from shopgym.simulators.page.reference import SlotOutcome


def page_sums(outcomes: list[SlotOutcome]) -> AnyArray:
    """(11,) the sum over slots of each of ``SLOT_TERMS``."""
    return np.sum(
        [
            (o.clicked, o.carted, o.sold >= 0, o.quantity, o.revenue, o.margin,
             o.unavailable, o.dwell, o.return_cost, o.discount_cost, o.expected_return_cost)
            for o in outcomes
        ],
        axis=0,
    )  # fmt: skip
