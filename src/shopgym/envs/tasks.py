"""Named tasks: made by their id, with the returns that tell how good an agent is.

A task fixes the shop, the population, the reward, the horizon, the slate and the candidates. So a return is
comparable wherever it was measured.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from .._tasks import TASKS, NamedTask
from ..core.errors import InvalidInput, is_number, one_of
from .single import BanditEnv, SeasonEnv, SessionEnv, ShopEnv, ShopperEnv
from .vector import BanditVectorEnv, SeasonVectorEnv, SessionVectorEnv, ShopperVectorEnv, ShopVectorEnv

REFERENCES = Path(__file__).with_name("task_references.json")
SINGLE: Mapping[str, type[ShopEnv]] = {
    "Bandit": BanditEnv,
    "Session": SessionEnv,
    "Shopper": ShopperEnv,
    "Season": SeasonEnv,
}
VECTOR: Mapping[str, type[ShopVectorEnv]] = {
    "Bandit": BanditVectorEnv,
    "Session": SessionVectorEnv,
    "Shopper": ShopperVectorEnv,
    "Season": SeasonVectorEnv,
}
FREE = ("form", "identity", "render_mode", "autoreset_mode", "threads")
"""What a caller may choose: none of it changes what a page earns."""


@dataclass(frozen=True)
class MeasuredReturn:
    """A mean return with its interval.

    Attributes:
        mean: over seeds, in the task's unit per episode.
        low, high: 95% interval by Student's t over seeds, each with its own training and its own visitors.
        seeds: how many.
        name: of the policy or agent.
        pages: that it was shown while it learnt; 0 = it does not learn.
    """

    mean: float
    low: float
    high: float
    seeds: int
    name: str
    pages: int = 0


@dataclass(frozen=True)
class TaskReference:
    """The published returns of a task.

    Attributes:
        random: uniformly drawn pages (and discounts).
        popularity: best sellers first, by the history of orders that every agent knows.
        agents: the agents that were tried, best first.
        myopic: the best page of each visit by its exact expectation, in the hidden state of the shop.
        oracle: see ``NamedTask.oracle``.
    """

    random: MeasuredReturn
    popularity: MeasuredReturn
    agents: tuple[MeasuredReturn, ...]
    myopic: MeasuredReturn
    oracle: MeasuredReturn

    @property
    def best_agent(self) -> MeasuredReturn:
        """The agent with the highest mean."""
        return self.agents[0]

    @property
    def is_open(self) -> bool:
        """Whether no agent is known that beats popularity beyond the intervals."""
        return self.best_agent.low <= self.popularity.high


def sheet(task_id: str) -> NamedTask:
    """The data sheet of a task.

    Raises:
        InvalidInput: there is no such task.
    """
    one_of("task", task_id, TASKS)
    return TASKS[task_id]


def reference(task_id: str) -> TaskReference:
    """The reference returns of a task, as ``benchmarks/bench_tasks.py`` measured them.

    Raises:
        InvalidInput: there is no such task.
    """
    one_of("task", task_id, TASKS)
    row = _measured()[task_id]
    named = {name: MeasuredReturn(**row[name]) for name in ("random", "popularity", "myopic", "oracle")}
    return TaskReference(agents=tuple(MeasuredReturn(**agent) for agent in row["agents"]), **named)


def normalised_score(task_id: str, value: float) -> float:
    """(value - random) / (oracle - random): 0 is as good as random pages, 1 as good as the oracle.

    Where the oracle is a lower bound of the best return, a score may exceed 1.

    Args:
        value: mean return per episode, in the task's unit; of a season the sum over all its visits.

    Raises:
        InvalidInput: there is no such task, or the value is no finite number.
    """
    if not is_number(value) or not abs(value) < float("inf"):
        raise InvalidInput("value", value, "give a finite mean return")
    returns = reference(task_id)
    return (float(value) - returns.random.mean) / (returns.oracle.mean - returns.random.mean)


def make_single(task_id: str, *, form: str = "slate", **free: Any) -> ShopEnv:
    """The single environment of a task: what ``gymnasium.make`` calls.

    Raises:
        InvalidInput: an argument is fixed by the task.
    """
    task = sheet(task_id)
    return SINGLE[task.family](form=form, **_arguments(task, free))


def make_vector(task_id: str, num_envs: int = 1, *, form: str = "slate", **free: Any) -> ShopVectorEnv:
    """The vector environment of a task: what ``gymnasium.make_vec`` calls. Errors as :func:`make_single`."""
    task = sheet(task_id)
    return VECTOR[task.family](num_envs, form=form, **_arguments(task, free))


def _arguments(task: NamedTask, free: Mapping[str, Any]) -> dict[str, Any]:
    for name, value in free.items():
        if name not in FREE:
            fix = f"{task.id} fixes it: make shopgym/{task.family}-v0 to choose it"
            raise InvalidInput(name, value, fix)
    return {**task.options, **free}


@cache
def _measured() -> dict[str, Any]:
    tasks: dict[str, Any] = json.loads(REFERENCES.read_text(encoding="utf-8"))["tasks"]
    return tasks
