"""What a shopper does with a page: examine, click, look, add to cart, buy, send back."""

from __future__ import annotations

import math

import numpy as np
from numba import int64, njit, uint64

from ...core.batches import EMPTY
from ...core.types import F64, I32, I64, Bool
from ..day_types import DayTables
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
from ..engine.prefetch import TILE, prefetch
from ..engine.ravel_view import ravel_view
from ..engine.work_queue import STEP, take
from ..engine.workspace import EventRows, Workspace
from ..params import ShopParams
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
    PageBuffers,
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
    params: ShopParams,
    today: DayTables,
    visits: Visits,
    i: int,
    item: int,
    draw: np.uint64,
    appeal: float,
    off: float,
) -> bool:
    """Whether ``item``, which is liked, is put in the cart without a look at its page."""
    quick = p_quick(params, visits, i)
    if quick == 0.0 or unit(key(draw, QUICK)) >= quick:
        return False
    taken = taken_for(params, today, visits.row[i], item)
    if taken < 0:
        return False
    pain = pain_of(params, today, visits, i, taken, off)
    return unit(key(draw, CART)) < p_cart(params, visits, i, item, taken, appeal, pain)


@kernel
def respond(
    params: ShopParams,
    today: DayTables,
    visits: Visits,
    active: Bool,
    slates: I32,
    price_off: F64,
    out: PageBuffers,
    workspace: Workspace,
    event_rows: EventRows,
    lanes: I64,
) -> None:
    """Note in ``out`` what ``lanes`` do with slates (n, k); nothing, where they are not ``active``.

    An item that has run out can be clicked, but not put in the cart. ``price_off`` is (n,), the share
    taken off every price of the page, or (0,). ItemAttributes go on ``event_rows``.
    """
    low, high = take(lanes)
    while low < high:
        rows = low * slates.shape[1]
        for start in range(low, high, TILE):
            end = min(start + TILE, high)
            rows = _respond(
                params, today, visits, active, slates, price_off, out, workspace, event_rows, rows, start, end
            )
        event_rows.rows[low // lanes[STEP]] = rows - low * slates.shape[1]
        low, high = take(lanes)


@kernel
def _respond(
    params: ShopParams,
    today: DayTables,
    visits: Visits,
    active: Bool,
    slates: I32,
    price_off: F64,
    out: PageBuffers,
    workspace: Workspace,
    event_rows: EventRows,
    rows: int,
    low: int,
    high: int,
) -> int:
    """:func:`respond`, of up to ``TILE`` lanes, whose slips begin at row ``rows``; where they end."""
    clear(out, low, high)
    _lay_out(params, today, visits, active, slates, out, workspace, low, high)
    count = _glance(params, slates, out, workspace, low, high)
    for e in range(count):
        workspace.appeal[e] = appeal_of(params, visits, workspace.lanes[e], workspace.items[e])
    count = _choose(params, today, visits, price_off, out, workspace, count, low)
    return _go_deeper(params, today, visits, price_off, out, workspace, event_rows, count, rows, low)


@kernel
def _lay_out(
    params: ShopParams,
    today: DayTables,
    visits: Visits,
    active: Bool,
    slates: I32,
    out: PageBuffers,
    workspace: Workspace,
    low: int,
    high: int,
) -> None:
    """Who reaches the page, what has run out, and what the glance at each slot depends on."""
    slots = slates.shape[1]
    for i in range(low, high):
        place, unavailable = (i - low) * slots, out.unavailable[i]
        attention, odds = workspace.attention[place : place + slots], workspace.odds[place : place + slots]
        if not active[i]:
            unavailable[:] = False
            attention[:] = 0.0
            odds[:] = 0.0
            continue
        surface, row = visits.surface[i], visits.row[i]
        page = page_key(visits.key[i], visits.page[i])
        root = key(page, ITEM)
        seen, missing = 1.0, 0
        if params.opened[surface] < 1.0 and unit(key(page, OPENED)) >= params.opened[surface]:
            seen = 0.0
        if params.dwells and seen > 0.0:
            out.read[i] = page
        ceiling, there = visits.reach[i] * params.page_odds[visits.page[i]], params.slots[surface]
        # where reading can stop everything that is examined is gone through in order
        certain = 2.0**900 if params.chain[surface] else 0.0
        # rows found once, not slot by slot
        items, looked = slates[i], params.attention[surface]
        available, lift = today.available[row], today.lift[row]
        draw = workspace.draw[place : place + slots]
        for slot in range(slots):
            draw[slot] = root
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
def _glance(
    params: ShopParams, slates: I32, out: PageBuffers, workspace: Workspace, low: int, high: int
) -> int:
    """Which slots would be examined if reading reached them, and of those which might be liked.

    One number decides whether a slot is examined and liked, so most are settled before their appeal is
    computed: because embeddings have norm 1 no appeal exceeds |pull|, and a like needs odds of at most
    ``ceiling`` x lift.

    Returns:
        How many are open: they stand on the ``workspace``, in order.
    """
    slots, count = slates.shape[1], 0
    places = (high - low) * slots
    examined, items = ravel_view(out.examined)[low * slots :], ravel_view(slates)[low * slots :]
    for place in range(places):
        item = items[place]
        draw = key(workspace.draw[place], uint64(item))
        workspace.draw[place] = draw
        glance = unit(key(draw, CLICK))
        workspace.glance[place] = glance
        attention, odds = workspace.attention[place] if item >= 0 else 0.0, workspace.odds[place]
        examined[place] = glance < attention
        workspace.open[place] = glance * (1.0 + odds) < attention * odds
    for place in range(places):
        workspace.places[count] = place  # in any case: whether it is open cannot be foreseen
        count += workspace.open[place]
    for e in range(count):
        place = workspace.places[e]
        workspace.lanes[e] = low + workspace.lane_at[place]
        workspace.slots[e], workspace.items[e] = workspace.slot_at[place], items[place]
        prefetch(params.embedding, int64(items[place]))
    return count


@kernel
def _choose(
    params: ShopParams,
    today: DayTables,
    visits: Visits,
    price_off: F64,
    out: PageBuffers,
    workspace: Workspace,
    count: int,
    low: int,
) -> int:
    """How far the page is read and what is liked: that is clicked, or put in the cart straight away.

    Returns:
        How many of the ``count`` open places are: they stand on the ``workspace`` instead.
    """
    liked, before, reached = 0, -1, True
    for e in range(count):
        i, slot, item, appeal = (
            workspace.lanes[e],
            workspace.slots[e],
            workspace.items[e],
            workspace.appeal[e],
        )
        place, surface = (i - low) * out.clicked.shape[1] + slot, visits.surface[i]
        if i != before:
            before, reached = i, True
        if not reached:
            out.examined[i, slot] = False
            continue
        attention = params.attention[surface, slot]
        clicked = 0.0
        if workspace.glance[place] < attention * p_like(params, today, visits, i, item, appeal):
            off = price_off[i] if price_off.shape[0] else 0.0
            if _straight_to_cart(params, today, visits, i, item, workspace.draw[place], appeal, off):
                out.carted[i, slot] = True
                out.page[1, i] += 1.0
            else:
                out.clicked[i, slot] = True
                out.page[0, i] += 1.0
                clicked = 1.0
            workspace.lanes[liked], workspace.slots[liked] = i, slot
            workspace.items[liked], workspace.appeal[liked] = item, appeal
            liked += 1
        if params.chain[surface]:
            reached = unit(key(workspace.draw[place], READ_ON)) < p_read_on(params, surface, item, clicked)
    return liked


@kernel
def _go_deeper(
    params: ShopParams,
    today: DayTables,
    visits: Visits,
    price_off: F64,
    out: PageBuffers,
    workspace: Workspace,
    event_rows: EventRows,
    count: int,
    rows: int,
    low: int,
) -> int:
    """What follows: the page of an item clicked, the cart, the order, the return; where the slips end."""
    before = -1
    for e in range(count):
        i, slot, item, appeal = (
            workspace.lanes[e],
            workspace.slots[e],
            workspace.items[e],
            workspace.appeal[e],
        )
        draw, row = workspace.draw[(i - low) * out.clicked.shape[1] + slot], visits.row[i]
        if i != before:
            before = i
            out.first[i] = rows
        event_rows.lane[rows] = i
        of = event_rows.details[rows]
        rows += 1
        of[:] = 0.0
        of[SOLD] = EMPTY
        straight = out.carted[i, slot]
        if params.dwells and not straight:
            median = params.dwell_log + params.dwell_depth * appeal
            seconds = seconds_of(key(draw, DWELL), median, params.dwell_sd)
            of[LOOKED] = seconds
            out.page[7, i] += seconds
        taken = taken_for(params, today, row, item)
        if taken < 0:
            continue
        off = price_off[i] if price_off.shape[0] else 0.0
        pain = pain_of(params, today, visits, i, taken, off)
        if not straight:
            if unit(key(draw, CART)) >= p_cart(params, visits, i, item, taken, appeal, pain):
                continue
            out.carted[i, slot] = True
            out.page[1, i] += 1.0
        p = units_p(params, visits, i, taken)
        amount = units_of(p, params.max_units, unit(key(draw, UNITS)))
        of[IN_CART] = amount
        # one luck for the whole cart: a visitor checks out or does not
        checkout = unit(key(visits.key[i], BUY))
        if checkout >= p_buy(params, pain):
            of[TAKEN_OUT] = checkout < p_buy(params, 0.0)
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
        if params.returns and unit(key(draw, RETURNED)) < p_return(params, visits.user[i], taken, appeal):
            of[SENT_BACK] = 1.0
            of[BACK_COST] = of[EARNED] + params.return_handling
            of[BACK_DELAY] = SOONEST - params.return_delay * math.log1p(-unit(key(draw, DELAY)))
            out.page[8, i] += of[BACK_COST]
    return rows


@kernel
def serve(
    params: ShopParams,
    today: DayTables,
    visits: Visits,
    active: Bool,
    slates: I32,
    price_off: F64,
    out: PageBuffers,
    workspace: Workspace,
    event_rows: EventRows,
    left: Bool,
    cut: Bool,
    lanes: I64,
) -> None:
    """:func:`respond`, then :func:`.moving.move_on`: one call, because each costs some microseconds."""
    low, high = take(lanes)
    while low < high:
        rows = low * slates.shape[1]
        for start in range(low, high, TILE):
            end = min(start + TILE, high)
            rows = _respond(
                params, today, visits, active, slates, price_off, out, workspace, event_rows, rows, start, end
            )
            move_on(params, visits, active, slates, out, event_rows.details, left, cut, start, end)
        event_rows.rows[low // lanes[STEP]] = rows - low * slates.shape[1]
        low, high = take(lanes)
