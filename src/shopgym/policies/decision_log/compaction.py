"""From the server's log to a decision log: decisions joined with the rewards that arrived later.

The log is read twice. The first time only :class:`.log_index.LogIndex` stays, some 40 bytes a decision; the
second time the decisions become columns, a few thousand at a time. So a log of any length is compacted in
bounded memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ...core.batches import EMPTY
from ...core.errors import in_range
from ...core.types import F64, I64, AnyArray, Bool
from ..policy import SlatePolicy
from .log import DecisionLog
from .log_index import LogIndex
from .schema import CANDIDATE_COUNTER, COUNTER, LIVE, SERVED_COLUMNS, Column

ROWS = 4_096
"""Decisions that are records in memory at a time, at most."""
CELLS = 400_000
"""Candidates and items of histories that are in memory at a time, at least those of one decision."""

Records = list[dict[str, Any]]


@dataclass(frozen=True)
class Compacted:
    """What :func:`compact_to` wrote.

    Attributes:
        decisions: number of them.
        rewarded: those whose reward had arrived.
        closed: those that got a reward of 0 because none had arrived in time.
        unit: of the reward.
    """

    decisions: int
    rewarded: int
    closed: int
    unit: str

    @property
    def waiting(self) -> int:
        """Decisions without a reward."""
        return self.decisions - self.rewarded - self.closed


def compact(
    folder: Path | str, policy: SlatePolicy | None = None, *, close_after: float | None = None
) -> DecisionLog:
    """The decision log of everything in a server's log folder, in memory; a server may be writing there.

    Decisions without a reward so far have ``rewarded`` False. Candidate lists are padded to the longest. An
    event is kept if every reward has it. :func:`compact_to` writes the same without holding it.

    Args:
        folder: the server's ``log_dir``.
        policy: the policy that decided; when given, slot marginals are added.
        close_after: days after which a decision without a reward had no outcome: it gets reward 0, and 0 of
            every event, if it was made so long before the last decision of the log. Give it where rewards are
            sent only when something happens. None: it goes on waiting.

    Raises:
        InvalidInput: no log or no decision there, damage before the log's end, a newer version, headers that
            do not go together, a negative ``close_after``, or ``policy`` is not the one that decided.
    """
    with LogIndex(Path(folder)) as index:
        return DecisionLog.concat(list(_parts(index, policy, _closed(index, close_after))))


def compact_to(
    out: Path | str,
    folder: Path | str,
    policy: SlatePolicy | None = None,
    *,
    close_after: float | None = None,
) -> Compacted:
    """Write the log of :func:`compact` to ``out``, see :meth:`.log.DecisionLog.write`, in bounded memory."""
    from .parquet import write_parts  # loads pyarrow

    with LogIndex(Path(folder)) as index:
        closed = _closed(index, close_after)
        write_parts(_parts(index, policy, closed), Path(out), len(index))
        return Compacted(len(index), int(index.rewarded.sum()), int(closed.sum()), index.shared["unit"])


def _closed(index: LogIndex, close_after: float | None) -> Bool:
    """(n,) decisions without a reward that are so old that none will come."""
    if close_after is None:
        return np.zeros(len(index), np.bool_)
    in_range("close_after", close_after, 0.0, 1e9)
    closed: Bool = ~index.rewarded & (index.time <= index.time.max() - close_after)
    return closed


def _parts(index: LogIndex, policy: SlatePolicy | None, closed: Bool) -> Iterator[DecisionLog]:
    """The log, some rows at a time; all parts have the same columns of the same widths."""
    step = min(ROWS, max(1, CELLS // max(1, index.widths["m"] + index.widths["h"])))
    for low in range(0, len(index), step):
        rows = np.arange(low, min(low + step, len(index)))
        part = _part(index, rows, closed[rows])
        part.check()
        yield part if policy is None else part.with_marginals(policy)


def _part(index: LogIndex, rows: I64, closed: Bool) -> DecisionLog:
    records = [index.decision(row) for row in rows]
    rewarded = index.rewarded[rows]
    arrived = [index.reward(row) for row in rows[rewarded]]

    def outcome(values: Sequence[Any]) -> F64:
        out = np.full((len(rows), index.widths["k"]), np.nan)
        out[closed] = 0.0
        if arrived:
            out[rewarded] = values
        return out

    columns: dict[str, Any] = {
        column.name: _column(column, records, index.widths)
        for column in SERVED_COLUMNS
        if not column.optional or column.name in index.optional
    }
    positions, candidates = columns["positions"], columns["candidates"]
    shown = np.take_along_axis(candidates, np.maximum(positions, 0), axis=1)
    return DecisionLog(
        **columns,
        slates=np.where(positions >= 0, shown, EMPTY).astype(np.int32),
        rewarded=rewarded | closed,
        reward=outcome([reward["reward"] for reward in arrived]),
        live={
            name: _padded([record["live"][name] for record in records], LIVE, index.widths["m"])
            for name in index.live
        },
        counters={name: _counter(name, records, index.widths["m"]) for name in index.counters},
        events={name: outcome([reward["events"][name] for reward in arrived]) for name in index.events},
        source="server",
        **index.shared,
    )


def _column(column: Column, records: Records, widths: Mapping[str, int]) -> AnyArray:
    """A column of all records; an optional one is empty where a record lacks it."""
    if column.width in ("m", "h"):
        lists = [
            record.get(column.name, []) if column.optional else record[column.name] for record in records
        ]
        return _padded(lists, column, widths[column.width])
    out = np.array([record[column.name] for record in records], dtype=column.dtype)
    return out.reshape(len(records), widths[column.width]) if column.width else out


def _counter(name: str, records: Records, width: int) -> AnyArray:
    """A counter of all records: one number of each request, or one of each candidate."""
    values = [record["counters"][name] for record in records]
    if isinstance(values[0], list):
        return _padded(values, CANDIDATE_COUNTER, width)
    return np.array(values, COUNTER.dtype)


def _padded(lists: Sequence[Sequence[Any]], column: Column, width: int) -> AnyArray:
    """(n, width) lists of different lengths, padded as ``column`` says."""
    out = np.full((len(lists), width), column.fill, dtype=column.dtype)
    for row, values in enumerate(lists):
        out[row, : len(values)] = values
    return out
