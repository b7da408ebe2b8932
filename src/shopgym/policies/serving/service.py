"""Ranking without HTTP: a checked request in, a decision that can be repeated and its log record out.

It needs no server: ``RankingService(load_bundle(path)).rank({...})`` decides in the calling process.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from ...core.batches import Decisions
from ..decision_log.schema import SERVED_REQUEST_FIELDS, items_hash, version_of
from .bundle import Bundle
from .guard_state import GuardState, with_counters_of
from .request_schema import MAX_STOCK, RankReader, RankRequest, Refusal
from .request_seeded import decide_seeded

ASK_AGAIN = "ask again with a new request_id"


class RankingService:
    """Decides requests with a bundle's policy and keeps what is out of stock.

    Args:
        bundle: from :func:`.bundle.load_bundle`.
        reader: how requests are read; default: the bundle's, which retrieves what is in stock here.
    """

    def __init__(self, bundle: Bundle, reader: RankReader | None = None) -> None:
        self.bundle = bundle
        self._stocked = np.ones(len(bundle.policy.items), dtype=bool)
        self.reader = bundle.reader_of(self._stocked) if reader is None else reader
        self.guard_state = GuardState(bundle.policy, items_hash(bundle.policy.items))

    def rank(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Read, decide, count what is shown, answer; nothing is logged.

        Raises:
            InvalidInput: the request cannot be served; names the field, the value and the fix.
        """
        request = self.read(body)
        decisions = self.decide(request)
        self.guard_state.decided(request.requests, decisions)
        return self.answer(request, decisions)

    def read(self, body: Mapping[str, Any]) -> RankRequest:
        """The checked request; an item is in stock if both the caller and this service say so."""
        request = self.reader.read(body)
        batch = request.requests
        in_stock = batch.in_stock & self._stocked[batch.candidates]
        batch = self.guard_state.fill(replace(batch, in_stock=in_stock))
        return replace(request, requests=batch)

    def repeat(self, request: RankRequest, earlier: Mapping[str, Any]) -> RankRequest:
        """The request as it was when its decision, a record of the log, was made: with those counters."""
        return replace(request, requests=with_counters_of(request.requests, earlier))

    def decide(self, request: RankRequest) -> Decisions:
        """The decision: the same request id gives the same random numbers, here and in a replay."""
        return decide_seeded(self.bundle.policy, request.requests)

    def answer(self, request: RankRequest, decisions: Decisions) -> dict[str, Any]:
        """The response.

        Raises:
            Refusal: 503, an item of the slate went out of stock since it was decided.
        """
        items, rows = self.bundle.policy.items, decisions.slates[0]
        shown = [str(items.item_id[row]) if row >= 0 else None for row in rows]
        sold_out = (rows >= 0) & ~self._stocked[rows]
        if sold_out.any():
            raise Refusal(503, "stock", shown[int(np.argmax(sold_out))], f"sold out this moment: {ASK_AGAIN}")
        return {
            "request_id": request.id,
            "items": shown,
            "positions": decisions.positions[0].tolist(),
            "propensities": decisions.propensities[0].tolist(),
            "policy_hash": self.bundle.policy.hash,
        }

    def read_stock(self, body: Mapping[str, Any]) -> dict[str, bool]:
        """A checked change of stock: {item id: whether it is available}."""
        if not 1 <= len(body) <= MAX_STOCK:
            raise Refusal(422, "stock", f"{len(body)} items", f"give 1 to {MAX_STOCK} items")
        for item, available in body.items():
            self.reader.row("stock", item)
            if not isinstance(available, bool):
                raise Refusal(422, f"stock.{item}", available, "give true or false")
        return dict(body)

    def set_stock(self, stock: Mapping[str, bool]) -> None:
        """Set what is available from the next request on; items that the catalogue lacks are ignored."""
        row_of = self.bundle.policy.items.row_of
        for item, available in stock.items():
            if item in row_of:
                self._stocked[row_of[item]] = available

    @property
    def out_of_stock(self) -> int:
        """How many items are not available."""
        return int((~self._stocked).sum())


def header_record(bundle: Bundle) -> dict[str, Any]:
    """What the decisions of one bundle share."""
    return {
        "kind": "header",
        "version": version_of(bundle.reader.at_zero),
        "bundle_hash": bundle.hash,
        "policy_hash": bundle.policy.hash,
        "policy_name": bundle.policy.name,
        "config_hash": bundle.manifest["config_hash"],
        "items_hash": bundle.manifest["items"]["hash"],
        "unit": bundle.manifest["unit"],
        "slate_size": bundle.policy.slate_size,
        "user_names": [feature.name for feature in bundle.user],
        "context_names": [feature.name for feature in bundle.context],
    }


def decision_record(request: RankRequest, decisions: Decisions) -> dict[str, Any]:
    """One line of the server's log: ids as integers, then the fields of the request and the decision."""
    fields = {name: _first(getattr(request.requests, name)) for name in SERVED_REQUEST_FIELDS}
    fields = {name: value for name, value in fields.items() if value is not None and value != {}}
    return {
        "kind": "decision",
        "request_id": fields.pop("request_id"),
        "id": request.id,
        **fields,
        "positions": _first(decisions.positions),
        "propensities": _first(decisions.propensities),
    }


def _first(values: Any) -> Any:
    """The first row of a field of a batch, as JSON; booleans as 0 and 1."""
    if values is None:
        return None
    if isinstance(values, Mapping):
        return {name: _first(named) for name, named in values.items()}
    return (values[0].astype(np.int8) if values.dtype == bool else values[0]).tolist()


def same_decision(record: Mapping[str, Any], earlier: Mapping[str, Any], request: RankRequest) -> bool:
    """Whether a request that arrived twice was the same both times, and got the same decision.

    The time is compared only if the request says it; else it is the server's clock.
    """
    ignored = () if request.has_time else ("time",)
    return all(record[name] == earlier[name] for name in record if name not in ignored)
