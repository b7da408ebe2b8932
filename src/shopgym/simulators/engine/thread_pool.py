"""Threads that share the work of a step.

A step hands over work three or four times, each time for some hundred microseconds. The threads of a pool
fall asleep in between, and waking one takes as long as a small kernel. These stay awake for a while after
each task. How much of the work each does is up to them: see :mod:`.lanes`.
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
"""How often a thread without a task looks for one before it falls asleep: some tenths of a millisecond."""
CALLER_SPINS = 20_000_000
"""Looks of the caller, whose wait is sure to end, before it naps: some milliseconds."""
GIL_YIELD_SPINS = 60_000
"""Looks by which a thread lets the caller go first, who needs the interpreter's lock as well: a thread that
has to wait for the lock falls asleep."""
CALLER_SLEEP_S = 2e-4
"""Seconds that the caller sleeps before it looks again."""

Work = Callable[[I64, int], object]
"""``work(lanes, worker)`` by one thread, of the lanes it claims; ``worker`` is its number, 0 the caller's."""


class ThreadPool:
    """``count`` threads beside the caller's own, until nobody refers to the crew any longer."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._start()

    def run(self, work: Work, lanes: I64) -> None:
        """``work(lanes, worker)`` by the caller and each thread at once, until all are over.

        Raises:
            BaseException: what one of them raised, when all are over.
        """
        if os.getpid() != self._process:  # threads do not survive a fork
            self._start()
        for number, worker in enumerate(self._workers, 1):
            worker.start(work, lanes, number)
        try:
            work(lanes, 0)
        finally:
            errors = [worker.finish() for worker in self._workers]
        for error in errors:
            if error is not None:
                raise error

    def _start(self) -> None:
        self._process = os.getpid()
        self._workers = [_Worker() for _ in range(self._count)]
        for worker in self._workers:
            threading.Thread(target=worker.live, daemon=True).start()
        weakref.finalize(self, _stop, self._workers)


class _Worker:
    """One thread. ``called`` counts its tasks, ``done`` those that are over, each in its own cache line."""

    def __init__(self) -> None:
        self._called, self._done = np.zeros(16, np.int64), np.zeros(16, np.int64)
        self._asleep = False
        self._wake: SimpleQueue[None] = SimpleQueue()
        self._task: tuple[Work, I64, int] | None = None
        self._error: BaseException | None = None

    def start(self, work: Work, lanes: I64, number: int) -> None:
        self._task = work, lanes, number
        self.call()

    def finish(self) -> BaseException | None:
        """Wait for the end; what went wrong."""
        while not _reached(self._done, self._called[0], CALLER_SPINS):
            time.sleep(CALLER_SLEEP_S)
        self._task, error, self._error = None, self._error, None
        return error

    def call(self) -> None:
        """There is a task; none means that this was the last."""
        self._called[0] += 1
        if self._asleep:
            self._wake.put(None)

    def live(self) -> None:
        """What the thread does."""
        count = 0
        while True:
            count += 1
            # without the interpreter's lock, which the caller needs as soon as the task before is over
            while not _wait(self._done, self._called, count, SPINS_BEFORE_PARK):
                self._asleep = True
                # who called before this line is seen here, and who does so after it puts something there;
                # what is put there in vain wakes the thread once too often, and it looks again
                if self._called[0] < count:
                    self._wake.get()
                self._asleep = False
            if self._task is None:
                return
            try:
                work, lanes, number = self._task
                work(lanes, number)
            except BaseException as error:
                self._error = error
            del work  # or what it refers to would live on until the next task


def _stop(hands: list[_Worker]) -> None:
    for worker in hands:
        worker.call()


@extending.intrinsic
def _now(typing: Any, array: Any) -> Any:
    """The first number of an array as it is in memory now, which another thread may have changed."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        view = context.make_array(signature.args[0])(context, builder, arguments[0])
        return builder.load_atomic(view.data, "acquire", 8)

    return types.int64(array), generate


@extending.intrinsic
def _say(typing: Any, array: Any, number: Any) -> Any:
    """Write the first number of an array, after whatever has been written before."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        view = context.make_array(signature.args[0])(context, builder, arguments[0])
        builder.store_atomic(arguments[1], view.data, "release", 8)
        return context.get_dummy_value()

    return types.void(array, types.int64), generate


@kernel
def _reached(counter: I64, count: int, looks: int) -> bool:
    """Whether it is ``count`` before so many looks are over."""
    while looks > 0 and _now(counter) < count:
        looks -= 1
    return looks > 0


@kernel
def _wait(done: I64, called: I64, count: int, looks: int) -> bool:
    """Say that all tasks before ``count`` are done, and look for the next."""
    _say(done, count - 1)
    heard = _reached(called, count, looks)
    if heard:
        for _ in range(GIL_YIELD_SPINS):
            _now(called)
    return heard
