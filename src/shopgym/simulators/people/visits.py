"""The concurrent visits of a shop: who is there, on which page, and what they want."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import int64, njit

from ...core.batches import EMPTY
from ...core.types import F32, F64, I32, I64, U64, Bool, column_dtypes
from ..catalog.alias_sampler import popular_item
from ..engine.hash_rng import DRAW_COIN, below, key, unit
from ..params import ShopParams

NO_QUERY = -1


class Visits(NamedTuple):
    """n rows. A row holds one visit at a time, and the next one when that is over.

    All random draws of a visit follow from its ``key``: the hash of (seed of the row, number of the visit);
    where people come back, the hash of (person, number of their visit).
    """

    seed: U64  # (n,)
    number: I64  # (n,) visits started in this row, less one
    key: U64  # (n,)
    user: I32  # (n,)
    mobile: Bool  # (n,)
    channel: I32  # (n,) how the visitor came
    surface: I32  # (n,) kind of page that is asked for
    query: I32  # (n,) category searched for on this page; NO_QUERY elsewhere
    day_row: I32  # (n,) row of ``DayTables`` for the visitor's day
    time: F64  # (n,) days since the shop opened
    page: I32  # (n,) pages seen so far
    clicks: I32  # (n,) clicks so far
    anchor: I32  # (n,) the item last looked at
    history: I32  # (n, h) items opened or put in the cart by this person, the latest first
    purchases: I32  # (n, b) different items bought by this person, the latest first
    fresh: I32  # (n,) how many of these were bought during this visit
    purpose: Bool  # (n,) whether the visit is to buy
    size: F32  # (n,) logits by which this mission takes longer than others
    intent: F32  # (n, d) what the visitor looks for now
    pull: F32  # (n, d) taste_weight x taste + intent_weight x intent - boredom x seen
    reach: F64  # (n,) upper bound of exp(appeal) of any item
    over: Bool  # (n,) the visitor has left or was cut off
    # the person
    life: U64  # (n,) hash of the person, where people come back
    lives: I64  # (n,) people started in this row, less one
    visit: I32  # (n,) visits of this person, including this one
    gap: F64  # (n,) days since the last visit; once the visit has ended, days until the next
    taste: F32  # (n, d)
    seen: F32  # (n, d) mean of the items opened lately
    satisfaction: F64  # (n,) in [-1, 1]
    habit: F64  # (n,) of buying, in [0, 1]
    # the experience of this visit
    joy: F64  # (n,) summed worth of the items opened and bought
    weight: F64  # (n,) weight of that sum
    mood: F64  # (n,) minus the disappointments
    bought: I32  # (n,) order lines


def empty_visits(n: int, d: int, h: int, b: int) -> Visits:
    """n rows without a visit."""
    widths = {"history": (h,), "purchases": (b,), **dict.fromkeys(("intent", "pull", "taste", "seen"), (d,))}
    columns = {
        name: np.zeros((n, *widths.get(name, ())), dtype) for name, dtype in column_dtypes(Visits).items()
    }
    blanks = {
        "number": -1,
        "lives": -1,
        "query": NO_QUERY,
        "history": EMPTY,
        "purchases": EMPTY,
        "over": True,
    }
    for name, blank in blanks.items():
        columns[name][:] = blank
    return Visits(**columns)


@njit(cache=True, inline="always")
def set_pull(params: ShopParams, visits: Visits, i: int) -> None:
    """Set ``pull`` and ``reach`` from taste, intent and boredom."""
    taste_weight, intent_weight = np.float32(params.taste_weight), np.float32(params.intent_weight)
    boredom, square = np.float32(params.boredom), np.float32(0.0)
    for c in range(visits.pull.shape[1]):
        visits.pull[i, c] = (
            taste_weight * visits.taste[i, c]
            + intent_weight * visits.intent[i, c]
            - boredom * visits.seen[i, c]
        )
    for c in range(visits.pull.shape[1]):
        square += visits.pull[i, c] * visits.pull[i, c]
    visits.reach[i] = math.exp(1.001 * math.sqrt(square))  # norms are 1 to within a thousandth


@njit(cache=True, inline="always")
def draw_wanted_item(params: ShopParams, user: int, coin: np.uint64, word: np.uint64) -> np.int64:
    """An item like one of the user's favourites or, as often, a popular item."""
    if unit(coin) >= 0.5:
        return popular_item(params, word)
    favourite = params.favourites[user, below(word, params.favourites.shape[1])]
    width = params.neighbours.shape[1]
    if width == 0:
        return int64(favourite)
    return int64(params.neighbours[favourite, below(key(word, DRAW_COIN), width)])
