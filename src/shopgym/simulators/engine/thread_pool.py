"""Threads that share the work of a step.

A step gives work to the threads three or four times, each time for some hundred microseconds. An ordinary
pool parks its threads in between, and to wake one takes as long as a small kernel. The threads of this pool
spin for a while after each task before they park. They take their parts of the work from a queue:
see :mod:`.work_queue`.
"""

from __future__ import annotations

import os
import threading
import time
import weakref
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

import numpy as np
from numba import types

from ...core.types import I64
from .jit import kernel
from .numba_api import extending

SPINS_BEFORE_PARK = 500_000
"""Times that a thread without a task looks for one before it parks: some tenths of a millisecond."""
CALLER_SPINS = 20_000_000
"""Times that the caller looks whether a worker is done before it sleeps: some milliseconds."""
GIL_YIELD_SPINS = 60_000
"""Times that a worker spins after it got a task, so that the caller takes the interpreter's lock first: a
thread that has to wait for the lock is put to sleep by the system."""
CALLER_SLEEP_S = 2e-4
"""Seconds that the caller sleeps between two looks."""

Work = Callable[[I64, int], object]
"""``work(queue, worker)`` runs on one thread and claims its parts from the queue; worker 0 is the caller."""


class ThreadPool:
    """``count`` threads besides the caller's. They end when the pool is garbage-collected."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._start()

    def run(self, work: Work, queue: I64) -> None:
        """Run ``work(queue, worker)`` on the caller and on every thread; return when all have returned.

        Raises:
            BaseException: what one of them raised, after all have returned.
        """
        if os.getpid() != self._process:  # threads do not survive a fork
            self._start()
        for number, worker in enumerate(self._workers, 1):
            worker.start(work, queue, number)
        try:
            work(queue, 0)
        finally:
            errors = [worker.finish() for worker in self._workers]
        for error in errors:
            if error is not None:
                raise error

    def _start(self) -> None:
        self._process = os.getpid()
        self._workers = [_Worker() for _ in range(self._count)]
        for worker in self._workers:
            threading.Thread(target=worker.loop, daemon=True).start()
        weakref.finalize(self, _stop, self._workers)


class _Worker:
    """One thread. ``called`` counts its tasks, ``done`` those that are over; each has its own cache line."""

    def __init__(self) -> None:
        self._called, self._done = np.zeros(16, np.int64), np.zeros(16, np.int64)
        self._parked = False
        self._wake: SimpleQueue[None] = SimpleQueue()
        self._task: tuple[Work, I64, int] | None = None
        self._error: BaseException | None = None

    def start(self, work: Work, queue: I64, number: int) -> None:
        self._task = work, queue, number
        self.call()

    def finish(self) -> BaseException | None:
        """Wait until the task is over; returns the exception that it raised, if any."""
        while not _reached(self._done, self._called[0], CALLER_SPINS):
            time.sleep(CALLER_SLEEP_S)
        self._task, error, self._error = None, self._error, None
        return error

    def call(self) -> None:
        """Announce a task; no task tells the thread to end."""
        self._called[0] += 1
        if self._parked:
            self._wake.put(None)

    def loop(self) -> None:
        """The body of the thread."""
        count = 0
        while True:
            count += 1
            # spin without the interpreter's lock: the caller needs it as soon as the last task is over
            while not _wait(self._done, self._called, count, SPINS_BEFORE_PARK):
                self._parked = True
                # A call before this line is seen here; a call after it wakes the thread. A call in between
                # does both: then the thread wakes once too often and looks again.
                if self._called[0] < count:
                    self._wake.get()
                self._parked = False
            if self._task is None:
                return
            try:
                work, queue, number = self._task
                work(queue, number)
            except BaseException as error:
                self._error = error
            del work  # do not keep its closure alive until the next task


def _stop(workers: list[_Worker]) -> None:
    for worker in workers:
        worker.call()


@extending.intrinsic
def _load(typing: Any, array: Any) -> Any:
    """Load the first number of an array from memory: another thread may have changed it."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        view = context.make_array(signature.args[0])(context, builder, arguments[0])
        return builder.load_atomic(view.data, "acquire", 8)

    return types.int64(array), generate


@extending.intrinsic
def _store(typing: Any, array: Any, number: Any) -> Any:
    """Store the first number of an array after all earlier stores."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        view = context.make_array(signature.args[0])(context, builder, arguments[0])
        builder.store_atomic(arguments[1], view.data, "release", 8)
        return context.get_dummy_value()

    return types.void(array, types.int64), generate


@kernel
def _reached(counter: I64, count: int, spins: int) -> bool:
    """Whether the counter reaches ``count`` within ``spins`` looks."""
    while spins > 0 and _load(counter) < count:
        spins -= 1
    return spins > 0


@kernel
def _wait(done: I64, called: I64, count: int, spins: int) -> bool:
    """Announce that all tasks before ``count`` are done, and look for the next."""
    _store(done, count - 1)
    called_again = _reached(called, count, spins)
    if called_again:
        for _ in range(GIL_YIELD_SPINS):
            _load(called)
    return called_again
