"""The k best, exactly: higher scores first, and among equal scores lower rows first."""

from __future__ import annotations

import numpy as np

from ...core.batches import EMPTY
from ...core.errors import InvalidInput, in_range
from ...core.types import F32, I32, AnyArray, Bool


def topk(scores: AnyArray, k: int, allowed: Bool | None = None) -> tuple[I32, F32]:
    """The k best columns of each row.

    Args:
        scores: (n, N); none may be NaN.
        k: how many; more than N is allowed.
        allowed: (N,) or (n, N), what may be chosen; None = everything.

    Returns:
        rows (n, k) int32 and their scores (n, k) float32; where fewer than k are allowed, ``EMPTY`` and
        minus infinity.

    Raises:
        InvalidInput: k < 1, a score is NaN.
    """
    in_range("k", k, 1, 2**31)
    if np.isnan(scores).any():
        row = int(np.flatnonzero(np.isnan(scores).any(axis=1))[0])
        raise InvalidInput(f"scores[{row}]", "NaN", "remove NaN from histories' and users' features")
    if allowed is not None:
        scores = np.where(allowed, scores, -np.inf)
    n, count = scores.shape
    rows, best = np.full((n, k), EMPTY, np.int32), np.full((n, k), -np.inf, np.float32)
    width = min(k, count)
    if not n or not width:
        return rows, best
    if width < count:
        # among equal scores the lowest rows are taken, which a partition alone does not do: so sort
        # everything at or above the k-th best score
        kth = np.partition(scores, count - width, axis=1)[:, count - width]
        for i in range(n):
            near = np.flatnonzero(scores[i] >= kth[i])
            order = near[np.argsort(-scores[i, near], kind="stable")[:width]]
            rows[i, :width], best[i, :width] = order, scores[i, order]
    else:
        order = np.argsort(-scores, axis=1, kind="stable")
        rows[:, :width], best[:, :width] = order, np.take_along_axis(scores, order, axis=1)
    rows[best == -np.inf] = EMPTY
    return rows, best
