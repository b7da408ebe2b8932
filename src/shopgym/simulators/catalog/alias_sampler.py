"""One item drawn by popularity, from one word of luck."""

from __future__ import annotations

import numpy as np
from numba import int64, njit

from ..engine.hash_rng import ALIAS, below, key, unit
from ..params import World


@njit(cache=True, inline="always")
def popular_item(world: World, word: np.uint64) -> np.int64:
    """An item row drawn in proportion to popularity (alias method).

    Arithmetic takes the place of a branch, which would go either way and so be mispredicted.
    """
    item = below(word, world.alias_share.shape[0])
    alias = int64(world.alias_item[item])
    stays = int64(unit(key(word, ALIAS)) < world.alias_share[item])
    return alias + stays * (item - alias)
