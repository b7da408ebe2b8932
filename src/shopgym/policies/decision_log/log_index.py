"""Where the decisions of a server's log lie and which rewards joined them; what their columns will need."""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from ...core.errors import InvalidInput
from ...core.files import LOG_FILE
from ...core.hashing import canonical_json
from ...core.types import F64, I64, U64, Bool
from .append_log import read_record, scan
from .schema import READ_VERSIONS, SERVED_COLUMNS, VERSION

NOWHERE = -1
"""The offset of a reward that has not arrived."""
AGREE = ("unit", "items_hash", "user_names", "context_names", "slate_size")
"""Fields of a header that the decisions of one log share."""
JOINED = ("policy_hash", "policy_name", "config_hash")
"""Fields of a header that may differ; the log has them joined by ``+``."""


class LogIndex:
    """The index of a server's log, which stays open for reading; a server may go on writing there.

    Decisions of one header follow one another, in the order in which the headers came first.

    Args:
        folder: the server's ``log_dir``.

    Raises:
        InvalidInput: no log or no decision there, damage before the log's end, a newer version, an id that
            was decided twice, or headers that do not go together.

    Attributes:
        time: (n,) days, of each decision.
        rewarded: (n,) whether the reward has arrived.
        widths: the lengths of lists by the letters of :mod:`.schema`; of m and h the longest.
        optional: names of the optional columns that some decision has.
        live, counters, events: names that all decisions, and all rewards, have.
        shared: fields of the :class:`.log.DecisionLog` that are one for the whole log.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / LOG_FILE
        if not self._path.is_file():
            fix = "there is no such file: give the server's log folder"
            raise InvalidInput("log", str(self._path), fix)
        self.optional: set[str] = set()
        live: list[str] | None = None
        counters: list[str] | None = None
        events: list[str] | None = None
        self._headers: dict[str, dict[str, Any]] = {}
        self._longest = {"m": 0, "h": 0}
        offsets, groups, times = array("q"), array("i"), array("d")
        ids, rewarded_ids, reward_offsets = array("Q"), array("Q"), array("q")
        header: dict[str, Any] | None = None
        group = 0
        for offset, _, record in scan(self._path):
            kind = record["kind"]
            if kind == "header":
                header = self._checked(record)
                group = -1
            elif kind == "reward":
                rewarded_ids.append(record["request_id"])
                reward_offsets.append(offset)
                events = _common(events, record["events"])
            elif kind == "decision":
                if header is None:
                    fix = f"the decision at byte {offset} stands before any header"
                    raise InvalidInput("log", str(self._path), fix)
                if group < 0:
                    group = self._group(header)
                offsets.append(offset)
                groups.append(group)
                times.append(record["time"])
                ids.append(record["request_id"])
                self._measure(record)
                live = _common(live, record.get("live", {}))
                counters = _common(counters, record.get("counters", {}))
        if not offsets:
            raise InvalidInput("log", str(self._path), "it holds no decision yet")
        self.live, self.counters, self.events = live or [], counters or [], events or []
        order = np.argsort(np.asarray(groups), kind="stable")
        self._offset: I64 = np.asarray(offsets, np.int64)[order]
        self.time: F64 = np.asarray(times)[order]
        self._reward = _join(np.asarray(ids, np.uint64)[order], rewarded_ids, reward_offsets)
        self.rewarded: Bool = self._reward != NOWHERE
        self.shared = self._shared()
        first = next(iter(self._headers.values()))
        sizes = {"k": first["slate_size"], "u": len(first["user_names"]), "c": len(first["context_names"])}
        self.widths: Mapping[str, int] = sizes | self._longest
        self._file = self._path.open("rb")

    def __len__(self) -> int:
        return len(self._offset)

    def decision(self, row: int) -> dict[str, Any]:
        """The record of a decision."""
        return read_record(self._file.fileno(), self._path, int(self._offset[row]))

    def reward(self, row: int) -> dict[str, Any]:
        """The record of the reward of a decision that is ``rewarded``."""
        return read_record(self._file.fileno(), self._path, int(self._reward[row]))

    def __enter__(self) -> LogIndex:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def _checked(self, header: dict[str, Any]) -> dict[str, Any]:
        if header["version"] not in READ_VERSIONS:
            fix = f"this shopgym reads versions up to {VERSION}"
            raise InvalidInput("log.version", header["version"], fix)
        return header

    def _group(self, header: dict[str, Any]) -> int:
        """The number of a header that a decision follows."""
        text = canonical_json(header)
        self._headers.setdefault(text, header)
        return list(self._headers).index(text)

    def _measure(self, decision: Mapping[str, Any]) -> None:
        for column in SERVED_COLUMNS:
            if column.optional and column.name in decision:
                self.optional.add(column.name)
            if column.width in self._longest:
                size = len(decision.get(column.name, ()))
                self._longest[column.width] = max(self._longest[column.width], size)

    def _shared(self) -> dict[str, Any]:
        headers = list(self._headers.values())
        for name in AGREE:
            values = [header[name] for header in headers]
            if any(value != values[0] for value in values):
                raise InvalidInput(f"logs.{name}", values, "only logs that agree can be put together")
        first = headers[0]
        joined = {name: "+".join(dict.fromkeys(header[name] for header in headers)) for name in JOINED}
        names = {name: tuple(first[name]) for name in ("user_names", "context_names")}
        return {"unit": first["unit"], "items_hash": first["items_hash"], **names, **joined}


def _common(names: list[str] | None, record: Mapping[str, Any]) -> list[str]:
    """The names that the records so far and this one have."""
    return list(record) if names is None else [name for name in names if name in record]


def _join(ids: U64, rewarded_ids: array[int], reward_offsets: array[int]) -> I64:
    """(n,) the offset of the last reward of each decision; ``NOWHERE`` without one."""
    order = np.argsort(ids, kind="stable")
    in_order = ids[order]
    repeated = np.flatnonzero(in_order[1:] == in_order[:-1])
    if len(repeated):
        raise InvalidInput("log.request_id", int(in_order[repeated[0]]), "it was decided twice")
    joined = np.full(len(ids), NOWHERE, np.int64)
    rewarded = np.asarray(rewarded_ids, np.uint64)
    place = np.minimum(np.searchsorted(in_order, rewarded), len(ids) - 1)
    fits = in_order[place] == rewarded
    joined[order[place[fits]]] = np.asarray(reward_offsets, np.int64)[fits]  # the last one stays
    return joined
