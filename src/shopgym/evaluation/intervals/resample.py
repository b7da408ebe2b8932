"""Sums of multinomial bootstrap resamples, about a nanosecond a draw; loaded only by the bootstrap.

The n draws of a resample are first shared out over blocks of 1024 rows (one multinomial draw), then within
each block over its rows, uniformly. Together that is exactly the multinomial distribution, but the counts
stay in the fastest cache and one 64-bit random number serves six draws of ten bits.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.random import Generator

from ...core.types import F64, I64, U64

BLOCK = 1024
_BITS = np.uint64(10)
_LAST = np.uint64(BLOCK - 1)
_PER_WORD = 6
_MOST_SHARES = 8_000_000
"""Block shares held at once: 64 MB, however many rows and resamples."""


def resampled_sums(columns: F64, resamples: int, rng: Generator) -> F64:
    """(resamples, p) column sums of n rows drawn with replacement from ``columns`` (n, p), each time anew.

    ``rng`` gives the block shares and one seed per resample, so it decides the result.
    """
    n, p = columns.shape
    by_column = np.ascontiguousarray(columns.T, dtype=np.float64)
    blocks = -(-n // BLOCK)
    sizes = np.full(blocks, float(BLOCK))
    sizes[-1] = n - BLOCK * (blocks - 1)
    states = rng.integers(2**64, size=resamples, dtype=np.uint64)
    out = np.zeros((resamples, p))
    step = max(1, _MOST_SHARES // blocks)
    for start in range(0, resamples, step):
        part = slice(start, start + step)
        shares = rng.multinomial(n, sizes / n, size=len(out[part]))
        _add_sums(by_column, shares, states[part], out[part])
    return out


def _mix(state: np.uint64) -> np.uint64:
    """The output of SplitMix64 at ``state`` (Steele, Lea and Flood 2014)."""
    z = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


_mix = njit(inline="always")(_mix)


def _add_sums_python(columns: F64, shares: I64, states: U64, out: F64) -> None:
    """Add to ``out`` (b, p) the draws of block ``shares`` (b, blocks); ``states`` (b,) move on."""
    p, n = columns.shape
    count = np.zeros(BLOCK, np.int32)
    for block in range(shares.shape[1]):
        start = block * BLOCK
        size = min(BLOCK, n - start)
        for b in range(shares.shape[0]):
            left = shares[b, block]
            state = states[b]
            count[:] = 0
            while left >= _PER_WORD and size == BLOCK:
                state += np.uint64(0x9E3779B97F4A7C15)
                word = _mix(state)
                for _ in range(_PER_WORD):
                    count[word & _LAST] += 1
                    word >>= _BITS
                left -= _PER_WORD
            while left > 0:  # what remains, and the last block: rows beyond its end are drawn again
                state += np.uint64(0x9E3779B97F4A7C15)
                word = _mix(state)
                for _ in range(_PER_WORD):
                    drawn = np.int64(word & _LAST)
                    word >>= _BITS
                    if left > 0 and drawn < size:
                        count[drawn] += 1
                        left -= 1
            states[b] = state
            for c in range(p):
                total = 0.0
                for row in range(size):
                    total += count[row] * columns[c, start + row]
                out[b, c] += total


# reassociation lets the sum use vector registers
_add_sums = njit(cache=True, fastmath={"reassoc", "contract"})(_add_sums_python)
