"""How visits go on from page to page, and what they leave behind when they end."""

from __future__ import annotations

import math

import numpy as np
from numba import int64, njit

from ...core.types import F64, I32, I64, Bool
from ..engine.hash_rng import COIN, DROPOUT, GAP, LEAVE, QUERY, SEARCHED, TO_CART, key, page_key, unit
from ..engine.jit import kernel
from ..engine.work_queue import take
from ..params import ShopParams
from ..people.retention import days_until, stays
from ..people.visits import NO_QUERY, Visits, set_pull, something_wanted
from .buffers import SENT_BACK, SOLD, PageBuffers
from .surfaces import CART, EMAIL, HOME, PRODUCT, SEARCH


@kernel
def move_on(
    params: ShopParams,
    visits: Visits,
    active: Bool,
    slates: I32,
    outcomes: PageBuffers,
    details: F64,
    left: Bool,
    cut: Bool,
    low: int,
    high: int,
) -> None:
    """After a page: intent drifts to what was clicked, then the visitor leaves, is cut off or stays.

    ``details`` (r, 10) are those of ``Feedback``, or as many of them as lanes [low, high) refer to. Notes in
    (n,), False before, who ``left`` by choice and who was ``cut`` off by ``max_pages``.
    """
    drift, learning = np.float32(params.drift), np.float32(params.learning)
    for i in range(low, high):
        if not active[i]:
            continue
        here, carted = 0, False
        if outcomes.page[0, i] + outcomes.page[1, i] > 0.0:
            row = outcomes.first[i] - 1
            for slot in range(slates.shape[1]):
                if not (outcomes.clicked[i, slot] or outcomes.carted[i, slot]):
                    continue
                row += 1
                if outcomes.clicked[i, slot]:
                    here += 1
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
                    _feel(params, visits, i, item, details[row], outcomes.unavailable[i, slot])
                if outcomes.carted[i, slot]:
                    carted = True
        root = page_key(visits.key[i], visits.page[i])
        logit = params.leave_base + params.fatigue * visits.page[i]
        if here > 0:
            logit -= params.engagement
        if visits.purpose[i]:
            logit -= params.mission_stay + visits.size[i]
        left[i] = unit(key(root, LEAVE)) < 1.0 / (1.0 + math.exp(-logit))
        if params.surfaces_on:
            if visits.surface[i] == EMAIL and here == 0:
                left[i] = True
            _next_surface(params, visits, i, root, here, carted)
        if here > 0 or carted or visits.query[i] >= 0:
            set_pull(params, visits, i)
        visits.clicks[i] += here
        visits.page[i] += 1
        cut[i] = not left[i] and visits.page[i] >= params.max_pages
        visits.over[i] = left[i] or cut[i]


@kernel
def advance(
    params: ShopParams,
    visits: Visits,
    active: Bool,
    slates: I32,
    outcomes: PageBuffers,
    details: F64,
    left: Bool,
    cut: Bool,
    lanes: I64,
) -> None:
    """:func:`move_on`, of ``lanes``."""
    low, high = take(lanes)
    while low < high:
        move_on(params, visits, active, slates, outcomes, details, left, cut, low, high)
        low, high = take(lanes)


@njit(cache=True, inline="always")
def waiting_days(params: ShopParams, user: int, item: int) -> float:
    """Days from an order to its delivery."""
    return params.shipping[item] + params.region_days[params.region[user]]


@njit(cache=True, inline="always")
def _feel(params: ShopParams, visits: Visits, i: int, item: int, details: F64, gone: bool) -> None:
    """Add one opened item to the experience of the visit, given its ``details`` (10,)."""
    sold = int64(details[SOLD])
    visits.joy[i] += params.worth[item]
    visits.weight[i] += 1.0
    if sold >= 0:
        visits.joy[i] += 2.0 * params.worth[sold]
        visits.weight[i] += 2.0
        visits.bought[i] += 1
        days = waiting_days(params, visits.user[i], sold)
        visits.mood[i] -= params.wait_weight * max(days - 3.0, 0.0)
        if details[SENT_BACK] > 0.0:
            visits.mood[i] -= params.return_weight
    elif gone:
        visits.mood[i] -= params.missed_weight


@njit(cache=True, inline="always")
def _next_surface(
    params: ShopParams, visits: Visits, i: int, root: np.uint64, here: int, carted: bool
) -> None:
    """Where the visitor goes from this page, and what is asked for there."""
    visits.query[i] = NO_QUERY
    if carted and unit(key(root, TO_CART)) < params.to_cart:
        visits.surface[i] = CART
    elif here > 0:
        visits.surface[i] = PRODUCT
    elif unit(key(root, SEARCHED)) < params.search_rate:
        visits.surface[i] = SEARCH
        word = key(root, QUERY)
        wanted = something_wanted(params, visits.user[i], word, key(word, COIN))
        visits.anchor[i] = wanted
        visits.query[i] = params.category[wanted]
        for c in range(visits.intent.shape[1]):
            visits.intent[i, c] += np.float32(0.5) * (params.embedding[wanted, c] - visits.intent[i, c])
    else:
        visits.surface[i] = HOME


@kernel
def part(params: ShopParams, visits: Visits, ended: Bool, stayed: Bool, lanes: I64) -> None:
    """Where a visit has ``ended``: settle satisfaction and habit, and draw when the person comes back.

    Notes in ``stayed`` (n,) who remains a customer, and in ``visits.gap`` the days until then.
    """
    low, high = take(lanes)
    while low < high:
        for i in range(low, high):
            if not ended[i]:
                continue
            experience = visits.mood[i]
            if visits.weight[i] > 0.0:
                experience += params.worth_weight * visits.joy[i] / visits.weight[i]
            if visits.bought[i] > 0:
                experience += params.purchase_bonus
            visits.satisfaction[i] += (1.0 - params.inertia) * (
                math.tanh(experience) - visits.satisfaction[i]
            )
            habit = 1.0 if visits.bought[i] > 0 else 0.0
            visits.habit[i] += 0.2 * (habit - visits.habit[i])
            user = visits.user[i]
            visit = visits.key[i]
            # BG/NBD counts drop-outs from the first return on: whoever came once comes back or not by the gap
            stayed[i] = visits.visit[i] <= 1 or stays(
                params.dropout[user], visits.satisfaction[i], params.churn_effect, unit(key(visit, DROPOUT))
            )
            rate = params.rate[user] * math.exp(params.habit_effect * visits.habit[i])
            gap = days_until(rate, visits.satisfaction[i], params.rate_effect, unit(key(visit, GAP)))
            visits.gap[i] = gap
            fade = np.float32(math.exp(-gap / params.boredom_days))
            for c in range(visits.seen.shape[1]):
                visits.seen[i, c] *= fade
        low, high = take(lanes)
