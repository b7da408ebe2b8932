"""How long a run will take: the same run in miniature is timed, stage by stage."""

from __future__ import annotations

import time
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from rich.progress import Progress, TaskID

from ..guardrails.reward.linted_shop import LintSize
from .config import ExperimentConfig
from .episodes import deployed_episodes, logged_episodes
from .robust import DECISIONS, check_robust

ROUNDS, MOST_ROWS = 4, 250
"""Batches of a stage in miniature, and their rows. The first loads and compiles, and is not timed."""
SMALL_LINT = LintSize(pages=256, visits=128, lives=64)


@dataclass(frozen=True)
class Duration:
    """How long a run is expected to take.

    Attributes:
        stages: seconds by stage; ``opening`` is that of the shop at the beginning of each.
        pages: that all agents and the log are shown together; of longer episodes those of training alone,
            because nobody knows yet how long visits will be.
        agents: how many learn.
    """

    stages: dict[str, float]
    pages: int
    agents: int
    counted: str = "pages in all"

    @property
    def seconds(self) -> float:
        """In all."""
        return sum(self.stages.values())

    @property
    def sentence(self) -> str:
        """For the terminal."""
        longest = max(self.stages, key=lambda name: self.stages[name])
        return (
            f"about {time_in_words(self.seconds)}: {self.agents} agents, {self.pages:,} {self.counted}; "
            f"the longest stage is '{longest}' ({time_in_words(self.stages[longest])})"
        )


class Stopwatch(Progress):
    """Bars that nobody sees: they note when each was begun and when it moved."""

    def __init__(self) -> None:
        super().__init__(disable=True)
        self.marks: dict[TaskID, list[tuple[float, float]]] = {}
        self.names: dict[TaskID, str] = {}

    def add_task(
        self,
        description: str,
        start: bool = True,
        total: float | None = 100.0,
        completed: int = 0,
        visible: bool = True,
        **fields: Any,
    ) -> TaskID:
        """Begin a bar."""
        task = super().add_task(description, start, total, completed, visible, **fields)
        self.names[task], self.marks[task] = description, [(time.perf_counter(), 0.0)]
        return task

    def advance(self, task_id: TaskID, advance: float = 1) -> None:
        """Move a bar on."""
        self.marks[task_id].append((time.perf_counter(), self.marks[task_id][-1][1] + advance))

    def update(self, task_id: TaskID, *, completed: float | None = None, **_: object) -> None:
        """Move a bar to a place."""
        if completed is not None:
            self.marks[task_id].append((time.perf_counter(), completed))

    def seconds(self, task: TaskID) -> float:
        """What the bar would take at the pace of its usual step.

        The first step loads and compiles, and a later one may too: of the others the middle one counts.
        """
        marks = self.marks[task]
        steps = list(pairwise(marks[1:] if len(marks) > 2 else marks))
        paces = sorted(
            (end - begin) / (after - before) for (begin, before), (end, after) in steps if after > before
        )
        return paces[(len(paces) - 1) // 2] * marks[-1][1] if paces else 0.0


def expected_duration(config: ExperimentConfig, *, robust: bool = False) -> Duration:
    """Time ``config`` in miniature: ``ROUNDS`` batches of every stage.

    A stage is taken to grow in proportion to its pages, the estimates and resamples to those of the log.

    Args:
        config: of the run.
        robust: whether the run is followed by :func:`.robust.robust_gain`.

    Raises:
        Exception: whatever the run itself would raise.
    """
    from .runner import Experiment

    if robust:
        check_robust(config)
    small = _miniature(config)
    watch = Stopwatch()
    experiment = Experiment(small, watch)
    experiment.lint_size = SMALL_LINT
    experiment.run()
    begin = time.perf_counter()  # now that everything is compiled
    experiment.context.open("duration")
    opening = time.perf_counter() - begin
    pages = _decisions(config)
    growth = {name: pages[name] / count for name, count in _decisions(small).items()}
    growth |= {"evaluate": growth["log"], "estimate": growth["log"]}
    growth["lint"] = LintSize().pages / SMALL_LINT.pages
    stages: dict[str, float] = {}
    for task, name in watch.names.items():
        stages[name] = watch.seconds(task) * growth[name.split()[0]]
    agents = len(config.agents)
    if robust:
        per_page = sum(s for n, s in stages.items() if n.startswith("deploy")) / pages["deploy"]
        stages["robust"] = SHOPS * per_page * min(DECISIONS, config.truth.decisions)
    stages = {"opening": opening * len(stages)} | stages
    what = "pages in all" if config.episode == "page" else "pages of training"
    return Duration(stages, pages_shown(config), agents, what)


def pages_shown(config: ExperimentConfig) -> int:
    """Pages that all agents and the log are shown together; of longer episodes those of training alone."""
    pages, agents = _decisions(config), len(config.agents)
    training = agents * pages["train"] + pages["measure"]
    return training + agents * pages["deploy"] + pages["log"] if config.episode == "page" else training


SHOPS = 11
"""The shop as configured, and both ends of five ranges."""


def _miniature(config: ExperimentConfig) -> ExperimentConfig:
    batch = min(config.training.batch, MOST_ROWS)
    few = ROUNDS * batch
    rounds = {"rounds": ROUNDS, "warm_up": ROUNDS, "batch": batch}
    count, most = "episodes", {"visit": few, "life": batch, "season": ROUNDS}.get(config.episode, few)
    if config.episode == "page":
        count = "decisions"
    changes = {
        "training": config.training.model_copy(update=rounds),
        "log": config.log.model_copy(update={count: min(most, logged_episodes(config))}),
        "truth": config.truth.model_copy(update={count: max(min(most, deployed_episodes(config)), 2)}),
    }
    if config.retrieve is not None:
        changes["retrieve"] = config.retrieve.model_copy(update={"rounds": ROUNDS})
    return config.model_copy(update=changes)


def _decisions(config: ExperimentConfig) -> dict[str, int]:
    """Pages of a stage in whole batches, by the first word of its bar; of log and deployment the episodes."""
    training, batch = config.training, config.training.batch
    retrieve = 0 if config.retrieve is None else config.retrieve.rounds
    of_stages = {
        "measure": training.warm_up * batch,
        "train": training.rounds * batch,
        "deploy": deployed_episodes(config),
        "log": logged_episodes(config),
        "retrieve": max(retrieve, 1) * batch,
    }
    batches = {name: -(-pages // batch) * batch for name, pages in of_stages.items()}
    if config.episode == "season":
        batches |= {name: of_stages[name] for name in ("deploy", "log")}
    return batches


def time_in_words(seconds: float) -> str:
    """``40 s``, ``3 min``, ``2.1 h``."""
    if seconds < 90:
        return f"{max(seconds, 1.0):.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
