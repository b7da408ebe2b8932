"""From the server's append log to a decision log: decisions joined with the rewards that came later."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ...core.batches import EMPTY
from ...core.errors import InvalidInput
from ...core.hashing import canonical_json
from ...core.types import F64, I32, AnyArray
from ..policy import SlatePolicy
from .append_log import scan
from .journal import FILE
from .log import DecisionLog
from .schema import VERSION

Records = list[dict[str, Any]]


def compact(folder: Path | str, policy: SlatePolicy | None = None) -> DecisionLog:
    """The decision log of everything in a server's log folder; a server may be writing there.

    Decisions whose reward has not arrived have ``rewarded`` False. Candidate lists are padded to the
    longest. An event is kept when every reward under the same bundle has it.

    Args:
        folder: the server's ``log_dir``.
        policy: the policy that decided; when given, slot marginals are added.

    Raises:
        InvalidInput: no log or no decision there, damage before the log's end, a newer version, or
            ``policy`` is not the one that decided.
    """
    path = Path(folder) / FILE
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
                raise InvalidInput(
                    "log", str(path), f"the decision at byte {offset} stands before any header"
                )
            parts.setdefault(canonical_json(header), (header, []))[1].append(record)
    if not parts:
        raise InvalidInput("log", str(path), "it holds no decision yet")
    log = DecisionLog.concat([_part(header, records, rewards) for header, records in parts.values()])
    log.check()
    return log if policy is None else log.with_marginals(policy)


def _part(header: Mapping[str, Any], records: Records, rewards: Mapping[int, dict[str, Any]]) -> DecisionLog:
    n, k = len(records), header["slate_size"]
    u, c = len(header["user_names"]), len(header["context_names"])
    found = [rewards.get(record["request_id"]) for record in records]
    rewarded = np.array([reward is not None for reward in found])
    there = [reward for reward in found if reward is not None]
    names = [
        name for name in (there[0]["events"] if there else ()) if all(name in r["events"] for r in there)
    ]

    def column(name: str, dtype: str, width: int | None = None) -> Any:
        values = np.array([record[name] for record in records], dtype=dtype)
        return values if width is None else values.reshape(n, width)

    def joined(values: Iterable[Any]) -> F64:
        out = np.full((n, k), np.nan)
        if there:
            out[rewarded] = list(values)
        return out

    candidates = _padded([record["candidates"] for record in records], EMPTY).astype(np.int32)
    positions: I32 = column("positions", "int32", k)
    history = None
    if any("history" in record for record in records):
        history = _padded([record.get("history", []) for record in records], EMPTY).astype(np.int32)
    live_names = [
        name for name in records[0].get("live", ()) if all(name in r.get("live", ()) for r in records)
    ]
    rows = np.take_along_axis(candidates, np.maximum(positions, 0), axis=1)
    return DecisionLog(
        request_id=column("request_id", "uint64"),
        user_id=column("user_id", "int64"),
        time=column("time", "float64"),
        user=column("user", "float32", u),
        context=column("context", "float32", c),
        candidates=candidates,
        in_stock=_padded([record["in_stock"] for record in records], 0).astype(bool),
        positions=positions,
        slates=np.where(positions >= 0, rows, EMPTY).astype(np.int32),
        propensities=column("propensities", "float64", k),
        rewarded=rewarded,
        reward=joined(reward["reward"] for reward in there),
        unit=header["unit"],
        policy_hash=header["policy_hash"],
        policy_name=header["policy_name"],
        config_hash=header["config_hash"],
        items_hash=header["items_hash"],
        user_names=tuple(header["user_names"]),
        context_names=tuple(header["context_names"]),
        history=history,
        live={
            name: _padded([record["live"][name] for record in records], 0, "float32") for name in live_names
        },
        events={name: joined(reward["events"][name] for reward in there) for name in names},
        source="server",
    )


def _padded(lists: list[list[Any]], fill: int, dtype: str = "int64") -> AnyArray:
    out = np.full((len(lists), max(map(len, lists))), fill, dtype=dtype)
    for row, values in enumerate(lists):
        out[row, : len(values)] = values
    return out
