"""The log: what yesterday's policy did, and what each new policy would have shown to the same requests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from ...agents import Task, make_agent
from ...core.batches import SLOT_TERMS, Requests
from ...core.types import F64, I32, I64
from ...envs.oracle import page_values
from ...envs.page_env import Episode
from ...envs.vector import ShopVectorEnv
from ...policies.decision_log.log import DecisionLog
from ...policies.guards.interventions import CountingPolicy, Interventions
from ...policies.policy import SlatePolicy
from ...simulators.rollout import Step, rollout
from ...training.policy_log import step_log
from ..episodes import counting_episodes, logged_episodes, rounds_of
from .context import RunContext
from .learn import slate_policy


def write_log(
    context: RunContext, task: Task, policies: dict[str, SlatePolicy]
) -> tuple[DecisionLog, dict[str, float]]:
    """(the log, by policy the exact mean value of its own page for every logged request).

    The values are those of single pages: in longer episodes a policy would have met other requests, so there
    are none.
    """
    inputs = [f"{name} {policy.hash}" for name, policy in policies.items()]
    pages = context.parts.result("log", inputs, partial(_logged_pages, context, task, policies))
    context.guarding.add("log", pages.log.policy_name, pages.counts)
    for name, failure in pages.failed.items():
        context.failures.add(name, *failure)
    return pages.log, pages.on_log


@dataclass(frozen=True)
class LoggedPages:
    """What the log stage came to.

    Attributes:
        on_log: by policy, its exact value for the requests of the log.
        failed: by policy that could not show its pages, the reason and the traceback.
        counts: what the guards of the logging policy changed.
    """

    log: DecisionLog
    on_log: dict[str, float]
    failed: dict[str, tuple[str, str]]
    counts: Interventions


def _logged_pages(context: RunContext, task: Task, policies: dict[str, SlatePolicy]) -> LoggedPages:
    section = context.config.log
    env = context.open("log")
    rng = context.rng("log")
    logger = slate_policy(make_agent(section.agent, task, rng, **section.options), section.agent)
    rounds = rounds_of(context.config, logged_episodes(context.config))
    before = _values_of_all(context, env, policies) if context.episode is Episode.PAGE else None
    parts, values = [], []
    with context.bar(f"log with {section.agent}", rounds) as on_progress:
        world, source = env.loop.world, context.candidates(env)
        clock = None if context.episode is Episode.PAGE else StepClock(env)
        digest = context.config.hash
        counting = CountingPolicy(logger, context.guarding.counts("log", logger.name, task))
        steps = rollout(
            world, counting, rng, episodes=rounds, candidates=source, before=before, look_ahead=False
        )
        for step in counting_episodes(steps, on_progress):
            part = step_log(step, env.loop, logger, unit=context.unit, config_hash=digest, terms=SLOT_TERMS)
            parts.append(part if clock is None else replace(part, **clock.columns(step)))
            values.append(step.before)
    failures = context.failures
    failed = {n: (failures.reasons[n], failures.tracebacks[n]) for n in policies if n in failures.reasons}
    on_log = {}
    if before is not None:
        served = [name for name in policies if name not in failed]
        on_log = {name: float(np.concatenate([part[name] for part in values]).mean()) for name in served}
    return LoggedPages(DecisionLog.concat(parts), on_log, failed, counting.counts)


class StepClock:
    """Numbers the episodes of an environment, and the pages within each.

    In a season an episode of the log is a visit: the season itself is one, and its rows serve many.
    """

    def __init__(self, env: ShopVectorEnv) -> None:
        self.by_visit = env.loop.episode is Episode.SEASON
        self.number: I64 = np.zeros(env.num_envs, np.int64)
        self.page: I64 = np.zeros(env.num_envs, np.int64)
        self.begun = 0

    def columns(self, step: Step) -> dict[str, Any]:
        """``episode``, ``step`` and ``ended`` (r,) of the pages of a step."""
        rows = step.rows
        new = rows[self.page[rows] == 0]
        self.number[new] = self.begun + np.arange(len(new))
        self.begun += len(new)
        over = step.visit_over if self.by_visit else step.terminated | step.truncated
        columns = {"episode": self.number[rows], "step": self.page[rows].astype(np.int32), "ended": over}
        self.page[rows] = np.where(over, 0, self.page[rows] + 1)
        return columns


def _values_of_all(
    context: RunContext, env: ShopVectorEnv, policies: dict[str, SlatePolicy]
) -> Callable[[I64, Requests, I32], dict[str, F64]]:
    """Measures the page that each policy would show, to the same visitors at the same moment."""
    rng, shop = context.rng("others on the log"), env.loop.shop

    def values(_: I64, requests: Requests, slates: I32) -> dict[str, F64]:
        of_all = {}
        for name, policy in policies.items():
            if name not in context.failures.reasons:
                with context.failures.noted(name, "its pages on the log"):
                    of_all[name] = page_values(shop, context.reward, policy.slates(requests, rng))
        return of_all

    return values
