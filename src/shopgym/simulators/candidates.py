"""Which items a page may choose from: some like what was last looked at, some popular, some at random."""

from __future__ import annotations

from numba import int64, njit, uint64

from ..core.types import I32
from .draws import NEIGHBOUR, POPULAR, below, key, page_key
from .popular import popular_item
from .visits import Visits
from .world import World


@njit(cache=True, nogil=True)
def draw_candidates(world: World, visits: Visits, out: I32, low: int, high: int) -> None:
    """Fill ``out`` (n, m) with m different items for the next page of each lane.

    The similar ones are a stride through the list of neighbours: odd strides visit all of a list
    whose length is a power of two, so no item comes twice.
    """
    m = out.shape[1]
    count = world.embedding.shape[0]
    width = world.neighbours.shape[1]
    similar = world.similar
    for i in range(low, high):
        page = key(page_key(visits.key[i], visits.page[i]), NEIGHBOUR)
        if similar > 0:
            start = below(page, width)
            stride = 2 * below(key(page, POPULAR), max(width // 2, 1)) + 1
            for c in range(similar):
                out[i, c] = world.neighbours[visits.anchor[i], (start + c * stride) & (width - 1)]
        for c in range(similar, m):
            word = key(page, uint64(c) + POPULAR)
            item = below(word, count) if c >= m - world.random else popular_item(world, word)
            tries = 0
            while True:
                fresh = True
                for before in range(c):
                    if out[i, before] == item:
                        fresh = False
                        break
                if fresh:
                    break
                tries += 1
                if tries <= 8:
                    word = key(word, POPULAR)
                    item = popular_item(world, word)
                else:  # a small catalogue: take the next item that is not there yet
                    item = int64(item + 1) if item + 1 < count else int64(0)
            out[i, c] = item
