"""One item drawn by popularity, from one random word."""

from __future__ import annotations

import numpy as np
from numba import int64, njit

from ..engine.hash_rng import ALIAS, below, key, unit
from ..params import ShopParams


@njit(cache=True, inline="always")
def popular_item(params: ShopParams, word: np.uint64) -> np.int64:
    """An item row drawn in proportion to popularity (alias method).

    Arithmetic replaces a branch that the processor could not predict.
    """
    item = below(word, params.alias_share.shape[0])
    alias = int64(params.alias_item[item])
    keeps = int64(unit(key(word, ALIAS)) < params.alias_share[item])
    return alias + keeps * (item - alias)
