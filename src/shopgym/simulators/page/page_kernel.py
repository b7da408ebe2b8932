"""What a shopper does with a page: examine, click, look, add to cart, buy, send back."""

from __future__ import annotations

import math

import numpy as np
from numba import int64, njit, uint64

from ...core.batches import EMPTY
from ...core.types import F64, I32, I64, Bool
from ..engine.hash_rng import (
    BUY,
    CART,
    CLICK,
    DELAY,
    DWELL,
    ITEM,
    OPENED,
    QUICK,
    READ_ON,
    RETURNED,
    UNITS,
    key,
    page_key,
    unit,
)
from ..engine.jit import kernel
from ..engine.prefetch import TOGETHER, prefetch
from ..engine.ravel_view import flat
from ..engine.work_queue import STEP, take
from ..engine.workspace import Desk, Slips
from ..params import Today, World
from ..people.visits import Visits
from .buffers import (
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
from .choice_model import (
    appeal_of,
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
from .visit_step import move_on

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
    desk: Desk,
    slips: Slips,
    lanes: I64,
) -> None:
    """Note in ``out`` what ``lanes`` do with slates (n, k); nothing, where they are not ``active``.

    An item that has run out can be clicked, but not put in the cart. ``price_off`` is (n,), the share
    taken off every price of the page, or (0,). Details go on ``slips``.
    """
    low, high = take(lanes)
    while low < high:
        rows = low * slates.shape[1]
        for start in range(low, high, TOGETHER):
            end = min(start + TOGETHER, high)
            rows = _respond(
                world, today, visits, active, slates, price_off, out, desk, slips, rows, start, end
            )
        slips.rows[low // lanes[STEP]] = rows - low * slates.shape[1]
        low, high = take(lanes)


@kernel
def _respond(
    world: World,
    today: Today,
    visits: Visits,
    active: Bool,
    slates: I32,
    price_off: F64,
    out: Outcomes,
    desk: Desk,
    slips: Slips,
    rows: int,
    low: int,
    high: int,
) -> int:
    """:func:`respond`, of up to ``TOGETHER`` lanes, whose slips begin at row ``rows``; where they end."""
    clear(out, low, high)
    _lay_out(world, today, visits, active, slates, out, desk, low, high)
    count = _glance(world, slates, out, desk, low, high)
    for e in range(count):
        desk.appeal[e] = appeal_of(world, visits, desk.lanes[e], desk.items[e])
    count = _choose(world, today, visits, price_off, out, desk, count, low)
    return _go_deeper(world, today, visits, price_off, out, desk, slips, count, rows, low)


@kernel
def _lay_out(
    world: World,
    today: Today,
    visits: Visits,
    active: Bool,
    slates: I32,
    out: Outcomes,
    desk: Desk,
    low: int,
    high: int,
) -> None:
    """Who reaches the page, what has run out, and what the glance at each slot depends on."""
    slots = slates.shape[1]
    for i in range(low, high):
        place, unavailable = (i - low) * slots, out.unavailable[i]
        attention, odds = desk.attention[place : place + slots], desk.odds[place : place + slots]
        if not active[i]:
            unavailable[:] = False
            attention[:] = 0.0
            odds[:] = 0.0
            continue
        surface, row = visits.surface[i], visits.row[i]
        page = page_key(visits.key[i], visits.page[i])
        root = key(page, ITEM)
        seen, missing = 1.0, 0
        if world.opened[surface] < 1.0 and unit(key(page, OPENED)) >= world.opened[surface]:
            seen = 0.0
        if world.dwells and seen > 0.0:
            out.read[i] = page
        ceiling, there = visits.reach[i] * world.page_odds[visits.page[i]], world.slots[surface]
        # where reading can stop everything that is examined is gone through in order
        certain = 2.0**900 if world.chain[surface] else 0.0
        # rows found once, not slot by slot
        items, looked = slates[i], world.attention[surface]
        available, lift = today.available[row], today.lift[row]
        luck = desk.luck[place : place + slots]
        for slot in range(slots):
            luck[slot] = root
            attention[slot] = looked[slot] * seen
        for slot in range(slots):
            item = items[slot]
            known = uint64(max(item, 0))
            gone = (item >= 0) & (slot < there) & ~available[known]
            unavailable[slot] = gone
            missing += gone
            odds[slot] = max(ceiling * lift[known], certain)
        out.page[6, i] = missing


@kernel
def _glance(world: World, slates: I32, out: Outcomes, desk: Desk, low: int, high: int) -> int:
    """Which slots would be examined if reading reached them, and of those which might be liked.

    One number decides whether a slot is examined and liked, so most are settled before their appeal is
    computed: because embeddings have norm 1 no appeal exceeds |pull|, and a like needs odds of at most
    ``ceiling`` x lift.

    Returns:
        How many are open: they stand on the ``desk``, in order.
    """
    slots, count = slates.shape[1], 0
    places = (high - low) * slots
    examined, items = flat(out.examined)[low * slots :], flat(slates)[low * slots :]
    for place in range(places):
        item = items[place]
        luck = key(desk.luck[place], uint64(item))
        desk.luck[place] = luck
        glance = unit(key(luck, CLICK))
        desk.glance[place] = glance
        attention, odds = desk.attention[place] if item >= 0 else 0.0, desk.odds[place]
        examined[place] = glance < attention
        desk.open[place] = glance * (1.0 + odds) < attention * odds
    for place in range(places):
        desk.places[count] = place  # in any case: whether it is open cannot be foreseen
        count += desk.open[place]
    for e in range(count):
        place = desk.places[e]
        desk.lanes[e] = low + desk.lane_at[place]
        desk.slots[e], desk.items[e] = desk.slot_at[place], items[place]
        prefetch(world.embedding, int64(items[place]))
    return count


@kernel
def _choose(
    world: World,
    today: Today,
    visits: Visits,
    price_off: F64,
    out: Outcomes,
    desk: Desk,
    count: int,
    low: int,
) -> int:
    """How far the page is read and what is liked: that is clicked, or put in the cart straight away.

    Returns:
        How many of the ``count`` open places are: they stand on the ``desk`` instead.
    """
    liked, before, reached = 0, -1, True
    for e in range(count):
        i, slot, item, appeal = desk.lanes[e], desk.slots[e], desk.items[e], desk.appeal[e]
        place, surface = (i - low) * out.clicked.shape[1] + slot, visits.surface[i]
        if i != before:
            before, reached = i, True
        if not reached:
            out.examined[i, slot] = False
            continue
        attention = world.attention[surface, slot]
        clicked = 0.0
        if desk.glance[place] < attention * p_like(world, today, visits, i, item, appeal):
            off = price_off[i] if price_off.shape[0] else 0.0
            if _straight_to_cart(world, today, visits, i, item, desk.luck[place], appeal, off):
                out.carted[i, slot] = True
                out.page[1, i] += 1.0
            else:
                out.clicked[i, slot] = True
                out.page[0, i] += 1.0
                clicked = 1.0
            desk.lanes[liked], desk.slots[liked] = i, slot
            desk.items[liked], desk.appeal[liked] = item, appeal
            liked += 1
        if world.chain[surface]:
            reached = unit(key(desk.luck[place], READ_ON)) < p_read_on(world, surface, item, clicked)
    return liked


@kernel
def _go_deeper(
    world: World,
    today: Today,
    visits: Visits,
    price_off: F64,
    out: Outcomes,
    desk: Desk,
    slips: Slips,
    count: int,
    rows: int,
    low: int,
) -> int:
    """What follows: the page of an item clicked, the cart, the order, the return; where the slips end."""
    before = -1
    for e in range(count):
        i, slot, item, appeal = desk.lanes[e], desk.slots[e], desk.items[e], desk.appeal[e]
        luck, row = desk.luck[(i - low) * out.clicked.shape[1] + slot], visits.row[i]
        if i != before:
            before = i
            out.first[i] = rows
        slips.lane[rows] = i
        of = slips.details[rows]
        rows += 1
        of[:] = 0.0
        of[SOLD] = EMPTY
        straight = out.carted[i, slot]
        if world.dwells and not straight:
            median = world.dwell_log + world.dwell_depth * appeal
            seconds = seconds_of(key(luck, DWELL), median, world.dwell_sd)
            of[LOOKED] = seconds
            out.page[7, i] += seconds
        taken = taken_for(world, today, row, item)
        if taken < 0:
            continue
        off = price_off[i] if price_off.shape[0] else 0.0
        pain = pain_of(world, today, visits, i, taken, off)
        if not straight:
            if unit(key(luck, CART)) >= p_cart(world, visits, i, item, taken, appeal, pain):
                continue
            out.carted[i, slot] = True
            out.page[1, i] += 1.0
        p = units_p(world, visits, i, taken)
        amount = units_of(p, world.max_units, unit(key(luck, UNITS)))
        of[IN_CART] = amount
        # one luck for the whole cart: a visitor checks out or does not
        checkout = unit(key(visits.key[i], BUY))
        if checkout >= p_buy(world, pain):
            of[TAKEN_OUT] = checkout < p_buy(world, 0.0)
            continue
        given = off * today.price[row, taken]
        of[SOLD] = taken
        of[BOUGHT] = amount
        of[PAID] = amount * (today.price[row, taken] - given)
        of[EARNED] = amount * (today.margin[row, taken] - given)
        out.page[2, i] += 1.0
        out.page[3, i] += amount
        out.page[4, i] += of[PAID]
        out.page[5, i] += of[EARNED]
        if world.returns and unit(key(luck, RETURNED)) < p_return(world, visits.user[i], taken, appeal):
            of[SENT_BACK] = 1.0
            of[BACK_COST] = of[EARNED] + world.return_handling
            of[BACK_DELAY] = SOONEST - world.return_delay * math.log1p(-unit(key(luck, DELAY)))
            out.page[8, i] += of[BACK_COST]
    return rows


@kernel
def serve(
    world: World,
    today: Today,
    visits: Visits,
    active: Bool,
    slates: I32,
    price_off: F64,
    out: Outcomes,
    desk: Desk,
    slips: Slips,
    left: Bool,
    cut: Bool,
    lanes: I64,
) -> None:
    """:func:`respond`, then :func:`.moving.move_on`: one call, because each costs some microseconds."""
    low, high = take(lanes)
    while low < high:
        rows = low * slates.shape[1]
        for start in range(low, high, TOGETHER):
            end = min(start + TOGETHER, high)
            rows = _respond(
                world, today, visits, active, slates, price_off, out, desk, slips, rows, start, end
            )
            move_on(world, visits, active, slates, out, slips.details, left, cut, start, end)
        slips.rows[low // lanes[STEP]] = rows - low * slates.shape[1]
        low, high = take(lanes)
