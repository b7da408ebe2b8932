"""What is to be expected of any slate: the exact means of what :mod:`.choice` draws."""

from __future__ import annotations

import math

from ...core.types import F64, I32, I64
from ..engine.jit import kernel
from ..engine.work_queue import take
from ..params import Today, World
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
    world: World,
    today: Today,
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
        low, high = take(lanes)


@kernel
def attention(world: World, visits: Visits, slates: I32, go_on: F64, out: F64, lanes: I64) -> None:
    """Fill ``out`` (n, k) with the exact probability that each slot is examined; see :mod:`.surfaces`."""
    low, high = take(lanes)
    while low < high:
        for i in range(low, high):
            surface = visits.surface[i]
            reached = world.opened[surface]
            for slot in range(min(slates.shape[1], world.slots[surface])):
                out[i, slot] = reached * world.attention[surface, slot]
                if slates[i, slot] >= 0:
                    reached *= go_on[i, slot]
        low, high = take(lanes)
