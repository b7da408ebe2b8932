"""How much a sweep or a study is before it is run: cells, time, disk."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ..config import ExperimentConfig
from ..duration import Duration, expected_duration, time_in_words
from ..kinds import KINDS
from .plan import Plan
from .points import counted

TIMED_POINTS = 4
"""Points that are timed in miniature; the others are taken to take as long as these do on average."""
BYTES_PER_AGENT, BYTES_PER_DECISION = 1_500, 450
"""Of a cell's result file for each agent; of a log that is kept, measured on the shipped shop."""


@dataclass(frozen=True)
class Cost:
    """What a study in cells is expected to take.

    Attributes:
        cells: units of work.
        points, seeds: that they are made of; a study is one point.
        seconds: in all, with the workers that were asked for; None where nothing was timed.
        timed: points that were timed.
        bytes: on disk.
    """

    cells: int
    points: int
    seeds: int
    seconds: float | None
    timed: int
    bytes: int

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)

    @property
    def sentence(self) -> str:
        """For the terminal."""
        size = f"{self.cells:,} cells ({counted(self.points, 'point')}, {counted(self.seeds, 'seed')} each)"
        disk = f"{max(self.bytes / 1e6, 0.1):,.1f} MB on disk"
        if self.seconds is None:
            return f"{size}, {disk}; how long is not timed"
        time = time_in_words(self.seconds)
        return f"{size}, about {time} ({self.timed} of the points were timed in miniature), {disk}"


def expected_cost(checked: Any, workers: int = 1) -> Cost:
    """The cost of a plan or of a study.

    Args:
        checked: a :class:`.plan.Plan`, or the config of a study.
        workers: cells under way at a time; more than this machine has cores count as its cores.
    """
    if not isinstance(checked, Plan):
        cells = len(KINDS[checked.kind].cells_of(checked, ""))
        return Cost(cells, 1, getattr(checked, "seeds", 1), None, 0, cells * BYTES_PER_AGENT)
    configs = [point.config for point in checked.points]
    if not isinstance(configs[0], ExperimentConfig):
        each = [expected_cost(config) for config in configs]
        cells, size = sum(cost.cells for cost in each), sum(cost.bytes for cost in each)
        return Cost(cells, len(configs), checked.seeds, None, 0, size)
    picked = np.unique(np.linspace(0, len(configs) - 1, TIMED_POINTS).round().astype(int))
    durations: list[Duration] = [expected_duration(configs[at]) for at in picked]
    cells = len(configs) * checked.seeds
    at_once = min(workers, os.cpu_count() or 1)
    seconds = float(np.mean([duration.seconds for duration in durations])) * cells / at_once
    agents = sum(len(config.agents) for config in configs) * checked.seeds
    size = agents * BYTES_PER_AGENT
    if checked.options.sweep.keep_runs:
        size += sum(config.log.decisions for config in configs) * checked.seeds * BYTES_PER_DECISION
    return Cost(cells, len(configs), checked.seeds, seconds, len(picked), size)
