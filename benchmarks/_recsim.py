"""One turn of RecSim's steps, printed as JSON; run by its own interpreter, see peers.py.

The two environments of its paper that have slates, interest evolution and long-term satisfaction (Ie et
al. 2019), slates of 10, as gym makes them available: ``create_environment`` of each. The candidates are
drawn once (``resample_documents=False``), which is the faster setting. With 30 candidates there is a
choice, as in ours; with 10 there is none, which is its fastest.
"""

from __future__ import annotations

import json
from importlib.metadata import version
from typing import Any

import numpy as np
from _measure import rate
from recsim.environments import interest_evolution, long_term_satisfaction

SLATE, STEPS = 10, 2048
ENVIRONMENTS = {"interest evolution": interest_evolution, "long-term satisfaction": long_term_satisfaction}


def single(env: Any, slates: np.ndarray) -> float:
    """Steps per CPU-second, one at a time; resets are in the time, not in the count."""
    env.reset()

    def work() -> int:
        for slate in slates:
            _, _, done, _ = env.step(slate)
            if done:
                env.reset()
        return len(slates)

    return rate(work)


def main() -> None:
    """Print {"rates": {workload: steps per CPU-second}, "versions": {...}}."""
    rng = np.random.default_rng(0)
    rates = {}
    for name, module in ENVIRONMENTS.items():
        for candidates in (10, 30):
            slates = np.stack([rng.choice(candidates, SLATE, replace=False) for _ in range(STEPS)])
            settings = {"slate_size": SLATE, "num_candidates": candidates, "resample_documents": False}
            env = module.create_environment({**settings, "seed": 0})
            rates[f"{name}, {candidates} candidates"] = single(env, slates)
    versions = {name: version(name) for name in ("recsim-no-tf", "gym")}
    print(json.dumps({"rates": rates, "versions": versions}))


if __name__ == "__main__":
    main()
