"""How well rankings find what is relevant, for each ranking by itself.

Conventions are those of trec_eval: a ranking for which nothing is relevant has no value (NaN), and recall and
average precision divide by all relevant items, not by those that fit in k places.
"""

from __future__ import annotations

import numpy as np

from ..errors import InvalidInput
from ..types import F64

RANKING_METRICS = {
    "recall": "relevant items among the first k, over all relevant items",
    "precision": "relevant items among the first k, over k",
    "ndcg": "sum of gain / log2(1 + rank) over the first k, over that of the best ranking "
    "(Järvelin & Kekäläinen 2002, linear gains)",
    "map": "mean over all relevant items of the precision at the rank where each stands, 0 below k "
    "(average precision)",
    "mrr": "1 / rank of the first relevant item, 0 below k",
    "hit": "1 if any relevant item is among the first k",
}
"""What :func:`per_ranking` gives, by name."""


def per_ranking(gain: F64, ideal: F64, k: int) -> dict[str, F64]:
    """:data:`RANKING_METRICS` at k of n rankings.

    Args:
        gain: (n, w) gain of the item at each rank, the best rank first; 0 where it is not relevant or the
            place is empty. k is at most w.
        ideal: (n, r) gains of all relevant items, in any order, padded with 0.

    Returns:
        (n,) values by name; NaN where nothing is relevant.

    Raises:
        InvalidInput: shapes that do not fit, a gain below 0 or not finite.
    """
    if gain.ndim != 2 or ideal.ndim != 2 or len(gain) != len(ideal):
        raise InvalidInput("gain", (gain.shape, ideal.shape), "give (n, w) gains and (n, r) ideal gains")
    if not 1 <= k <= gain.shape[1]:
        raise InvalidInput("k", k, f"the rankings are {gain.shape[1]} long")
    for name, values in (("gain", gain), ("ideal", ideal)):
        if not (np.isfinite(values) & (values >= 0)).all():
            raise InvalidInput(name, "negative or not finite", "give finite gains >= 0")
    relevant = (ideal > 0).sum(axis=1)
    hits = gain[:, :k] > 0
    rank = np.arange(1, k + 1)
    precision_at = np.cumsum(hits, axis=1) / rank
    best = -np.sort(-ideal, axis=1)[:, :k]
    total = np.where(relevant > 0, relevant, np.nan)
    return {
        "recall": hits.sum(axis=1) / total,
        "precision": np.where(relevant > 0, hits.mean(axis=1), np.nan),
        "ndcg": gain[:, :k] @ (1.0 / np.log2(rank + 1)) / _discounted(best, relevant),
        "map": (precision_at * hits).sum(axis=1) / total,
        "mrr": np.where(
            relevant > 0, np.where(hits.any(axis=1), 1.0 / (1 + hits.argmax(axis=1)), 0.0), np.nan
        ),
        "hit": np.where(relevant > 0, hits.any(axis=1), np.nan),
    }


def _discounted(best: F64, relevant: F64) -> F64:
    """(n,) discounted gain of the best ranking; NaN where nothing is relevant."""
    dcg = best @ (1.0 / np.log2(np.arange(2, best.shape[1] + 2)))
    out: F64 = np.where(relevant > 0, dcg, np.nan)
    return out
