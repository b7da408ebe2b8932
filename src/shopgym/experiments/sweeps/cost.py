"""How much a sweep or a study is before it is run: cells, time, disk."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ..cells.cell import Cell, perform
from ..config import ExperimentConfig
from ..duration import expected_duration, pages_shown, time_in_words
from ..kinds import KINDS
from .plan import Plan
from .points import counted

MOST_TIMED, ENOUGH_SECONDS = 4, 5.0
"""Points or cells that are timed at most, and seconds after which no further one is."""
BYTES_PER_AGENT, BYTES_PER_DECISION = 1_500, 450
"""Of a cell's result file for each agent; of a log that is kept, measured on the shipped shop."""


@dataclass(frozen=True)
class Cost:
    """What a study in cells is expected to take.

    Attributes:
        cells: units of work.
        points, seeds: that they are made of; a study is one point.
        seconds: in all, with the workers that were asked for.
        timed: what was timed, in words.
        bytes: on disk.
    """

    cells: int
    points: int
    seeds: int
    seconds: float
    timed: str
    bytes: int

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)

    @property
    def sentence(self) -> str:
        """For the terminal."""
        size = f"{self.cells:,} cells ({counted(self.points, 'point')}, {counted(self.seeds, 'seed')} each)"
        disk = f"{max(self.bytes / 1e6, 0.1):,.1f} MB on disk"
        return f"{size}, about {time_in_words(self.seconds)} ({self.timed}), {disk}"


def expected_cost(checked: Any, workers: int = 1) -> Cost:
    """The cost of a plan or of a study, at the load that this machine has now.

    Points of an experiment are timed in miniature, and the others take as long for each page that they show.
    Of studies some cells are run; the others take as long: rough where agents are of very different speed.

    Args:
        checked: a :class:`.plan.Plan`, or the config of a study.
        workers: cells under way at a time; more than this machine has cores count as its cores.
    """
    at_once = min(workers, os.cpu_count() or 1)
    is_plan = isinstance(checked, Plan)
    configs = [point.config for point in checked.points] if is_plan else [checked]
    seeds = checked.seeds if is_plan else getattr(checked, "seeds", 1)
    if isinstance(configs[0], ExperimentConfig):
        seconds, timed = _seconds_of_points(configs)
        agents = sum(len(config.agents) for config in configs) * seeds
        size = agents * BYTES_PER_AGENT
        if checked.options.sweep.keep_runs:
            size += sum(config.log.decisions for config in configs) * seeds * BYTES_PER_DECISION
        return Cost(len(configs) * seeds, len(configs), seeds, seconds * seeds / at_once, timed, size)
    cells = [cell for config in configs for cell in KINDS[config.kind].cells_of(config, "")]
    seconds, timed = _seconds_of_cells(cells)
    return Cost(len(cells), len(configs), seeds, seconds / at_once, timed, len(cells) * BYTES_PER_AGENT)


def _seconds_of_points(configs: Sequence[ExperimentConfig]) -> tuple[float, str]:
    """(Seconds of all points with one seed, what was timed)."""
    begin, seconds, pages, timed = time.perf_counter(), 0.0, 0, 0
    for at in _spread(len(configs)):
        duration = expected_duration(configs[at])
        seconds, pages, timed = seconds + duration.seconds, pages + duration.pages, timed + 1
        if time.perf_counter() - begin > ENOUGH_SECONDS:
            break
    in_all = sum(pages_shown(config) for config in configs)
    return seconds / pages * in_all, f"{timed} of the points timed in miniature"


def _seconds_of_cells(cells: Sequence[Cell]) -> tuple[float, str]:
    """(Seconds of all cells, what was timed)."""
    taken: list[float] = []
    for at in _spread(len(cells)):
        taken.append(perform(cells[at]).seconds)
        if sum(taken) > ENOUGH_SECONDS:
            break
    return float(np.mean(taken)) * len(cells), f"{counted(len(taken), 'cell')} run to time it"


def _spread(count: int) -> list[int]:
    """At most ``MOST_TIMED`` places in [0, count), spread evenly, one in the middle first."""
    places = np.unique(((np.arange(MOST_TIMED) + 0.5) / MOST_TIMED * count).astype(int))
    return sorted(places.tolist(), key=lambda at: abs(at - count / 2))
