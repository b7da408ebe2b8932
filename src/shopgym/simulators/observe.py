"""What the shop can see of its visitors: the pages they ask for."""

from __future__ import annotations

import math

from numba import njit, uint64

from ..core.types import F32, F64, I32, I64, U64, Bool
from .candidates import draw_candidates
from .visits import Visits
from .world import World

MOMENT = ("page", "clicks", "mobile")
"""Context columns after the intent: pages so far / max_pages, log(1 + clicks so far), on a phone."""


@njit(cache=True, nogil=True)
def observe(
    world: World,
    visits: Visits,
    available: Bool,
    day: float,
    request_id: U64,
    user_id: I64,
    user: F32,
    context: F32,
    candidates: I32,
    in_stock: Bool,
    time: F64,
    low: int,
    high: int,
) -> None:
    """Fill the columns of ``Requests`` for the lanes [low, high); ``available`` is (N,).

    The intent that can be seen is the observable embedding of the item last looked at, which is
    columns 0 to c - 4 of the item features.
    """
    draw_candidates(world, visits, candidates, low, high)
    intent = context.shape[1] - 3
    for i in range(low, high):
        request_id[i] = visits.key[i] ^ uint64(visits.page[i])
        user_id[i] = visits.user[i]
        time[i] = day
        for c in range(user.shape[1]):
            user[i, c] = world.user_features[visits.user[i], c]
        for c in range(intent):
            context[i, c] = world.item_features[visits.anchor[i], c]
        context[i, intent] = visits.page[i] / world.max_pages
        context[i, intent + 1] = math.log1p(visits.clicks[i])
        context[i, intent + 2] = 1.0 if visits.mobile[i] else 0.0
        for c in range(candidates.shape[1]):
            in_stock[i, c] = available[candidates[i, c]]
