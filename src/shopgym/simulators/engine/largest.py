"""The largest numbers of every row: faster than a sort where few of many are needed."""

from __future__ import annotations

import numpy as np
from numba import int64

from ...core.types import F64, I64
from .jit import kernel


def largest(values: F64, k: int) -> I64:
    """(n, k) columns of the k largest of ``values`` (n, m), the largest first; of equal ones the first.

    There are m columns where m is less than k.
    """
    columns = np.empty((len(values), min(k, values.shape[1])), np.int64)
    _fill(values, columns)
    return columns


@kernel
def _fill(values: F64, columns: I64) -> None:
    """Insert one number after the other into the list of the largest so far."""
    k = columns.shape[1]
    for i in range(values.shape[0]):
        row, best = values[i], columns[i]
        for c in range(row.shape[0]):
            at = min(int64(c), k)
            while at > 0 and row[c] > row[best[at - 1]]:
                at -= 1
            if at < k:
                for later in range(min(int64(c), k - 1), at, -1):
                    best[later] = best[later - 1]
                best[at] = c
