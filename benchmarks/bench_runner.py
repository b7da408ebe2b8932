"""What a cell costs beside its work, and what a second process is worth.

    python benchmarks/bench_runner.py [--json]

*Overhead* is what ``shopgym run`` adds to the work of a cell: its config is read and checked, its result is
written and synced, and in a pool both travel between processes. The cells have no work of their own.
*Two processes against one* is wall time of a short leaderboard (the environments of the shipped one, quick
agents, few pages), processes started and modules loaded before the clock. Each library works on one thread.
The machine should have nothing else to do; what it had is in ``load``.
"""

from __future__ import annotations

import os
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

from _measure import one_thread, report, spread

one_thread()

import shopgym  # noqa: E402
from shopgym.core.config import build  # noqa: E402
from shopgym.experiments.cells.cell import Cell, Row  # noqa: E402
from shopgym.experiments.cells.executors import Executor, Processes, Serial  # noqa: E402
from shopgym.experiments.cells.run import run_cells  # noqa: E402
from shopgym.experiments.cells.store import CellStore  # noqa: E402
from shopgym.experiments.config_file import read_config  # noqa: E402
from shopgym.experiments.studies.leaderboard import LeaderboardConfig  # noqa: E402
from shopgym.experiments.studies.leaderboard.cell import leaderboard_cells, leaderboard_rows  # noqa: E402

CELLS, SERIAL_ROUNDS, SPEED_ROUNDS = 100, 3, 3
AGENTS: dict[str, dict[str, Any]] = {
    name: {} for name in ("random", "popularity", "epsilon_greedy", "linucb", "lints", "squarecb")
}
"""That learn in fractions of a second."""


def read_and_say(cell: Cell) -> list[Row]:
    """A cell without work: its config is checked, and it has a row of the usual size."""
    build(LeaderboardConfig, cell.config)
    return [{f"metric_{at}": at / 3 for at in range(12)}]


def warm(cell: Cell) -> list[Row]:
    """The real cell; its first in a process loads and compiles."""
    return leaderboard_rows(cell)


def short_board() -> LeaderboardConfig:
    """The shipped leaderboard with quick agents and two seeds."""
    values = {**read_config(Path("leaderboard")), "agents": AGENTS, "seeds": 2}
    return build(LeaderboardConfig, values)


def cells_of(config: LeaderboardConfig, function: Any, count: int | None = None) -> list[Cell]:
    """The leaderboard's cells with another function, again and again up to ``count``."""
    cells = leaderboard_cells(config, "")
    picked = [cells[at % len(cells)] for at in range(count or len(cells))]
    return [
        Cell(f"{at}_{cell.name}", f"{function.__module__}:{function.__name__}", cell.config, cell.key)
        for at, cell in enumerate(picked)
    ]


def seconds_between(cells: list[Cell], executor: Executor, skip: int) -> tuple[float, int]:
    """(wall seconds, cells) after the first ``skip`` results, by which every process has begun."""
    marks: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        run_cells(cells, CellStore(Path(folder)), executor, lambda _: marks.append(time.perf_counter()))
    return marks[-1] - marks[skip - 1], len(marks) - skip


def overhead(executor: Executor, workers: int) -> float:
    """Seconds a cell without work takes away from one process."""
    seconds, count = seconds_between(cells_of(short_board(), read_and_say, CELLS), executor, 20)
    return seconds * workers / count


def speed(executor: Executor) -> float:
    """Cells of the short leaderboard per second, all environments alike, after the first of each process."""
    config = short_board()
    order = sorted(cells_of(config, warm), key=lambda cell: (cell.key["seed"], str(cell.key["family"])))
    seconds, count = seconds_between([*order, *(_again(cell) for cell in order)], executor, len(order))
    return count / seconds


def _again(cell: Cell) -> Cell:
    return Cell(f"again_{cell.name}", cell.function, cell.config, cell.key)


def main() -> None:
    """Measure in turns and report."""
    load = os.getloadavg()[0]
    costs: dict[str, list[float]] = {"serial": [], "two processes": []}
    rates: dict[str, list[float]] = {"one process": [], "two processes": []}
    for _ in range(SERIAL_ROUNDS):
        costs["serial"].append(overhead(Serial(), 1))
        costs["two processes"].append(overhead(Processes(2), 2))
    for _ in range(SPEED_ROUNDS):
        rates["one process"].append(speed(Processes(1)))
        rates["two processes"].append(speed(Processes(2)))
    figures = {
        f"overhead of a cell, {name}, ms": spread([1e3 * c for c in found]) for name, found in costs.items()
    }
    figures |= {f"cells a second, {name}": spread(found) for name, found in rates.items()}
    figures["load"] = {"median": load, "min": load, "max": load}
    one, two = (figures[f"cells a second, {name}"]["median"] for name in rates)
    versions = {"shopgym": shopgym.__version__, **{name: version(name) for name in ("numpy", "numba")}}
    report("runner", figures, {"two processes / one": two / one}, versions)


if __name__ == "__main__":
    main()
