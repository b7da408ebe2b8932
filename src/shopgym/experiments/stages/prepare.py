"""The job that all agents are told: the catalogue, the columns of a request, how slots are looked at."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.random import Generator

from ...agents import Task
from ...agents.baselines import RandomAgent
from ...core.reward import RewardSpec
from ...envs.page_env import PageEnv
from ...policies.guards import Guard, InStock
from ...policies.retrieval.retriever import Retriever
from ...simulators.rollout import CandidateSource
from ...training.loop import OnProgress
from ...training.position_bias import measure_position_bias
from ..results import value_scale
from .context import RunContext
from .retrieve import learn_to_retrieve, random_candidates


def task_of(
    loop: PageEnv,
    reward: RewardSpec,
    pages: int,
    rng: Generator,
    *,
    guards: tuple[Guard, ...] = (InStock(),),
    candidates: CandidateSource | None = None,
    on_progress: OnProgress = lambda: None,
) -> Task:
    """The job in an open environment: random pages measure how much less a slot is looked at than the first.

    Args:
        pages: as many as if every row showed so many.
        candidates: gives requests their candidates where the shop leaves that open.
    """
    shop, size = loop.shop, loop.shop.config.slate_size
    names = (shop.user_names, shop.context_names)
    blank = Task(shop.catalog.items, *names, size, guards, attention=np.ones(size))
    random = RandomAgent(blank, rng).policy()
    attention = measure_position_bias(
        loop, random, pages, rng, candidates=candidates, on_progress=on_progress
    )
    live = tuple(loop.requests.live)
    return replace(blank, value=value_scale(reward), attention=attention, live_names=live)


def prepare_task(context: RunContext) -> Task:
    """The job of the agents of a run."""
    env, rng = context.open("warm-up"), context.rng("warm-up")
    rounds, section = context.config.training.warm_up, context.config.retrieve
    candidates = None if section is None else random_candidates(env, section.count, rng)
    with context.bar("measure position bias", rounds) as on_progress:
        return task_of(
            env.loop,
            context.reward,
            rounds,
            rng,
            guards=context.config.guards,
            candidates=candidates,
            on_progress=on_progress,
        )


def prepare_retriever(context: RunContext, task: Task) -> Retriever | None:
    """What finds the candidates of a page of a run; None where the shop does."""
    section = context.config.retrieve
    if section is None:
        return None
    rng = context.rng("retrieve")
    with context.bar(f"retrieve by {section.agent}", section.rounds) as on_progress:
        return learn_to_retrieve(section, task, context.open("retrieve"), rng, on_progress)
