"""Golden cases: requests with the decisions that a bundle must make on them before it may serve.

They catch what hashes cannot: another version of numpy or shopgym, or another processor, that computes other
numbers from the same files.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ...core.batches import Requests
from ...core.errors import InvalidInput
from ...core.items import Items
from ...core.types import I32
from ..policy import SlatePolicy
from .request_schema import RankReader
from .request_seeded import decide_seeded, decision_key

FEWEST, MOST = 20, 100
TOLERANCE = 1e-9
"""Largest difference of a propensity."""


def make_cases(
    policy: SlatePolicy, reader: RankReader, requests: Requests, retrieved: bool = False
) -> list[dict[str, Any]]:
    """JSON-able cases from the first of ``requests``, at least 20, as the server would read them.

    With ``retrieved`` every second one names no candidates, only which of them are out of stock.
    """
    if len(requests) < FEWEST:
        raise InvalidInput("golden_requests", len(requests), f"give at least {FEWEST} requests")
    cases = []
    for i in range(min(len(requests), MOST)):
        body = request_body(policy.items, requests.take(slice(i, i + 1)))
        if (retrieved and i % 2 == 1) or not body["candidates"]:
            stock = zip(body.pop("candidates"), body.pop("in_stock"), strict=True)
            body["out_of_stock"] = [item for item, available in stock if not available]
            body.pop("counters", None)  # they were of these candidates
        if reader.at_zero is not None:
            body.setdefault("counters", {})  # a case must not depend on what the server decided before it
        cases.append(_case(policy, reader, body))
    return cases


def request_body(items: Items, request: Requests) -> dict[str, Any]:
    """The body of ``/rank`` that is read as ``request`` (n = 1), less the padding of its candidates."""
    real = request.candidates[0] >= 0
    body: dict[str, Any] = {
        "request_id": int(request.request_id[0]),
        "user_id": int(request.user_id[0]),
        "user": request.user[0].tolist(),
        "context": request.context[0].tolist(),
        "candidates": _ids(items, request.candidates[0]),
        "in_stock": request.in_stock[0][real].tolist(),
        "time": float(request.time[0]),
    }
    if request.history is not None:
        body["history"] = _ids(items, request.history[0])
    if request.live:
        body["live"] = {name: values[0][real].tolist() for name, values in request.live.items()}
    if request.counters:
        body["counters"] = {
            name: float(values[0]) if values.ndim == 1 else values[0][real].tolist()
            for name, values in request.counters.items()
        }
    return body


def _ids(items: Items, rows: I32) -> list[str]:
    return [str(item) for item in items.item_id[rows[rows >= 0]]]


def _case(policy: SlatePolicy, reader: RankReader, request: Mapping[str, Any]) -> dict[str, Any]:
    requests = reader.read(request).requests
    decided = decide_seeded(policy, requests)
    return {
        "request": dict(request),
        "key": decision_key(policy.hash, request["request_id"]),
        "positions": decided.positions[0].tolist(),
        "items": [str(policy.items.item_id[row]) if row >= 0 else None for row in decided.slates[0]],
        "propensities": decided.propensities[0].tolist(),
    }


def replay_cases(policy: SlatePolicy, reader: RankReader, cases: Sequence[Mapping[str, Any]]) -> None:
    """Decide every case again.

    Raises:
        InvalidInput: a decision differs; names the case, what was decided and what was expected.
    """
    if len(cases) < FEWEST:
        raise InvalidInput("bundle.golden.json", len(cases), f"it needs at least {FEWEST} cases")
    for i, case in enumerate(cases):
        got = _case(policy, reader, case["request"])
        for name in ("key", "positions", "items"):
            if got[name] != case[name]:
                _refuse(i, name, got[name], case[name])
        if len(got["propensities"]) != len(case["propensities"]) or not np.allclose(
            got["propensities"], case["propensities"], rtol=0.0, atol=TOLERANCE
        ):
            _refuse(i, "propensities", got["propensities"], case["propensities"])


def _refuse(case: int, name: str, got: object, expected: object) -> None:
    fix = f"the bundle expects {expected}: serve it with the versions in its manifest, or export it again"
    raise InvalidInput(f"bundle.golden[{case}].{name}", got, fix)
