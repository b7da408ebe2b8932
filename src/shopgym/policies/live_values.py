"""Price and margin of the candidates: the request's live values if it has them, else the catalogue's."""

from __future__ import annotations

import numpy as np

from ..core.batches import Requests
from ..core.errors import one_of
from ..core.items import Items
from ..core.types import F64

NAMES = ("one", "price", "margin")


def unit_value(name: str, requests: Requests, items: Items) -> F64:
    """(n, m) value of one unit of each candidate: 1, its price or its margin, in currency units.

    Raises:
        InvalidInput: an unknown name.
    """
    one_of("worth", name, NAMES)
    if name == "one":
        return np.ones(requests.candidates.shape)
    if name in requests.live:
        return requests.live[name].astype(np.float64)
    values: F64 = getattr(items, name)[np.maximum(requests.candidates, 0)]
    return values
