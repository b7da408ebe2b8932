"""An inverted file: the items near a query, without scoring all of them.

k-means divides the items into lists; a query reads the lists whose centres score highest (Sivic & Zisserman
2003; Jégou, Douze & Schmid 2011, sec. IV). Items that may not be shown are removed from the lists first, so a
query always reads the same number of items that may be shown: where nine in ten are out of stock it reads ten
times as many lists, and where few are left it reads all of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.random import Generator

from ...core.batches import EMPTY
from ...core.errors import InvalidInput, in_range
from ...core.types import F32, I32, I64, AnyArray, Bool
from ..state import State

ROUNDS = 10
"""Of k-means."""
SAMPLE = 50
"""Items per list that k-means is fitted to."""
EXACT_BELOW = 10_000
"""With at most so many items all of them are scored, which takes no longer."""
BLOCK = 8192


@dataclass(frozen=True, eq=False)
class IVF:
    """Lists of item vectors, for maximum inner product.

    The bias is one more dimension of the items, in which every query is 1; so lists and scores include it.

    Attributes:
        centres: (c, d + 1) float32.
        vectors: (r, d + 1) float32, list after list.
        rows: (r,) int32, the item of each vector.
        start: (c + 1,) int64, where each list begins.
        probes: lists that a query reads where no item was removed.
        num_items: N, the number of items before any was removed.
    """

    centres: F32
    vectors: F32
    rows: I32
    start: I64
    probes: int
    num_items: int

    @classmethod
    def build(
        cls, vectors: F32, bias: F32, rng: Generator, *, lists: int | None = None, probes: int | None = None
    ) -> IVF:
        """An index of N vectors (N, d) and biases (N,).

        Args:
            lists: c; default: about the square root of N.
            probes: default: a tenth of the lists, at least 8.
        """
        if vectors.ndim != 2 or bias.shape != (len(vectors),) or not len(vectors):
            raise InvalidInput("ivf.vectors", vectors.shape, "give (N, d) vectors and (N,) biases, N > 0")
        if not (np.isfinite(vectors).all() and np.isfinite(bias).all()):
            raise InvalidInput("ivf.vectors", "not finite", "remove NaN and infinity")
        n = len(vectors)
        lists = round(n**0.5) if lists is None else lists
        in_range("ivf.lists", lists, 1, n)
        probes = min(max(8, lists // 10), lists) if probes is None else probes
        in_range("ivf.probes", probes, 1, lists)
        points = np.concatenate([vectors, bias[:, None]], axis=1).astype(np.float32)
        centres = _k_means(points, lists, rng)
        nearest = _nearest(points, centres)
        order = np.argsort(nearest, kind="stable")
        start = np.concatenate([[0], np.cumsum(np.bincount(nearest, minlength=lists))]).astype(np.int64)
        return cls(centres, np.ascontiguousarray(points[order]), order.astype(np.int32), start, probes, n)

    def among(self, allowed: Bool) -> IVF:
        """The index of the items that ``allowed`` (N,) marks; takes as long as copying their vectors."""
        if allowed.shape != (self.num_items,):
            raise InvalidInput("allowed", allowed.shape, f"give shape ({self.num_items},)")
        keep = allowed[self.rows]
        left = np.concatenate([[0], np.cumsum(keep)])[self.start].astype(np.int64)
        return replace(self, vectors=self.vectors[keep], rows=self.rows[keep], start=left)

    @cached_property
    def _enough(self) -> int:
        """The number of items that a query has to read."""
        return -(-self.probes * self.num_items // len(self.centres))

    def search(self, queries: F32, k: int) -> tuple[I32, F32]:
        """The k items of highest score among those read, for each of n queries (n, d).

        Returns:
            rows (n, k) and scores (n, k) in the form of :func:`.topk`; they do not depend on the other
            queries of the batch.
        """
        in_range("k", k, 1, 2**31)
        out = np.full((len(queries), k), EMPTY, np.int32)
        best = np.full((len(queries), k), -np.inf, np.float32)
        everything = len(self.rows) <= max(EXACT_BELOW, self._enough, 4 * k)
        size = np.diff(self.start)
        for i, query in enumerate(queries):
            q = np.append(query, np.float32(1.0))
            if everything:
                score, rows = self.vectors @ q, self.rows
            else:
                order = np.argsort(-(self.centres @ q), kind="stable")
                read = size[order].cumsum()
                near_lists = order[: np.searchsorted(read, max(self._enough, k)) + 1]
                parts = [slice(self.start[i_list], self.start[i_list + 1]) for i_list in near_lists]
                score = np.concatenate([self.vectors[part] @ q for part in parts])
                rows = np.concatenate([self.rows[part] for part in parts])
            width = min(k, len(rows))
            near = np.argpartition(-score, width - 1)[:width] if width < len(rows) else np.arange(width)
            if width:  # among equals the lower row, also at the edge
                near = np.flatnonzero(score >= score[near].min())
                near = near[np.lexsort((rows[near], -score[near]))][:width]
            out[i, :width], best[i, :width] = rows[near], score[near]
        return out, best

    def state(self) -> State:
        """JSON-able spec and plain arrays."""
        arrays = {name: getattr(self, name) for name in ("centres", "vectors", "rows", "start")}
        return {"probes": self.probes, "num_items": self.num_items}, arrays

    @classmethod
    def from_state(cls, spec: Mapping[str, Any], arrays: Mapping[str, AnyArray]) -> IVF:
        """The index whose ``state()`` was (spec, arrays)."""
        centres, vectors, rows, start = (arrays[name] for name in ("centres", "vectors", "rows", "start"))
        return cls(centres, vectors, rows, start, spec["probes"], spec["num_items"])


def _k_means(points: F32, count: int, rng: Generator) -> F32:
    """(count, d) centres by Lloyd's algorithm on a sample; an empty one moves to a random point."""
    sample = points[np.sort(rng.permutation(len(points))[: SAMPLE * count])]
    centres = sample[rng.permutation(len(sample))[:count]]
    for _ in range(ROUNDS):
        nearest = _nearest(sample, centres)
        size = np.bincount(nearest, minlength=count)
        order = np.argsort(nearest, kind="stable")
        full = np.flatnonzero(size)
        first = np.cumsum(size) - size
        total = np.add.reduceat(sample[order], first[full], axis=0)
        centres = sample[rng.integers(len(sample), size=count)]
        centres[full] = total / size[full, None]
    return centres


def _nearest(points: F32, centres: F32) -> I64:
    """(n,) the centre closest to each point."""
    half = 0.5 * (centres**2).sum(axis=1)
    parts = [
        (half - points[low : low + BLOCK] @ centres.T).argmin(axis=1) for low in range(0, len(points), BLOCK)
    ]
    return np.concatenate(parts)
