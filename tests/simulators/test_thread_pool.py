"""The thread pool: all work is done exactly once, errors come out, threads end with the pool.

No test depends on how long anything takes: threads wait for one another with barriers and events, whose
time limit only ends a test that would otherwise hang.
"""

from __future__ import annotations

import gc
import multiprocessing
import threading
import time
import weakref
from typing import Any

import numpy as np
import pytest

from shopgym.core.types import I64
from shopgym.simulators.engine import thread_pool
from shopgym.simulators.engine.thread_pool import ThreadPool
from shopgym.simulators.engine.work_queue import claim, work_queue

N = 40
LIMIT = 60
"""Seconds after which a wait that should end at once is a failure."""


def square(pool: ThreadPool, step: int = 3) -> list[int]:
    out = np.zeros(N, np.int64)

    def work(queue: I64, _: int) -> None:
        low, high = claim(queue)
        while low < high:
            out[low:high] += np.arange(low, high) ** 2  # done twice, it would show
            low, high = claim(queue)

    pool.run(work, work_queue(N, step))
    return out.tolist()


SQUARES = [i * i for i in range(N)]


def test_rows_are_claimed_in_order_until_none_is_left() -> None:
    queue = work_queue(7, 3)
    assert [claim(queue) for _ in range(3)] == [(0, 3), (3, 6), (6, 7)]
    for _ in range(3):
        low, high = claim(queue)
        assert not low < high
    assert claim(work_queue(7)) == (0, 7)


@pytest.mark.parametrize("step", [1, 3, N, 2 * N])
def test_every_row_is_done_once_in_every_run(step: int) -> None:
    pool = ThreadPool(2)
    for _ in range(100):
        assert square(pool, step) == SQUARES


def test_parked_threads_wake_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thread_pool, "SPINS_BEFORE_PARK", 1)
    pool = ThreadPool(2)
    for _ in range(5):
        deadline = time.monotonic() + LIMIT
        while not all(worker._parked for worker in pool._workers) and time.monotonic() < deadline:
            time.sleep(0)
        assert all(worker._parked for worker in pool._workers)
        assert square(pool) == SQUARES


def test_all_workers_run_at_once_and_the_caller_waits_for_the_last() -> None:
    pool, together, caller_done, order = ThreadPool(2), threading.Barrier(3), threading.Event(), []

    def work(_: I64, worker: int) -> None:
        together.wait(LIMIT)  # passes only if all three are here at the same time
        if worker == 0:
            order.append(worker)
            caller_done.set()
        else:
            assert caller_done.wait(LIMIT)  # ends after the caller's own part
            order.append(worker)

    pool.run(work, work_queue(N))
    assert order[0] == 0
    assert sorted(order) == [0, 1, 2]


def test_a_worker_that_is_stuck_claims_no_more_rows() -> None:
    """Worker 1 holds one row until the caller has done all others."""
    pool, started, others_done, claimed = ThreadPool(1), threading.Event(), threading.Event(), [0, 0]

    def work(queue: I64, worker: int) -> None:
        if worker == 0:
            assert started.wait(LIMIT)
        low, high = claim(queue)
        while low < high:
            claimed[worker] += 1
            if worker == 1:
                started.set()
                assert others_done.wait(LIMIT)
            low, high = claim(queue)
        if worker == 0:
            others_done.set()

    pool.run(work, work_queue(N, 1))
    assert claimed == [N - 1, 1]


def test_nobody_waits_for_a_thread_that_has_not_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    """Worker 1 sleeps on: the caller does all rows and takes the task back. Worker 2 takes part."""
    monkeypatch.setattr(thread_pool, "SPINS_BEFORE_PARK", 1)
    monkeypatch.setattr(thread_pool, "SPINS_OF_A_STOPPED", 1)
    pool = ThreadPool(2)
    sleeper = pool._workers[0]
    deadline = time.monotonic() + LIMIT
    while not sleeper._parked and time.monotonic() < deadline:
        time.sleep(0)
    wake = sleeper._wake.put
    with monkeypatch.context() as patch:
        patch.setattr(sleeper, "_wake", Deaf(sleeper._wake))
        for _ in range(20):
            assert square(pool) == SQUARES
    wake(None)  # it wakes too late for all of them, and in time for the next
    together = threading.Barrier(3)
    pool.run(lambda queue, worker: together.wait(LIMIT), work_queue(N))
    assert square(pool) == SQUARES


class Deaf:
    """A queue that loses what is put into it."""

    def __init__(self, queue: Any) -> None:
        self.get = queue.get

    def put(self, item: object) -> None:
        pass


def test_threads_that_park_at_once_miss_no_task(monkeypatch: pytest.MonkeyPatch) -> None:
    """Caller and workers park as soon as they can: no signal may get lost in between."""
    for name in ("SPINS_BEFORE_PARK", "CALLER_SPINS", "SPINS_OF_A_STOPPED", "GIL_YIELD_SPINS"):
        monkeypatch.setattr(thread_pool, name, 1)
    pool, done = ThreadPool(3), np.zeros(N, np.int64)

    def work(queue: I64, worker: int) -> None:
        low, high = claim(queue)
        while low < high:
            done[low:high] += 1
            low, high = claim(queue)

    for _ in range(3000):
        pool.run(work, work_queue(N, 1))
    assert (done == 3000).all()


def test_a_thread_that_the_system_stops_spins_no_more_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    worker = thread_pool._Worker()
    stops = iter([3, 3, 4, *[4] * thread_pool.TASKS_WITHOUT_SPIN])
    monkeypatch.setattr(thread_pool, "_stops", lambda: next(stops))
    few = thread_pool.SPINS_OF_A_STOPPED
    assert worker._spins(10 * few) == 10 * few
    worker._notice_stops()
    assert worker._spins(10 * few) == few
    worker._notice_stops()
    worker._notice_stops()
    for _ in range(thread_pool.TASKS_WITHOUT_SPIN):
        assert worker._spins(10 * few) == few
        worker._notice_stops()
    assert worker._spins(10 * few) == 10 * few


@pytest.mark.parametrize("failing", [0, 1, 2])
def test_an_error_is_raised_after_all_workers_are_done_and_the_pool_goes_on(failing: int) -> None:
    pool, together, raised, done = ThreadPool(2), threading.Barrier(3), threading.Event(), []

    def work(_: I64, worker: int) -> None:
        together.wait(LIMIT)
        if worker == failing:
            raised.set()
            raise KeyError(worker)
        assert raised.wait(LIMIT)
        done.append(worker)

    with pytest.raises(KeyError, match=str(failing)):
        pool.run(work, work_queue(N))
    assert sorted([*done, failing]) == [0, 1, 2]
    assert square(pool) == SQUARES


def test_threads_end_with_the_pool() -> None:
    others = set(threading.enumerate())
    pool = ThreadPool(3)
    threads = set(threading.enumerate()) - others
    assert len(threads) == 3
    del pool
    gc.collect()
    for thread in threads:
        thread.join(LIMIT)
    assert not any(thread.is_alive() for thread in threads)


def test_the_pool_keeps_no_reference_to_work_that_is_done() -> None:
    class Work:
        def __call__(self, queue: I64, worker: int) -> None:
            pass

    released = threading.Event()
    pool, work = ThreadPool(2), Work()
    weakref.finalize(work, released.set)
    pool.run(work, work_queue(N))
    del work
    assert released.wait(LIMIT)


def test_a_forked_process_starts_its_own_threads() -> None:
    pool = ThreadPool(2)
    assert square(pool) == SQUARES
    fork = multiprocessing.get_context("fork")
    queue = fork.SimpleQueue()
    child = fork.Process(target=lambda: queue.put(square(pool)))
    child.start()
    child.join(timeout=LIMIT)
    assert child.exitcode == 0
    assert queue.get() == SQUARES
