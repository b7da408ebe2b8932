"""The candidates of a page: some similar to the item last looked at, some popular, some uniform."""

from __future__ import annotations

import numpy as np
from numba import njit, uint64

from ...core.types import I32, I64, Bool
from ..catalog.alias_sampler import popular_item
from ..engine.hash_rng import DRAW_NEIGHBOUR, DRAW_POPULAR, below, key, page_key
from ..engine.jit import kernel
from ..params import ShopParams
from ..people.repurchase import count_bought_before, draw_bought_before
from ..people.visits import Visits
from .surfaces import CART

REMAINDERS = 1024  # a power of two
"""Items are compared by their row modulo this number before they are compared one by one."""


@njit(cache=True, inline="always")
def among(items: I32, count: int, item: np.int32) -> bool:
    """Whether ``item`` is one of the first ``count`` items."""
    c = 0
    while c < count and items[c] != item:
        c += 1
    return c < count


@kernel
def draw_candidates(
    params: ShopParams, visits: Visits, asked: Bool, taker: I64, out: I32, low: int, high: int
) -> None:
    """Fill ``out`` (n, m) with m different items for the next page of each visit that is ``asked`` for.

    The similar items are a stride through the list of neighbours. An odd stride visits all of a list whose
    length is a power of two, so no item comes twice. The first ``params.fixed`` candidates of a surface
    follow from the item last looked at alone. An item that the person bought before may take the place of a
    popular one (:mod:`..people.repurchase`). ``taker`` (``REMAINDERS``,) holds, for each remainder, the visit
    that last took such an item: an item is compared with the earlier ones only if that is this visit.
    """
    m = out.shape[1]
    if m == 0:
        return
    count = params.embedding.shape[0]
    width = params.neighbours.shape[1]
    taker[:] = -1
    for i in range(low, high):
        if not asked[i]:
            continue
        asked_page = page_key(visits.key[i], visits.page[i])
        page = key(asked_page, DRAW_NEIGHBOUR)
        similar, fixed = params.similar[visits.surface[i]], params.fixed[visits.surface[i]]
        listed = page
        if fixed > 0:
            listed = key(key(DRAW_NEIGHBOUR, uint64(visits.surface[i])), uint64(visits.anchor[i]))
        if similar > 0:
            anchor = visits.anchor[i]
            start = below(listed, width)
            stride = 2 * below(key(listed, DRAW_POPULAR), max(width // 2, 1)) + 1
            count_similar, similar = similar, 0
            for c in range(width if visits.surface[i] == CART else count_similar):
                item = params.neighbours[anchor, (start + c * stride) & (width - 1)]
                # complements of an item in the cart are similar to it, but of another category
                if visits.surface[i] == CART and params.category[item] == params.category[anchor]:
                    continue
                out[i, similar] = item
                taker[item & (REMAINDERS - 1)] = i
                similar += 1
                if similar == count_similar:
                    break
        remembered = count_bought_before(visits, i) if params.repurchase_share > 0.0 else 0
        for c in range(similar, m):
            word = key(listed if c < fixed else page, uint64(c) + DRAW_POPULAR)
            item = np.int32(below(word, count) if c >= m - params.random else popular_item(params, word))
            if remembered > 0 and c < m - params.random:
                again = draw_bought_before(params, visits, i, asked_page, c, remembered)
                item = np.int32(again) if again >= 0 else item
            tries = 0
            while taker[item & (REMAINDERS - 1)] == i and among(out[i], c, item):
                tries += 1
                if tries <= 8:
                    word = key(word, DRAW_POPULAR)
                    item = np.int32(popular_item(params, word))
                else:  # a small catalogue: take the next item that is not on the list yet
                    item = np.int32(item + 1 if item + 1 < count else 0)
            out[i, c] = item
            taker[item & (REMAINDERS - 1)] = i
