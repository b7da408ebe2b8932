"""What a shopper does with a page: examine, click, add to cart, buy.

The same three functions give the simulated behaviour (:func:`respond`) and its exact expectation
(:func:`expect`), so the truth cannot drift from the simulation.
"""

from __future__ import annotations

import math

import numpy as np
from numba import float64, njit, uint64

from ..core.nouns import EMPTY
from ..core.types import F64, I32, Bool
from .draws import BUY, CART, CLICK, ITEM, UNITS, key, page_key, unit
from .visits import Visits, move_on
from .world import World


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
def _click(world: World, visits: Visits, i: int, item: int, appeal: float) -> float:
    """P(click | examined)"""
    return _sigmoid(
        world.click_base
        + appeal
        + world.quality_weight * world.quality[item]
        - world.fatigue * visits.page[i]
    )


@njit(cache=True, inline="always")
def _price_pain(world: World, visits: Visits, i: int, item: int) -> float:
    return float(world.sensitivity[visits.user[i]] * world.log_price[item])


@njit(cache=True, inline="always")
def _cart(world: World, visits: Visits, i: int, appeal: float, pain: float) -> float:
    """P(cart | click, in stock)"""
    phone = world.mobile_penalty if visits.mobile[i] else 0.0
    return _sigmoid(world.cart_base + world.depth * appeal - pain - phone)


@njit(cache=True, inline="always")
def _buy(world: World, pain: float) -> float:
    """P(purchase | cart)"""
    return _sigmoid(world.buy_base - 0.5 * pain)


@njit(cache=True, inline="always")
def _units(world: World, item: int, luck: float) -> int:
    """Units on the order line: geometric on 1, 2, ... given at most ``max_units``."""
    p = world.units_p[item]
    if p >= 1.0:
        return 1
    tail = 1.0 - (1.0 - p) ** world.max_units
    return min(1 + int(math.log1p(-luck * tail) / math.log1p(-p)), world.max_units)


@njit(cache=True, inline="always")
def mean_units(world: World, item: int) -> float:
    """Exact mean of :func:`_units`."""
    p = world.units_p[item]
    q = 1.0 - p
    k = world.max_units
    tail = 1.0 - q**k
    return (1.0 / p) - k * q**k / tail


@njit(cache=True, nogil=True)
def known(slates: I32, items: int) -> bool:
    """Whether slates (n, k) hold only rows of ``items`` items and ``EMPTY``."""
    return bool(slates.min() >= EMPTY and slates.max() < items)


@njit(cache=True, nogil=True)
def respond(
    world: World,
    visits: Visits,
    active: Bool,
    slates: I32,
    in_stock: Bool,
    clicked: Bool,
    carted: Bool,
    quantity: I32,
    revenue: F64,
    margin: F64,
    unavailable: Bool,
    page: F64,
    low: int,
    high: int,
) -> None:
    """Note in (n, k) outcomes and their sums ``page`` (n, 7), all zero before, what lanes [low, high) do.

    ``in_stock`` is (N,): an item that has run out can be clicked, but not put in the cart. One number
    decides examination and click together, so many a slot is settled before its appeal is computed.
    """
    k = slates.shape[1]
    for i in range(low, high):
        if not active[i]:
            continue
        root = key(page_key(visits.key[i], visits.page[i]), ITEM)
        for slot in range(k):
            item = slates[i, slot]
            if item < 0:
                continue
            if not in_stock[item]:
                unavailable[i, slot] = True
                page[i, 6] += 1.0
            luck = key(root, uint64(item))
            attention, glance = world.examination[slot], unit(key(luck, CLICK))
            if glance >= attention:
                continue
            appeal = _appeal(world, visits, i, item)
            if glance >= attention * _click(world, visits, i, item, appeal):
                continue
            clicked[i, slot] = True
            page[i, 0] += 1.0
            pain = _price_pain(world, visits, i, item)
            if not in_stock[item] or unit(key(luck, CART)) >= _cart(world, visits, i, appeal, pain):
                continue
            carted[i, slot] = True
            page[i, 1] += 1.0
            if unit(key(luck, BUY)) >= _buy(world, pain):
                continue
            amount = _units(world, item, unit(key(luck, UNITS)))
            quantity[i, slot] = amount
            revenue[i, slot] = amount * world.price[item]
            margin[i, slot] = amount * world.margin[item]
            page[i, 2] += 1.0
            page[i, 3] += amount
            page[i, 4] += revenue[i, slot]
            page[i, 5] += margin[i, slot]


@njit(cache=True, nogil=True)
def serve(
    world: World,
    visits: Visits,
    active: Bool,
    slates: I32,
    in_stock: Bool,
    clicked: Bool,
    carted: Bool,
    quantity: I32,
    revenue: F64,
    margin: F64,
    unavailable: Bool,
    page: F64,
    left: Bool,
    cut: Bool,
    low: int,
    high: int,
) -> None:
    """:func:`respond`, then :func:`.visits.move_on`: one call, because each costs some microseconds."""
    respond(
        world, visits, active, slates, in_stock,
        clicked, carted, quantity, revenue, margin, unavailable, page, low, high,
    )  # fmt: skip
    move_on(world, visits, active, slates, clicked, left, cut, low, high)


@njit(cache=True, nogil=True)
def expect(world: World, visits: Visits, items: I32, in_stock: Bool, out: F64, low: int, high: int) -> None:
    """Fill ``out`` (7, n, j) with the exact mean of each of ``SLOT_TERMS`` for any j items per lane.

    Means are given examination, but for the last term, which counts impressions; zeros where ``items``
    is empty.
    """
    for i in range(low, high):
        for c in range(items.shape[1]):
            item = items[i, c]
            if item < 0:
                continue
            appeal = _appeal(world, visits, i, item)
            pain = _price_pain(world, visits, i, item)
            click = _click(world, visits, i, item, appeal)
            cart = click * _cart(world, visits, i, appeal, pain) if in_stock[item] else 0.0
            lines = cart * _buy(world, pain)
            units = lines * mean_units(world, item)
            out[0, i, c] = click
            out[1, i, c] = cart
            out[2, i, c] = lines
            out[3, i, c] = units
            out[4, i, c] = units * world.price[item]
            out[5, i, c] = units * world.margin[item]
            out[6, i, c] = 0.0 if in_stock[item] else 1.0
