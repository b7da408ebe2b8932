"""The server's log of decisions, rewards and stock: each is on the disk before it is answered.

Records that arrive while the disk is busy are written together with one sync (group commit). A thread writes,
so the event loop keeps answering. There is one file per folder, see :mod:`.append_log`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...core.files import LOG_FILE
from .append_log import AppendLog, frame

Record = Mapping[str, Any]
Index = dict[int, "int | asyncio.Future[int]"]
"""From request id to the offset of its record, or to the write in progress."""


@dataclass(frozen=True)
class _Waiting:
    line: bytes
    into: Index | None
    request_id: int
    done: asyncio.Future[int]

    def settle(self, offset: int | None) -> None:
        """Set the record's offset in the index, or remove it if the write failed (None)."""
        if self.into is None:
            return
        if offset is None:
            del self.into[self.request_id]
        else:
            self.into[self.request_id] = offset


class Journal:
    """Decisions and rewards by request id, for use from one event loop.

    Args:
        folder: of the log file; one server at a time.
        header: what all later decisions share, see :func:`shopgym.policies.serving.service.header_record`.

        replay: called with every record that the file already has, in order.

    Raises:
        InvalidInput: another process writes there, or the file is damaged before its end.

    Attributes:
        stock: last availability by item id, kept over restarts.
        torn: bytes of an incomplete end that were moved aside when the file was opened.
    """

    def __init__(self, folder: Path, header: Record, replay: Callable[[Record], None] | None = None) -> None:
        self._replay = replay
        self._decided: Index = {}
        self._rewarded: Index = {}
        self.stock: dict[str, bool] = {}
        self._header: Record = {}
        self._log = AppendLog(folder / LOG_FILE, self._seen)
        self.torn = self._log.torn
        if self._header != header:
            self._log.append([frame(header)])
        self._waiting: list[_Waiting] = []
        self._writing: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="journal")

    def _seen(self, offset: int, record: dict[str, Any]) -> None:
        if self._replay is not None:
            self._replay(record)
        kind = record["kind"]
        if kind == "decision":
            self._decided[record["request_id"]] = offset
        elif kind == "reward":
            self._rewarded[record["request_id"]] = offset
        elif kind == "stock":
            self.stock |= record["stock"]
        elif kind == "header":
            self._header = record

    @property
    def counts(self) -> dict[str, int]:
        """Decisions and rewards in the file, those of earlier runs included."""
        return {"decisions": len(self._decided), "rewards": len(self._rewarded)}

    def decision(self, request_id: int) -> dict[str, Any] | None:
        """The durable decision with that id."""
        offset = self._decided.get(request_id)
        return self._log.read(offset) if isinstance(offset, int) else None

    async def add_decision(self, record: Record) -> Record | None:
        """Make ``record`` durable; or return the record that already has its request id.

        Raises:
            OSError: the disk is full or fails; the record is not in the file.
        """
        return await self._add_once(self._decided, record)

    async def add_reward(self, record: Record) -> Record | None:
        """As :meth:`add_decision`, for the reward of a decision."""
        return await self._add_once(self._rewarded, record)

    async def add_stock(self, stock: Mapping[str, bool]) -> None:
        """Make a change of stock durable."""
        await asyncio.shield(self._submit({"kind": "stock", "stock": dict(stock)}, None))
        self.stock |= stock

    async def try_write(self) -> None:
        """Write as much as a large decision needs, sync it and take it away again.

        Raises:
            OSError: no decision can be written now.
        """
        await asyncio.get_running_loop().run_in_executor(self._thread, self._log.try_write)

    async def _add_once(self, index: Index, record: Record) -> Record | None:
        while (entry := index.get(record["request_id"])) is not None:
            if isinstance(entry, int):
                return self._log.read(entry)
            await asyncio.wait([entry])  # the same id is being written; if that fails, this record is next
        await asyncio.shield(self._submit(record, index))
        return None

    def _submit(self, record: Record, index: Index | None) -> asyncio.Future[int]:
        request_id = record.get("request_id", 0)
        waiting = _Waiting(frame(record), index, request_id, asyncio.get_running_loop().create_future())
        if index is not None:
            index[request_id] = waiting.done
        self._waiting.append(waiting)
        if self._writing is None:
            self._writing = asyncio.create_task(self._write_all())
        return waiting.done

    async def _write_all(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            group, self._waiting = self._waiting, []
            lines = [waiting.line for waiting in group]
            try:
                offsets = await loop.run_in_executor(self._thread, self._log.append, lines)
            except OSError as error:
                for waiting in group:
                    waiting.settle(None)
                    waiting.done.set_exception(error)
            else:
                for waiting, offset in zip(group, offsets, strict=True):
                    waiting.settle(offset)
                    waiting.done.set_result(offset)
        self._writing = None

    async def close(self) -> None:
        """Write the waiting records and close the file."""
        if self._writing is not None:
            await self._writing
        self._thread.shutdown()
        self._log.close()
