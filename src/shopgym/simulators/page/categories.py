"""How many categories are on a page."""

from __future__ import annotations

from typing import Any

from numba import int64, njit, uint64

from ...core.types import I32
from ..engine.jit import kernel
from ..params import ShopParams


@njit(cache=True, inline="always")
def ones(word: Any) -> Any:
    """How many bits of a uint64 are set (Warren 2012, Hacker's Delight, fig. 5-2)."""
    word = word - ((word >> uint64(1)) & uint64(0x5555555555555555))
    word = (word & uint64(0x3333333333333333)) + ((word >> uint64(2)) & uint64(0x3333333333333333))
    word = (word + (word >> uint64(4))) & uint64(0x0F0F0F0F0F0F0F0F)
    return int64((word * uint64(0x0101010101010101)) >> uint64(56))


@kernel
def count_categories(params: ShopParams, items: I32, slots: int) -> int:
    """Categories of the ``items`` (k,) in the first ``slots`` slots, where a word has no bit for each."""
    different = 0
    for slot in range(min(slots, items.shape[0])):
        new = items[slot] >= 0
        for before in range(slot):
            same = params.category[max(items[before], 0)] == params.category[max(items[slot], 0)]
            new &= (items[before] < 0) | ~same
        different += new
    return different
