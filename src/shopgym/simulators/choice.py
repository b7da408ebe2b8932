"""What a shopper does with a page: examine, click, look, add to cart, buy, send back."""

from __future__ import annotations

import math

import numpy as np
from numba import int64, njit, uint64

from ..core.nouns import EMPTY
from ..core.types import F64, I32, Bool
from .ahead import TOGETHER, prefetch
from .chances import (
    appeal_of,
    mean_units,
    p_buy,
    p_cart,
    p_like,
    p_quick,
    p_read_on,
    p_return,
    pain_of,
    seconds_of,
    taken_for,
    units_of,
    units_p,
)
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
    page_key,
    unit,
)
from .kernel import kernel
from .outcomes import (
    BACK_COST,
    BACK_DELAY,
    BOUGHT,
    EARNED,
    IN_CART,
    LOOKED,
    PAID,
    SENT_BACK,
    SOLD,
    TAKEN_OUT,
    Outcomes,
    clear,
)
from .visits import Visits, move_on
from .world import Today, World

SOONEST = 1.0
"""Days before anything can be sent back."""


@njit(cache=True, inline="always")
def _straight_to_cart(
    world: World, today: Today, visits: Visits, i: int, item: int, luck: np.uint64, appeal: float, off: float
) -> bool:
    """Whether ``item``, which is liked, is put in the cart without a look at its page."""
    quick = p_quick(world, visits, i)
    if quick == 0.0 or unit(key(luck, QUICK)) >= quick:
        return False
    taken = taken_for(world, today, visits.row[i], item)
    if taken < 0:
        return False
    pain = pain_of(world, today, visits, i, taken, off)
    return unit(key(luck, CART)) < p_cart(world, visits, i, item, taken, appeal, pain)


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
        _look(world, today, visits, active, slates, out, start, end)
        _choose(world, today, visits, active, slates, price_off, out, start, end)
        _go_deeper(world, today, visits, active, slates, price_off, out, start, end)


@kernel
def _look(
    world: World, today: Today, visits: Visits, active: Bool, slates: I32, out: Outcomes, low: int, high: int
) -> None:
    """Which slots would be examined if reading reached them, and of those which might be liked.

    One number decides whether a slot is examined and liked, so most are settled before their appeal is
    computed: because embeddings have norm 1 no appeal exceeds |pull|, and a like needs odds of at most
    ``ceiling`` x lift. Those that are not stand in ``clicked`` until :func:`_choose`.
    """
    for i in range(low, high):
        if not active[i]:
            continue
        surface, row = visits.surface[i], visits.row[i]
        page = page_key(visits.key[i], visits.page[i])
        root = key(page, ITEM)
        ceiling = visits.reach[i] * world.page_odds[visits.page[i]]
        reached = True
        if world.opened[surface] < 1.0:
            reached = unit(key(page, OPENED)) < world.opened[surface]
        if world.dwells and reached:
            out.seconds[i] = seconds_of(key(page, READING), world.read_log, world.dwell_sd)
        missing = 0
        for slot in range(min(slates.shape[1], world.slots[surface])):
            item = slates[i, slot]
            if item < 0:
                continue
            gone = not today.available[row, item]
            out.unavailable[i, slot] = gone
            missing += gone
            glance = unit(key(key(root, uint64(item)), CLICK))
            attention = world.attention[surface, slot]
            odds = ceiling * today.lift[row, item]
            out.examined[i, slot] = reached & (glance < attention)
            maybe = reached & (glance * (1.0 + odds) < attention * odds)
            out.clicked[i, slot] = maybe
            # row 0 where it will not be read: a branch here would go either way and so be mispredicted
            prefetch(world.embedding, int64(item) * int64(maybe))
        out.page[i, 6] = missing


@kernel
def _choose(
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
    """How far the page is read and what is liked: that is clicked, or put in the cart straight away."""
    for i in range(low, high):
        if not active[i]:
            continue
        surface = visits.surface[i]
        chain, reached = world.chain[surface], True
        root = key(page_key(visits.key[i], visits.page[i]), ITEM)
        off = price_off[i] if price_off.shape[0] else 0.0
        for slot in range(min(slates.shape[1], world.slots[surface])):
            if not reached:
                out.examined[i, slot] = False
                out.clicked[i, slot] = False
                continue
            if not (out.clicked[i, slot] or (chain and out.examined[i, slot])):
                continue
            item = slates[i, slot]
            luck = key(root, uint64(item))
            if out.clicked[i, slot]:
                appeal = appeal_of(world, visits, i, item)
                like = p_like(world, today, visits, i, item, appeal)
                out.clicked[i, slot] = False
                if unit(key(luck, CLICK)) < world.attention[surface, slot] * like:
                    if _straight_to_cart(world, today, visits, i, item, luck, appeal, off):
                        out.carted[i, slot] = True
                        out.page[i, 1] += 1.0
                    else:
                        out.clicked[i, slot] = True
                        out.page[i, 0] += 1.0
            if chain:
                clicked = 1.0 if out.clicked[i, slot] else 0.0
                reached = unit(key(luck, READ_ON)) < p_read_on(world, surface, item, clicked)


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
    at = low * slates.shape[1]  # lanes before these have room for a row a slot
    for i in range(low, high):
        if not active[i] or out.page[i, 0] + out.page[i, 1] == 0.0:
            continue
        row = visits.row[i]
        root = key(page_key(visits.key[i], visits.page[i]), ITEM)
        # one luck for the whole cart: a visitor checks out or does not
        checkout = unit(key(visits.key[i], BUY))
        off = price_off[i] if price_off.shape[0] else 0.0
        out.first[i] = at
        for slot in range(slates.shape[1]):
            straight = out.carted[i, slot]
            if not out.clicked[i, slot] and not straight:
                continue
            of = out.details[at]
            at += 1
            of[:] = 0.0
            of[SOLD] = EMPTY
            item = slates[i, slot]
            luck = key(root, uint64(item))
            appeal = appeal_of(world, visits, i, item)
            if world.dwells and not straight:
                median = world.dwell_log + world.dwell_depth * appeal
                seconds = seconds_of(key(luck, DWELL), median, world.dwell_sd)
                of[LOOKED] = seconds
                out.seconds[i] += seconds
                out.page[i, 7] += seconds
            taken = taken_for(world, today, row, item)
            if taken < 0:
                continue
            pain = pain_of(world, today, visits, i, taken, off)
            if not straight:
                if unit(key(luck, CART)) >= p_cart(world, visits, i, item, taken, appeal, pain):
                    continue
                out.carted[i, slot] = True
                out.page[i, 1] += 1.0
            p = units_p(world, visits, i, taken)
            amount = units_of(p, world.max_units, unit(key(luck, UNITS)))
            of[IN_CART] = amount
            if checkout >= p_buy(world, pain):
                of[TAKEN_OUT] = checkout < p_buy(world, 0.0)
                continue
            given = off * today.price[row, taken]
            of[SOLD] = taken
            of[BOUGHT] = amount
            of[PAID] = amount * (today.price[row, taken] - given)
            of[EARNED] = amount * (today.margin[row, taken] - given)
            out.page[i, 2] += 1.0
            out.page[i, 3] += amount
            out.page[i, 4] += of[PAID]
            out.page[i, 5] += of[EARNED]
            if world.returns and unit(key(luck, RETURNED)) < p_return(world, visits.user[i], taken, appeal):
                of[SENT_BACK] = 1.0
                of[BACK_COST] = of[EARNED] + world.return_handling
                of[BACK_DELAY] = SOONEST - world.return_delay * math.log1p(-unit(key(luck, DELAY)))
                out.page[i, 8] += of[BACK_COST]


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
    ordered: Bool,
    low: int,
    high: int,
) -> None:
    """:func:`respond`, then :func:`.visits.move_on`: one call, because each costs some microseconds."""
    for start in range(low, high, TOGETHER):
        end = min(start + TOGETHER, high)
        respond(world, today, visits, active, slates, price_off, out, start, end)
        move_on(world, visits, active, slates, out, left, cut, ordered, start, end)


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
            appeal = appeal_of(world, visits, i, item)
            like = click = p_like(world, today, visits, i, item, appeal)
            taken = taken_for(world, today, row, item)
            pain = willing = 0.0
            if taken >= 0:
                pain = pain_of(world, today, visits, i, taken, off)
                willing = p_cart(world, visits, i, item, taken, appeal, pain)
                click *= 1.0 - p_quick(world, visits, i) * willing
            out[0, i, c] = click
            if world.chain[surface]:
                go_on[i, c] = p_read_on(world, surface, item, click)
            if world.dwells:
                log_mean = world.dwell_log + world.dwell_depth * appeal + 0.5 * world.dwell_sd**2
                out[7, i, c] = click * math.exp(log_mean)
            if not today.available[row, item]:
                out[6, i, c] = 1.0
            if taken < 0:
                continue
            cart = like * willing
            lines = cart * p_buy(world, pain)
            units = lines * mean_units(units_p(world, visits, i, taken), world.max_units)
            given = off * today.price[row, taken]
            out[1, i, c] = cart
            out[2, i, c] = lines
            out[3, i, c] = units
            out[4, i, c] = units * (today.price[row, taken] - given)
            out[5, i, c] = units * (today.margin[row, taken] - given)
            if world.returns:
                back = p_return(world, visits.user[i], taken, appeal)
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
