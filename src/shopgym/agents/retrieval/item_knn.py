"""Item-KNN: items are similar if the same users interacted with them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from scipy.sparse import csr_array

from ...core.errors import in_range
from ...policies.retrieval import SparseWeights
from ...policies.retrieval.model import popularity_bias
from .data import Sequences

ROWS = 1024
"""Items whose neighbours are computed at a time."""


@dataclass(frozen=True)
class ItemKNN:
    """Shrunk cosine between items; each keeps its best ``neighbours`` (Deshpande & Karypis 2004, sec. 4).

    W_ij = c_ij / (sqrt(c_i c_j) + shrink), where c counts users, kept for the ``neighbours`` items i most
    similar to j. Shrinkage lowers pairs that occur together by accident (Bell & Koren 2007, eq. 3).

    Attributes:
        neighbours, shrink: as above.
        itself: W_jj. If users open items repeatedly, as within a session, the cosine of an item with itself,
            1, is the right weight; if items opened before are hidden it has no effect.
    """

    neighbours: int = 100
    shrink: float = 0.0
    itself: float = 0.0

    def __post_init__(self) -> None:
        in_range("item_knn.neighbours", self.neighbours, 1, 1_000_000)
        in_range("item_knn.shrink", self.shrink, 0.0, 1e12)
        in_range("item_knn.itself", self.itself, 0.0, 1e6)

    def fit(self, data: Sequences, rng: Generator) -> SparseWeights:
        """See :class:`.Recommender`."""
        x = data.matrix().csr
        count = np.asarray(x.sum(axis=0)).ravel()
        items, blocks = x.T.tocsr(), []
        for low in range(0, data.num_items, ROWS):
            together = (items[low : low + ROWS] @ x).tocsr()
            together.sort_indices()  # equal weights keep the order of rows
            j = np.repeat(np.arange(low, low + together.shape[0]), np.diff(together.indptr))
            i = together.indices
            keep = i != j
            j, i, met = j[keep], i[keep], together.data[keep]
            weight = met / (np.sqrt(count[j] * count[i]) + self.shrink)
            order = np.lexsort((-weight, j))
            j, i, weight = j[order], i[order], weight[order]
            rank = np.arange(len(j)) - np.searchsorted(j, j)
            best = rank < self.neighbours
            blocks.append((i[best], j[best], weight[best]))
        if self.itself:
            seen = np.flatnonzero(count)
            blocks.append((seen, seen, np.full(len(seen), self.itself)))
        i, j, weight = (np.concatenate(parts) for parts in zip(*blocks))
        w = csr_array((weight, (i, j)), shape=(data.num_items, data.num_items))
        return SparseWeights(
            w.indptr.astype(np.int64),
            w.indices.astype(np.int32),
            w.data.astype(np.float32),
            popularity_bias(data.counts),
        )
