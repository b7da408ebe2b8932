"""Who is in the shop: the visits under way, one lane each, and how they begin and move on."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import int64, njit, uint64

from ..core.nouns import EMPTY
from ..core.types import F32, F64, I32, I64, U64, Bool
from .ahead import TOGETHER, prefetch
from .draws import (
    CHANNEL,
    COIN,
    DROPOUT,
    ENTRY,
    ENTRY_ITEM,
    GAP,
    LEAVE,
    LIFE,
    MISSION,
    MISSION_SIZE,
    MOBILE,
    QUERY,
    SEARCHED,
    TO_CART,
    USER,
    below,
    key,
    normal,
    page_key,
    unit,
)
from .flat import flat
from .kernel import kernel
from .lanes import take
from .outcomes import SENT_BACK, SOLD, Outcomes
from .popular import popular_item
from .retention import days_until, stays
from .surfaces import CART, EMAIL, HOME, PRODUCT, SEARCH
from .world import World

NO_QUERY = -1


class Visits(NamedTuple):
    """n lanes; a lane holds one visit at a time.

    ``key`` is the hash of (lane seed, number of the visit), from which all its luck follows; where people
    come back it is the hash of (person, number of their visit).
    """

    seed: U64  # (n,)
    number: I64  # (n,) visits begun on this lane, less one
    key: U64  # (n,)
    user: I32  # (n,)
    mobile: Bool  # (n,)
    channel: I32  # (n,) how the visitor came
    surface: I32  # (n,) what page is asked for
    query: I32  # (n,) category searched for on this page; NO_QUERY elsewhere
    row: I32  # (n,) row of ``Today`` that holds on the visitor's day
    time: F64  # (n,) days since the shop opened
    page: I32  # (n,) pages seen so far
    clicks: I32  # (n,) clicks so far
    anchor: I32  # (n,) the item last looked at
    history: I32  # (n, h) items opened or put in the cart by this person, the latest first
    purpose: Bool  # (n,) whether the visit is to buy
    size: F32  # (n,) logits by which this purpose takes longer than others
    intent: F32  # (n, d) what the visitor is after now
    pull: F32  # (n, d) taste_weight x taste + intent_weight x intent - boredom x seen
    reach: F64  # (n,) no less than exp(appeal) of any item
    over: Bool  # (n,) left, or cut off
    # of the person
    life: U64  # (n,) hash of the person, where people come back
    lives: I64  # (n,) people begun on this lane, less one
    visit: I32  # (n,) visits of this person, this one included
    gap: F64  # (n,) days since the visit before; when a visit is over, until the next
    taste: F32  # (n, d)
    seen: F32  # (n, d) what was looked at lately
    satisfaction: F64  # (n,) in [-1, 1]
    habit: F64  # (n,) of buying, in [0, 1]
    # of the experience of this visit
    joy: F64  # (n,) sum of worth of what was opened and bought
    weight: F64  # (n,) how much of that there was
    mood: F64  # (n,) disappointments
    bought: I32  # (n,) order lines


def empty_visits(n: int, d: int, h: int) -> Visits:
    """n lanes without a visit."""
    return Visits(
        seed=np.zeros(n, np.uint64),
        number=np.full(n, -1, np.int64),
        key=np.zeros(n, np.uint64),
        user=np.zeros(n, np.int32),
        mobile=np.zeros(n, np.bool_),
        channel=np.zeros(n, np.int32),
        surface=np.zeros(n, np.int32),
        query=np.full(n, NO_QUERY, np.int32),
        row=np.zeros(n, np.int32),
        time=np.zeros(n),
        page=np.zeros(n, np.int32),
        clicks=np.zeros(n, np.int32),
        anchor=np.zeros(n, np.int32),
        history=np.full((n, h), EMPTY, np.int32),
        purpose=np.zeros(n, np.bool_),
        size=np.zeros(n, np.float32),
        intent=np.zeros((n, d), np.float32),
        pull=np.zeros((n, d), np.float32),
        reach=np.zeros(n),
        over=np.ones(n, np.bool_),
        life=np.zeros(n, np.uint64),
        lives=np.full(n, -1, np.int64),
        visit=np.zeros(n, np.int32),
        gap=np.zeros(n),
        taste=np.zeros((n, d), np.float32),
        seen=np.zeros((n, d), np.float32),
        satisfaction=np.zeros(n),
        habit=np.zeros(n),
        joy=np.zeros(n),
        weight=np.zeros(n),
        mood=np.zeros(n),
        bought=np.zeros(n, np.int32),
    )


@njit(cache=True, inline="always")
def _set_pull(world: World, visits: Visits, i: int) -> None:
    taste_weight, intent_weight = np.float32(world.taste_weight), np.float32(world.intent_weight)
    boredom, square = np.float32(world.boredom), np.float32(0.0)
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
def _something_wanted(world: World, user: int, coin: np.uint64, word: np.uint64) -> np.int64:
    """Half the time something like one of the user's favourites, else something popular."""
    if unit(coin) >= 0.5:
        return popular_item(world, word)
    favourite = world.favourites[user, below(word, world.favourites.shape[1])]
    width = world.neighbours.shape[1]
    if width == 0:
        return int64(favourite)
    return int64(world.neighbours[favourite, below(key(word, COIN), width)])


@njit(cache=True, inline="always")
def _fetch_what_may_be_wanted(world: World, user: int, word: np.uint64) -> None:
    """Ask for what :func:`_something_wanted` reads of the user's favourites."""
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
    entry = _something_wanted(world, user, key(visit, ENTRY), key(visit, ENTRY_ITEM))
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
    _set_pull(world, visits, i)


@njit(cache=True, inline="always")
def _enter_again(world: World, visits: Visits, i: int) -> None:
    """The person in the lane, whose life is set, begins their next visit."""
    visits.number[i] += 1
    visits.key[i] = key(visits.life[i], uint64(visits.visit[i]))
    _enter(world, visits, i)
    _look_around(world, visits, i)


@kernel
def arrive(world: World, visits: Visits, begin: Bool, new: I32, lanes: I64) -> None:
    """Start the next visit on the ``lanes`` where ``begin``: anyone, as if for the first time.

    ``new`` (``TOGETHER``,) is scratch space.
    """
    low, high = take(lanes)
    while low < high:
        for start in range(low, high, TOGETHER):
            end = min(start + TOGETHER, high)
            count = 0
            for i in range(start, end):
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


@kernel
def move_on(
    world: World,
    visits: Visits,
    active: Bool,
    slates: I32,
    outcomes: Outcomes,
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
    drift, learning = np.float32(world.drift), np.float32(world.learning)
    for i in range(low, high):
        if not active[i]:
            continue
        here, carted = 0, False
        if outcomes.page[i, 0] + outcomes.page[i, 1] > 0.0:
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
                    visits.intent[i, c] += drift * (world.embedding[item, c] - visits.intent[i, c])
                if world.remembers:
                    for c in range(visits.intent.shape[1]):
                        visits.taste[i, c] += learning * (world.embedding[item, c] - visits.taste[i, c])
                        visits.seen[i, c] += np.float32(0.2) * (world.embedding[item, c] - visits.seen[i, c])
                    _feel(world, visits, i, item, details[row], outcomes.unavailable[i, slot])
                if outcomes.carted[i, slot]:
                    carted = True
        root = page_key(visits.key[i], visits.page[i])
        logit = world.leave_base + world.fatigue * visits.page[i]
        if here > 0:
            logit -= world.engagement
        if visits.purpose[i]:
            logit -= world.mission_stay + visits.size[i]
        left[i] = unit(key(root, LEAVE)) < 1.0 / (1.0 + math.exp(-logit))
        if world.surfaces_on:
            if visits.surface[i] == EMAIL and here == 0:
                left[i] = True
            _next_surface(world, visits, i, root, here, carted)
        if here > 0 or carted or visits.query[i] >= 0:
            _set_pull(world, visits, i)
        visits.clicks[i] += here
        visits.page[i] += 1
        cut[i] = not left[i] and visits.page[i] >= world.max_pages
        visits.over[i] = left[i] or cut[i]


@kernel
def advance(
    world: World,
    visits: Visits,
    active: Bool,
    slates: I32,
    outcomes: Outcomes,
    details: F64,
    left: Bool,
    cut: Bool,
    lanes: I64,
) -> None:
    """:func:`move_on`, of ``lanes``."""
    low, high = take(lanes)
    while low < high:
        move_on(world, visits, active, slates, outcomes, details, left, cut, low, high)
        low, high = take(lanes)


@njit(cache=True, inline="always")
def waiting_days(world: World, user: int, item: int) -> float:
    """Days from an order to its delivery."""
    return world.shipping[item] + world.region_days[world.region[user]]


@njit(cache=True, inline="always")
def _feel(world: World, visits: Visits, i: int, item: int, details: F64, gone: bool) -> None:
    """Add one opened item to the experience of the visit, given its ``details`` (10,)."""
    sold = int64(details[SOLD])
    visits.joy[i] += world.worth[item]
    visits.weight[i] += 1.0
    if sold >= 0:
        visits.joy[i] += 2.0 * world.worth[sold]
        visits.weight[i] += 2.0
        visits.bought[i] += 1
        days = waiting_days(world, visits.user[i], sold)
        visits.mood[i] -= world.wait_weight * max(days - 3.0, 0.0)
        if details[SENT_BACK] > 0.0:
            visits.mood[i] -= world.return_weight
    elif gone:
        visits.mood[i] -= world.missed_weight


@njit(cache=True, inline="always")
def _next_surface(world: World, visits: Visits, i: int, root: np.uint64, here: int, carted: bool) -> None:
    """Where the visitor goes from this page, and what is asked for there."""
    visits.query[i] = NO_QUERY
    if carted and unit(key(root, TO_CART)) < world.to_cart:
        visits.surface[i] = CART
    elif here > 0:
        visits.surface[i] = PRODUCT
    elif unit(key(root, SEARCHED)) < world.search_rate:
        visits.surface[i] = SEARCH
        word = key(root, QUERY)
        wanted = _something_wanted(world, visits.user[i], word, key(word, COIN))
        visits.anchor[i] = wanted
        visits.query[i] = world.category[wanted]
        for c in range(visits.intent.shape[1]):
            visits.intent[i, c] += np.float32(0.5) * (world.embedding[wanted, c] - visits.intent[i, c])
    else:
        visits.surface[i] = HOME


@kernel
def part(world: World, visits: Visits, ended: Bool, stayed: Bool, lanes: I64) -> None:
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
                experience += world.worth_weight * visits.joy[i] / visits.weight[i]
            if visits.bought[i] > 0:
                experience += world.purchase_bonus
            visits.satisfaction[i] += (1.0 - world.inertia) * (math.tanh(experience) - visits.satisfaction[i])
            habit = 1.0 if visits.bought[i] > 0 else 0.0
            visits.habit[i] += 0.2 * (habit - visits.habit[i])
            user = visits.user[i]
            visit = visits.key[i]
            # BG/NBD counts drop-outs from the first return on: whoever came once comes back or not by the gap
            stayed[i] = visits.visit[i] <= 1 or stays(
                world.dropout[user], visits.satisfaction[i], world.churn_effect, unit(key(visit, DROPOUT))
            )
            rate = world.rate[user] * math.exp(world.habit_effect * visits.habit[i])
            gap = days_until(rate, visits.satisfaction[i], world.rate_effect, unit(key(visit, GAP)))
            visits.gap[i] = gap
            fade = np.float32(math.exp(-gap / world.boredom_days))
            for c in range(visits.seen.shape[1]):
                visits.seen[i, c] *= fade
        low, high = take(lanes)
