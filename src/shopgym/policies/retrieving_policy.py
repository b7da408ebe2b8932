"""The policy of a large catalogue: retrieve -> filter -> rank -> guard -> explore.

Retrieval is a deterministic function of the request: the m items of highest score among those in stock. Only
the policy that ranks them is random, so the propensities stay exact.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.random import Generator

from ..core.batches import EMPTY, Decisions, Requests
from ..core.errors import InvalidInput
from ..core.hashing import hash_json
from ..core.items import Items
from ..core.types import F64, I32, I64, AnyArray, Bool
from .guards import Guard, GuardCounters
from .policy import SlatePolicy, policy_from_state
from .retrieval.model import features_of, history_of
from .retrieval.retriever import Retriever, StockAwareRetriever
from .retrieval.topk import topk
from .state import prefix_state, sub_state


@dataclass(frozen=True, eq=False)
class RetrievingPolicy:
    """Ranks the m best candidates with a policy (implements :class:`shopgym.core.Policy`).

    - A request with at most m candidates keeps them all. So ``retrieve(retrieve(requests))`` equals
      ``retrieve(requests)``, and a log of the retrieved requests has the same decisions and propensities as
      the requests themselves.
    - Of more than m candidates the m best in stock are kept, with their live values.
    - A request without candidates, shape (n, 0), gets the m best of the whole catalogue that are in stock
      by ``in_stock``. Retrieved items have no live values.

    Attributes:
        retriever: chooses the m best.
        policy: ranks, guards and explores.
        in_stock: (N,) bool, what can be sold. It is no part of the policy's state: a server makes
            ``replace(policy, in_stock=...)`` when stock changes, and logs the candidates.
    """

    kind: ClassVar[str] = "retrieving"
    retriever: Retriever
    policy: SlatePolicy
    in_stock: Bool | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        n = len(self.policy.items)
        self.retriever.require_items(n)
        if self.in_stock is not None and self.in_stock.shape != (n,):
            raise InvalidInput("policy.in_stock", self.in_stock.shape, f"give shape ({n},)")

    @property
    def items(self) -> Items:
        """The catalogue."""
        return self.policy.items

    @property
    def name(self) -> str:
        """What reports call it."""
        return self.policy.name

    @property
    def slate_size(self) -> int:
        """k."""
        return self.policy.slate_size

    def retrieve(self, requests: Requests) -> Requests:
        """The same requests with the (n, m) candidates that are ranked, the best first; ``EMPTY`` pads.

        Raises:
            InvalidInput: the model needs histories and there are none; there are no candidates and
                ``in_stock`` is not known.
        """
        return self._retrieve(requests)[0]

    def decide(self, requests: Requests, rng: Generator) -> Decisions:
        """Slates of the retrieved candidates; positions are among the candidates of ``requests``.

        Where ``requests`` had none, positions are among those of :meth:`retrieve`.
        """
        retrieved, places = self._retrieve(requests)
        decided = self.policy.decide(retrieved, rng)
        return replace(decided, positions=_places_at(places, decided.positions))

    @property
    def guards(self) -> tuple[Guard, ...]:
        """Those of the ranking policy."""
        return tuple(self.policy.guards)

    def open_counters(self) -> GuardCounters | None:
        """Those of the ranking policy; they count requests that have candidates."""
        return self.policy.open_counters()

    def first_choices(self, requests: Requests, rng: Generator) -> I32:
        """(n, k) positions that ``decide`` would draw with these random numbers if there were no guards."""
        retrieved, places = self._retrieve(requests)
        return _places_at(places, self.policy.first_choices(retrieved, rng))

    def slates(self, requests: Requests, rng: Generator) -> I32:
        """(n, k) as :meth:`SlatePolicy.slates`."""
        return self.policy.slates(self.retrieve(requests), rng)

    def propensities(self, requests: Requests, positions: I32) -> F64:
        """(n, k) probability of each slot given the slots before it; 0 for what is not retrieved."""
        retrieved, places = self._retrieve(requests)
        if places is None:
            return self.policy.propensities(retrieved, positions)
        equal = positions[:, :, None] == places[:, None, :]
        inner = np.where(equal.any(axis=2), equal.argmax(axis=2), EMPTY).astype(np.int32)
        not_retrieved = (positions >= 0) & (inner < 0)
        if not_retrieved.any():  # one column of padding more: it has probability 0
            columns = np.arange(retrieved.num_candidates + 1)
            columns[-1] = EMPTY
            retrieved = retrieved.at(np.broadcast_to(columns, (len(retrieved), len(columns))))
            inner[not_retrieved] = retrieved.num_candidates - 1
        return self.policy.propensities(retrieved, inner)

    @property
    def has_marginals(self) -> bool:
        """Whether the ranking policy has them."""
        return self.policy.has_marginals

    def marginals(self, requests: Requests) -> F64:
        """(n, k, m) over the candidates of ``requests``, or of :meth:`retrieve` where there were none."""
        retrieved, places = self._retrieve(requests)
        inner = self.policy.marginals(retrieved)
        if places is None:
            return inner
        out = np.zeros((*inner.shape[:2], requests.num_candidates))
        row, column = np.nonzero(places >= 0)
        out[row, :, places[row, column]] = inner[row, :, column]
        return out

    def _retrieve(self, requests: Requests) -> tuple[Requests, I64 | None]:
        """The requests with the retrieved candidates, and (n, m) their positions in ``requests``.

        No positions: the candidates are as they were, or there were none.
        """
        model, count = self.retriever.model, self.retriever.count
        if 0 < requests.num_candidates <= count:
            return requests, None
        if not requests.num_candidates:
            return self._stock_aware.fill(requests), None
        history, features = history_of(model, requests), features_of(model, requests)
        scores = model.scores_at(history, requests.candidates, features)
        places, _ = topk(scores, count, requests.in_stock & (requests.candidates >= 0))
        return requests.at(places), places.astype(np.int64)

    @cached_property
    def _stock_aware(self) -> StockAwareRetriever:
        if self.in_stock is None:
            fix = "requests name no candidates: say which items can be sold"
            raise InvalidInput("policy.in_stock", None, fix)
        return StockAwareRetriever(self.retriever, self.in_stock)

    def state(self) -> tuple[Mapping[str, Any], Mapping[str, AnyArray]]:
        """(spec, arrays) from which :meth:`from_state` builds the same policy; items and stock left out."""
        spec: dict[str, Any] = {"kind": self.kind}
        arrays: dict[str, AnyArray] = {}
        for part, value in (("retriever", self.retriever), ("policy", self.policy)):
            spec[part], inner = prefix_state(part, value)
            arrays |= inner
        return spec, arrays

    @classmethod
    def from_state(
        cls, spec: Mapping[str, Any], arrays: Mapping[str, AnyArray], items: Items
    ) -> RetrievingPolicy:
        """The policy whose ``state()`` was (spec, arrays)."""
        retriever = Retriever.from_state(spec["retriever"], sub_state("retriever", arrays))
        return cls(retriever, policy_from_state(spec["policy"], sub_state("policy", arrays), items))

    @cached_property
    def hash(self) -> str:
        """SHA-256 of the retriever and the ranking policy, its items included."""
        return hash_json([self.kind, self.retriever.hash, self.policy.hash])


def _places_at(places: I64 | None, positions: I32) -> I32:
    """``positions`` among the retrieved candidates as positions among those of the request."""
    if places is None:
        return positions
    outer = np.take_along_axis(places, np.maximum(positions, 0), axis=1)
    return np.where(positions >= 0, outer, EMPTY).astype(np.int32)
