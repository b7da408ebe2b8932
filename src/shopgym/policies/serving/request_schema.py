"""The requests that the server accepts: JSON in, a checked request out, refusals that name the fix."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np

from ...core.batches import Requests
from ...core.errors import InvalidInput
from ...core.items import Items
from ...core.types import F32, I32, I64, AnyArray, Bool
from ..decision_log.schema import SERVED_REQUEST_FIELDS
from ..guards import GuardCounters

MAX_BODY = 262_144
"""Bytes of a request."""
MAX_CANDIDATES = 1_000
MAX_HISTORY = 1_000
"""Items that a user opened before the request."""
MAX_STOCK = 10_000
MAX_COUNT = 1e15
"""Of a counter of a guard."""
"""Items in one change of stock."""
MAX_EVENTS = 32
MAX_DEPTH = 8
"""Lists and objects within one another; a request has three."""
MAX_ID = 64
"""Characters of an id or of an event's name."""
FLOAT32_MAX = float(np.finfo(np.float32).max)
SECONDS_A_DAY = 86_400.0

RANK_FIELDS = (*SERVED_REQUEST_FIELDS, "out_of_stock")
REWARD_FIELDS = ("request_id", "rewards", "events")


class Refusal(InvalidInput):
    """Bad input with its HTTP status; any other :class:`InvalidInput` is a 422."""

    def __init__(self, status: int, field: str, value: object, fix: str) -> None:
        super().__init__(field, value, fix)
        self.status = status


@dataclass(frozen=True)
class Feature:
    """A number of the request: a float32 in [low, high]; NaN, null and absence are refused."""

    name: str
    low: float = -FLOAT32_MAX
    high: float = FLOAT32_MAX


def read_json(body: bytes) -> dict[str, Any]:
    """The JSON object in ``body``.

    Raises:
        Refusal: 413 too long; 400 not JSON, not an object, too deeply nested, NaN or infinity, or a name
            given twice.
    """
    if len(body) > MAX_BODY:
        raise Refusal(413, "body", f"{len(body)} bytes", f"send at most {MAX_BODY} bytes")
    try:
        value = json.loads(body, parse_constant=_no_constant, object_pairs_hook=_no_repeats)
    except InvalidInput:
        raise
    except (ValueError, RecursionError) as error:
        raise Refusal(400, "body", str(error), "send one JSON object in UTF-8") from None
    if not isinstance(value, dict):
        raise Refusal(400, "body", type(value).__name__, "send one JSON object")
    if not _is_shallow(value):
        fix = f"send lists and objects at most {MAX_DEPTH} deep"
        raise Refusal(400, "body", "deeply nested lists and objects", fix)
    return value


def _is_shallow(value: Any) -> bool:
    """Whether lists and objects are nested at most ``MAX_DEPTH`` deep; deeper ones cannot even be printed."""
    level = [value]
    for _ in range(MAX_DEPTH):
        parts = [part.values() if isinstance(part, dict) else part for part in level]
        level = [inner for part in parts for inner in part if isinstance(inner, (dict, list))]
    return not level


def _no_constant(text: str) -> NoReturn:
    raise Refusal(400, "body", text, "JSON has no NaN and no infinity: send finite numbers")


def _no_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    out = dict(pairs)
    if len(out) != len(pairs):
        repeated = pairs[first_repeat([name for name, _ in pairs])][0]
        raise Refusal(400, repeated, "given twice", "give each name once")
    return out


def first_repeat(values: Sequence[Any]) -> int:
    """Where a value stands for the second time; in linear time, because the sender chooses how many."""
    seen: set[Any] = set()
    for i, value in enumerate(values):
        if value in seen:
            return i
        seen.add(value)
    raise ValueError("no value repeats")


def uint64_id(value: Any) -> int:
    """The uint64 of a request id: an integer is its own; a string's is the start of its SHA-256."""
    if type(value) is int and 0 <= value < 1 << 64:
        return value
    return int.from_bytes(_digest("request_id", value)[:8], "big")


def int64_id(value: Any) -> int:
    """The int64 of a user id: an integer is its own; a string's is 63 bits of its SHA-256."""
    if type(value) is int and -(1 << 63) <= value < 1 << 63:
        return value
    return int.from_bytes(_digest("user_id", value)[:8], "big") >> 1


def _digest(field: str, value: Any) -> bytes:
    if not isinstance(value, str) or not 1 <= len(value) <= MAX_ID:
        raise Refusal(422, field, value, f"give a string of 1 to {MAX_ID} characters, or a 64-bit integer")
    return hashlib.sha256(value.encode(errors="surrogatepass")).digest()


def check_fields(body: Mapping[str, Any], names: Sequence[str], required: Sequence[str]) -> None:
    """Refuse fields that are not in ``names``, and missing ``required`` ones; null counts as missing."""
    for name in body:
        if name not in names:
            raise Refusal(422, name, body[name], f"unknown field; the fields are {', '.join(names)}")
    for name in required:
        if body.get(name) is None:
            raise Refusal(422, name, None, "the field is missing")


def read_numbers(field: str, value: Any, count: int) -> list[float]:
    """``value`` as ``count`` finite numbers."""
    if not isinstance(value, list) or len(value) != count:
        raise Refusal(422, field, value, f"give a list of {count} numbers")
    return [_number(f"{field}[{i}]", number, -1e300, 1e300) for i, number in enumerate(value)]


def _number(field: str, value: Any, low: float, high: float) -> float:
    # bool is an int to Python; a comparison with NaN is False
    if type(value) not in (int, float) or not low <= value <= high:
        raise Refusal(422, field, value, f"give a finite number in [{low:g}, {high:g}]")
    return float(value)


def read_features(field: str, value: Any, features: Sequence[Feature]) -> list[float]:
    """The features by name (an object) or in order (a list), each in its range."""
    if value is None and not features:
        return []
    names = [feature.name for feature in features]
    if isinstance(value, list):
        if len(value) != len(features):
            raise Refusal(422, field, f"{len(value)} numbers", f"give {len(names)}: {', '.join(names)}")
        numbers = value
    elif isinstance(value, dict):
        for name in value:
            if name not in names:
                raise Refusal(422, f"{field}.{name}", value[name], f"unknown; known are {', '.join(names)}")
        numbers = [value.get(name) for name in names]
    else:
        raise Refusal(422, field, value, "give an object of numbers by feature name, or a list")
    return [
        _number(f"{field}.{feature.name}", number, feature.low, feature.high)
        for feature, number in zip(features, numbers, strict=True)
    ]


@dataclass(frozen=True)
class RankRequest:
    """A checked request: ``id`` as the caller wrote it, a batch of one, and whether it had a time."""

    id: str | int
    requests: Requests
    has_time: bool


@dataclass(frozen=True, eq=False)
class RankReader:
    """Reads rank requests for one catalogue and one list of features.

    Attributes:
        items: the catalogue.
        user, context: the features of a request.
        fallback: (f,) int32 rows, the candidates of a request that names none if ``retrieve`` is None.
        live: the live values of each candidate that a request must have.
        at_zero: the counters of the policy's guards before anything was shown; None = they count nothing.
        clock: seconds since 1970, for requests without a time.
        retrieve: from a request that names no candidates, and the rows that it excludes, to the request with
            candidates.
    """

    items: Items
    user: tuple[Feature, ...]
    context: tuple[Feature, ...]
    fallback: I32
    live: tuple[Feature, ...] = ()
    clock: Callable[[], float] = time.time
    retrieve: Callable[[Requests, I64], Requests] | None = None
    at_zero: GuardCounters | None = None

    def read(self, body: Mapping[str, Any]) -> RankRequest:
        """The request in ``body``.

        Raises:
            Refusal: 422, naming the field, the value and the fix.
        """
        check_fields(body, RANK_FIELDS, ("request_id", "user_id"))
        request_id, user_id = uint64_id(body["request_id"]), int64_id(body["user_id"])
        sent = body.get("time")
        time_days = self.clock() / SECONDS_A_DAY if sent is None else _number("time", sent, -1e9, 1e9)
        user = read_features("user", body.get("user"), self.user)
        context = read_features("context", body.get("context"), self.context)
        rows = self._candidates(body.get("candidates"))
        flags = self._in_stock(body, rows)
        excluded = self._out_of_stock(body)
        requests = Requests(
            request_id=np.array([request_id], dtype=np.uint64),
            user_id=np.array([user_id], dtype=np.int64),
            user=np.array([user], dtype=np.float32),
            context=np.array([context], dtype=np.float32),
            candidates=rows[None, :],
            in_stock=(flags & ~np.isin(rows, excluded))[None, :],
            time=np.array([time_days]),
            history=self._history(body.get("history")),
            live=self._live(body, len(rows)),
            counters=self._counters(body, len(rows)),
        )
        if self.retrieve is not None and body.get("candidates") is None:
            requests = self._retrieved(requests, excluded)
        if self.at_zero is not None and body.get("counters") == {}:
            requests = self.at_zero.fill(requests)
        return RankRequest(body["request_id"], requests, sent is not None)

    def _retrieved(self, requests: Requests, excluded: list[int]) -> Requests:
        """The request with retrieved candidates; one column of padding where none is left."""
        assert self.retrieve is not None
        filled = self.retrieve(requests, np.array(excluded, dtype=np.int64))
        return filled.at(np.arange(max(1, int((filled.candidates >= 0).sum())))[None, :])

    def row(self, field: str, item: Any) -> int:
        """The catalogue row of an item id."""
        row = self.items.row_of.get(item) if isinstance(item, str) else None
        if row is None:
            raise Refusal(422, field, item, "no such item in the bundle's catalogue: give its id as a string")
        return row

    def _candidates(self, value: Any) -> I32:
        if value is None:
            return self.fallback
        if not isinstance(value, list) or not value:
            fix = "give a list of item ids, or leave it out for the shop's own choice"
            raise Refusal(422, "candidates", value, fix)
        if len(value) > MAX_CANDIDATES:
            raise Refusal(422, "candidates", f"{len(value)} items", f"give at most {MAX_CANDIDATES}")
        rows = self._rows("candidates", value)
        if len(set(rows)) != len(rows):
            repeated = first_repeat(rows)
            raise Refusal(422, f"candidates[{repeated}]", value[repeated], "give each candidate once")
        return np.array(rows, dtype=np.int32)

    def _history(self, value: Any) -> I32 | None:
        if value is None:
            return None
        if not isinstance(value, list) or len(value) > MAX_HISTORY:
            fix = f"give a list of at most {MAX_HISTORY} item ids, latest first"
            raise Refusal(422, "history", value, fix)
        return np.array([self._rows("history", value)], dtype=np.int32).reshape(1, -1)

    def _live(self, body: Mapping[str, Any], count: int) -> dict[str, F32]:
        sent, names = body.get("live"), [feature.name for feature in self.live]
        if not names and sent is None:
            return {}
        if not names:
            raise Refusal(422, "live", sent, "the policy looks at no such values: leave it out")
        if not isinstance(sent, dict) or body.get("candidates") is None:
            fix = f"give candidates, and for each of {', '.join(names)} a list with a number per candidate"
            raise Refusal(422, "live", sent, fix)
        for name in sent:
            if name not in names:
                raise Refusal(422, f"live.{name}", sent[name], f"unknown; known are {', '.join(names)}")
        out = {}
        for feature in self.live:
            name, values = f"live.{feature.name}", sent.get(feature.name)
            if not isinstance(values, list) or len(values) != count:
                raise Refusal(422, name, values, f"give {count} numbers, one per candidate")
            checked = [_number(f"{name}[{i}]", v, feature.low, feature.high) for i, v in enumerate(values)]
            out[feature.name] = np.array([checked], dtype=np.float32)
        return out

    def _counters(self, body: Mapping[str, Any], count: int) -> dict[str, AnyArray]:
        """The counters of a request that brings its own: all that the guards read, or {} = all are 0."""
        sent, names = body.get("counters"), () if self.at_zero is None else self.at_zero.names
        if sent is None or (sent == {} and names):
            return {}
        if not names:
            fix = "the policy's guards count nothing: leave it out"
            raise Refusal(422, "counters", sent, fix)
        if not isinstance(sent, dict) or set(sent) != set(names):
            fix = f"give an object with {', '.join(names)}, or leave it out: the server counts itself"
            raise Refusal(422, "counters", sent, fix)
        if body.get("candidates") is None:
            raise Refusal(422, "counters", sent, "they go with candidates: give them, or leave both out")
        out: dict[str, AnyArray] = {}
        for name in names:
            value, field = sent[name], f"counters.{name}"
            if not isinstance(value, list):
                out[name] = np.array([_number(field, value, 0.0, MAX_COUNT)])
                continue
            if len(value) != count:
                raise Refusal(422, field, value, f"give {count} numbers, one per candidate")
            numbers = [_number(f"{field}[{i}]", one, 0.0, MAX_COUNT) for i, one in enumerate(value)]
            out[name] = np.array([numbers], dtype=np.float32)
        return out

    def _rows(self, field: str, ids: list[Any]) -> list[int]:
        row_of = self.items.row_of
        try:
            return [row_of[item] for item in ids]
        except (KeyError, TypeError):  # slower, and names the item that is wrong
            return [self.row(f"{field}[{i}]", item) for i, item in enumerate(ids)]

    def _in_stock(self, body: Mapping[str, Any], rows: I32) -> Bool:
        """(m,) the request's flags ``in_stock``; True where it has none."""
        flags = body.get("in_stock")
        out = np.ones(len(rows), dtype=bool)
        if flags is not None:
            if body.get("candidates") is None:
                fix = "it goes with candidates: give them, or use out_of_stock"
                raise Refusal(422, "in_stock", flags, fix)
            if not isinstance(flags, list) or len(flags) != len(rows):
                raise Refusal(422, "in_stock", flags, f"give {len(rows)} booleans, one per candidate")
            for i, flag in enumerate(flags):
                if not isinstance(flag, bool):
                    raise Refusal(422, f"in_stock[{i}]", flag, "give true or false")
            out &= np.array(flags, dtype=bool)
        return out

    def _out_of_stock(self, body: Mapping[str, Any]) -> list[int]:
        """The rows of the request's ``out_of_stock``."""
        ids = body.get("out_of_stock")
        if ids is None:
            return []
        if not isinstance(ids, list) or len(ids) > MAX_CANDIDATES:
            raise Refusal(422, "out_of_stock", ids, f"give a list of at most {MAX_CANDIDATES} item ids")
        return self._rows("out_of_stock", ids)
