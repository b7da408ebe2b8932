"""Retrieval: the candidates of a request that names none, out of all items in stock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from ...core.batches import EMPTY, Requests
from ...core.errors import InvalidInput, in_range
from ...core.hashing import hash_arrays
from ...core.types import F32, I32, I64, AnyArray, Bool
from ..state import prefix_state, sub_state
from . import model_from_state
from .embedding import Embedding
from .ivf import IVF
from .model import Model, features_of, history_of
from .topk import topk

NOTHING: I64 = np.empty(0, np.int64)
CELLS = 4_000_000
"""Cells of (requests x items) that are scored at a time."""
STALE = 1000
"""The index is filtered anew after the stock of more than so many items has changed."""


@dataclass(frozen=True, eq=False)
class Retriever:
    """The ``count`` items that a model scores highest.

    Attributes:
        model: scores items for a history, a user and, if it needs one, a context.
        count: m, the number of items that are ranked.
        index: finds a vector model's best items without scoring all; for catalogues above 100,000 items.
    """

    model: Model
    count: int
    index: IVF | None = None

    def __post_init__(self) -> None:
        in_range("retriever.count", self.count, 1, 1_000_000)
        n = self.model.num_items
        if self.index is not None and (self.index.num_items != n or not isinstance(self.model, Embedding)):
            raise InvalidInput("retriever.index", self.index.num_items, "build it from the model's vectors")

    def require_items(self, count: int) -> None:
        """Raise :class:`InvalidInput` unless the model was fitted to a catalogue of ``count`` items."""
        if self.model.num_items != count:
            fix = f"fit it to the {count} items of the policy"
            raise InvalidInput("retriever.model", self.model.num_items, fix)

    def state(self) -> tuple[dict[str, Any], dict[str, AnyArray]]:
        """(spec, arrays) from which :meth:`from_state` builds the same retriever."""
        spec, arrays = prefix_state("model", self.model)
        out: dict[str, Any] = {"model": spec, "count": self.count}
        if self.index is not None:
            out["index"], index = prefix_state("index", self.index)
            arrays |= index
        return out, arrays

    @classmethod
    def from_state(cls, spec: Mapping[str, Any], arrays: Mapping[str, AnyArray]) -> Retriever:
        """The retriever whose ``state()`` was (spec, arrays).

        Raises:
            InvalidInput: the description lacks something.
        """
        try:
            index = IVF.from_state(spec["index"], sub_state("index", arrays)) if "index" in spec else None
            return cls(model_from_state(spec["model"], sub_state("model", arrays)), spec["count"], index)
        except (KeyError, TypeError) as error:
            fix = "the description is incomplete: export it again"
            raise InvalidInput("retriever.spec", str(error), fix) from error

    @cached_property
    def hash(self) -> str:
        """SHA-256 of the spec and the arrays."""
        spec, arrays = self.state()
        return hash_arrays(arrays, spec)


class StockAwareRetriever:
    """The best items in stock for each request.

    The result depends on the request and the stock alone: it is not random, and the other requests of the
    batch make no difference.

    Args:
        retriever: chooses.
        in_stock: (N,) bool; read at every call, so its owner may change it in place.
    """

    def __init__(self, retriever: Retriever, in_stock: Bool) -> None:
        if in_stock.shape != (retriever.model.num_items,):
            raise InvalidInput("in_stock", in_stock.shape, f"give shape ({retriever.model.num_items},)")
        self.retriever, self.in_stock = retriever, in_stock
        self._index, self._indexed = retriever.index, np.ones(len(in_stock), np.bool_)

    def fill(self, requests: Requests, blocked: I64 = NOTHING) -> Requests:
        """The requests with the (n, m) best items that are in stock and not ``blocked``, the best first.

        ``EMPTY`` pads; retrieved items have no live values.

        Raises:
            InvalidInput: the model reads histories and the requests have none.
        """
        model = self.retriever.model
        history, features = history_of(model, requests), features_of(model, requests)
        if self._index is None:
            rows = self._scan(history, features, blocked)
        else:
            rows = self._search(self._index, history, features, blocked)
        return replace(requests, candidates=rows, in_stock=rows >= 0, live={})

    def _scan(self, history: I32, features: F32, blocked: I64) -> I32:
        """(n, m) exactly, by the scores of all items."""
        model, allowed = self.retriever.model, self.in_stock.copy()
        allowed[blocked] = False
        rows = np.empty((len(history), self.retriever.count), np.int32)
        step = max(1, CELLS // len(allowed))
        for low in range(0, len(rows), step):
            part = slice(low, low + step)
            rows[part] = topk(model.scores(history[part], features[part]), rows.shape[1], allowed)[0]
        return rows

    def _search(self, index: IVF, history: I32, features: F32, blocked: I64) -> I32:
        """(n, m) by the index, corrected by what changed since it was filtered."""
        model, count = self.retriever.model, self.retriever.count
        assert isinstance(model, Embedding)  # checked when the retriever was made
        index, sold_out, restocked = self._filtered(index)
        sold_out = np.union1d(sold_out, blocked)
        restocked_rows: I32 = np.setdiff1d(restocked, blocked).astype(np.int32)
        # so many more that ``count`` are left after those that are sold out
        rows, score = index.search(model.queries(history, features), count + len(sold_out))
        score[(rows < 0) | np.isin(rows, sold_out)] = -np.inf
        extra = np.repeat(restocked_rows[None], len(rows), axis=0)
        rows = np.concatenate([rows, extra], axis=1)
        score = np.concatenate([score, model.scores_at(history, extra, features)], axis=1)
        order = np.lexsort((rows, -score), axis=1)[:, :count]
        kept = np.take_along_axis(score, order, axis=1) > -np.inf
        best: I32 = np.where(kept, np.take_along_axis(rows, order, axis=1), EMPTY).astype(np.int32)
        return best

    def _filtered(self, index: IVF) -> tuple[IVF, I64, I64]:
        """The index of the items in stock when it was filtered, and the rows sold out and restocked since."""
        changed = np.flatnonzero(self.in_stock != self._indexed)
        if len(changed) > STALE:
            assert self.retriever.index is not None
            self._indexed = self.in_stock.copy()
            index = self._index = self.retriever.index.among(self._indexed)
            changed = NOTHING
        stocked = self.in_stock[changed]
        return index, changed[~stocked], changed[stocked]
