"""What is to be expected of any slate: the exact means of what :mod:`.choice` draws."""

from __future__ import annotations

import math

from ...core.types import F64, I32, I64
from ..day_types import DayTables
from ..engine.jit import kernel
from ..engine.work_queue import take
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
    lanes: I64,
) -> None:
    """Fill ``out`` (9, n, j) with the exact mean of each of ``SLOT_TERMS`` for any j items per lane.

    Means are given examination, but for the stockouts, which are of impressions; zeros where ``items``
    is empty. ``go_on`` (n, j) gets the probability of reading on after an item that was examined.
    """
    low, high = take(lanes)
    while low < high:
        for i in range(low, high):
            row, surface = visits.row[i], visits.surface[i]
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
                out[0, i, c] = click
                if params.chain[surface]:
                    go_on[i, c] = p_read_on(params, surface, item, click)
                if params.dwells:
                    log_mean = params.dwell_log + params.dwell_depth * appeal + 0.5 * params.dwell_sd**2
                    out[7, i, c] = click * math.exp(log_mean)
                if not today.available[row, item]:
                    out[6, i, c] = 1.0
                if taken < 0:
                    continue
                cart = like * willing
                lines = cart * p_buy(params, pain)
                units = lines * mean_units(units_p(params, visits, i, taken), params.max_units)
                given = off * today.price[row, taken]
                out[1, i, c] = cart
                out[2, i, c] = lines
                out[3, i, c] = units
                out[4, i, c] = units * (today.price[row, taken] - given)
                out[5, i, c] = units * (today.margin[row, taken] - given)
                if params.returns:
                    back = p_return(params, visits.user[i], taken, appeal)
                    out[8, i, c] = back * (out[5, i, c] + lines * params.return_handling)
        low, high = take(lanes)


@kernel
def attention(params: ShopParams, visits: Visits, slates: I32, go_on: F64, out: F64, lanes: I64) -> None:
    """Fill ``out`` (n, k) with the exact probability that each slot is examined; see :mod:`.surfaces`."""
    low, high = take(lanes)
    while low < high:
        for i in range(low, high):
            surface = visits.surface[i]
            reached = params.opened[surface]
            for slot in range(min(slates.shape[1], params.slots[surface])):
                out[i, slot] = reached * params.attention[surface, slot]
                if slates[i, slot] >= 0:
                    reached *= go_on[i, slot]
        low, high = take(lanes)
