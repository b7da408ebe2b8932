"""Terms of a reward whose mean the shop knows exactly for every item, whatever stands beside it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ...core.batches import SLOT_TERMS
from ...core.types import F64, I32
from ...simulators import Shop

PER_IMPRESSION = ("stockout", "impression")
"""Terms that count when an item is shown, examined or not."""
WORTH = "worth"
"""What clicked items turn out to be, in standard deviations. It is no term of a reward: it is what moves the
satisfaction of customers, so a rule that looks ahead pays for it."""
EXACT_TERMS = (*SLOT_TERMS, "impression")


def exact_terms(shop: Shop, items: I32, price_off: F64 | None = None) -> dict[str, F64]:
    """The means of ``EXACT_TERMS`` and ``WORTH`` of items (n, j), each (n, j), in the state of the visits.

    They are per examination, those of ``PER_IMPRESSION`` per impression; 0 where ``items`` is empty.

    Args:
        price_off: (n,) share taken off all prices of a page.
    """
    means = shop.expected(items, price_off=price_off)
    worth = shop.catalog.details.worth[np.maximum(items, 0)]
    impression = (items >= 0).astype(np.float64)
    return {**means, "impression": impression, WORTH: means["click"] * worth}


def page_terms(shop: Shop, slates: I32, price_off: F64 | None = None) -> dict[str, F64]:
    """The mean of every such term of the pages with slates (n, k), each (n,)."""
    attention, reach = shop.attention(slates), np.arange(slates.shape[1]) < shop.slots[:, None]
    return {
        name: ((reach if name in PER_IMPRESSION else attention) * values).sum(axis=1)
        for name, values in exact_terms(shop, slates, price_off).items()
    }


def exact_weights(weights: Mapping[str, float]) -> dict[str, float]:
    """The weights of terms whose exact mean a shop knows for every item."""
    return {name: weight for name, weight in weights.items() if name in EXACT_TERMS}
