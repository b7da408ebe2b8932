"""The probabilities that a visitor likes, puts in the cart, buys and sends back an item.

Both the simulation (:mod:`.page_kernel`) and the exact means (:mod:`.exact_means`) are made of these
functions, so they cannot drift apart.
"""

from __future__ import annotations

import math

import numpy as np
from numba import float64, int64, njit

from ...core.batches import EMPTY
from ...core.types import F32, I32, U64, Bool
from ..day_types import DayTables
from ..engine.hash_rng import DRAW_ORDER_SIZE, DRAW_READING, key, normal, unit
from ..engine.jit import kernel
from ..params import ShopParams
from ..people.repurchase import bought_before
from ..people.visits import Visits
from .surfaces import EMAIL
from .visit_step import waiting_days

SUBSTITUTES = 4
"""Neighbours of an item that is out of stock among which a visitor looks for a substitute."""

LEAST_UNITS_P = 1e-5
"""Below it 1 - (1 - p)^most loses its digits, and at 0 there are no units. Only extreme configs get there."""


@njit(cache=True, inline="always")
def sigmoid(x: float) -> float:
    """1 / (1 + exp(-x)), inside kernels."""
    return 1.0 / (1.0 + math.exp(-x))


@njit(cache=True, inline="always")
def appeal_of(params: ShopParams, visits: Visits, i: int, item: int) -> float:
    """pull . embedding, as four sums so that the processor can overlap the additions."""
    d = visits.pull.shape[1]
    one = two = three = four = np.float32(0.0)
    quads = d - d % 4
    for c in range(0, quads, 4):
        one += visits.pull[i, c] * params.embedding[item, c]
        two += visits.pull[i, c + 1] * params.embedding[item, c + 1]
        three += visits.pull[i, c + 2] * params.embedding[item, c + 2]
        four += visits.pull[i, c + 3] * params.embedding[item, c + 3]
    for c in range(quads, d):
        one += visits.pull[i, c] * params.embedding[item, c]
    return float64((one + two) + (three + four))


@njit(cache=True, inline="always")
def p_like(params: ShopParams, today: DayTables, visits: Visits, i: int, item: int, appeal: float) -> float:
    """P(liked | examined). A liked item is clicked, unless it is put straight in the cart."""
    base = params.click_base - params.fatigue * visits.page[i]
    if params.repurchase_lift > 0.0 and bought_before(visits, i, item):
        base += params.repurchase_lift
    return sigmoid(base + appeal + today.appeal[visits.day_row[i], item])


@njit(cache=True, inline="always")
def discount_of(params: ShopParams, today: DayTables, row: int, item: int, off: float) -> float:
    """Currency that the share ``off`` takes off the price; it stops at cost unless losses are allowed."""
    discount = off * today.price[row, item]
    return discount if params.allow_losses else min(discount, max(today.margin[row, item], 0.0))


@njit(cache=True, inline="always")
def pain_of(params: ShopParams, today: DayTables, visits: Visits, i: int, item: int, off: float) -> float:
    """Price sensitivity x log(price / reference), after the discount ``off``."""
    row = visits.day_row[i]
    discount, price = discount_of(params, today, row, item, off), today.price[row, item]
    share = discount / price if discount < off * price else off
    return float(params.sensitivity[visits.user[i]] * (today.log_price[row, item] + math.log1p(-share)))


@njit(cache=True, inline="always")
def p_cart(
    params: ShopParams, visits: Visits, i: int, item: int, taken: int, appeal: float, pain: float
) -> float:
    """P(``taken`` is put in the cart | ``item`` is liked)"""
    logit = params.cart_base + params.depth * appeal - pain
    if visits.purpose[i]:
        logit += params.mission_lift
    if visits.mobile[i]:
        logit -= params.mobile_penalty
    if params.brand_weight > 0.0 and params.brand[taken] == params.user_brand[visits.user[i]]:
        logit += params.brand_weight
    if params.shipping_weight > 0.0:
        days = waiting_days(params, visits.user[i], taken)
        logit -= params.shipping_weight * max(days - 1.0, 0.0)
    willing = 1.0 if taken == item else params.substitution
    return willing * sigmoid(logit + params.lift[visits.surface[i]])


@njit(cache=True, inline="always")
def p_quick(params: ShopParams, visits: Visits, i: int) -> float:
    """P(the item's page is not opened | it is put in the cart)"""
    if visits.purpose[i] and visits.surface[i] != EMAIL:
        return float(params.quick)
    return 0.0


@njit(cache=True, inline="always")
def p_buy(params: ShopParams, pain: float) -> float:
    """P(purchase | cart, and the line is not kept there)"""
    return sigmoid(params.buy_base - params.buy_price * pain)


@njit(cache=True, inline="always")
def p_kept(params: ShopParams, pain: float) -> float:
    """P(a line is only kept in the cart | cart): ``cart_only`` at the reference price."""
    odds = params.cart_only / (1.0 - params.cart_only) * math.exp(min(params.cart_price * pain, 600.0))
    return odds / (1.0 + odds)


@njit(cache=True, inline="always")
def p_line(params: ShopParams, pain: float) -> float:
    """P(purchase | cart)"""
    return (1.0 - p_kept(params, pain)) * p_buy(params, pain)


@njit(cache=True, inline="always")
def p_return(params: ShopParams, user: int, item: int, appeal: float) -> float:
    """P(returned | purchase)"""
    logit = params.return_logit[item] + params.returner[user]
    logit -= params.return_depth * appeal + params.return_worth * params.worth[item]
    return sigmoid(logit) if params.returns else 0.0


@kernel
def order_factor(visit: np.uint64, sd: float) -> float:
    """Factor of the units beyond the first on every line of a visit: Pareto, mean 1, of log-sd ``sd``."""
    return (1.0 - sd) * (1.0 - unit(key(visit, DRAW_ORDER_SIZE))) ** -sd


@njit(cache=True, inline="always")
def units_p(params: ShopParams, visits: Visits, i: int, item: int) -> float:
    """Success probability of the geometric number of units, at least ``LEAST_UNITS_P``.

    ``bulk``, the size of the visit's purpose and that of its order scale the units beyond the first.
    """
    p, bulk = params.units_p[item], params.bulk[visits.user[i]]
    if visits.size[i] != 0.0:
        bulk *= math.exp(-params.mission_units * visits.size[i])
    if params.order_sd > 0.0:
        bulk *= order_factor(visits.key[i], params.order_sd)
    return p if bulk == 1.0 else max(1.0 / (1.0 + (1.0 / p - 1.0) * bulk), LEAST_UNITS_P)


@njit(cache=True, inline="always")
def units_of(p: float, most: int, draw: float) -> int:
    """Units on the order line: geometric on 1, 2, ... given at most ``most``."""
    if p >= 1.0:
        return 1
    tail = 1.0 - (1.0 - p) ** most
    return min(1 + int(math.log1p(-draw * tail) / math.log1p(-p)), most)


@njit(cache=True, inline="always")
def mean_units(p: float, most: int) -> float:
    """Exact mean of :func:`units_of`."""
    q = 1.0 - p
    tail = 1.0 - q**most
    return (1.0 / p) - most * q**most / tail


@njit(cache=True, inline="always")
def taken_for(params: ShopParams, today: DayTables, row: int, item: int) -> int:
    """The item that would be bought for ``item``: itself, the nearest one in stock, or ``EMPTY``."""
    if today.available[row, item]:
        return item
    if params.substitution > 0.0:
        for c in range(min(SUBSTITUTES, params.neighbours.shape[1])):
            other = params.neighbours[item, c]
            if today.available[row, other]:
                return int64(other)
    return EMPTY


@kernel
def likeness(params: ShopParams, one: int, other: int) -> float:
    """How much the demand for two items is the same: max(0, cosine)^2, at most 1."""
    if one == other:
        return 1.0
    cosine = 0.0
    for c in range(params.embedding.shape[1]):
        cosine += float64(params.embedding[one, c]) * float64(params.embedding[other, c])
    return min(max(cosine, 0.0) ** 2, 1.0)


@kernel
def demand_of(
    params: ShopParams, today: DayTables, visits: Visits, i: int, item: int, taken: int, off: float
) -> float:
    """P(``taken`` is bought | ``item`` is examined), if nothing competes with it."""
    appeal = appeal_of(params, visits, i, item)
    pain = pain_of(params, today, visits, i, taken, off)
    willing = p_cart(params, visits, i, item, taken, appeal, pain)
    return p_like(params, today, visits, i, item, appeal) * willing * p_line(params, pain)


@kernel
def share_of_demand(
    params: ShopParams,
    today: DayTables,
    visits: Visits,
    i: int,
    items: I32,
    rivals: Bool,
    slot: int,
    off: float,
) -> float:
    """P(the item in ``slot`` is preferred to those of the ``rivals`` (k,) | it would be bought alone).

    ``items`` (k,) are those of the page.
    """
    taken = taken_for(params, today, visits.day_row[i], items[slot])
    if taken < 0:
        return 1.0
    own, others = demand_of(params, today, visits, i, items[slot], taken, off), 0.0
    for c in range(items.shape[0]):
        if c == slot or not rivals[c] or items[c] < 0:
            continue
        rival = taken_for(params, today, visits.day_row[i], items[c])
        if rival >= 0:
            demand = demand_of(params, today, visits, i, items[c], rival, off)
            others += likeness(params, taken, rival) * demand
    total = own + params.competition * others
    return own / total if total > 0.0 else 1.0


@njit(cache=True, inline="always")
def p_read_on(params: ShopParams, surface: int, item: int, clicked: float) -> float:
    """P(the next slot is reached | this one was examined and ``clicked`` with this probability)."""
    stops = params.stops[surface]
    if params.satisfies[surface] > 0.0:
        stops = sigmoid(params.satisfied[surface] + 0.5 * params.worth[item])
    return params.go_on[surface] * (1.0 - clicked * stops)


@njit(cache=True, inline="always")
def seconds_of(draw: np.uint64, log_median: float, sd: float) -> float:
    """Log-normal number from one random word."""
    return math.exp(log_median + sd * normal(draw))


def reading_time(read: U64, log_median: float, sd: float) -> F32:
    """(n,) seconds spent on the pages with the keys ``read`` (n,); 0 where the key is 0."""
    seconds = np.empty(len(read), np.float32)
    _read(read, log_median, sd, seconds)
    return seconds


@kernel
def _read(read: U64, log_median: float, sd: float, seconds: F32) -> None:
    for i in range(read.shape[0]):
        seconds[i] = seconds_of(key(read[i], DRAW_READING), log_median, sd) if read[i] else 0.0
