"""How visits begin: who comes, by what way, and after what."""

from __future__ import annotations

import numpy as np
from numba import int64, njit, uint64

from ...core.batches import EMPTY
from ...core.types import I32, I64, Bool
from ..engine.hash_rng import (
    CHANNEL,
    COIN,
    ENTRY,
    ENTRY_ITEM,
    LIFE,
    MISSION,
    MISSION_SIZE,
    MOBILE,
    USER,
    below,
    key,
    normal,
    unit,
)
from ..engine.jit import kernel
from ..engine.prefetch import TILE, prefetch
from ..engine.ravel_view import ravel_view
from ..engine.work_queue import take
from ..params import ShopParams
from ..people.visits import NO_QUERY, Visits, set_pull, something_wanted


@njit(cache=True, inline="always")
def _fetch_what_may_be_wanted(params: ShopParams, user: int, word: np.uint64) -> None:
    """Ask for what :func:`something_wanted` reads of the user's favourites."""
    favourite = int64(params.favourites[user, below(word, params.favourites.shape[1])])
    width = params.neighbours.shape[1]
    if width:
        prefetch(ravel_view(params.neighbours), favourite * width + below(key(word, COIN), width))


@njit(cache=True, inline="always")
def _anyone(params: ShopParams, word: np.uint64) -> np.int64:
    """Whoever comes: any user, in proportion to their visits where some merely pass by."""
    if params.visitors.shape[0]:
        return int64(params.visitors[below(word, params.visitors.shape[0])])
    return int64(below(word, params.taste.shape[0]))


@njit(cache=True, inline="always")
def _become(params: ShopParams, visits: Visits, i: int, user: int) -> None:
    """Put a person who has never been here into the lane."""
    visits.user[i] = user
    visits.visit[i] = 0
    visits.gap[i] = 0.0
    visits.satisfaction[i] = 0.0
    visits.habit[i] = 0.0
    for c in range(visits.taste.shape[1]):
        visits.taste[i, c] = params.taste[user, c]
        visits.seen[i, c] = 0.0
    for c in range(visits.history.shape[1]):
        visits.history[i, c] = EMPTY


@njit(cache=True, inline="always")
def _enter(params: ShopParams, visits: Visits, i: int) -> None:
    """The person in the lane begins the visit whose key is set."""
    visit, user = visits.key[i], visits.user[i]
    visits.visit[i] += 1
    visits.mobile[i] = unit(key(visit, MOBILE)) < params.mobile_share
    visits.purpose[i] = unit(key(visit, MISSION)) < params.mission[user]
    visits.size[i] = params.size[user] if visits.purpose[i] else 0.0
    if params.mission_spread > 0.0 and visits.purpose[i]:
        visits.size[i] += params.mission_spread * normal(key(visit, MISSION_SIZE))
    channel = 0
    if params.surfaces_on:
        draw = unit(key(visit, CHANNEL))
        while channel + 1 < params.channels.shape[0] and draw >= params.channels[channel]:
            channel += 1
    visits.channel[i] = channel
    visits.surface[i] = params.entries[channel]
    visits.query[i] = NO_QUERY
    entry = something_wanted(params, user, key(visit, ENTRY), key(visit, ENTRY_ITEM))
    visits.anchor[i] = entry
    visits.page[i] = 0
    visits.clicks[i] = 0
    visits.over[i] = False
    visits.joy[i] = 0.0
    visits.weight[i] = 0.0
    visits.mood[i] = 0.0
    visits.bought[i] = 0


@njit(cache=True, inline="always")
def _look_around(params: ShopParams, visits: Visits, i: int) -> None:
    """What drew the person to the shop is what they are after."""
    for c in range(visits.intent.shape[1]):
        visits.intent[i, c] = params.embedding[visits.anchor[i], c]
    set_pull(params, visits, i)


@njit(cache=True, inline="always")
def _enter_again(params: ShopParams, visits: Visits, i: int) -> None:
    """The person in the lane, whose life is set, begins their next visit."""
    visits.number[i] += 1
    visits.key[i] = key(visits.life[i], uint64(visits.visit[i]))
    _enter(params, visits, i)
    _look_around(params, visits, i)


@kernel
def begin_anew(params: ShopParams, visits: Visits, begin: Bool, new: I32, low: int, high: int) -> None:
    """Start the next visit on up to ``TILE`` lanes [low, high) where ``begin``: anyone, as if for the
    first time.

    ``new`` (``TILE``,) is scratch space.
    """
    count = 0
    for i in range(low, high):
        new[count] = i
        count += begin[i]
    for i in new[:count]:
        visits.number[i] += 1
        visits.key[i] = key(visits.seed[i], uint64(visits.number[i]))
        user = _anyone(params, key(visits.key[i], USER))
        visits.user[i] = user
        prefetch(params.favourites, user)
        prefetch(params.taste, user)
        prefetch(params.mission, user)
        prefetch(params.size, user)
    for i in new[:count]:
        _fetch_what_may_be_wanted(params, visits.user[i], key(visits.key[i], ENTRY_ITEM))
    for i in new[:count]:
        _become(params, visits, i, visits.user[i])
        _enter(params, visits, i)
        prefetch(params.embedding, int64(visits.anchor[i]))
    for i in new[:count]:
        _look_around(params, visits, i)


@kernel
def arrive(params: ShopParams, visits: Visits, begin: Bool, new: I32, lanes: I64) -> None:
    """:func:`begin_anew`, of ``lanes``."""
    low, high = take(lanes)
    while low < high:
        for start in range(low, high, TILE):
            begin_anew(params, visits, begin, new, start, min(start + TILE, high))
        low, high = take(lanes)


@kernel
def come_back(params: ShopParams, visits: Visits, begin: Bool, anew: Bool, lanes: I64) -> None:
    """Start the next visit of the same person where ``begin``, of another person where also ``anew``."""
    low, high = take(lanes)
    while low < high:
        for i in range(low, high):
            if not begin[i]:
                continue
            if anew[i]:
                visits.lives[i] += 1
                visits.life[i] = key(key(visits.seed[i], LIFE), uint64(visits.lives[i]))
                _become(params, visits, i, int(below(key(visits.life[i], USER), params.taste.shape[0])))
                visits.time[i] = 0.0
            else:
                visits.time[i] += visits.gap[i]
            _enter_again(params, visits, i)
        low, high = take(lanes)


@kernel
def enter(params: ShopParams, visits: Visits, begin: Bool, lanes: I64) -> None:
    """Start the next visit of the people who were put into the lanes where ``begin``."""
    low, high = take(lanes)
    while low < high:
        for i in range(low, high):
            if begin[i]:
                _enter_again(params, visits, i)
        low, high = take(lanes)
