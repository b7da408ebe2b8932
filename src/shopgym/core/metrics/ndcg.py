"""NDCG: discounted cumulative gain of an order over that of the best order."""

from __future__ import annotations

import numpy as np

from ..errors import InvalidInput
from ..types import F64


def ndcg(scores: F64, gains: F64, k: int, *, exponential: bool = False) -> F64:
    """(n,) NDCG@k of the orders that scores (n, m) make; NaN where no gain is above 0.

    DCG@k is the sum over the first k ranks r = 1, 2, ... of gain / log2(r + 1) (Järvelin & Kekäläinen 2002),
    with ``exponential`` of (2^gain - 1) / log2(r + 1) (Burges et al. 2005). Equal scores share the
    discounts of their ranks, as if their order were random.

    Args:
        scores: -inf marks what cannot be shown; it comes last.
        gains: (n, m) >= 0.
    """
    if k < 1 or scores.shape != gains.shape or scores.ndim != 2:
        raise InvalidInput("ndcg", (scores.shape, gains.shape, k), "give (n, m) scores and gains, and k >= 1")
    if np.isnan(scores).any() or not (gains >= 0).all():
        raise InvalidInput("ndcg", "NaN or negative", "give scores without NaN and gains >= 0")
    values = 2.0**gains - 1.0 if exponential else gains
    n, m = scores.shape
    discount = np.where(np.arange(m) < k, 1.0 / np.log2(np.arange(m) + 2.0), 0.0)
    order = np.argsort(-scores, axis=1, kind="stable")
    sorted_scores = np.take_along_axis(scores, order, axis=1)
    new_group = np.ones((n, m), bool)
    new_group[:, 1:] = sorted_scores[:, 1:] != sorted_scores[:, :-1]
    group = np.cumsum(new_group.ravel()) - 1
    shared = np.bincount(group, np.tile(discount, n)) / np.bincount(group)
    dcg = (np.take_along_axis(values, order, axis=1) * shared[group].reshape(n, m)).sum(axis=1)
    best = (-np.sort(-values, axis=1) * discount).sum(axis=1)
    out: F64 = np.where(best > 0, dcg / np.where(best > 0, best, 1.0), np.nan)
    return out
