"""How a visit goes on after a page: intent, experience, the decision to leave, the next surface.

What happens when a visit ends is in :mod:`..people.visit_end`.
"""

from __future__ import annotations

import math

import numpy as np
from numba import int64, njit

from ...core.batches import EVENT_RETURNED, EVENT_SOLD, TERM_CART, TERM_CLICK, PageBuffers
from ...core.types import F64, I32, Bool
from ..engine import hash_rng as kinds
from ..engine.hash_rng import key, page_key, unit
from ..engine.jit import kernel
from ..params import ShopParams
from ..people.repurchase import remember_purchase
from ..people.visits import NO_QUERY, Visits, draw_wanted_item, set_pull
from .surfaces import CART, EMAIL, HOME, PRODUCT, SEARCH


@kernel
def update_after_page(
    params: ShopParams,
    visits: Visits,
    active: Bool,
    slates: I32,
    out: PageBuffers,
    events: F64,
    left: Bool,
    cut: Bool,
    low: int,
    high: int,
) -> None:
    """Move the ``active`` visits [low, high) on by the page in ``out`` and ``events``.

    Intent drifts to the items that were clicked. Then the visitor leaves (``left``), is cut off by
    ``max_pages`` (``cut``) or stays; both arrays are (n,), False before. ``events`` (r, 13) are the rows
    that ``out.first`` points to.
    """
    drift, learning = np.float32(params.drift), np.float32(params.learning)
    for i in range(low, high):
        if not active[i]:
            continue
        clicks, carted = 0, False
        if out.page[TERM_CLICK, i] + out.page[TERM_CART, i] > 0.0:
            row = out.first[i] - 1
            for slot in range(slates.shape[1]):
                if not (out.clicked[i, slot] or out.carted[i, slot]):
                    continue
                row += 1
                if out.clicked[i, slot]:
                    clicks += 1
                item = slates[i, slot]
                visits.anchor[i] = item
                for c in range(visits.history.shape[1] - 1, 0, -1):
                    visits.history[i, c] = visits.history[i, c - 1]
                if visits.history.shape[1]:
                    visits.history[i, 0] = item
                for c in range(visits.intent.shape[1]):
                    visits.intent[i, c] += drift * (params.embedding[item, c] - visits.intent[i, c])
                if params.remembers:
                    for c in range(visits.intent.shape[1]):
                        visits.taste[i, c] += learning * (params.embedding[item, c] - visits.taste[i, c])
                        visits.seen[i, c] += np.float32(0.2) * (params.embedding[item, c] - visits.seen[i, c])
                    _update_satisfaction(params, visits, i, item, events[row], out.unavailable[i, slot])
                if out.carted[i, slot]:
                    carted = True
        root = page_key(visits.key[i], visits.page[i])
        logit = params.leave_base + params.fatigue * visits.page[i]
        if clicks > 0:
            logit -= params.engagement
        if visits.purpose[i]:
            logit -= params.mission_stay + visits.size[i]
        left[i] = unit(key(root, kinds.DRAW_LEAVE)) < 1.0 / (1.0 + math.exp(-logit))
        if params.surfaces_on:
            if visits.surface[i] == EMAIL and clicks == 0:
                left[i] = True
            _set_next_surface(params, visits, i, root, clicks, carted)
        if clicks > 0 or carted or visits.query[i] >= 0:
            set_pull(params, visits, i)
        visits.clicks[i] += clicks
        visits.page[i] += 1
        cut[i] = not left[i] and visits.page[i] >= params.max_pages
        visits.over[i] = left[i] or cut[i]


@njit(cache=True, inline="always")
def waiting_days(params: ShopParams, user: int, item: int) -> float:
    """Days from an order to its delivery."""
    return params.shipping[item] + params.region_days[params.region[user]]


@njit(cache=True, inline="always")
def _update_satisfaction(
    params: ShopParams, visits: Visits, i: int, item: int, event: F64, unavailable: bool
) -> None:
    """Add one opened item, with its ``event`` row (10,), to the experience of the visit."""
    sold = int64(event[EVENT_SOLD])
    visits.joy[i] += params.worth[item]
    visits.weight[i] += 1.0
    if sold >= 0:
        visits.joy[i] += 2.0 * params.worth[sold]
        visits.weight[i] += 2.0
        visits.bought[i] += 1
        remember_purchase(visits, i, sold)
        days = waiting_days(params, visits.user[i], sold)
        visits.mood[i] -= params.wait_weight * max(days - 3.0, 0.0)
        if event[EVENT_RETURNED] > 0.0:
            visits.mood[i] -= params.return_weight
    elif unavailable:
        visits.mood[i] -= params.missed_weight


@njit(cache=True, inline="always")
def search_rate(params: ShopParams, purpose: bool) -> float:
    """P(a search | nothing was clicked or put in the cart)"""
    return params.search_rate * params.search_mission if purpose else params.search_rate


@njit(cache=True, inline="always")
def _set_next_surface(
    params: ShopParams, visits: Visits, i: int, root: np.uint64, clicks: int, carted: bool
) -> None:
    """Where the visitor goes from this page, and what they search for there."""
    visits.query[i] = NO_QUERY
    if carted and unit(key(root, kinds.DRAW_TO_CART)) < params.to_cart:
        visits.surface[i] = CART
    elif clicks > 0:
        visits.surface[i] = PRODUCT
    elif unit(key(root, kinds.DRAW_SEARCHED)) < search_rate(params, visits.purpose[i]):
        visits.surface[i] = SEARCH
        word = key(root, kinds.DRAW_QUERY)
        item = draw_wanted_item(params, visits.user[i], word, key(word, kinds.DRAW_COIN))
        visits.anchor[i] = item
        visits.query[i] = params.category[item]
        for c in range(visits.intent.shape[1]):
            visits.intent[i, c] += np.float32(0.5) * (params.embedding[item, c] - visits.intent[i, c])
    else:
        visits.surface[i] = HOME
