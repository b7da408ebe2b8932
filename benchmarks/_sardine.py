"""One turn of SARDINE's steps, printed as JSON; run by its own interpreter, see peers.py.

``SlateTopK-Bored-v0`` as it comes: 1000 items, slates of 10, episodes of 100 steps. Its action is the
item ids themselves; the ``TopK`` wrapper, which turns a vector into a slate, would only add work. It has
no vector form of its own, so Gymnasium's synchronous one stands in, beside the single environment with
and without Gymnasium's wrappers.
"""

from __future__ import annotations

import json
from importlib.metadata import version

import gymnasium
import numpy as np
import sardine  # noqa: F401 (registers the environments)
from _measure import rate

ENV = "sardine/SlateTopK-Bored-v0"
ITEMS, SLATE, STEPS, COPIES = 1000, 10, 2048, 16


def single(env: gymnasium.Env, slates: np.ndarray) -> float:
    """Steps per CPU-second, one at a time; resets are in the time, not in the count."""
    env.reset(seed=0)

    def work() -> int:
        for slate in slates:
            _, _, terminated, truncated, _ = env.step(slate)
            if terminated or truncated:
                env.reset()
        return len(slates)

    return rate(work)


def together(env: gymnasium.vector.VectorEnv, slates: np.ndarray) -> float:
    """Steps per CPU-second, several copies in one process."""
    env.reset(seed=0)

    def work() -> int:
        for batch in slates.reshape(-1, COPIES, SLATE):
            env.step(batch)
        return len(slates)

    return rate(work)


def main() -> None:
    """Print {"rates": {workload: steps per CPU-second}, "versions": {...}}."""
    rng = np.random.default_rng(0)
    slates = np.stack([rng.choice(ITEMS, SLATE, replace=False) for _ in range(STEPS)])
    rates = {
        "gymnasium.make": single(gymnasium.make(ENV), slates),
        "unwrapped": single(gymnasium.make(ENV).unwrapped, slates),
        f"SyncVectorEnv of {COPIES}": together(
            gymnasium.make_vec(ENV, num_envs=COPIES, vectorization_mode="sync"), slates
        ),
    }
    print(json.dumps({"rates": rates, "versions": {"sardine-rec": version("sardine-rec")}}))


if __name__ == "__main__":
    main()
