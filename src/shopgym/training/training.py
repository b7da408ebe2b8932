"""Agents learn in the shop, each in a copy of its own with the same visitors and the same luck."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.random import Generator

from ..core.protocols import Agent, Policy
from ..core.types import F64
from ..envs.vector import BanditVectorEnv
from .position_bias import position_bias
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
    """The position bias that ``rounds`` batches of random pages show: see :func:`.position_bias`."""
    clicks, shown = np.zeros((2, env.loop.shop.config.slate_size))
    for batch in walk(env, random, rounds, rng, offer=offer):
        clicks += batch.feedback.clicked.sum(axis=0)
        shown += (batch.decisions.slates >= 0).sum(axis=0)
        tick()
    return position_bias(clicks, shown)


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
