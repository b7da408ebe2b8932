"""Exact means of what :mod:`.page_kernel` draws, for any items and any slate."""

from __future__ import annotations

import math

from ...core import batches
from ...core.types import F64, I32, I64, Bool
from ..day_types import DayTables
from ..engine.jit import kernel
from ..engine.work_queue import claim
from ..params import ShopParams
from ..people.visits import Visits
from . import choice_model as model

COMPETED = frozenset(
    {"purchase", "units", "revenue", "margin", "return_cost", "discount_cost", "expected_return_cost"}
)
"""Terms of ``SLOT_TERMS`` that an item loses to others with which it competes."""


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
    """Fill ``out`` (11, n, j) with the exact mean of each of ``SLOT_TERMS`` for any j items per visit.

    An item is taken as if it were alone on its page: see :func:`least_shares`.

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
                appeal = model.appeal_of(params, visits, i, item)
                like = click = model.p_like(params, today, visits, i, item, appeal)
                taken = model.taken_for(params, today, row, item)
                pain = willing = 0.0
                if taken >= 0:
                    pain = model.pain_of(params, today, visits, i, taken, off)
                    willing = model.p_cart(params, visits, i, item, taken, appeal, pain)
                    click *= 1.0 - model.p_quick(params, visits, i) * willing
                out[batches.TERM_CLICK, i, c] = click
                if params.chain[surface]:
                    go_on[i, c] = model.p_read_on(params, surface, item, click)
                if params.dwells:
                    log_mean = params.dwell_log + params.dwell_depth * appeal + 0.5 * params.dwell_sd**2
                    out[batches.TERM_DWELL, i, c] = click * math.exp(log_mean)
                if not today.available[row, item]:
                    out[batches.TERM_STOCKOUT, i, c] = 1.0
                if taken < 0:
                    continue
                cart = like * willing
                lines = cart * model.p_line(params, pain)
                units = lines * model.mean_units(model.units_p(params, visits, i, taken), params.max_units)
                discount = model.discount_of(params, today, row, taken, off)
                out[batches.TERM_CART, i, c] = cart
                out[batches.TERM_PURCHASE, i, c] = lines
                out[batches.TERM_UNITS, i, c] = units
                out[batches.TERM_REVENUE, i, c] = units * (today.price[row, taken] - discount)
                out[batches.TERM_MARGIN, i, c] = units * (today.margin[row, taken] - discount)
                out[batches.TERM_DISCOUNT_COST, i, c] = units * discount
                if params.returns:
                    returned = model.p_return(params, visits.user[i], taken, appeal)
                    expected = returned * (out[batches.TERM_MARGIN, i, c] + lines * params.return_handling)
                    out[batches.TERM_RETURN_COST, i, c] = expected
                    out[batches.TERM_EXPECTED_RETURN_COST, i, c] = expected
        low, high = claim(queue)


@kernel
def least_shares(
    params: ShopParams,
    today: DayTables,
    visits: Visits,
    slates: I32,
    on_page: Bool,
    price_off: F64,
    out: F64,
    queue: I64,
) -> None:
    """Fill ``out`` (n, k) with each item's share of its demand if all ``on_page`` (n, k) is examined."""
    low, high = claim(queue)
    while low < high:
        for i in range(low, high):
            off = price_off[i] if price_off.shape[0] else 0.0
            for slot in range(slates.shape[1]):
                if on_page[i, slot]:
                    out[i, slot] = model.share_of_demand(
                        params, today, visits, i, slates[i], on_page[i], slot, off
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
