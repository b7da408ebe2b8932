"""Threads that share the work of a step: everything is done, once, whatever happens."""

from __future__ import annotations

import gc
import multiprocessing
import threading
import time
import weakref

import numpy as np
import pytest

from shopgym.simulators.crew import Crew

PARTS = [(0, 3), (3, 5), (5, 9)]


def square(crew: Crew) -> list[int]:
    found = np.zeros(9, np.int64)

    def work(low: int, high: int) -> None:
        found[low:high] = np.arange(low, high) ** 2

    crew.run(work, PARTS)
    return found.tolist()


SQUARES = [i * i for i in range(9)]


def test_all_parts_are_done_again_and_again() -> None:
    crew = Crew(2)
    for _ in range(300):
        assert square(crew) == SQUARES


def test_threads_that_have_fallen_asleep_wake_up() -> None:
    crew = Crew(2)
    for _ in range(5):
        time.sleep(0.02)
        assert square(crew) == SQUARES


def test_the_caller_waits_for_the_slowest() -> None:
    crew, over = Crew(2), []

    def work(low: int, high: int) -> None:
        time.sleep(0.05 * low)
        over.append(low)

    crew.run(work, PARTS)
    assert over == [0, 3, 5]


@pytest.mark.parametrize("part", [0, 3, 5])
def test_an_error_comes_out_when_all_parts_are_over_and_the_crew_goes_on(part: int) -> None:
    crew, over = Crew(2), []

    def work(low: int, high: int) -> None:
        if low == part:
            raise KeyError(low)
        time.sleep(0.02)
        over.append(low)

    with pytest.raises(KeyError, match=str(part)):
        crew.run(work, PARTS)
    assert sorted([*over, part]) == [0, 3, 5]
    assert square(crew) == SQUARES


def test_threads_end_with_the_crew() -> None:
    before = set(threading.enumerate())
    crew = Crew(3)
    hired = set(threading.enumerate()) - before
    assert len(hired) == 3
    del crew
    gc.collect()
    for thread in hired:
        thread.join(timeout=10)
    assert not any(thread.is_alive() for thread in hired)


def test_what_the_work_refers_to_is_let_go() -> None:
    class Held:
        def __call__(self, low: int, high: int) -> None:
            pass

    crew, work = Crew(2), Held()
    kept = weakref.ref(work)
    crew.run(work, PARTS)
    del work
    deadline = time.monotonic() + 10
    while kept() is not None and time.monotonic() < deadline:
        gc.collect()
    assert kept() is None


def test_a_forked_process_has_threads_of_its_own() -> None:
    crew = Crew(2)
    assert square(crew) == SQUARES
    fork = multiprocessing.get_context("fork")
    queue = fork.SimpleQueue()
    child = fork.Process(target=lambda: queue.put(square(crew)))
    child.start()
    child.join(timeout=60)
    assert child.exitcode == 0
    assert queue.get() == SQUARES
