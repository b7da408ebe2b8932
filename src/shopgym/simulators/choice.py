"""What a shopper does with a page: examine, click, look, add to cart, buy, send back.

The same functions give the simulated behaviour (:func:`respond`) and its exact expectation
(:func:`expect`), so the truth cannot drift from the simulation.
"""

from __future__ import annotations

import math

import numpy as np
from numba import float64, int64, njit, uint64

from ..core.nouns import EMPTY
from ..core.types import F64, I32, Bool
from .draws import (
    BUY,
    CART,
    CLICK,
    DELAY,
    DWELL,
    ITEM,
    OPENED,
    QUICK,
    READ_ON,
    READING,
    RETURNED,
    UNITS,
    key,
    normal,
    page_key,
    unit,
)
from .kernel import kernel
from .outcomes import Outcomes, clear
from .surfaces import EMAIL
from .visits import Visits, move_on, waiting_days
from .world import Today, World

SUBSTITUTES = 4
"""Neighbours among which somebody who finds an item sold out looks for another."""
TOGETHER = 128
"""Lanes whose outcomes, some 600 bytes each, stay near the core while they are written and read again."""
SOONEST = 1.0
"""Days before anything can be sent back."""


@njit(cache=True, inline="always")
def _sigmoid(x: float) -> float:
    return 1.0 / (1.0 + math.exp(-x))


@njit(cache=True, inline="always")
def _appeal(world: World, visits: Visits, i: int, item: int) -> float:
    """pull . embedding, in four sums so that additions need not wait for one another."""
    d = visits.pull.shape[1]
    one = two = three = four = np.float32(0.0)
    whole = d - d % 4
    for c in range(0, whole, 4):
        one += visits.pull[i, c] * world.embedding[item, c]
        two += visits.pull[i, c + 1] * world.embedding[item, c + 1]
        three += visits.pull[i, c + 2] * world.embedding[item, c + 2]
        four += visits.pull[i, c + 3] * world.embedding[item, c + 3]
    for c in range(whole, d):
        one += visits.pull[i, c] * world.embedding[item, c]
    return float64((one + two) + (three + four))


@njit(cache=True, inline="always")
def _like(world: World, today: Today, visits: Visits, i: int, item: int, appeal: float) -> float:
    """P(liked | examined); what is liked is clicked, but for what is put in the cart straight away."""
    base = world.click_base - world.fatigue * visits.page[i]
    return _sigmoid(base + appeal + today.appeal[visits.row[i], item])


@njit(cache=True, inline="always")
def _price_pain(world: World, today: Today, visits: Visits, i: int, item: int, off: float) -> float:
    price = today.log_price[visits.row[i], item] + math.log1p(-off)
    return float(world.sensitivity[visits.user[i]] * price)


@njit(cache=True, inline="always")
def _cart(world: World, visits: Visits, i: int, item: int, taken: int, appeal: float, pain: float) -> float:
    """P(``taken`` is put in the cart | ``item`` is liked)"""
    logit = world.cart_base + world.depth * appeal - pain
    if visits.purpose[i]:
        logit += world.mission_lift
    if visits.mobile[i]:
        logit -= world.mobile_penalty
    if world.brand_weight > 0.0 and world.brand[taken] == world.user_brand[visits.user[i]]:
        logit += world.brand_weight
    if world.shipping_weight > 0.0:
        days = waiting_days(world, visits.user[i], taken)
        logit -= world.shipping_weight * max(days - 1.0, 0.0)
    willing = 1.0 if taken == item else world.substitution
    return willing * _sigmoid(logit + world.lift[visits.surface[i]])


@njit(cache=True, inline="always")
def _quick(world: World, visits: Visits, i: int) -> float:
    """P(without a look at its page | ``taken`` is put in the cart)"""
    if visits.purpose[i] and visits.surface[i] != EMAIL:
        return float(world.quick)
    return 0.0


@njit(cache=True, inline="always")
def _straight_to_cart(
    world: World, today: Today, visits: Visits, i: int, item: int, luck: np.uint64, appeal: float, off: float
) -> bool:
    """Whether ``item``, which is liked, is put in the cart without a look at its page."""
    quick = _quick(world, visits, i)
    if quick == 0.0 or unit(key(luck, QUICK)) >= quick:
        return False
    taken = _taken(world, today, visits.row[i], item)
    if taken < 0:
        return False
    pain = _price_pain(world, today, visits, i, taken, off)
    return unit(key(luck, CART)) < _cart(world, visits, i, item, taken, appeal, pain)


@njit(cache=True, inline="always")
def _buy(world: World, pain: float) -> float:
    """P(purchase | cart)"""
    return _sigmoid(world.buy_base - world.buy_price * pain)


@njit(cache=True, inline="always")
def _send_back(world: World, user: int, item: int, appeal: float) -> float:
    """P(returned | purchase)"""
    logit = world.return_logit[item] + world.returner[user]
    logit -= world.return_depth * appeal + world.return_worth * world.worth[item]
    return _sigmoid(logit) if world.returns else 0.0


@njit(cache=True, inline="always")
def _units_p(world: World, visits: Visits, i: int, item: int) -> float:
    """Success probability of the geometric number of units; who buys in bulk buys ``bulk`` times the rest."""
    p, bulk = world.units_p[item], world.bulk[visits.user[i]]
    if visits.size[i] != 0.0:
        bulk *= math.exp(-world.mission_units * visits.size[i])
    return p if bulk == 1.0 else 1.0 / (1.0 + (1.0 / p - 1.0) * bulk)


@njit(cache=True, inline="always")
def _units(p: float, most: int, luck: float) -> int:
    """Units on the order line: geometric on 1, 2, ... given at most ``most``."""
    if p >= 1.0:
        return 1
    tail = 1.0 - (1.0 - p) ** most
    return min(1 + int(math.log1p(-luck * tail) / math.log1p(-p)), most)


@njit(cache=True, inline="always")
def mean_units(p: float, most: int) -> float:
    """Exact mean of :func:`_units`."""
    q = 1.0 - p
    tail = 1.0 - q**most
    return (1.0 / p) - most * q**most / tail


@njit(cache=True, inline="always")
def _taken(world: World, today: Today, row: int, item: int) -> int:
    """The item that would be bought for ``item``: itself, the nearest in stock, or ``EMPTY``."""
    if today.available[row, item]:
        return item
    if world.substitution > 0.0:
        for c in range(min(SUBSTITUTES, world.neighbours.shape[1])):
            other = world.neighbours[item, c]
            if today.available[row, other]:
                return int64(other)
    return EMPTY


@njit(cache=True, inline="always")
def _reads_on(world: World, surface: int, item: int, clicked: float) -> float:
    """P(the next slot is reached | this one was examined), where P(clicked) is 0, 1 or in between."""
    stops = world.stops[surface]
    if world.satisfies[surface] > 0.0:
        stops = _sigmoid(world.satisfied[surface] + 0.5 * world.worth[item])
    return world.go_on[surface] * (1.0 - clicked * stops)


@njit(cache=True, inline="always")
def _seconds(luck: np.uint64, log_median: float, sd: float) -> float:
    """Log-normal from one word."""
    return math.exp(log_median + sd * normal(luck))


@kernel
def known(slates: I32, items: int) -> bool:
    """Whether slates (n, k) hold only rows of ``items`` items and ``EMPTY``."""
    for i in range(slates.shape[0]):
        for slot in range(slates.shape[1]):
            if slates[i, slot] < EMPTY or slates[i, slot] >= items:
                return False
    return True


@kernel
def respond(
    world: World,
    today: Today,
    visits: Visits,
    active: Bool,
    slates: I32,
    price_off: F64,
    out: Outcomes,
    low: int,
    high: int,
) -> None:
    """Note in ``out`` what lanes [low, high) do with slates (n, k); nothing, where they are not ``active``.

    An item that has run out can be clicked, but not put in the cart. ``price_off`` is (n,), the share
    taken off every price of the page, or (0,).
    """
    for start in range(low, high, TOGETHER):
        end = min(start + TOGETHER, high)
        clear(out, start, end)
        _read(world, today, visits, active, slates, price_off, out, start, end)
        _go_deeper(world, today, visits, active, slates, price_off, out, start, end)


@kernel
def _read(
    world: World,
    today: Today,
    visits: Visits,
    active: Bool,
    slates: I32,
    price_off: F64,
    out: Outcomes,
    low: int,
    high: int,
) -> None:
    """Which slots are examined and what is liked: that is clicked, or put in the cart straight away.

    One number decides both, so many a slot is settled before its appeal is computed: because embeddings have
    norm 1 no appeal exceeds |pull|, and a click needs odds of at most ``ceiling`` x lift.
    """
    for i in range(low, high):
        if not active[i]:
            continue
        surface, row = visits.surface[i], visits.row[i]
        page = page_key(visits.key[i], visits.page[i])
        root = key(page, ITEM)
        chain = world.chain[surface]
        ceiling = visits.reach[i] * world.page_odds[visits.page[i]]
        reached = True
        if world.opened[surface] < 1.0:
            reached = unit(key(page, OPENED)) < world.opened[surface]
        if world.dwells and reached:
            out.seconds[i] = _seconds(key(page, READING), world.read_log, world.dwell_sd)
        for slot in range(min(slates.shape[1], world.slots[surface])):
            item = slates[i, slot]
            if item < 0:
                continue
            if not today.available[row, item]:
                out.unavailable[i, slot] = True
                out.page[i, 6] += 1.0
            if not reached:
                continue
            luck = key(root, uint64(item))
            attention, glance = world.attention[surface, slot], unit(key(luck, CLICK))
            if glance >= attention:
                continue
            out.examined[i, slot] = True
            odds = ceiling * today.lift[row, item]
            if glance * (1.0 + odds) < attention * odds:
                appeal = _appeal(world, visits, i, item)
                if glance < attention * _like(world, today, visits, i, item, appeal):
                    off = price_off[i] if price_off.shape[0] else 0.0
                    if _straight_to_cart(world, today, visits, i, item, luck, appeal, off):
                        out.carted[i, slot] = True
                        out.page[i, 1] += 1.0
                    else:
                        out.clicked[i, slot] = True
                        out.page[i, 0] += 1.0
            if chain:
                clicked = 1.0 if out.clicked[i, slot] else 0.0
                reached = unit(key(luck, READ_ON)) < _reads_on(world, surface, item, clicked)


@kernel
def _go_deeper(
    world: World,
    today: Today,
    visits: Visits,
    active: Bool,
    slates: I32,
    price_off: F64,
    out: Outcomes,
    low: int,
    high: int,
) -> None:
    """What follows: the page of an item clicked, the cart, the order, the return."""
    for i in range(low, high):
        if not active[i] or out.page[i, 0] + out.page[i, 1] == 0.0:
            continue
        row = visits.row[i]
        root = key(page_key(visits.key[i], visits.page[i]), ITEM)
        # one luck for the whole cart: a visitor checks out or does not
        checkout = unit(key(visits.key[i], BUY))
        off = price_off[i] if price_off.shape[0] else 0.0
        for slot in range(slates.shape[1]):
            straight = out.carted[i, slot]
            if not out.clicked[i, slot] and not straight:
                continue
            item = slates[i, slot]
            luck = key(root, uint64(item))
            appeal = _appeal(world, visits, i, item)
            if world.dwells and not straight:
                median = world.dwell_log + world.dwell_depth * appeal
                seconds = _seconds(key(luck, DWELL), median, world.dwell_sd)
                out.dwell[i, slot] = seconds
                out.seconds[i] += seconds
                out.page[i, 7] += seconds
            taken = _taken(world, today, row, item)
            if taken < 0:
                continue
            pain = _price_pain(world, today, visits, i, taken, off)
            if not straight:
                if unit(key(luck, CART)) >= _cart(world, visits, i, item, taken, appeal, pain):
                    continue
                out.carted[i, slot] = True
                out.page[i, 1] += 1.0
            p = _units_p(world, visits, i, taken)
            amount = _units(p, world.max_units, unit(key(luck, UNITS)))
            out.cart_units[i, slot] = amount
            if checkout >= _buy(world, pain):
                out.removed[i, slot] = checkout < _buy(world, 0.0)
                continue
            given = off * today.price[row, taken]
            out.sold[i, slot] = taken
            out.quantity[i, slot] = amount
            out.revenue[i, slot] = amount * (today.price[row, taken] - given)
            out.margin[i, slot] = amount * (today.margin[row, taken] - given)
            out.page[i, 2] += 1.0
            out.page[i, 3] += amount
            out.page[i, 4] += out.revenue[i, slot]
            out.page[i, 5] += out.margin[i, slot]
            if world.returns and unit(key(luck, RETURNED)) < _send_back(world, visits.user[i], taken, appeal):
                out.returned[i, slot] = True
                out.return_cost[i, slot] = out.margin[i, slot] + world.return_handling
                delay = SOONEST - world.return_delay * math.log1p(-unit(key(luck, DELAY)))
                out.return_delay[i, slot] = delay
                out.page[i, 8] += out.return_cost[i, slot]


@kernel
def serve(
    world: World,
    today: Today,
    visits: Visits,
    active: Bool,
    slates: I32,
    price_off: F64,
    out: Outcomes,
    left: Bool,
    cut: Bool,
    low: int,
    high: int,
) -> None:
    """:func:`respond`, then :func:`.visits.move_on`: one call, because each costs some microseconds."""
    for start in range(low, high, TOGETHER):
        end = min(start + TOGETHER, high)
        respond(world, today, visits, active, slates, price_off, out, start, end)
        move_on(world, visits, active, slates, out, left, cut, start, end)


@kernel
def expect(
    world: World,
    today: Today,
    visits: Visits,
    items: I32,
    price_off: F64,
    out: F64,
    go_on: F64,
    low: int,
    high: int,
) -> None:
    """Fill ``out`` (9, n, j) with the exact mean of each of ``SLOT_TERMS`` for any j items per lane.

    Means are given examination, but for the stockouts, which are of impressions; zeros where ``items``
    is empty. ``go_on`` (n, j) gets the probability of reading on after an item that was examined.
    """
    for i in range(low, high):
        row, surface = visits.row[i], visits.surface[i]
        off = price_off[i] if price_off.shape[0] else 0.0
        for c in range(items.shape[1]):
            item = items[i, c]
            go_on[i, c] = 1.0
            if item < 0:
                continue
            appeal = _appeal(world, visits, i, item)
            like = click = _like(world, today, visits, i, item, appeal)
            taken = _taken(world, today, row, item)
            pain = willing = 0.0
            if taken >= 0:
                pain = _price_pain(world, today, visits, i, taken, off)
                willing = _cart(world, visits, i, item, taken, appeal, pain)
                click *= 1.0 - _quick(world, visits, i) * willing
            out[0, i, c] = click
            if world.chain[surface]:
                go_on[i, c] = _reads_on(world, surface, item, click)
            if world.dwells:
                log_mean = world.dwell_log + world.dwell_depth * appeal + 0.5 * world.dwell_sd**2
                out[7, i, c] = click * math.exp(log_mean)
            if not today.available[row, item]:
                out[6, i, c] = 1.0
            if taken < 0:
                continue
            cart = like * willing
            lines = cart * _buy(world, pain)
            units = lines * mean_units(_units_p(world, visits, i, taken), world.max_units)
            given = off * today.price[row, taken]
            out[1, i, c] = cart
            out[2, i, c] = lines
            out[3, i, c] = units
            out[4, i, c] = units * (today.price[row, taken] - given)
            out[5, i, c] = units * (today.margin[row, taken] - given)
            if world.returns:
                back = _send_back(world, visits.user[i], taken, appeal)
                out[8, i, c] = back * (out[5, i, c] + lines * world.return_handling)


@kernel
def attention(world: World, visits: Visits, slates: I32, go_on: F64, out: F64, low: int, high: int) -> None:
    """Fill ``out`` (n, k) with the exact probability that each slot is examined; see :mod:`.surfaces`."""
    for i in range(low, high):
        surface = visits.surface[i]
        reached = world.opened[surface]
        for slot in range(min(slates.shape[1], world.slots[surface])):
            out[i, slot] = reached * world.attention[surface, slot]
            if slates[i, slot] >= 0:
                reached *= go_on[i, slot]
