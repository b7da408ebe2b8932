"""The most similar items of every item: exact up to 50,000 items, by random trees beyond."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.random import Generator, Philox

from ...core.errors import refuse_rows
from ...core.types import F32, I32, I64, AnyArray

NEIGHBOURS = 64
EXACT_UP_TO = 50_000

# A neighbour is one int64: its cosine, in steps of 1 / SCALE, above its row number counted backwards,
# so that the larger key is the nearer row and, of two equally near, the one with the lower number.
SCALE = 2.0**30
ID_BITS = 31
ID_MASK = (1 << ID_BITS) - 1


def nearest(
    points: F32, k: int = NEIGHBOURS, *, exact_up_to: int = EXACT_UP_TO, trees: int = 8, leaf: int = 512
) -> I32:
    """The ``k`` rows with the largest cosine with each row, itself left out.

    Up to ``exact_up_to`` rows every pair is compared. Beyond that only rows that fall into the same
    leaf of one of ``trees`` random trees are: a tree halves the rows again and again, at the median
    along the difference of two rows drawn at random, until at most ``leaf`` are left (random
    projection trees, Dasgupta & Freund 2008, with directions taken from the data). Memory is 12 bytes
    for each of the N k neighbours, time O(N^2) or O(N trees leaf).

    Ties go to the lower row number and sums are taken in float32 in a fixed order, so the result does
    not depend on blocks, threads or machine.

    Args:
        points: (N, d) float32, rows of norm 1.
        k: neighbours per row, at least 1.

    Returns:
        (N, min(k, N - 1)) int32 row numbers, most similar first.

    Raises:
        InvalidInput: naming the first row whose norm is not 1.
    """
    bad = ~(np.abs(np.einsum("nd,nd->n", points, points) - 1) < 1e-3)
    refuse_rows("points", points, bad, f"scale to norm 1 ({bad.sum()} rows)")
    n = len(points)
    k = min(k, n - 1)
    heaps = np.zeros((n, k), np.int64)
    if k and n <= exact_up_to:
        _compare(points, np.arange(n), np.array([0, n]), heaps)
    elif k:
        rng = Generator(Philox(0))
        for _ in range(trees):
            leaves = _cut(points, max(leaf, 4 * (k + 1)), rng)
            _compare(points, np.concatenate(leaves), np.cumsum([0, *(len(rows) for rows in leaves)]), heaps)
    heaps.sort(axis=1)
    heaps &= ID_MASK
    return (ID_MASK - heaps[:, ::-1]).astype(np.int32)


def _cut(points: F32, leaf: int, rng: Generator) -> list[I64]:
    """One random tree: the rows of each leaf, every leaf between ``leaf // 4`` and ``leaf`` rows."""
    pending, leaves = [np.arange(len(points))], []
    while pending:
        rows = pending.pop()
        if len(rows) <= leaf:
            leaves.append(rows)
            continue
        one, other = rng.integers(len(rows), size=2)
        direction = points[rows[one]] - points[rows[other]]
        # Column by column: a matrix product may sum in another order on another machine.
        along: AnyArray = np.zeros(len(rows), np.float32)
        for column, weight in enumerate(direction):
            along += points[rows, column] * weight
        left = along < np.partition(along, len(rows) // 2)[len(rows) // 2]
        if min(left.sum(), (~left).sum()) < leaf // 4:  # many equal rows: any half is as good as another
            left = np.arange(len(rows)) < len(rows) // 2
        pending += [rows[left], rows[~left]]
    return leaves


def _offer_key(heap: I64, key: int) -> None:
    """Put ``key`` into a heap (smallest first) of the largest keys, unless it is there or too small."""
    if key <= heap[0]:
        return
    present = False
    for at in range(len(heap)):
        present |= heap[at] == key
    if present:
        return
    at = 0
    while 2 * at + 1 < len(heap):
        child = 2 * at + 1
        if child + 1 < len(heap) and heap[child + 1] < heap[child]:
            child += 1
        if heap[child] >= key:
            break
        heap[at] = heap[child]
        at = child
    heap[at] = key


_offer: Any = njit(cache=True)(_offer_key)


def _compare_pairs(points: F32, order: I64, bounds: I64, heaps: I64) -> None:
    """Offer every pair of rows within a leaf to each other's heap of best neighbours."""
    for number in range(len(bounds) - 1):
        rows = order[bounds[number] : bounds[number + 1]]
        near = np.ascontiguousarray(points[rows].T)
        least = (heaps[rows, 0] >> ID_BITS) / SCALE - 2.0  # what a newcomer must reach, side by side
        products = np.empty(len(rows), np.float32)
        for a in range(len(rows)):
            product, beyond = products[a + 1 :], least[a + 1 :]
            product[:] = 0.0
            for column in range(len(near)):
                weight, right = near[column, a], near[column, a + 1 :]
                for b in range(len(right)):  # slices from 0: so the compiler uses vector registers
                    product[b] += weight * right[b]
            for b in range(len(product)):
                if product[b] < least[a] and product[b] < beyond[b]:
                    continue
                score = np.int64((np.float64(product[b]) + 2.0) * SCALE) << ID_BITS
                one, other = rows[a], rows[a + 1 + b]
                _offer(heaps[one], score | (ID_MASK - other))
                _offer(heaps[other], score | (ID_MASK - one))
                least[a] = (heaps[one, 0] >> ID_BITS) / SCALE - 2.0
                beyond[b] = (heaps[other, 0] >> ID_BITS) / SCALE - 2.0


_compare: Any = njit(cache=True)(_compare_pairs)
