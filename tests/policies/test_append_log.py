"""The append log: no acknowledged record is lost when the process is killed or the disk is full."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import subprocess
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from builders.server_logs import HEADER, decision, reward
from hypothesis import given, settings
from hypothesis import strategies as st

from shopgym.core import InvalidInput
from shopgym.core.files import LOG_FILE
from shopgym.policies.decision_log import append_log
from shopgym.policies.decision_log.append_log import AppendLog, frame, scan
from shopgym.policies.decision_log.journal import Journal


def held(path: Path) -> list[dict[str, Any]]:
    return [record for _, _, record in scan(path)]


def fill(path: Path, count: int) -> list[dict[str, Any]]:
    records = [{"n": i, "text": "x" * i} for i in range(count)]
    with AppendLog(path) as log:
        log.append([frame(record) for record in records])
    return records


@contextmanager
def disk_of(size: int) -> Iterator[None]:
    """No file may grow beyond ``size`` bytes, as if the disk were full: writes are cut short, then fail."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_frame_known_answer() -> None:
    body = b'{"a":1}'
    assert frame({"a": 1}) == b"00000007 " + f"{zlib.crc32(body):08x}".encode() + b" " + body + b"\n"
    assert zlib.crc32(b"123456789") == 0xCBF43926  # the check value of CRC-32
    with pytest.raises(ValueError, match="JSON"):
        frame({"a": float("nan")})


def test_append_read_and_open_again(tmp_path: Path) -> None:
    path = tmp_path / "new" / "a.log"
    seen: list[tuple[int, dict[str, Any]]] = []
    with AppendLog(path, lambda offset, record: seen.append((offset, record))) as log:
        first = log.append([frame({"n": 0}), frame({"n": 1})])
        second = log.append([frame({"n": 2})])
        assert [log.read(offset)["n"] for offset in first + second] == [0, 1, 2]
        assert seen == []
    with AppendLog(path, lambda offset, record: seen.append((offset, record))) as log:
        assert log.torn == 0
        assert seen == [(offset, {"n": n}) for n, offset in enumerate(first + second)]


def test_an_incomplete_end_of_any_length_is_moved_aside(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    records = fill(path, 4)
    whole = path.read_bytes()
    last = whole.rindex(b"\n", 0, -1) + 1
    for size in range(last, len(whole)):
        path.write_bytes(whole[:size])
        with AppendLog(path) as log:
            assert log.torn == size - last
            log.append([frame({"n": "new"})])
        assert held(path) == [*records[:3], {"n": "new"}]
        if size > last:
            aside = tmp_path / f"a.log.torn-{last}"
            assert aside.read_bytes() == whole[last:size]


@settings(max_examples=200, deadline=None)
@given(at=st.integers(0, 10**6), bit=st.integers(0, 7))
def test_a_damaged_record_is_never_read(tmp_path_factory: pytest.TempPathFactory, at: int, bit: int) -> None:
    path = tmp_path_factory.mktemp("log") / "a.log"
    records = fill(path, 6)
    whole = path.read_bytes()
    at %= len(whole)
    damaged = bytearray(whole)
    damaged[at] ^= 1 << bit
    path.write_bytes(damaged)
    try:
        AppendLog(path).close()
    except InvalidInput:
        assert path.read_bytes() == bytes(damaged)
        return
    # taken for a torn end: what is left is a prefix, and what was moved is still there
    left = held(path)
    assert left == records[: len(left)]
    assert len(left) < len(records)
    (aside,) = path.parent.glob("*.torn-*")
    assert path.read_bytes() + aside.read_bytes() == bytes(damaged)


def test_damage_before_whole_records_is_refused_and_named(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    fill(path, 5)
    whole = bytearray(path.read_bytes())
    second = whole.index(b"\n") + 1
    whole[second + 20] ^= 1
    path.write_bytes(whole)
    with pytest.raises(InvalidInput, match=f"damaged at byte {second}, before whole records"):
        AppendLog(path)
    assert path.read_bytes() == bytes(whole)
    with pytest.raises(InvalidInput, match=f"damaged at byte {second}, before whole records"):
        held(path)


def test_two_writers_are_refused(tmp_path: Path) -> None:
    with AppendLog(tmp_path / "a.log"), pytest.raises(InvalidInput, match="another process writes it"):
        AppendLog(tmp_path / "a.log")
    AppendLog(tmp_path / "a.log").close()


def test_a_full_disk_loses_no_acknowledged_record(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    with AppendLog(path) as log:
        log.append([frame({"n": 0})])
        before = path.read_bytes()
        with disk_of(len(before) + 40), pytest.raises(OSError, match="File too large"):
            log.append([frame({"n": 1}), frame({"n": 2, "text": "x" * 100})])
        assert path.read_bytes() == before
        log.append([frame({"n": 3})])
    assert held(path) == [{"n": 0}, {"n": 3}]


def test_a_failed_sync_is_not_acknowledged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.log"
    with AppendLog(path) as log:
        log.append([frame({"n": 0})])

        def broken(fd: int) -> None:
            raise OSError(5, "Input/output error")

        with monkeypatch.context() as patch:
            patch.setattr(os, "fdatasync", broken)
            with pytest.raises(OSError, match="Input/output"):
                log.append([frame({"n": 1})])
        log.append([frame({"n": 2})])
    assert held(path) == [{"n": 0}, {"n": 2}]


def test_an_incomplete_write_is_truncated_later_if_it_could_not_be_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.log"
    with AppendLog(path) as log:
        log.append([frame({"n": 0})])

        def broken(*args: int) -> None:
            raise OSError(5, "Input/output error")

        with monkeypatch.context() as patch:
            patch.setattr(os, "fdatasync", broken)
            patch.setattr(os, "ftruncate", broken)
            with pytest.raises(OSError, match="Input/output"):
                log.append([frame({"n": 1})])
        assert len(held(path)) == 2
        log.append([frame({"n": 2})])
    assert held(path) == [{"n": 0}, {"n": 2}]


def test_what_a_killed_process_wrote_is_synced_before_it_is_answered_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Record, file and every new folder: after the log is open, a power cut loses none of them."""
    path = tmp_path / "new" / "deep" / "a.log"
    synced: list[str] = []
    fsync, fdatasync = os.fsync, os.fdatasync

    def name(fd: int) -> str:
        return os.readlink(f"/proc/self/fd/{fd}")

    monkeypatch.setattr(os, "fsync", lambda fd: (synced.append(name(fd)), fsync(fd)))
    monkeypatch.setattr(os, "fdatasync", lambda fd: (synced.append(name(fd)), fdatasync(fd)))
    AppendLog(path).close()
    assert synced == [str(tmp_path), str(tmp_path / "new"), str(path), str(tmp_path / "new" / "deep")]
    path.write_bytes(frame({"n": 0}))  # as a killed process leaves it: written, not synced
    synced.clear()
    order: list[str] = []
    AppendLog(path, lambda offset, record: order.extend([*synced, "read"])).close()
    assert order == [str(path), str(path.parent), "read"]


def test_a_trial_write_leaves_the_log_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    with AppendLog(path) as log:
        log.append([frame({"n": 0})])
        before = path.read_bytes()
        log.try_write()
        assert path.read_bytes() == before
        with disk_of(len(before) + 100), pytest.raises(OSError, match="File too large"):
            log.try_write()
        assert path.read_bytes() == before
        log.append([frame({"n": 1})])
    assert held(path) == [{"n": 0}, {"n": 1}]


def test_a_log_that_was_deleted_takes_no_record(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    with AppendLog(path) as log:
        log.append([frame({"n": 0})])
        path.unlink()
        with pytest.raises(OSError, match="was deleted"):
            log.append([frame({"n": 1})])
        with pytest.raises(OSError, match="was deleted"):
            log.try_write()


def test_a_reader_that_meets_half_a_record_reads_it_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the reader stands at half a record, the writer ends it and writes another one."""
    path = tmp_path / "a.log"
    lines = [frame({"n": n, "text": "x" * 100_000}) for n in range(3)]
    path.write_bytes(lines[0] + lines[1][:-50_000])
    reader = scan(path)
    assert next(reader)[2]["n"] == 0
    checked = append_log._body

    def late(line: bytes) -> bytes | None:
        if path.stat().st_size < sum(map(len, lines)):
            path.write_bytes(b"".join(lines))
        return checked(line)

    monkeypatch.setattr(append_log, "_body", late)
    assert [record["n"] for _, _, record in reader] == [1, 2]


WRITER = """
import sys
from pathlib import Path
from shopgym.policies.decision_log.append_log import AppendLog, frame
log = AppendLog(Path(sys.argv[1]))
n = int(sys.argv[2])
while True:
    group = range(n, n + 1 + n % 5)
    log.append([frame({"n": i, "text": "x" * 200}) for i in group])
    n = group.stop
    print(n, flush=True)
"""


def test_kill_9_loses_no_acknowledged_record(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    acknowledged = 0
    for _ in range(3):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path), str(acknowledged)], stdout=subprocess.PIPE, text=True
        )
        assert writer.stdout is not None
        for _ in range(40):
            writer.stdout.readline()
        os.kill(writer.pid, signal.SIGKILL)
        rest = writer.stdout.read()
        writer.wait()
        lines = [int(line) for line in rest.split("\n")[:-1]]
        numbers = [record["n"] for record in held(path)]
        assert numbers == list(range(len(numbers)))
        acknowledged = max([acknowledged, *lines])
        assert len(numbers) >= max(acknowledged, 40)
        acknowledged = len(numbers)
    with AppendLog(path):
        assert len(held(path)) == acknowledged


def test_journal_writes_waiting_records_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    groups: list[int] = []
    append = AppendLog.append

    def counted(self: AppendLog, frames: list[bytes]) -> list[int]:
        groups.append(len(frames))
        return append(self, frames)

    monkeypatch.setattr(AppendLog, "append", counted)

    async def run() -> None:
        journal = Journal(tmp_path, HEADER)
        assert await asyncio.gather(*(journal.add_decision(decision(i)) for i in range(50))) == [None] * 50
        assert journal.decision(49) == decision(49)
        assert journal.decision(50) is None
        await journal.close()

    asyncio.run(run())
    assert sum(groups) == 51
    assert len(groups) <= 4  # the header, the first, and those that came while it was written
    assert len(held(tmp_path / LOG_FILE)) == 51


def test_journal_writes_an_id_once(tmp_path: Path) -> None:
    async def run() -> None:
        journal = Journal(tmp_path, HEADER)
        answers = await asyncio.gather(*(journal.add_decision(decision(1, m=m)) for m in (3, 4, 5)))
        assert answers == [None, decision(1, m=3), decision(1, m=3)]
        assert await journal.add_reward(reward(1, 2.0)) is None
        assert await journal.add_reward(reward(1, 9.0)) == reward(1, 2.0)
        assert journal.counts == {"decisions": 1, "rewards": 1}
        await journal.close()
        again = Journal(tmp_path, HEADER)
        assert await again.add_decision(decision(1, m=5)) == decision(1, m=3)
        assert await again.add_reward(reward(1, 9.0)) == reward(1, 2.0)
        await again.close()

    asyncio.run(run())
    assert [record["kind"] for record in held(tmp_path / LOG_FILE)] == ["header", "decision", "reward"]


def test_journal_after_a_full_disk(tmp_path: Path) -> None:
    async def run() -> None:
        journal = Journal(tmp_path, HEADER)
        size = (tmp_path / LOG_FILE).stat().st_size
        with disk_of(size + 50):
            results = await asyncio.gather(
                *(journal.add_decision(decision(i)) for i in (1, 1, 2)), return_exceptions=True
            )
            with pytest.raises(OSError, match="File too large"):
                await journal.try_write()
        assert all(isinstance(result, OSError) for result in results)
        assert (tmp_path / LOG_FILE).stat().st_size == size
        assert await journal.add_decision(decision(1)) is None
        await journal.try_write()
        await journal.close()

    asyncio.run(run())
    assert held(tmp_path / LOG_FILE) == [HEADER, decision(1)]


def test_journal_keeps_stock_over_restarts(tmp_path: Path) -> None:
    async def run() -> None:
        journal = Journal(tmp_path, HEADER)
        await journal.add_stock({"a": False, "b": False})
        await journal.add_stock({"b": True})
        await journal.close()
        again = Journal(tmp_path, HEADER)
        assert again.stock == {"a": False, "b": True}
        await again.close()

    asyncio.run(run())
