"""What is counted of a page as a whole: ``PAGE_TERMS``."""

from __future__ import annotations

from typing import Any

from numba import int64, njit, uint64

from ...core import batches
from ...core.types import F64, I32, I64, Bool
from ..engine.jit import kernel
from ..engine.work_queue import claim

WORD = 64
"""Bits of a word."""


@kernel
def measure_pages(
    category: I32,
    last_page: I64,
    first_page: int,
    slates: I32,
    ended: Bool,
    gone: Bool,
    satisfaction: F64,
    holding_cost: F64,
    amounts: F64,
    queue: I64,
) -> None:
    """Fill ``amounts`` (6, n).

    Args:
        category: (N,) of each item.
        last_page: (C,) the page on which each category was met last; belongs to one thread.
        first_page: the number of page 0: above all in ``last_page``.
        slates: (n, k) item rows shown; ``EMPTY`` = empty slot, or nobody was shown the page.
        ended: (n,) visits that ended with this page.
        gone: (n,) customers who will never come back; all, where customers do not come back.
        satisfaction: (n,) of the customers whose visit ended.
        holding_cost: (n,) what falls on each page.
    """
    slots, few = slates.shape[1], last_page.shape[0] <= WORD
    low, high = claim(queue)
    while low < high:
        for i in range(low, high):
            filled, different, met = 0, 0, uint64(0)
            if few:  # a bit for each category: no store for which the next item would wait
                for slot in range(slots):
                    item = slates[i, slot]
                    filled += item >= 0
                    met |= uint64(item >= 0) << uint64(category[uint64(max(item, 0))])
                different = ones(met)
            else:
                for slot in range(slots):
                    item = slates[i, slot]
                    if item >= 0:
                        kind = uint64(category[uint64(item)])
                        filled += 1
                        different += last_page[kind] != first_page + i
                        last_page[kind] = first_page + i
            amounts[batches.PAGE_IMPRESSION, i] = filled
            amounts[batches.PAGE_DIVERSITY, i] = different / max(filled, 1)
            amounts[batches.PAGE_VISIT, i] = ended[i]
            amounts[batches.PAGE_SATISFACTION, i] = satisfaction[i] if ended[i] else 0.0
            amounts[batches.PAGE_RETENTION, i] = ended[i] and not gone[i]
            amounts[batches.PAGE_HOLDING_COST, i] = holding_cost[i]
        low, high = claim(queue)


@njit(cache=True, inline="always")
def ones(word: Any) -> Any:
    """How many bits of a uint64 are set (Warren 2012, Hacker's Delight, fig. 5-2)."""
    word = word - ((word >> uint64(1)) & uint64(0x5555555555555555))
    word = (word & uint64(0x3333333333333333)) + ((word >> uint64(2)) & uint64(0x3333333333333333))
    word = (word + (word >> uint64(4))) & uint64(0x0F0F0F0F0F0F0F0F)
    return int64((word * uint64(0x0101010101010101)) >> uint64(56))
