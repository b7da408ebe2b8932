"""The retrieve stage: random pages of the whole catalogue teach an agent, who then finds the candidates."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.random import Generator

from ...agents import Task, make_agent
from ...agents.baselines import RandomAgent
from ...core.batches import Requests
from ...envs.vector import ShopVectorEnv
from ...policies.policy import SlatePolicy
from ...policies.retrieval.retriever import Retriever
from ...policies.retriever_from_policy import retriever_of
from ...simulators.rollout import CandidateSource
from ...training.loop import OnProgress, learn
from ..config import RetrieveSection


def random_candidates(env: ShopVectorEnv, count: int, rng: Generator) -> CandidateSource:
    """For each request ``count`` different items, each as likely as any other, with what is in stock."""
    stock = env.loop.shop.stock

    def source(requests: Requests) -> Requests:
        items = len(env.loop.shop.catalog)
        rows = np.stack([rng.choice(items, count, replace=False) for _ in range(len(requests))])
        return replace(requests, candidates=rows.astype(np.int32), in_stock=stock.available[rows], live={})

    return source


def learn_to_retrieve(
    section: RetrieveSection, task: Task, env: ShopVectorEnv, rng: Generator, on_progress: OnProgress
) -> Retriever:
    """The retriever that the section's agent makes after ``rounds`` batches of random pages.

    Raises:
        InvalidInput: the agent's ranking cannot retrieve.
    """
    agent = make_agent(section.agent, task, rng, **section.options)
    candidates = random_candidates(env, section.count, rng)
    random = RandomAgent(task, rng).policy()
    for _ in learn(agent, env.loop, section.rounds, rng, policy=random, candidates=candidates):
        on_progress()
    policy = agent.policy()
    assert isinstance(policy, SlatePolicy)  # every registered agent hands out this kind
    return retriever_of(policy, section.count, rng)
