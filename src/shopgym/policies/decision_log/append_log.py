"""A durable file of records: checked lines, appended and synced in groups.

Every record is one line: the length of its JSON in bytes and its CRC-32, both as eight hex digits, then the
JSON itself. :meth:`AppendLog.append` returns when its records are on the disk; none of them is lost after
that. When a write fails, the file is truncated to the last whole record. When a process is killed in the
middle of a write, the next process that opens the file moves the incomplete end to a file beside it.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from ...core.errors import InvalidInput
from ...core.files import fsync_path, make_folder, new_file

HEAD = 18
"""Bytes before the JSON: 8 hex digits of length, a space, 8 of CRC-32, a space."""
LONGEST = 1 << 24
"""Longest record in bytes, so that a damaged length does not claim the whole memory."""
ROOM = 1 << 16
"""Bytes that a trial write needs: more than the record of a page of 1,000 candidates."""


def frame(record: Mapping[str, Any]) -> bytes:
    """One record as a line; NaN and infinity are refused."""
    body = json.dumps(record, separators=(",", ":"), allow_nan=False).encode()
    return b"%08x %08x %s\n" % (len(body), zlib.crc32(body), body)


def scan(path: Path) -> Iterator[tuple[int, int, dict[str, Any]]]:
    """(offset, end, record) of every whole record; an incomplete end is left out.

    Another process may be writing: a line that was read half written is read again.

    Raises:
        InvalidInput: a damaged record is followed by a whole one, so a record that was acknowledged is lost.
            Names the byte.
    """
    end, damaged = 0, -1
    while True:
        with path.open("rb") as file:
            file.seek(end)
            while (body := _body(line := file.readline(HEAD + LONGEST))) is not None:
                yield end, end + len(line), json.loads(body)
                end += len(line)
            if not any(_body(later) is not None for later in file):
                return
        if damaged == end:
            fix = f"damaged at byte {end}, before whole records: restore it from a copy"
            raise InvalidInput("log", str(path), fix)
        damaged = end  # or another process was writing that line: read it again


def read_record(fd: int, path: Path, offset: int) -> dict[str, Any]:
    """The record that begins at ``offset`` of an open file; ``path`` is for the message.

    Raises:
        InvalidInput: no whole record begins there.
    """
    head = os.pread(fd, 8, offset)
    body = _body(os.pread(fd, HEAD + int(head, 16) + 1, offset)) if head else None
    if body is None:
        raise InvalidInput("log", str(path), f"damaged at byte {offset}: restore it from a copy")
    record: dict[str, Any] = json.loads(body)
    return record


def _body(line: bytes) -> bytes | None:
    """The JSON of a line, or None if the line is damaged."""
    body = line[HEAD:-1]
    try:
        length, crc = int(line[:8], 16), int(line[9:17], 16)
    except ValueError:
        return None
    whole = line == b"%08x %08x %s\n" % (length, crc, body)
    return body if whole and len(body) == length and zlib.crc32(body) == crc else None


class AppendLog:
    """Appends records durably to one file; one process at a time may open it.

    Args:
        path: the file; created if it does not exist.
        seen: called with (offset, record) for every record that the file already has.

    Raises:
        InvalidInput: another process has the file open, or it is damaged before its end.

    Attributes:
        torn: bytes of an incomplete end that were moved to ``NAME.torn-OFFSET``.
    """

    def __init__(self, path: Path, seen: Callable[[int, dict[str, Any]], None] | None = None) -> None:
        self.path = path
        make_folder(path.parent)
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o640)
        try:
            self._lock()
            # A process that was killed may have written records that no sync followed. They are read now and
            # answered for from now on, so they must be on the disk, and the file's name with them.
            os.fdatasync(self._fd)
            fsync_path(path.parent)
            self._end = 0
            for offset, self._end, record in scan(path):
                if seen is not None:
                    seen(offset, record)
            self.torn = os.fstat(self._fd).st_size - self._end
            if self.torn:
                with new_file(path.with_name(f"{path.name}.torn-{self._end}")) as aside:
                    aside.write_bytes(os.pread(self._fd, self.torn, self._end))
                self._truncate()
        except BaseException:
            os.close(self._fd)
            raise

    def _lock(self) -> None:
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            fix = "another process writes it: give a folder of its own"
            raise InvalidInput("log", str(self.path), fix) from None

    def append(self, frames: Sequence[bytes]) -> list[int]:
        """Write lines made by :func:`frame` with one sync; returns the offset of each.

        Raises:
            OSError: the disk is full or fails; none of ``frames`` is in the file.
        """
        offsets, end = [], self._end
        for line in frames:
            offsets.append(end)
            end += len(line)
        try:
            self._write(b"".join(frames))
        except OSError:
            # if this fails too, the next append truncates the file, or the next open moves the end
            with contextlib.suppress(OSError):
                self._truncate()
            raise
        self._end = end
        return offsets

    def try_write(self) -> None:
        """Write and sync ``ROOM`` bytes behind the last record, and take them away again.

        Raises:
            OSError: a record could not be appended now, or the last bytes of an earlier one not removed.
        """
        try:
            self._write(b" " * ROOM)
        finally:
            self._truncate()

    def _write(self, data: bytes) -> None:
        status = os.fstat(self._fd)
        if status.st_nlink == 0:
            raise OSError(errno.ESTALE, "the log's file was deleted: start the server again")
        if status.st_size != self._end:
            self._truncate()
        unwritten = memoryview(data)
        while unwritten:
            unwritten = unwritten[os.write(self._fd, unwritten) :]
        os.fdatasync(self._fd)

    def _truncate(self) -> None:
        os.ftruncate(self._fd, self._end)
        os.fdatasync(self._fd)

    def read(self, offset: int) -> dict[str, Any]:
        """The record at ``offset``, as :meth:`append` returned it."""
        return read_record(self._fd, self.path, offset)

    def close(self) -> None:
        """Close the file and release its lock."""
        os.close(self._fd)

    def __enter__(self) -> AppendLog:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
