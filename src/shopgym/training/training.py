"""Agents learn in the shop, each in a copy of its own with the same visitors and the same luck."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.random import Generator

from ..core.protocols import Agent, Policy
from ..core.types import F64
from ..envs.vector import BanditVectorEnv
from .walk import Offer, walk

Tick = Callable[[], None]


def measure_attention(
    env: BanditVectorEnv,
    random: Policy,
    rounds: int,
    rng: Generator,
    tick: Tick,
    offer: Offer | None = None,
) -> F64:
    """(k,) clicks by slot under random slates, relative to the first.

    Under random slates every slot holds the same mix of items, so the ratio of click rates is the
    ratio of examination (Joachims et al. 2017, sec. 5.1). Half a click is added to each count.
    """
    clicks = np.full(env.loop.shop.config.slate_size, 0.5)
    for batch in walk(env, random, rounds, rng, offer=offer):
        clicks += batch.feedback.clicked.sum(axis=0)
        tick()
    attention: F64 = clicks / clicks[0]
    return attention


def train(
    agent: Agent,
    env: BanditVectorEnv,
    rounds: int,
    rng: Generator,
    tick: Tick,
    offer: Offer | None = None,
) -> list[dict[str, Any]]:
    """Let an agent decide and learn; one row per batch.

    Columns: ``decisions`` so far, realised and exact expected reward per decision, and the regret
    per decision to the best slate of each request.
    """
    rows: list[dict[str, Any]] = []
    seen = 0
    for batch in walk(env, agent.policy, rounds, rng, offer=offer, oracle=True):
        assert batch.best is not None  # asked for above
        agent.learn(batch.interactions)
        seen += len(batch.requests)
        rows.append(
            {
                "decisions": seen,
                "reward": float(batch.reward.mean()),
                "expected_reward": float(batch.expected.mean()),
                "regret": float((batch.best - batch.expected).mean()),
            }
        )
        tick()
    return rows
