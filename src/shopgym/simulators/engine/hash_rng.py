"""Every random draw of the shop is a hash of what it is for: (seed, visit, page, item, kind).

So the same shopper responds to the same item with the same random draws whatever else is shown, and
results do not depend on batch size, thread count or order. The hash is the output function of splitmix64
(Steele, Lea & Flood 2014, fig. 14), applied once per field.
"""

from __future__ import annotations

import math

import numpy as np
from numba import int64, njit, uint64

from ...core.types import F64, U64

GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_M1 = np.uint64(0xBF58476D1CE4E5B9)
_M2 = np.uint64(0x94D049BB133111EB)
_S30, _S27, _S31, _S11 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(11)
_UNIT = 1.0 / (1 << 53)

# Kinds of draw: what a random number is used for.
DRAW_USER, DRAW_ENTRY, DRAW_ENTRY_ITEM, DRAW_MOBILE = (np.uint64(kind) for kind in range(1, 5))
DRAW_NEIGHBOUR, DRAW_POPULAR, DRAW_ALIAS, DRAW_COIN = (np.uint64(kind) for kind in range(5, 9))
DRAW_CLICK, DRAW_CART, DRAW_BUY, DRAW_UNITS, DRAW_LEAVE = (np.uint64(kind) for kind in range(9, 14))
DRAW_STOCK, DRAW_DELIVERY = np.uint64(14), np.uint64(15)
# Counters have a kind of their own, so that no page or item number is mistaken for a kind.
DRAW_PAGE, DRAW_ITEM = np.uint64(16), np.uint64(17)
DRAW_READ_ON, DRAW_OPENED, DRAW_RETURNED, DRAW_DELAY = (np.uint64(kind) for kind in range(18, 22))
DRAW_DWELL, DRAW_READING, DRAW_MISSION, DRAW_CHANNEL = (np.uint64(kind) for kind in range(22, 26))
DRAW_TO_CART, DRAW_SEARCHED, DRAW_QUERY = (np.uint64(kind) for kind in range(26, 29))
DRAW_DROPOUT, DRAW_GAP, DRAW_LIFE = (np.uint64(kind) for kind in range(29, 32))
DRAW_BACKGROUND = np.uint64(32)
DRAW_SEASON, DRAW_DRIFT, DRAW_LAUNCH, DRAW_CAMPAIGN, DRAW_SHOCK = (np.uint64(kind) for kind in range(33, 38))
DRAW_MISSION_SIZE, DRAW_QUICK, DRAW_REJECTED = np.uint64(38), np.uint64(39), np.uint64(40)
DRAW_COMPETITION, DRAW_ORDER_SIZE, DRAW_CART_ONLY, DRAW_SEARCH_FIRST = (
    np.uint64(kind) for kind in range(41, 45)
)
DRAW_REPURCHASE = np.uint64(45)


@njit(cache=True, inline="always")
def mix(x: np.uint64) -> np.uint64:
    """The finaliser of splitmix64: a bijection of 64-bit words in which every bit depends on every other."""
    x = uint64(x)
    x = (x ^ (x >> _S30)) * _M1
    x = (x ^ (x >> _S27)) * _M2
    return x ^ (x >> _S31)


@njit(cache=True, inline="always")
def key(parent: np.uint64, field: np.uint64) -> np.uint64:
    """The key of ``field`` under ``parent``."""
    return mix(uint64(parent) + GOLDEN * (uint64(field) + uint64(1)))


@njit(cache=True, inline="always")
def page_key(visit: np.uint64, page: int) -> np.uint64:
    """The key of one page of a visit."""
    return key(key(visit, DRAW_PAGE), uint64(page))


@njit(cache=True, inline="always")
def unit(word: np.uint64) -> float:
    """A word as a number in [0, 1), 53 bits."""
    return float(uint64(word) >> _S11) * _UNIT


LAST, AREA = 3.6541528853610088, 0.00492867323399
"""Where the lowest of 256 layers of equal area under exp(-x^2 / 2) ends, its tail apart, and that area."""


def _layers() -> tuple[F64, F64]:
    """(257,) where each layer ends, the lowest first, and (257,) the height of the curve there."""
    height = math.exp(-0.5 * LAST * LAST)
    ends = [AREA / height, LAST]  # the lowest layer with its tail, as if it were a rectangle
    while len(ends) < 256:
        height += AREA / ends[-1]
        ends.append(math.sqrt(-2.0 * math.log(height)))
    ends.append(0.0)
    return np.array(ends), np.array([math.exp(-0.5 * x * x) for x in ends])


ENDS, HEIGHTS = _layers()


@njit(cache=True, inline="always")
def normal(word: np.uint64) -> float:
    """A word as a standard normal, by a ziggurat (Marsaglia & Tsang 2000).

    Eight bits choose a layer and the rest a place in it. Of 100 places 99 lie where the whole layer is under
    the curve, and are taken.
    """
    layer = int(uint64(word) & uint64(255))
    x = (2.0 * unit(word) - 1.0) * ENDS[layer]
    return x if abs(x) < ENDS[layer + 1] else _accept_or_redraw(uint64(word), layer, x)


@njit(cache=True)
def _accept_or_redraw(word: np.uint64, layer: int, x: float) -> float:
    """Accept or redraw ``x``, which lies where only part of its layer is under the curve."""
    while True:
        if abs(x) < ENDS[layer + 1]:
            return x
        word = key(word, DRAW_REJECTED)
        if layer > 0:
            height = HEIGHTS[layer] + (HEIGHTS[layer + 1] - HEIGHTS[layer]) * unit(word)
            if height < math.exp(-0.5 * x * x):
                return x
        else:  # the tail (Marsaglia 1964)
            while True:
                far = -math.log1p(-unit(word)) / LAST
                word = key(word, DRAW_REJECTED)
                if -2.0 * math.log1p(-unit(word)) > far * far:
                    return math.copysign(LAST + far, x)
                word = key(word, DRAW_REJECTED)
        word = key(word, DRAW_REJECTED)
        layer = int(word & uint64(255))
        x = (2.0 * unit(word) - 1.0) * ENDS[layer]


@njit(cache=True, inline="always")
def below(word: np.uint64, n: int) -> np.int64:
    """A word as an integer in 0..n-1 (n < 2^31; bias below n / 2^32)."""
    return int64(((uint64(word) >> uint64(32)) * uint64(n)) >> uint64(32))


@njit(cache=True)
def keys(parent: np.uint64, fields: U64) -> U64:
    """(n,) the keys of many fields under one parent."""
    out = np.empty(fields.shape[0], np.uint64)
    for i in range(fields.shape[0]):
        out[i] = key(parent, fields[i])
    return out


@njit(cache=True)
def units(words: U64) -> F64:
    """(n,) float64 in [0, 1) from n words."""
    out = np.empty(words.shape[0])
    for i in range(words.shape[0]):
        out[i] = unit(words[i])
    return out
