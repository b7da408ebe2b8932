"""From the server's log to a decision log: decisions joined with the rewards that arrived later."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...core.batches import EMPTY
from ...core.errors import InvalidInput
from ...core.files import LOG_FILE
from ...core.hashing import canonical_json
from ...core.types import F64, AnyArray
from ..policy import SlatePolicy
from .append_log import scan
from .log import DecisionLog
from .schema import LIVE, SERVED_COLUMNS, VERSION, Column

Records = list[dict[str, Any]]


def compact(folder: Path | str, policy: SlatePolicy | None = None) -> DecisionLog:
    """The decision log of everything in a server's log folder; a server may be writing there.

    Decisions without a reward so far have ``rewarded`` False. Candidate lists are padded to the longest. An
    event is kept if every reward under the same bundle has it.

    Args:
        folder: the server's ``log_dir``.
        policy: the policy that decided; when given, slot marginals are added.

    Raises:
        InvalidInput: no log or no decision there, damage before the log's end, a newer version, or
            ``policy`` is not the one that decided.
    """
    path = Path(folder) / LOG_FILE
    if not path.is_file():
        raise InvalidInput("log", str(path), "there is no such file: give the server's log folder")
    header: dict[str, Any] | None = None
    parts: dict[str, tuple[dict[str, Any], Records]] = {}
    rewards: dict[int, dict[str, Any]] = {}
    for offset, _, record in scan(path):
        kind = record["kind"]
        if kind == "header":
            header = record
            if header["version"] != VERSION:
                raise InvalidInput("log.version", header["version"], f"this shopgym reads version {VERSION}")
        elif kind == "reward":
            rewards[record["request_id"]] = record
        elif kind == "decision":
            if header is None:
                fix = f"the decision at byte {offset} stands before any header"
                raise InvalidInput("log", str(path), fix)
            parts.setdefault(canonical_json(header), (header, []))[1].append(record)
    if not parts:
        raise InvalidInput("log", str(path), "it holds no decision yet")
    log = DecisionLog.concat([_part(header, records, rewards) for header, records in parts.values()])
    log.check()
    return log if policy is None else log.with_marginals(policy)


def _part(header: Mapping[str, Any], records: Records, rewards: Mapping[int, dict[str, Any]]) -> DecisionLog:
    """The decisions under one header."""
    n, k = len(records), header["slate_size"]
    sizes = {"k": k, "u": len(header["user_names"]), "c": len(header["context_names"])}
    joined = [rewards.get(record["request_id"]) for record in records]
    rewarded = np.array([reward is not None for reward in joined])
    arrived = [reward for reward in joined if reward is not None]
    events = _common([reward["events"] for reward in arrived])

    def outcome(values: Iterable[Any]) -> F64:
        out = np.full((n, k), np.nan)
        if arrived:
            out[rewarded] = list(values)
        return out

    columns: dict[str, Any] = {column.name: _column(column, records, sizes) for column in SERVED_COLUMNS}
    positions, candidates = columns["positions"], columns["candidates"]
    rows = np.take_along_axis(candidates, np.maximum(positions, 0), axis=1)
    return DecisionLog(
        **columns
        | {
            "slates": np.where(positions >= 0, rows, EMPTY).astype(np.int32),
            "rewarded": rewarded,
            "reward": outcome(reward["reward"] for reward in arrived),
        },
        **{name: header[name] for name in ("unit", "policy_hash", "policy_name", "config_hash")},
        items_hash=header["items_hash"],
        user_names=tuple(header["user_names"]),
        context_names=tuple(header["context_names"]),
        live={
            name: _padded([record["live"][name] for record in records], LIVE)
            for name in _common([record.get("live", {}) for record in records])
        },
        events={name: outcome(reward["events"][name] for reward in arrived) for name in events},
        source="server",
    )


def _common(named: Sequence[Mapping[str, Any]]) -> list[str]:
    """The names that all have."""
    return [name for name in (named[0] if named else ()) if all(name in one for one in named)]


def _column(column: Column, records: Records, sizes: Mapping[str, int]) -> AnyArray | None:
    """A column of all records; None where it is optional and no record has it."""
    name = column.name
    if column.optional:
        if not any(name in record for record in records):
            return None
        return _padded([record.get(name, []) for record in records], column)
    values = [record[name] for record in records]
    if column.width in ("m", "h"):
        return _padded(values, column)
    out = np.array(values, dtype=column.dtype)
    return out.reshape(len(records), sizes[column.width]) if column.width else out


def _padded(lists: Sequence[Sequence[Any]], column: Column) -> AnyArray:
    """(n, longest) lists of different lengths, padded as ``column`` says."""
    out = np.full((len(lists), max(map(len, lists))), column.fill, dtype=column.dtype)
    for row, values in enumerate(lists):
        out[row, : len(values)] = values
    return out
