"""Exact means of what :mod:`.page_kernel` draws, for any items and any slate."""

from __future__ import annotations

import math

from ...core.batches import (
    TERM_CART,
    TERM_CLICK,
    TERM_DWELL,
    TERM_MARGIN,
    TERM_PURCHASE,
    TERM_RETURN_COST,
    TERM_REVENUE,
    TERM_STOCKOUT,
    TERM_UNITS,
)
from ...core.types import F64, I32, I64
from ..day_types import DayTables
from ..engine.jit import kernel
from ..engine.work_queue import claim
from ..params import ShopParams
from ..people.visits import Visits
from .choice_model import (
    appeal_of,
    mean_units,
    p_buy,
    p_cart,
    p_like,
    p_quick,
    p_read_on,
    p_return,
    pain_of,
    taken_for,
    units_p,
)


@kernel
def expect(
    params: ShopParams,
    today: DayTables,
    visits: Visits,
    items: I32,
    price_off: F64,
    out: F64,
    go_on: F64,
    queue: I64,
) -> None:
    """Fill ``out`` (9, n, j) with the exact mean of each of ``SLOT_TERMS`` for any j items per visit.

    Means are per examined impression, those of ``stockout`` per impression. Where ``items`` is empty they
    are 0. ``go_on`` (n, j) gets the probability of reading on after the item was examined.
    """
    low, high = claim(queue)
    while low < high:
        for i in range(low, high):
            row, surface = visits.day_row[i], visits.surface[i]
            off = price_off[i] if price_off.shape[0] else 0.0
            for c in range(items.shape[1]):
                item = items[i, c]
                go_on[i, c] = 1.0
                if item < 0:
                    continue
                appeal = appeal_of(params, visits, i, item)
                like = click = p_like(params, today, visits, i, item, appeal)
                taken = taken_for(params, today, row, item)
                pain = willing = 0.0
                if taken >= 0:
                    pain = pain_of(params, today, visits, i, taken, off)
                    willing = p_cart(params, visits, i, item, taken, appeal, pain)
                    click *= 1.0 - p_quick(params, visits, i) * willing
                out[TERM_CLICK, i, c] = click
                if params.chain[surface]:
                    go_on[i, c] = p_read_on(params, surface, item, click)
                if params.dwells:
                    log_mean = params.dwell_log + params.dwell_depth * appeal + 0.5 * params.dwell_sd**2
                    out[TERM_DWELL, i, c] = click * math.exp(log_mean)
                if not today.available[row, item]:
                    out[TERM_STOCKOUT, i, c] = 1.0
                if taken < 0:
                    continue
                cart = like * willing
                lines = cart * p_buy(params, pain)
                units = lines * mean_units(units_p(params, visits, i, taken), params.max_units)
                discount = off * today.price[row, taken]
                out[TERM_CART, i, c] = cart
                out[TERM_PURCHASE, i, c] = lines
                out[TERM_UNITS, i, c] = units
                out[TERM_REVENUE, i, c] = units * (today.price[row, taken] - discount)
                out[TERM_MARGIN, i, c] = units * (today.margin[row, taken] - discount)
                if params.returns:
                    returned = p_return(params, visits.user[i], taken, appeal)
                    out[TERM_RETURN_COST, i, c] = returned * (
                        out[TERM_MARGIN, i, c] + lines * params.return_handling
                    )
        low, high = claim(queue)


@kernel
def attention(params: ShopParams, visits: Visits, slates: I32, go_on: F64, out: F64, queue: I64) -> None:
    """Fill ``out`` (n, k) with the exact probability that each slot is examined; see :mod:`.surfaces`."""
    low, high = claim(queue)
    while low < high:
        for i in range(low, high):
            surface = visits.surface[i]
            reached = params.opened[surface]
            for slot in range(min(slates.shape[1], params.slots[surface])):
                out[i, slot] = reached * params.attention[surface, slot]
                if slates[i, slot] >= 0:
                    reached *= go_on[i, slot]
        low, high = claim(queue)
