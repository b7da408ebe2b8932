"""What visitors do with a page: examine, click, dwell, add to cart, buy, send back.

:func:`serve` is the one entry. The visits of one claim go through the passes below in order, so that
what one pass has loaded is still in the cache for the next:

1. :func:`_prepare`: what the first look at each slot depends on;
2. :func:`_glance`: which slots are examined, and which of them might be liked;
3. :func:`_choose`: how far the page is read, and what is clicked or put straight in the cart;
4. :func:`_follow_up`: dwell, cart, order and return of those items;
5. :func:`.visit_step.update_after_page`: what the page changes in the visit.
"""

from __future__ import annotations

import math

import numpy as np
from numba import int64, njit, uint64

from ...core import batches
from ...core.batches import EMPTY, PageBuffers
from ...core.types import F64, I32, I64, AnyArray, Bool
from ..day_types import DayTables
from ..engine import hash_rng as kinds
from ..engine.hash_rng import key, page_key, unit
from ..engine.jit import kernel
from ..engine.prefetch import prefetch
from ..engine.ravel_view import ravel_view
from ..engine.work_queue import STEP, claim
from ..params import ShopParams
from ..people.visits import Visits
from . import choice_model as model
from .categories import count_categories, ones
from .visit_step import update_after_page
from .workspace import EventRows, Workspace, clear

MIN_RETURN_DAYS = 1.0
"""Days before anything can be sent back."""


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
    queue: I64,
) -> None:
    """Fill ``out`` and ``event_rows`` with what the ``active`` visits do with the slates (n, k).

    Pages of other visits stay blank. ``price_off`` is (n,), the share taken off every price of a page, or
    (0,) for no discount (see :func:`.choice_model.discount_of`). Then move the visits on and fill ``left``
    and ``cut`` (n,), False before; where these are (0,) the visits stay as they are.
    """
    low, high = claim(queue)
    while low < high:
        clear(out, low, high)
        _prepare(params, today, visits, active, slates, out, workspace, low, high)
        count = _glance(params, slates, out, workspace, low, high)
        for e in range(count):
            workspace.appeal[e] = model.appeal_of(params, visits, workspace.visit[e], workspace.item[e])
        count = _choose(params, today, visits, price_off, out, workspace, count, low)
        _follow_up(params, today, visits, slates, price_off, out, workspace, event_rows, count, low)
        event_rows.written[low // queue[STEP]] = count
        if left.shape[0]:
            update_after_page(params, visits, active, slates, out, event_rows.events, left, cut, low, high)
        low, high = claim(queue)


@kernel
def _prepare(
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
    """Which pages are seen, which items are out of stock, and what the first look at each slot depends on."""
    slots = slates.shape[1]
    for i in range(low, high):
        place, unavailable = (i - low) * slots, out.unavailable[i]
        attention, odds = workspace.attention[place : place + slots], workspace.odds[place : place + slots]
        if not active[i]:
            unavailable[:] = False
            attention[:] = 0.0
            odds[:] = 0.0
            continue
        surface, row = visits.surface[i], visits.day_row[i]
        page = page_key(visits.key[i], visits.page[i])
        root = key(page, kinds.DRAW_ITEM)
        seen, missing, filled, kinds_met, beyond = 1.0, 0, 0, uint64(0), uint64(0)
        if params.opened[surface] < 1.0 and unit(key(page, kinds.DRAW_OPENED)) >= params.opened[surface]:
            seen = 0.0
        if params.dwells and seen > 0.0:
            out.read[i] = page
        ceiling = visits.reach[i] * params.page_odds[visits.page[i]]
        if params.repurchase_lift > 0.0:
            ceiling *= math.exp(params.repurchase_lift)
        page_slots = params.slots[surface]
        # where reading can stop, every examined slot has to be gone through in order
        floor = 2.0**900 if params.chain[surface] else 0.0
        # look up the rows once per page, not once per slot
        items, curve = slates[i], params.attention[surface]
        available, lift = today.available[row], today.lift[row]
        draw = workspace.draw[place : place + slots]
        for slot in range(slots):
            draw[slot] = root
            attention[slot] = curve[slot] * seen
        for slot in range(slots):
            item = items[slot]
            index = uint64(max(item, 0))
            on_page = (item >= 0) & (slot < page_slots)
            gone = on_page & ~available[index]
            category = uint64(params.category[index])  # a bit for each of the first 64
            filled += on_page
            kinds_met |= uint64(on_page) << (category & uint64(63))
            beyond |= category >> uint64(6)
            unavailable[slot] = gone
            missing += gone
            odds[slot] = max(ceiling * lift[index], floor)
        out.page[batches.TERM_STOCKOUT, i] = missing
        different = ones(kinds_met) if beyond == 0 else count_categories(params, items, page_slots)
        out.page[batches.TERM_IMPRESSION, i] = filled
        out.page[batches.TERM_DIVERSITY, i] = different / max(filled, 1)


@kernel
def _glance(
    params: ShopParams, slates: I32, out: PageBuffers, workspace: Workspace, low: int, high: int
) -> int:
    """Which slots are examined if they are reached, and which of those might be liked.

    One uniform number decides whether a slot is examined and liked. Most slots are settled before their
    appeal is computed: embeddings have norm 1, so no appeal exceeds |pull|, and a like needs odds of at
    most ``ceiling`` x lift.

    Returns:
        The number of open places. The workspace lists them in order.
    """
    slots, count = slates.shape[1], 0
    places = (high - low) * slots
    examined, items = ravel_view(out.examined)[low * slots :], ravel_view(slates)[low * slots :]
    for place in range(places):
        item = items[place]
        draw = key(workspace.draw[place], uint64(item))
        workspace.draw[place] = draw
        glance = unit(key(draw, kinds.DRAW_CLICK))
        workspace.glance[place] = glance
        attention, odds = workspace.attention[place] if item >= 0 else 0.0, workspace.odds[place]
        examined[place] = glance < attention
        workspace.open[place] = glance * (1.0 + odds) < attention * odds
    for place in range(places):
        workspace.places[count] = place  # always write: a branch here could not be predicted
        count += workspace.open[place]
    for e in range(count):
        place = workspace.places[e]
        workspace.visit[e] = low + workspace.visit_at[place]
        workspace.slot[e], workspace.item[e] = workspace.slot_at[place], items[place]
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
    """How far each page is read, and which items are liked: those are clicked or put straight in the cart.

    Returns:
        How many of the ``count`` open places are liked. The workspace lists these instead.
    """
    liked, previous, reached = 0, -1, True
    for e in range(count):
        i, slot, item = workspace.visit[e], workspace.slot[e], workspace.item[e]
        appeal = workspace.appeal[e]
        place, surface = (i - low) * out.clicked.shape[1] + slot, visits.surface[i]
        if i != previous:
            previous, reached = i, True
        if not reached:
            out.examined[i, slot] = False
            continue
        attention = params.attention[surface, slot]
        clicked = 0.0
        if workspace.glance[place] < attention * model.p_like(params, today, visits, i, item, appeal):
            off = price_off[i] if price_off.shape[0] else 0.0
            if _straight_to_cart(params, today, visits, i, item, workspace.draw[place], appeal, off):
                out.carted[i, slot] = True
                out.page[batches.TERM_CART, i] += 1.0
            else:
                out.clicked[i, slot] = True
                out.page[batches.TERM_CLICK, i] += 1.0
                clicked = 1.0
            workspace.visit[liked], workspace.slot[liked] = i, slot
            workspace.item[liked], workspace.appeal[liked] = item, appeal
            liked += 1
        if params.chain[surface]:
            reached = unit(key(workspace.draw[place], kinds.DRAW_READ_ON)) < model.p_read_on(
                params, surface, item, clicked
            )
    return liked


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
    quick = model.p_quick(params, visits, i)
    if quick == 0.0 or unit(key(draw, kinds.DRAW_QUICK)) >= quick:
        return False
    taken = model.taken_for(params, today, visits.day_row[i], item)
    if taken < 0:
        return False
    pain = model.pain_of(params, today, visits, i, taken, off)
    return unit(key(draw, kinds.DRAW_CART)) < model.p_cart(params, visits, i, item, taken, appeal, pain)


@kernel
def _follow_up(
    params: ShopParams,
    today: DayTables,
    visits: Visits,
    slates: I32,
    price_off: F64,
    out: PageBuffers,
    workspace: Workspace,
    event_rows: EventRows,
    count: int,
    low: int,
) -> None:
    """Dwell, cart, order and return of the ``count`` liked items, one event row each.

    An item that is out of stock can be clicked, but not put in the cart.
    """
    previous, row = -1, low * out.clicked.shape[1]
    for e in range(count):
        i, slot, item = workspace.visit[e], workspace.slot[e], workspace.item[e]
        appeal = workspace.appeal[e]
        draw, day_row = workspace.draw[(i - low) * out.clicked.shape[1] + slot], visits.day_row[i]
        if i != previous:
            previous = i
            out.first[i] = row
        event_rows.visit[row] = i
        event = event_rows.events[row]
        row += 1
        event[:] = 0.0
        event[batches.EVENT_SOLD] = EMPTY
        straight = out.carted[i, slot]
        if params.dwells and not straight:
            median = params.dwell_log + params.dwell_depth * appeal
            seconds = model.seconds_of(key(draw, kinds.DRAW_DWELL), median, params.dwell_sd)
            event[batches.EVENT_DWELL] = seconds
            out.page[batches.TERM_DWELL, i] += seconds
        taken = model.taken_for(params, today, day_row, item)
        if taken < 0:
            continue
        off = price_off[i] if price_off.shape[0] else 0.0
        pain = model.pain_of(params, today, visits, i, taken, off)
        if not straight:
            if unit(key(draw, kinds.DRAW_CART)) >= model.p_cart(params, visits, i, item, taken, appeal, pain):
                continue
            out.carted[i, slot] = True
            out.page[batches.TERM_CART, i] += 1.0
        p = model.units_p(params, visits, i, taken)
        amount = model.units_of(p, params.max_units, unit(key(draw, kinds.DRAW_UNITS)))
        event[batches.EVENT_CART_UNITS] = amount
        if params.cart_only > 0.0 and unit(key(draw, kinds.DRAW_CART_ONLY)) < model.p_kept(params, pain):
            continue
        # one draw for the whole cart: a visitor checks out or does not
        checkout = unit(key(visits.key[i], kinds.DRAW_BUY))
        if checkout >= model.p_buy(params, pain):
            event[batches.EVENT_REMOVED] = checkout < model.p_buy(params, 0.0)
            continue
        if params.competition > 0.0:
            preferred = unit(key(draw, kinds.DRAW_COMPETITION))
            if preferred >= model.share_of_demand(
                params, today, visits, i, slates[i], out.examined[i], slot, off
            ):
                event[batches.EVENT_REMOVED] = 1.0
                continue
        discount = model.discount_of(params, today, day_row, taken, off)
        event[batches.EVENT_SOLD] = taken
        event[batches.EVENT_QUANTITY] = amount
        event[batches.EVENT_REVENUE] = amount * (today.price[day_row, taken] - discount)
        event[batches.EVENT_MARGIN] = amount * (today.margin[day_row, taken] - discount)
        out.page[batches.TERM_PURCHASE, i] += 1.0
        out.page[batches.TERM_UNITS, i] += amount
        out.page[batches.TERM_REVENUE, i] += event[batches.EVENT_REVENUE]
        out.page[batches.TERM_MARGIN, i] += event[batches.EVENT_MARGIN]
        event[batches.EVENT_DISCOUNT_COST] = amount * discount
        out.page[batches.TERM_DISCOUNT_COST, i] += event[batches.EVENT_DISCOUNT_COST]
        if not params.returns:
            continue
        returned = model.p_return(params, visits.user[i], taken, appeal)
        expected = returned * (event[batches.EVENT_MARGIN] + params.return_handling)
        event[batches.EVENT_RETURN_PROBABILITY] = returned
        event[batches.EVENT_EXPECTED_RETURN_COST] = expected
        out.page[batches.TERM_EXPECTED_RETURN_COST, i] += expected
        if unit(key(draw, kinds.DRAW_RETURNED)) < returned:
            delay = MIN_RETURN_DAYS - params.return_delay * math.log1p(-unit(key(draw, kinds.DRAW_DELAY)))
            event[batches.EVENT_RETURNED] = 1.0
            event[batches.EVENT_RETURN_COST] = event[batches.EVENT_MARGIN] + params.return_handling
            event[batches.EVENT_RETURN_DELAY] = delay
            out.page[batches.TERM_RETURN_COST, i] += event[batches.EVENT_RETURN_COST]


@kernel
def are_item_rows(slates: AnyArray, num_items: int) -> bool:
    """Whether all of (n, k) are item rows or ``EMPTY``."""
    bad = False
    for item in slates.flat:
        bad |= (item < EMPTY) | (item >= num_items)
    return not bad
