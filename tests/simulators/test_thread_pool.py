"""Threads that share the work of a step: everything is done, once, whatever happens."""

from __future__ import annotations

import gc
import multiprocessing
import threading
import time
import weakref

import numpy as np
import pytest

from shopgym.core.types import I64
from shopgym.simulators.engine.thread_pool import ThreadPool
from shopgym.simulators.engine.work_queue import claim, work_queue

N = 40


def square(pool: ThreadPool, step: int = 3) -> list[int]:
    found = np.zeros(N, np.int64)

    def work(lanes: I64, _: int) -> None:
        low, high = claim(lanes)
        while low < high:
            found[low:high] += np.arange(low, high) ** 2  # twice would show
            low, high = claim(lanes)

    pool.run(work, work_queue(N, step))
    return found.tolist()


SQUARES = [i * i for i in range(N)]


def test_lanes_are_taken_in_order_until_none_is_left() -> None:
    lanes = work_queue(7, 3)
    assert [claim(lanes) for _ in range(3)] == [(0, 3), (3, 6), (6, 7)]
    for _ in range(3):
        low, high = claim(lanes)
        assert not low < high
    assert claim(work_queue(7)) == (0, 7)


@pytest.mark.parametrize("step", [1, 3, N, 2 * N])
def test_all_lanes_are_done_once_again_and_again(step: int) -> None:
    pool = ThreadPool(2)
    for _ in range(100):
        assert square(pool, step) == SQUARES


def test_threads_that_have_fallen_asleep_wake_up() -> None:
    pool = ThreadPool(2)
    for _ in range(5):
        time.sleep(0.02)
        assert square(pool) == SQUARES


def test_every_hand_is_called_once_and_the_caller_waits_for_the_slowest() -> None:
    pool, over = ThreadPool(2), []

    def work(_: I64, worker: int) -> None:
        time.sleep(0.05 * worker)
        over.append(worker)

    pool.run(work, work_queue(N))
    assert over == [0, 1, 2]


def test_who_is_slow_takes_fewer() -> None:
    pool, taken = ThreadPool(1), [0, 0]

    def work(lanes: I64, worker: int) -> None:
        low, high = claim(lanes)
        while low < high:
            taken[worker] += 1
            time.sleep(0.2 if worker else 0.01)
            low, high = claim(lanes)

    pool.run(work, work_queue(N, 1))
    assert sum(taken) == N
    assert taken[1] < taken[0]


@pytest.mark.parametrize("failing", [0, 1, 2])
def test_an_error_comes_out_when_all_are_over_and_the_crew_goes_on(failing: int) -> None:
    pool, over = ThreadPool(2), []

    def work(_: I64, worker: int) -> None:
        if worker == failing:
            raise KeyError(worker)
        time.sleep(0.02)
        over.append(worker)

    with pytest.raises(KeyError, match=str(failing)):
        pool.run(work, work_queue(N))
    assert sorted([*over, failing]) == [0, 1, 2]
    assert square(pool) == SQUARES


def test_threads_end_with_the_crew() -> None:
    before = set(threading.enumerate())
    pool = ThreadPool(3)
    hired = set(threading.enumerate()) - before
    assert len(hired) == 3
    del pool
    gc.collect()
    for thread in hired:
        thread.join(timeout=10)
    assert not any(thread.is_alive() for thread in hired)


def test_what_the_work_refers_to_is_let_go() -> None:
    class Held:
        def __call__(self, lanes: I64, worker: int) -> None:
            pass

    pool, work = ThreadPool(2), Held()
    kept = weakref.ref(work)
    pool.run(work, work_queue(N))
    del work
    deadline = time.monotonic() + 10
    while kept() is not None and time.monotonic() < deadline:
        gc.collect()
    assert kept() is None


def test_a_forked_process_has_threads_of_its_own() -> None:
    pool = ThreadPool(2)
    assert square(pool) == SQUARES
    fork = multiprocessing.get_context("fork")
    queue = fork.SimpleQueue()
    child = fork.Process(target=lambda: queue.put(square(pool)))
    child.start()
    child.join(timeout=60)
    assert child.exitcode == 0
    assert queue.get() == SQUARES
