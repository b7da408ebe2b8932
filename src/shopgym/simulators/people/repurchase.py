"""Items that people bought before, and buy again.

A person remembers the different items that they bought last, the latest first. On a later visit such an item
is among the candidates of a page with a probability of its own, and it is liked more often. What was bought
during the visit itself does not count: nobody fills a cart with one thing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit, uint64

from ...core.batches import EMPTY
from ...core.errors import in_ranges
from ..engine.hash_rng import DRAW_COIN, DRAW_REPURCHASE, below, key, unit
from ..params import ShopParams
from .visits import Visits


@dataclass(frozen=True)
class RepurchaseConfig:
    """How people buy again what they bought before. It needs people who come back (``people.enabled``).

    Attributes:
        items: B, how many different items a person remembers; 0 = off. 4 B bytes a person.
        share: probability that a candidate of a page, if it is neither similar to the item last looked at nor
            drawn uniformly, is an item that the person bought before. Where a request leaves the candidates
            open, the policy alone decides what is shown.
        lift: logits by which an item bought before is liked more.
    """

    items: int = 0
    share: float = 0.0
    lift: float = 0.0

    def __post_init__(self) -> None:
        in_ranges(self, "shop.people.repurchase", 0, 1_000, "items")
        in_ranges(self, "shop.people.repurchase", 0.0, 1.0, "share")
        in_ranges(self, "shop.people.repurchase", 0.0, 20.0, "lift")


@njit(cache=True, inline="always")
def remember_purchase(visits: Visits, i: int, item: int) -> None:
    """Move ``item`` to the head of what the visitor of row i has bought."""
    width = visits.purchases.shape[1]
    if width == 0:
        return
    at = 0
    while at < width - 1 and visits.purchases[i, at] != item and visits.purchases[i, at] != EMPTY:
        at += 1
    if visits.purchases[i, at] != item or at >= visits.fresh[i]:
        visits.fresh[i] = min(visits.fresh[i] + 1, width)
    for c in range(at, 0, -1):
        visits.purchases[i, c] = visits.purchases[i, c - 1]
    visits.purchases[i, 0] = item


@njit(cache=True, inline="always")
def count_bought_before(visits: Visits, i: int) -> int:
    """How many items the visitor of row i remembers from earlier visits."""
    end = visits.fresh[i]
    while end < visits.purchases.shape[1] and visits.purchases[i, end] != EMPTY:
        end += 1
    return int(end - visits.fresh[i])


@njit(cache=True, inline="always")
def bought_before(visits: Visits, i: int, item: int) -> bool:
    """Whether the visitor of row i remembers ``item`` from an earlier visit."""
    at = visits.fresh[i]
    while at < visits.purchases.shape[1] and visits.purchases[i, at] != item:
        at += 1
    return bool(at < visits.purchases.shape[1])


@njit(cache=True, inline="always")
def draw_bought_before(
    params: ShopParams, visits: Visits, i: int, page: np.uint64, place: int, remembered: int
) -> int:
    """An item bought before for one place of a list of candidates, or ``EMPTY``: the place is for others.

    ``remembered`` is that of :func:`count_bought_before`, and ``page`` the key of the page.
    """
    if remembered == 0:
        return EMPTY
    word = key(key(page, DRAW_REPURCHASE), uint64(place))
    if unit(word) >= params.repurchase_share:
        return EMPTY
    return int(visits.purchases[i, visits.fresh[i] + below(key(word, DRAW_COIN), remembered)])
