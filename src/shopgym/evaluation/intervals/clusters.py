"""Rounds that belong together, such as those of one user, and are then one draw."""

from __future__ import annotations

import numpy as np

from ...core.types import F64, I64, AnyArray


def cluster_codes(users: AnyArray) -> I64:
    """(n,) integers in [0, number of users), from one label per round."""
    return np.asarray(np.unique(users, return_inverse=True)[1], dtype=np.int64)


def cluster_sums(columns: F64, cluster: I64) -> F64:
    """(clusters, p) sums of ``columns`` (n, p) over each cluster, scaled so that column means stay."""
    sums = np.stack([np.bincount(cluster, column) for column in columns.T]).T
    return np.asarray(sums * (len(sums) / len(columns)))
