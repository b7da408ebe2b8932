"""The ranker inside the server: a checked request in, a keyed decision and its log record out.

It needs no server: ``Ranker(load_bundle(path)).rank({...})`` decides in the calling process.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from ...core.batches import Decisions
from ..decision_log.schema import VERSION
from .bundle import Bundle
from .request_schema import MAX_STOCK, RankReader, RankRequest, Refusal
from .request_seeded import decide_keyed

ASK_AGAIN = "ask again with a new request_id"


class Ranker:
    """Decides requests with a bundle's policy and knows what is out of stock.

    Args:
        bundle: from :func:`.bundle.load_bundle`.
        reader: how requests are read; default: the bundle's, retrieving what the ranker holds available.
    """

    def __init__(self, bundle: Bundle, reader: RankReader | None = None) -> None:
        self.bundle = bundle
        self._stocked = np.ones(len(bundle.policy.items), dtype=bool)
        self.reader = bundle.reader_of(self._stocked) if reader is None else reader

    def rank(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Read, decide, answer; nothing is logged.

        Raises:
            InvalidInput: the request cannot be served; names the field, the value and the fix.
        """
        request = self.read(body)
        return self.answer(request, self.decide(request))

    def read(self, body: Mapping[str, Any]) -> RankRequest:
        """The checked request; its ``in_stock`` is what both the caller and the ranker hold available."""
        request = self.reader.read(body)
        known = request.requests
        in_stock = known.in_stock & self._stocked[known.candidates]
        return replace(request, requests=replace(known, in_stock=in_stock))

    def decide(self, request: RankRequest) -> Decisions:
        """The decision: the same request id gives the same random numbers, here and in a replay."""
        return decide_keyed(self.bundle.policy, request.requests)

    def answer(self, request: RankRequest, decisions: Decisions) -> dict[str, Any]:
        """The response.

        Raises:
            Refusal: 503, an item of the slate went out of stock since it was decided.
        """
        items, rows = self.bundle.policy.items, decisions.slates[0]
        shown = [str(items.item_id[row]) if row >= 0 else None for row in rows]
        gone = (rows >= 0) & ~self._stocked[rows]
        if gone.any():
            raise Refusal(503, "stock", shown[int(np.argmax(gone))], f"sold out this moment: {ASK_AGAIN}")
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
        for item, there in body.items():
            self.reader.row("stock", item)
            if not isinstance(there, bool):
                raise Refusal(422, f"stock.{item}", there, "give true or false")
        return dict(body)

    def set_stock(self, stock: Mapping[str, bool]) -> None:
        """What is available from now on; items that the catalogue does not have are passed over."""
        row_of = self.bundle.policy.items.row_of
        for item, there in stock.items():
            if item in row_of:
                self._stocked[row_of[item]] = there

    @property
    def out_of_stock(self) -> int:
        """How many items are not available."""
        return int((~self._stocked).sum())


def header_record(bundle: Bundle) -> dict[str, Any]:
    """What the decisions of one bundle share."""
    return {
        "kind": "header",
        "version": VERSION,
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
    """One line of the server's log."""
    one = request.requests
    past = {} if one.history is None else {"history": one.history[0].tolist()}
    live = {"live": {name: v[0].tolist() for name, v in one.live.items()}} if one.live else {}
    return {
        "kind": "decision",
        "request_id": int(one.request_id[0]),
        "id": request.id,
        "user_id": int(one.user_id[0]),
        "time": float(one.time[0]),
        "user": one.user[0].tolist(),
        "context": one.context[0].tolist(),
        "candidates": one.candidates[0].tolist(),
        "in_stock": one.in_stock[0].astype(np.int8).tolist(),
        **past,
        **live,
        "positions": decisions.positions[0].tolist(),
        "propensities": decisions.propensities[0].tolist(),
    }


def same_decision(record: Mapping[str, Any], earlier: Mapping[str, Any], request: RankRequest) -> bool:
    """Whether a request that came twice was the same both times, and decided alike."""
    clock = () if request.has_time else ("time",)
    return all(record[name] == earlier[name] for name in record if name not in clock)
