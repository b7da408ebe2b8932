"""Agents are watched while they learn: is the reward still what the business wants?"""

from __future__ import annotations

from ...agents import Task, make_agent
from ...guardrails.monitor import TrainingMonitor
from ...simulators.rollout import Episode
from ..watched_progress import WatchedProgress
from .context import RunContext

REFERENCE_PAGES = 5
"""Of the policy that logs, in every row: an agent is compared with it."""


def monitor_of(context: RunContext, task: Task) -> TrainingMonitor | None:
    """The monitor of one agent's training; an alarm does not end it, so that all agents learn as long.

    None in a season: what visitors want changes with its days, so a decline would say nothing.
    """
    if context.episode is Episode.SEASON:
        return None
    section, env, rng = context.config.log, context.open("monitor"), context.rng("monitor")
    reference = make_agent(section.agent, task, rng, **section.options).policy()
    bars = context.progress
    return TrainingMonitor(
        env.loop,
        reference,
        rng,
        pages=REFERENCE_PAGES,
        batches=context.config.training.rounds,
        stop=False,
        candidates=context.candidates(env),
        on_row=bars.watch if isinstance(bars, WatchedProgress) else None,
    )
