"""Who runs the cells: this process, other processes of this machine, or the machines of a Ray cluster.

An executor is handed cells and yields their results in the order in which they are ready. It may run a cell
more than once (a worker died), but yields one result of each. Results do not depend on which executor ran
the cells: whatever is random in a cell comes from the cell.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Generator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any, Protocol

from ...core.errors import InvalidInput, in_range, one_of
from .cell import Cell, CellResult, perform, perform_elsewhere

CellResults = Generator[CellResult, None, None]
"""Closed early, it ends what is under way."""
RESTARTS = 3
"""How often a pool is begun anew after one of its processes died, before the run gives up."""


class Executor(Protocol):
    """Runs cells."""

    def run(self, cells: Sequence[Cell]) -> CellResults:
        """The result of each cell, as soon as it is ready."""
        ...


@dataclass(frozen=True)
class Serial:
    """One cell after another, in this process."""

    def run(self, cells: Sequence[Cell]) -> CellResults:
        """As :meth:`Executor.run`."""
        for cell in cells:
            yield perform(cell)


@dataclass(frozen=True)
class Processes:
    """Processes of this machine.

    A process ends when this one does, however that ends: each waits for the end of a pipe whose other side
    this process holds. If a process dies, out of memory for instance, the pool is begun anew and the cells
    that were under way are run again.

    Attributes:
        workers: how many.
    """

    workers: int

    def run(self, cells: Sequence[Cell]) -> CellResults:
        """As :meth:`Executor.run`.

        Raises:
            InvalidInput: processes died again and again.
        """
        waiting = {cell.name: cell for cell in cells}
        for _ in range(RESTARTS):
            try:
                for result in self._once(list(waiting.values())):
                    del waiting[result.cell]
                    yield result
                return
            except BrokenProcessPool:
                continue
        fix = f"a process died {RESTARTS} times while it ran; is there enough memory? Use fewer workers"
        raise InvalidInput("workers", self.workers, fix)

    def _once(self, cells: Sequence[Cell]) -> CellResults:
        # a fresh interpreter each: threads of numerical libraries do not survive a fork
        context = multiprocessing.get_context("spawn")
        watched, held = context.Pipe(duplex=False)
        pool = ProcessPoolExecutor(
            min(self.workers, len(cells)) or 1, context, initializer=_end_with_parent, initargs=(watched,)
        )
        with closing(watched):
            try:
                for future in as_completed([pool.submit(perform_elsewhere, cell) for cell in cells]):
                    yield future.result()
            finally:
                held.close()  # whatever still runs ends now
                pool.shutdown(wait=True, cancel_futures=True)


def _end_with_parent(watched: Connection) -> None:
    """Begin a worker: the keyboard interrupts its parent alone, and it ends when the pipe ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def wait() -> None:
        try:
            watched.recv()
        except EOFError:
            os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


@dataclass(frozen=True)
class RayCluster:
    """The machines of a Ray cluster, or this one if there is none.

    The address is that of ``RAY_ADDRESS``; without it a cluster on this machine is joined, or one is begun
    for the run. The machines need the same version of shopgym. If one is lost, Ray runs its cells again.

    Attributes:
        workers: cells under way at a time.
    """

    workers: int

    def run(self, cells: Sequence[Cell]) -> CellResults:
        """As :meth:`Executor.run`.

        Raises:
            InvalidInput: Ray is not installed.
        """
        try:
            import ray
        except ModuleNotFoundError:
            raise InvalidInput("executor", "ray", "install it: pip install 'shopgym[ray]'") from None
        begun = not ray.is_initialized()
        if begun:
            ray.init(log_to_driver=False, include_dashboard=False, configure_logging=False)
        try:
            remote = ray.remote(num_cpus=1, max_retries=RESTARTS)(perform_elsewhere)
            queue, pending = list(cells), dict[Any, str]()
            while queue or pending:
                while queue and len(pending) < self.workers:
                    cell = queue.pop(0)
                    pending[remote.remote(cell)] = cell.name
                ready, _ = ray.wait(list(pending), num_returns=1)
                del pending[ready[0]]
                result: CellResult = ray.get(ready[0])
                yield result
        finally:
            if begun:
                ray.shutdown()


EXECUTORS = ("serial", "processes", "ray")


def make_executor(name: str | None, workers: int) -> Executor:
    """The executor called ``name``; None: processes for more than one worker.

    Raises:
        InvalidInput: there is no such executor, or it has no use for so many workers.
    """
    in_range("workers", workers, 1, 10_000)
    if name is None:
        name = "serial" if workers == 1 else "processes"
    one_of("executor", name, EXECUTORS)
    if name == "serial":
        if workers > 1:
            raise InvalidInput("workers", workers, "serial is one process: leave it out, or use processes")
        return Serial()
    return Processes(workers) if name == "processes" else RayCluster(workers)
