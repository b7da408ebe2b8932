"""Who is in the shop: the visits under way, one lane each, and how they begin and move on."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import int64, njit, uint64

from ..core.types import F32, I32, I64, U64, Bool
from .draws import COIN, ENTRY, ENTRY_ITEM, LEAVE, MOBILE, USER, below, key, page_key, unit
from .popular import popular_item
from .world import World


class Visits(NamedTuple):
    """n lanes; a lane holds one visit at a time.

    ``key`` is the hash of (lane seed, number of the visit), from which all its luck follows.
    """

    seed: U64  # (n,)
    number: I64  # (n,) visits begun on this lane, less one
    key: U64  # (n,)
    user: I32  # (n,)
    mobile: Bool  # (n,)
    page: I32  # (n,) pages seen so far
    clicks: I32  # (n,) clicks so far
    anchor: I32  # (n,) the item last looked at
    intent: F32  # (n, d) what the visitor is after now
    pull: F32  # (n, d) taste_weight x taste + intent_weight x intent
    over: Bool  # (n,) left, or cut off


def empty_visits(n: int, d: int) -> Visits:
    """n lanes without a visit."""
    return Visits(
        seed=np.zeros(n, np.uint64),
        number=np.full(n, -1, np.int64),
        key=np.zeros(n, np.uint64),
        user=np.zeros(n, np.int32),
        mobile=np.zeros(n, np.bool_),
        page=np.zeros(n, np.int32),
        clicks=np.zeros(n, np.int32),
        anchor=np.zeros(n, np.int32),
        intent=np.zeros((n, d), np.float32),
        pull=np.zeros((n, d), np.float32),
        over=np.ones(n, np.bool_),
    )


@njit(cache=True, inline="always")
def _set_pull(world: World, visits: Visits, i: int) -> None:
    taste_weight, intent_weight = np.float32(world.taste_weight), np.float32(world.intent_weight)
    user = visits.user[i]
    for c in range(visits.pull.shape[1]):
        visits.pull[i, c] = taste_weight * world.taste[user, c] + intent_weight * visits.intent[i, c]


@njit(cache=True, nogil=True)
def arrive(world: World, visits: Visits, begin: Bool, low: int, high: int) -> None:
    """Start the next visit on the lanes of [low, high) where ``begin``.

    Half of the visitors come in on something like one of their favourites, the others on
    something popular.
    """
    for i in range(low, high):
        if not begin[i]:
            continue
        visits.number[i] += 1
        visit = key(visits.seed[i], uint64(visits.number[i]))
        visits.key[i] = visit
        user = below(key(visit, USER), world.taste.shape[0])
        visits.user[i] = user
        visits.mobile[i] = unit(key(visit, MOBILE)) < world.mobile_share
        word = key(visit, ENTRY_ITEM)
        if unit(key(visit, ENTRY)) < 0.5:
            favourite = world.favourites[user, below(word, world.favourites.shape[1])]
            width = world.neighbours.shape[1]
            entry = int64(favourite)
            if width > 0:
                entry = int64(world.neighbours[favourite, below(key(word, COIN), width)])
        else:
            entry = popular_item(world, word)
        visits.anchor[i] = entry
        visits.page[i] = 0
        visits.clicks[i] = 0
        visits.over[i] = False
        for c in range(visits.intent.shape[1]):
            visits.intent[i, c] = world.embedding[entry, c]
        _set_pull(world, visits, i)


@njit(cache=True, nogil=True)
def move_on(
    world: World,
    visits: Visits,
    active: Bool,
    slates: I32,
    clicked: Bool,
    left: Bool,
    cut: Bool,
    low: int,
    high: int,
) -> None:
    """After a page: intent drifts to what was clicked, then the visitor leaves, is cut off or stays.

    Notes in (n,), False before, who ``left`` by choice and who was ``cut`` off by ``max_pages``.
    """
    drift = np.float32(world.drift)
    for i in range(low, high):
        if not active[i]:
            continue
        here = 0
        for slot in range(slates.shape[1]):
            if clicked[i, slot]:
                here += 1
                item = slates[i, slot]
                visits.anchor[i] = item
                for c in range(visits.intent.shape[1]):
                    visits.intent[i, c] += drift * (world.embedding[item, c] - visits.intent[i, c])
        if here > 0:
            _set_pull(world, visits, i)
        logit = world.leave_base + world.fatigue * visits.page[i]
        if here > 0:
            logit -= world.engagement
        luck = unit(key(page_key(visits.key[i], visits.page[i]), LEAVE))
        left[i] = luck < 1.0 / (1.0 + math.exp(-logit))
        visits.clicks[i] += here
        visits.page[i] += 1
        cut[i] = not left[i] and visits.page[i] >= world.max_pages
        visits.over[i] = left[i] or cut[i]
