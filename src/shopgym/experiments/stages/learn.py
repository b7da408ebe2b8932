"""Agents learn, and hand out frozen policies."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import pandas as pd
from numpy.random import Generator

from ...agents import Task
from ...core.batches import Interactions
from ...core.errors import InvalidInput
from ...core.protocols import Agent, Policy
from ...envs.page_env import PageEnv
from ...guardrails.monitor import RewardMonitor
from ...policies.guards import Interventions
from ...policies.policy import SlatePolicy
from ...training.booked_reward import BookedRewards
from ...training.loop import check_rollout, learn, train
from ..entries import AgentEntry
from ..watched_progress import WatchedProgress
from .context import RunContext
from .watch import monitor_of


class Timed:
    """An agent and the CPU-seconds it takes to learn, in ``learn`` or in making its policy."""

    def __init__(self, agent: Agent) -> None:
        self.agent, self.seconds = agent, 0.0

    def learn(self, batch: Interactions) -> Mapping[str, float]:
        """Learn."""
        start = time.process_time()
        report = self.agent.learn(batch)
        self.seconds += time.process_time() - start
        return report

    def policy(self) -> Policy:
        """What the agent would do now."""
        start = time.process_time()
        policy = self.agent.policy()
        self.seconds += time.process_time() - start
        return policy


def policies_after(
    agent: Agent, loop: PageEnv, budgets: Sequence[int], rng: Generator
) -> Iterator[tuple[Policy, float]]:
    """What an agent would do after so many pages of an open environment, and CPU-seconds of its learning.

    Args:
        budgets: pages that all rows together show, at the least; ascending. In every kind of episode.

    Yields:
        One pair for each of ``budgets``. Between two of them the agent goes on learning.
    """
    timed, shown, left = Timed(agent), 0, list(budgets)
    for step, _, _ in learn(timed, loop, None, rng, pages_in_all=left[-1]):
        shown += len(step.requests)
        while left and shown >= left[0]:
            del left[0]
            yield timed.policy(), timed.seconds


@dataclass(frozen=True)
class TrainedAgent:
    """What one agent came to.

    Attributes:
        rows: one for each batch.
        monitor: of its reward; None where it was not watched.
        counts: what its guards changed.
    """

    policy: SlatePolicy
    rows: list[dict[str, Any]]
    monitor: RewardMonitor | None
    counts: Interventions


def train_agents(
    context: RunContext, task: Task
) -> tuple[dict[str, SlatePolicy], pd.DataFrame, dict[str, RewardMonitor]]:
    """(policy by agent, a row per agent and batch, monitor by agent).

    Agents that fail are noted and left out.
    """
    policies, rows, monitors = {}, [], {}
    for entry in context.config.entries:
        name = entry.name
        with context.failures.noted(name, "training"):
            trained = context.parts.result(f"train-{name}", (), partial(_train, context, task, entry))
            context.guarding.add("training", name, trained.counts)
            policies[name] = trained.policy
            rows += [{"agent": name, **row} for row in trained.rows]
            if trained.monitor is not None:
                monitors[name] = trained.monitor
    if isinstance(context.progress, WatchedProgress):
        context.progress.watch(None)
    return policies, pd.DataFrame(rows), monitors


def _train(context: RunContext, task: Task, entry: AgentEntry) -> TrainedAgent:
    name, rounds = entry.name, context.config.training.rounds
    with context.bar(f"train {name}", rounds) as on_progress:
        agent = entry.make(task, context.rng("agent", name))
        check_rollout(agent, name, rounds)
        env = context.open("train")
        watch = monitor_of(context, task)
        counts = context.guarding.counts("training", name, task)
        booking = context.config.training.booking
        booked = None if booking is None else BookedRewards(context.reward, booking)
        hooks: dict[str, Any] = {"interventions": counts, "booked": booked, "on_step": watch}
        rng = context.rng("train", name)
        rows = train(agent, env, rounds, rng, on_progress, context.candidates(env), **hooks)
        monitor = None if watch is None else watch.monitor
        return TrainedAgent(slate_policy(agent, name), rows, monitor, counts)


def slate_policy(agent: Agent, name: str) -> SlatePolicy:
    """What the agent would do now, under the name that the config gives it."""
    policy = agent.policy()
    if not isinstance(policy, SlatePolicy):
        fix = "hand out a SlatePolicy, as task.policy(...) makes one: only that can be stored and served"
        raise InvalidInput(f"agents.{name}", type(policy).__name__, fix)
    return policy if policy.name == name else replace(policy, name=name)
