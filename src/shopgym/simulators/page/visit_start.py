"""How visits start: which person comes, through which channel, and what they want.

Three kernels, one per clock of the shop: :func:`start_visits` (anyone comes), :func:`return_visits` (the
same person comes back) and :func:`admit` (whom the population sent).
"""

from __future__ import annotations

import numpy as np
from numba import int64, njit, uint64

from ...core.batches import EMPTY
from ...core.types import I32, I64, Bool
from ..engine import hash_rng as kinds
from ..engine.hash_rng import below, key, normal, unit
from ..engine.jit import kernel
from ..engine.prefetch import prefetch
from ..engine.ravel_view import ravel_view
from ..engine.work_queue import claim
from ..params import ShopParams
from ..people.visits import NO_QUERY, Visits, draw_wanted_item, set_pull
from .surfaces import HOME, SEARCH


@kernel
def start_visits(params: ShopParams, visits: Visits, begin: Bool, scratch: I32, queue: I64) -> None:
    """Start the next visit where ``begin`` (n,): anyone may come, always as if for the first time.

    ``scratch`` has room for the visits of one claim.
    """
    low, high = claim(queue)
    while low < high:
        start_claimed(params, visits, begin, scratch, low, high)
        low, high = claim(queue)


@kernel
def start_claimed(params: ShopParams, visits: Visits, begin: Bool, scratch: I32, low: int, high: int) -> None:
    """:func:`start_visits` for the visits [low, high) of one claim."""
    count = 0
    for i in range(low, high):
        scratch[count] = i
        count += begin[i]
    for i in scratch[:count]:
        visits.number[i] += 1
        visits.key[i] = key(visits.seed[i], uint64(visits.number[i]))
        user = _draw_user(params, key(visits.key[i], kinds.DRAW_USER))
        visits.user[i] = user
        prefetch(params.favourites, user)
        prefetch(params.taste, user)
        prefetch(params.mission, user)
        prefetch(params.size, user)
    for i in scratch[:count]:
        _prefetch_wanted_item(params, visits.user[i], key(visits.key[i], kinds.DRAW_ENTRY_ITEM))
    for i in scratch[:count]:
        _set_person(params, visits, i, visits.user[i])
        _begin_visit(params, visits, i)
        prefetch(params.embedding, int64(visits.anchor[i]))
    for i in scratch[:count]:
        _set_intent(params, visits, i)


@kernel
def return_visits(params: ShopParams, visits: Visits, begin: Bool, replace: Bool, queue: I64) -> None:
    """Start the next visit of the same person where ``begin`` (n,), of a new one where also ``replace``."""
    low, high = claim(queue)
    while low < high:
        for i in range(low, high):
            if not begin[i]:
                continue
            if replace[i]:
                visits.lives[i] += 1
                visits.life[i] = key(key(visits.seed[i], kinds.DRAW_LIFE), uint64(visits.lives[i]))
                _set_person(
                    params, visits, i, int(below(key(visits.life[i], kinds.DRAW_USER), params.taste.shape[0]))
                )
                visits.time[i] = 0.0
            else:
                visits.time[i] += visits.gap[i]
            _begin_next_visit(params, visits, i)
        low, high = claim(queue)


@kernel
def admit(params: ShopParams, visits: Visits, begin: Bool, queue: I64) -> None:
    """Start the next visit of the people whom the population assigned to the rows where ``begin`` (n,)."""
    low, high = claim(queue)
    while low < high:
        for i in range(low, high):
            if begin[i]:
                _begin_next_visit(params, visits, i)
        low, high = claim(queue)


@njit(cache=True, inline="always")
def _draw_user(params: ShopParams, word: np.uint64) -> np.int64:
    """Any user; where some merely pass by, in proportion to their visits."""
    if params.visitors.shape[0]:
        return int64(params.visitors[below(word, params.visitors.shape[0])])
    return int64(below(word, params.taste.shape[0]))


@njit(cache=True, inline="always")
def _set_person(params: ShopParams, visits: Visits, i: int, user: int) -> None:
    """Put a person without memories into row i."""
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
    for c in range(visits.purchases.shape[1]):
        visits.purchases[i, c] = EMPTY


@njit(cache=True, inline="always")
def _begin_visit(params: ShopParams, visits: Visits, i: int) -> None:
    """Start the visit of the person in row i, whose key is set. The intent is set later."""
    visit, user = visits.key[i], visits.user[i]
    visits.visit[i] += 1
    visits.mobile[i] = unit(key(visit, kinds.DRAW_MOBILE)) < params.mobile_share
    visits.purpose[i] = unit(key(visit, kinds.DRAW_MISSION)) < params.mission[user]
    visits.size[i] = params.size[user] if visits.purpose[i] else 0.0
    if params.mission_spread > 0.0 and visits.purpose[i]:
        visits.size[i] += params.mission_spread * normal(key(visit, kinds.DRAW_MISSION_SIZE))
    channel = 0
    if params.surfaces_on:
        draw = unit(key(visit, kinds.DRAW_CHANNEL))
        while channel + 1 < params.channels.shape[0] and draw >= params.channels[channel]:
            channel += 1
    visits.channel[i] = channel
    visits.surface[i] = params.entries[channel]
    visits.query[i] = NO_QUERY
    coin, word = key(visit, kinds.DRAW_ENTRY), key(visit, kinds.DRAW_ENTRY_ITEM)
    visits.anchor[i] = draw_wanted_item(params, user, coin, word)
    if params.surfaces_on and params.search_first > 0.0 and visits.surface[i] == HOME:
        _search_first(params, visits, i)
    visits.page[i] = 0
    visits.clicks[i] = 0
    visits.fresh[i] = 0
    visits.over[i] = False
    visits.joy[i] = 0.0
    visits.weight[i] = 0.0
    visits.mood[i] = 0.0
    visits.bought[i] = 0


@njit(cache=True, inline="always")
def _search_first(params: ShopParams, visits: Visits, i: int) -> None:
    """Perhaps begin with a search for what the visitor came for, in place of the homepage."""
    if unit(key(visits.key[i], kinds.DRAW_SEARCH_FIRST)) < params.search_first:
        visits.surface[i] = SEARCH
        visits.query[i] = params.category[visits.anchor[i]]


@njit(cache=True, inline="always")
def _begin_next_visit(params: ShopParams, visits: Visits, i: int) -> None:
    """Start the next visit of the person in row i, whose ``life`` is set."""
    visits.number[i] += 1
    visits.key[i] = key(visits.life[i], uint64(visits.visit[i]))
    _begin_visit(params, visits, i)
    _set_intent(params, visits, i)


@njit(cache=True, inline="always")
def _set_intent(params: ShopParams, visits: Visits, i: int) -> None:
    """A visit starts with the intent of the item that brought the person to the shop."""
    for c in range(visits.intent.shape[1]):
        visits.intent[i, c] = params.embedding[visits.anchor[i], c]
    set_pull(params, visits, i)


@njit(cache=True, inline="always")
def _prefetch_wanted_item(params: ShopParams, user: int, word: np.uint64) -> None:
    """Prefetch what :func:`draw_wanted_item` reads of the user's favourites."""
    favourite = int64(params.favourites[user, below(word, params.favourites.shape[1])])
    width = params.neighbours.shape[1]
    if width:
        prefetch(ravel_view(params.neighbours), favourite * width + below(key(word, kinds.DRAW_COIN), width))
