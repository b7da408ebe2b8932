"""A contextual bandit that every system is given: numpy alone, as the peers' environments read it too."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

ARMS, DIM = 50, 32


class Stream:
    """n contexts (n, d) of unit length on average, and the reward of every arm in each, (n, S)."""

    def __init__(self, n: int, seed: int = 0, arms: int = ARMS, dim: int = DIM) -> None:
        rng = np.random.default_rng(seed)
        theta = rng.standard_normal((arms, dim))
        self.contexts = rng.standard_normal((n, dim)) / dim**0.5
        self.rewards = self.contexts @ theta.T + 0.1 * rng.standard_normal((n, arms))


def online(
    stream: Stream, decide: Callable[[np.ndarray], int], learn: Callable[[int, np.ndarray, float], None]
) -> tuple[float, float]:
    """(decisions per CPU second, mean reward): decide on a context, see one reward, learn, and so on."""
    total, started = 0.0, time.process_time()
    for x, rewards in zip(stream.contexts, stream.rewards):
        arm = decide(x)
        reward = float(rewards[arm])
        learn(arm, x, reward)
        total += reward
    return len(stream.contexts) / (time.process_time() - started), total / len(stream.contexts)
