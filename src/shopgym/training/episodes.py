"""Whole episodes of a frozen policy, with the same random draws for every policy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from ..core.protocols import Policy
from ..core.types import F64, I64, Bool
from ..envs.vector import ShopVectorEnv
from ..simulators.rollout import rollout
from .loop import check_env


@dataclass(frozen=True)
class EpisodeTotals:
    """One episode in each of n rows.

    Attributes:
        reward: (n,) sum over the episode, in the reward's unit.
        pages, visits: (n,) how many.
        satisfaction: (n,) at its end, in [-1, 1]; 0 where nobody comes back.
        kept: (n,) bool, time ended it: the customer would have come back.
    """

    reward: F64
    pages: I64
    visits: I64
    satisfaction: F64
    kept: Bool


def run_episodes(
    policy: Policy, env: ShopVectorEnv, seed: int, rng: Generator, *, most: int = 100_000
) -> EpisodeTotals:
    """One episode per row, from its start to its end. The same seed gives every policy the same draws.

    Args:
        seed: the environment is reset with it.
        most: pages after which an episode is cut off.
    """
    check_env(env)
    env.reset(seed=seed)
    loop, n = env.loop, env.num_envs
    ended, kept = np.zeros((2, n), np.bool_)
    reward, pages = np.zeros(n), np.zeros(n, np.int64)
    for step in rollout(loop.world, policy, rng, pages=most, episodes=1, look_ahead=False):
        rows = step.rows
        reward[rows] += loop.reward.page(step.feedback)[0][rows]
        pages[rows] += 1
        kept[rows] |= step.truncated
        ended[rows] = step.terminated | step.truncated
    visits = loop.shop.visits
    count = visits.visit.astype(np.int64)
    return EpisodeTotals(reward, pages, count, visits.satisfaction.copy(), kept | ~ended)
