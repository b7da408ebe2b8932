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
from ..engine.prefetch import TOGETHER, prefetch
from ..engine.ravel_view import flat
from ..engine.work_queue import take
from ..params import World
from ..people.visits import NO_QUERY, Visits, set_pull, something_wanted


@njit(cache=True, inline="always")
def _fetch_what_may_be_wanted(world: World, user: int, word: np.uint64) -> None:
    """Ask for what :func:`something_wanted` reads of the user's favourites."""
    favourite = int64(world.favourites[user, below(word, world.favourites.shape[1])])
    width = world.neighbours.shape[1]
    if width:
        prefetch(flat(world.neighbours), favourite * width + below(key(word, COIN), width))


@njit(cache=True, inline="always")
def _anyone(world: World, word: np.uint64) -> np.int64:
    """Whoever comes: any user, in proportion to their visits where some merely pass by."""
    if world.visitors.shape[0]:
        return int64(world.visitors[below(word, world.visitors.shape[0])])
    return int64(below(word, world.taste.shape[0]))


@njit(cache=True, inline="always")
def _become(world: World, visits: Visits, i: int, user: int) -> None:
    """Put a person who has never been here into the lane."""
    visits.user[i] = user
    visits.visit[i] = 0
    visits.gap[i] = 0.0
    visits.satisfaction[i] = 0.0
    visits.habit[i] = 0.0
    for c in range(visits.taste.shape[1]):
        visits.taste[i, c] = world.taste[user, c]
        visits.seen[i, c] = 0.0
    for c in range(visits.history.shape[1]):
        visits.history[i, c] = EMPTY


@njit(cache=True, inline="always")
def _enter(world: World, visits: Visits, i: int) -> None:
    """The person in the lane begins the visit whose key is set."""
    visit, user = visits.key[i], visits.user[i]
    visits.visit[i] += 1
    visits.mobile[i] = unit(key(visit, MOBILE)) < world.mobile_share
    visits.purpose[i] = unit(key(visit, MISSION)) < world.mission[user]
    visits.size[i] = world.size[user] if visits.purpose[i] else 0.0
    if world.mission_spread > 0.0 and visits.purpose[i]:
        visits.size[i] += world.mission_spread * normal(key(visit, MISSION_SIZE))
    channel = 0
    if world.surfaces_on:
        luck = unit(key(visit, CHANNEL))
        while channel + 1 < world.channels.shape[0] and luck >= world.channels[channel]:
            channel += 1
    visits.channel[i] = channel
    visits.surface[i] = world.entries[channel]
    visits.query[i] = NO_QUERY
    entry = something_wanted(world, user, key(visit, ENTRY), key(visit, ENTRY_ITEM))
    visits.anchor[i] = entry
    visits.page[i] = 0
    visits.clicks[i] = 0
    visits.over[i] = False
    visits.joy[i] = 0.0
    visits.weight[i] = 0.0
    visits.mood[i] = 0.0
    visits.bought[i] = 0


@njit(cache=True, inline="always")
def _look_around(world: World, visits: Visits, i: int) -> None:
    """What drew the person to the shop is what they are after."""
    for c in range(visits.intent.shape[1]):
        visits.intent[i, c] = world.embedding[visits.anchor[i], c]
    set_pull(world, visits, i)


@njit(cache=True, inline="always")
def _enter_again(world: World, visits: Visits, i: int) -> None:
    """The person in the lane, whose life is set, begins their next visit."""
    visits.number[i] += 1
    visits.key[i] = key(visits.life[i], uint64(visits.visit[i]))
    _enter(world, visits, i)
    _look_around(world, visits, i)


@kernel
def begin_anew(world: World, visits: Visits, begin: Bool, new: I32, low: int, high: int) -> None:
    """Start the next visit on up to ``TOGETHER`` lanes [low, high) where ``begin``: anyone, as if for the
    first time.

    ``new`` (``TOGETHER``,) is scratch space.
    """
    count = 0
    for i in range(low, high):
        new[count] = i
        count += begin[i]
    for i in new[:count]:
        visits.number[i] += 1
        visits.key[i] = key(visits.seed[i], uint64(visits.number[i]))
        user = _anyone(world, key(visits.key[i], USER))
        visits.user[i] = user
        prefetch(world.favourites, user)
        prefetch(world.taste, user)
        prefetch(world.mission, user)
        prefetch(world.size, user)
    for i in new[:count]:
        _fetch_what_may_be_wanted(world, visits.user[i], key(visits.key[i], ENTRY_ITEM))
    for i in new[:count]:
        _become(world, visits, i, visits.user[i])
        _enter(world, visits, i)
        prefetch(world.embedding, int64(visits.anchor[i]))
    for i in new[:count]:
        _look_around(world, visits, i)


@kernel
def arrive(world: World, visits: Visits, begin: Bool, new: I32, lanes: I64) -> None:
    """:func:`begin_anew`, of ``lanes``."""
    low, high = take(lanes)
    while low < high:
        for start in range(low, high, TOGETHER):
            begin_anew(world, visits, begin, new, start, min(start + TOGETHER, high))
        low, high = take(lanes)


@kernel
def come_back(world: World, visits: Visits, begin: Bool, anew: Bool, lanes: I64) -> None:
    """Start the next visit of the same person where ``begin``, of another person where also ``anew``."""
    low, high = take(lanes)
    while low < high:
        for i in range(low, high):
            if not begin[i]:
                continue
            if anew[i]:
                visits.lives[i] += 1
                visits.life[i] = key(key(visits.seed[i], LIFE), uint64(visits.lives[i]))
                _become(world, visits, i, int(below(key(visits.life[i], USER), world.taste.shape[0])))
                visits.time[i] = 0.0
            else:
                visits.time[i] += visits.gap[i]
            _enter_again(world, visits, i)
        low, high = take(lanes)


@kernel
def enter(world: World, visits: Visits, begin: Bool, lanes: I64) -> None:
    """Start the next visit of the people who were put into the lanes where ``begin``."""
    low, high = take(lanes)
    while low < high:
        for i in range(low, high):
            if begin[i]:
                _enter_again(world, visits, i)
        low, high = take(lanes)
