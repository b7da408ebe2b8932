"""Threads that share the work of a step.

A step gives work to the threads three or four times, each time for some hundred microseconds. To wake a
thread that sleeps takes as long as a small kernel. So on quiet cores the threads spin for a while after each
task before they park.

On cores that other processes use, spinning is the worst that a thread can do: it uses up its share of the
core, and then the system stops it in the middle of a task, for milliseconds, while the caller waits. A thread
that was stopped parks at once after its next tasks (:data:`TASKS_WITHOUT_SPIN`). And nobody waits for a
thread that has not begun: the caller does all parts that are left (see :mod:`.work_queue`) and takes the task
back.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

import numpy as np
from numba import types

from ...core.types import I64
from .jit import kernel
from .numba_api import extending

try:
    from resource import RUSAGE_THREAD, getrusage
except ImportError:  # this system does not count them for a thread

    def _stops() -> int:
        return 0

else:

    def _stops() -> int:
        """How often the system stopped this thread in favour of another one."""
        return getrusage(RUSAGE_THREAD).ru_nivcsw


SPINS_BEFORE_PARK = 3_000_000
"""Times that a thread without a task looks for one before it parks: some milliseconds, longer than what one
thread alone does in a step."""
CALLER_SPINS = 500_000
"""Times that the caller looks whether a worker is done before it parks."""
SPINS_OF_A_STOPPED = 2_000
"""As the two above, while a thread is being stopped: about as long as parking takes."""
TASKS_WITHOUT_SPIN = 16
"""Tasks for which a thread does not spin after the system stopped it."""
GIL_YIELD_SPINS = 60_000
"""Times that a worker spins after it found a task, so that the caller takes the interpreter's lock first: a
thread that has to wait for the lock is put to sleep by the system."""

Work = Callable[[I64, int], object]
"""``work(queue, worker)`` runs on one thread and claims its parts from the queue; worker 0 is the caller."""


class ThreadPool:
    """``count`` threads besides the caller's. They end when the pool is garbage-collected."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._start()

    def run(self, work: Work, queue: I64) -> None:
        """Run ``work(queue, worker)`` on the caller and on the threads that are free, until all return.

        The caller's own run must leave nothing to do: a thread that has not begun by then does not run.

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
    """One thread.

    ``called`` counts its tasks, ``begun`` those that it began or that were taken back, and ``done`` says
    which was the last that it did; each has its own cache line.
    """

    def __init__(self) -> None:
        self._called, self._begun, self._done = (np.zeros(16, np.int64) for _ in range(3))
        self._parked = self._caller_parked = False
        self._wake: SimpleQueue[None] = SimpleQueue()
        self._over: SimpleQueue[None] = SimpleQueue()
        self._task: tuple[Work, I64, int] | None = None
        self._error: BaseException | None = None
        self._stops, self._no_spin = 0, 0

    def start(self, work: Work, queue: I64, number: int) -> None:
        self._task = work, queue, number
        self.call()

    def finish(self) -> BaseException | None:
        """Take the task back, or wait until it is over; returns the exception that it raised, if any."""
        count = self._called[0]
        if not _begin(self._begun, count):
            while not _reached(self._done, count, self._spins(CALLER_SPINS)):
                self._caller_parked = True
                # As in ``loop``: the flag and the counter are looked at under the interpreter's lock, or the
                # worker looks at the flag again before it parks.
                if self._done[0] < count:
                    self._over.get()
                self._caller_parked = False
        self._task, error, self._error = None, self._error, None
        return error

    def call(self) -> None:
        """Announce a task; no task tells the thread to end."""
        self._called[0] += 1
        if self._parked:
            self._parked = False
            self._wake.put(None)

    def loop(self) -> None:
        """The body of the thread."""
        done = 0
        self._stops = _stops()
        while True:
            # look for a task without the interpreter's lock: the caller needs it as soon as this one is over
            yield_spins = 0 if self._no_spin else GIL_YIELD_SPINS
            count = _next_task(
                self._done, done, self._called, self._begun, self._spins(SPINS_BEFORE_PARK), yield_spins
            )
            while not count:
                if self._caller_parked:
                    self._caller_parked = False
                    self._over.put(None)
                self._parked = True
                # A call before this line is seen here; a call after it wakes the thread. A call in between
                # does both: then the thread wakes once too often and looks again.
                if self._called[0] == self._begun[0]:
                    self._wake.get()
                self._parked = False
                count = _next_task(
                    self._done, done, self._called, self._begun, SPINS_OF_A_STOPPED, GIL_YIELD_SPINS
                )
            if self._task is None:
                return
            try:
                work, queue, number = self._task
                work(queue, number)
            except BaseException as error:
                self._error = error
            del work  # do not keep its closure alive until the next task
            done = count
            self._notice_stops()

    def _spins(self, most: int) -> int:
        return min(most, SPINS_OF_A_STOPPED) if self._no_spin else most

    def _notice_stops(self) -> None:
        """Spin no more for a while if the system stopped this thread since its last task."""
        before, self._stops = self._stops, _stops()
        self._no_spin = TASKS_WITHOUT_SPIN if self._stops != before else max(0, self._no_spin - 1)


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


@extending.intrinsic
def _swap(typing: Any, array: Any, expected: Any, number: Any) -> Any:
    """Replace the first number of an array if it is the expected one; whether it was."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        view = context.make_array(signature.args[0])(context, builder, arguments[0])
        swapped = builder.cmpxchg(view.data, arguments[1], arguments[2], "acq_rel", "acquire")
        return builder.extract_value(swapped, 1)

    return types.boolean(array, types.int64, types.int64), generate


@kernel
def _begin(begun: I64, count: int) -> bool:
    """Begin the task ``count``, or take it back; False if the other thread did so before."""
    return _swap(begun, count - 1, count)


@kernel
def _reached(counter: I64, count: int, spins: int) -> bool:
    """Whether the counter reaches ``count`` within ``spins`` looks."""
    while spins > 0 and _load(counter) < count:
        spins -= 1
    return spins > 0


@kernel
def _next_task(done: I64, last: int, called: I64, begun: I64, spins: int, yield_spins: int) -> int:
    """Announce that the task ``last`` is done, and begin the next; 0 if none comes within ``spins`` looks."""
    _store(done, last)
    while spins > 0:
        count = _load(called)
        if _load(begun) < count and _swap(begun, count - 1, count):
            for _ in range(yield_spins):
                _load(called)
            return count
        spins -= 1
    return 0
