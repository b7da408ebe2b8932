"""The policy of a large catalogue: retrieve -> filter -> rank -> guard -> explore.

Retrieval is a function of the request alone, without luck: the m items of highest score among those in
stock. All luck is in the policy that ranks them, so the propensities stay exact.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.random import Generator

from ...core.batches import EMPTY, Decisions, Requests
from ...core.errors import InvalidInput
from ...core.hashing import hash_json
from ...core.items import Items
from ...core.types import F64, I32, I64, AnyArray, Bool
from ..policy import SlatePolicy, policy_from_state
from .model import features_of, history_of
from .retriever import Retriever, StockAwareRetriever
from .topk import topk


@dataclass(frozen=True, eq=False)
class RetrievingPolicy:
    """Hands the m best candidates to a policy (implements :class:`shopgym.core.Policy`).

    A request with at most m candidates keeps them all, so that ``retrieve(retrieve(requests))`` is
    ``retrieve(requests)``: log what :meth:`retrieve` gave, and both the policy's decisions and its
    propensities are those of the request as it came. Of more candidates the m best that are in stock are
    kept, with what is live of them. A request without candidates (shape (n, 0)) is served from the whole
    catalogue, of which ``in_stock`` tells what there is; nothing is live then.

    Attributes:
        retriever: chooses the m best.
        policy: ranks, guards and explores.
        in_stock: (N,) bool, what can be sold now. No part of the policy's state: a server says
            ``replace(policy, in_stock=now)`` when stock changes, and logs the candidates.
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
        asked, places = self._retrieve(requests)
        decided = self.policy.decide(asked, rng)
        return replace(decided, positions=_at(places, decided.positions))

    def slates(self, requests: Requests, rng: Generator) -> I32:
        """(n, k) as :meth:`SlatePolicy.slates`."""
        return self.policy.slates(self.retrieve(requests), rng)

    def propensities(self, requests: Requests, positions: I32) -> F64:
        """(n, k) probability of each slot given the slots before it; 0 for what is not retrieved."""
        asked, places = self._retrieve(requests)
        if places is None:
            return self.policy.propensities(asked, positions)
        found = positions[:, :, None] == places[:, None, :]
        inner = np.where(found.any(axis=2), found.argmax(axis=2), EMPTY).astype(np.int32)
        lost = (positions >= 0) & (inner < 0)
        if lost.any():  # these stand for a candidate that may never be shown
            more = np.arange(asked.num_candidates + 1)
            more[-1] = EMPTY
            asked = asked.at(np.broadcast_to(more, (len(asked), len(more))))
            inner[lost] = asked.num_candidates - 1
        return self.policy.propensities(asked, inner)

    @property
    def has_marginals(self) -> bool:
        """Whether the ranking policy has them."""
        return self.policy.has_marginals

    def marginals(self, requests: Requests) -> F64:
        """(n, k, m) over the candidates of ``requests``, or of :meth:`retrieve` where there were none."""
        asked, places = self._retrieve(requests)
        inner = self.policy.marginals(asked)
        if places is None:
            return inner
        out = np.zeros((*inner.shape[:2], requests.num_candidates))
        row, column = np.nonzero(places >= 0)
        out[row, :, places[row, column]] = inner[row, :, column]
        return out

    def _retrieve(self, requests: Requests) -> tuple[Requests, I64 | None]:
        """The requests with fewer candidates, and (n, m) where these stood; None = where they stand."""
        given = requests.num_candidates
        model, count = self.retriever.model, self.retriever.count
        if 0 < given <= count:
            return requests, None
        if not given:
            return self._shelf.fill(requests), None
        history, features = history_of(model, requests), features_of(model, requests)
        scores = model.scores_at(history, requests.candidates, features)
        places, _ = topk(scores, count, requests.in_stock & (requests.candidates >= 0))
        return requests.at(places), places.astype(np.int64)

    @cached_property
    def _shelf(self) -> StockAwareRetriever:
        if self.in_stock is None:
            raise InvalidInput(
                "policy.in_stock", None, "requests name no candidates: say which items can be sold"
            )
        return StockAwareRetriever(self.retriever, self.in_stock)

    def state(self) -> tuple[Mapping[str, Any], Mapping[str, AnyArray]]:
        """(spec, arrays) from which :meth:`from_state` builds the same policy; items and stock left out."""
        spec: dict[str, Any] = {"kind": self.kind}
        arrays: dict[str, AnyArray] = {}
        for part, held in (("retriever", self.retriever), ("policy", self.policy)):
            spec[part], inner = held.state()
            arrays |= {f"{part}_{name}": values for name, values in inner.items()}
        return spec, arrays

    @classmethod
    def from_state(
        cls, spec: Mapping[str, Any], arrays: Mapping[str, AnyArray], items: Items
    ) -> RetrievingPolicy:
        """The policy whose ``state()`` was (spec, arrays)."""
        parts: dict[str, dict[str, AnyArray]] = {"retriever": {}, "policy": {}}
        for name, values in arrays.items():
            part, _, inner = name.partition("_")
            parts[part][inner] = values
        return cls(
            Retriever.from_state(spec["retriever"], parts["retriever"]),
            policy_from_state(spec["policy"], parts["policy"], items),
        )

    @cached_property
    def hash(self) -> str:
        """SHA-256 of the retriever and the ranking policy, its items included."""
        return hash_json([self.kind, self.retriever.hash, self.policy.hash])


def _at(places: I64 | None, positions: I32) -> I32:
    if places is None:
        return positions
    at = np.take_along_axis(places, np.maximum(positions, 0), axis=1)
    return np.where(positions >= 0, at, EMPTY).astype(np.int32)
