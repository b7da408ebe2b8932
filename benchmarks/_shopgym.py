"""One turn of our own steps, printed as JSON; the other half of bench_session.py.

Everything is on: shared stock, position bias, click, cart and purchase, drifting intent, fatigue,
observations in new arrays, a reward of three terms.
"""

from __future__ import annotations

import json
import sys
from importlib.metadata import version
from typing import Any

import gymnasium
import numpy as np
from _measure import rate

import shopgym  # noqa: F401 (registers the environments)
from shopgym.core.types import I64
from shopgym.envs import RewardSpec
from shopgym.simulators import Catalog

ENV = "shopgym/Session-v0"
SLATE, CANDIDATES = 10, 30
VISITS = (256, 1024, 4096)
STEPS, PAGES = 2048, 400_000
REWARD = RewardSpec(
    terms={"margin": 1.0, "click": 1.0, "stockout": -1.0}, exchange={"click": 0.05, "stockout": 0.2}
)


def together(visits: int, slates: I64, options: dict[str, Any]) -> float:
    """Pages shown per CPU-second to ``visits`` at once; steps in which a lane is reset do not count."""
    env = gymnasium.make_vec(ENV, num_envs=visits, threads=1, **options)
    env.reset(seed=0)
    batches = [slates[start : start + visits] for start in range(0, len(slates) - visits + 1, 512)]

    def work() -> int:
        pages = 0
        for step in range(PAGES // visits):
            pages += np.count_nonzero(env.step(batches[step % len(batches)])[4]["shown"])
        return int(pages)

    env.step(batches[0])
    return rate(work)


def single(slates: I64, options: dict[str, Any], *, wrapped: bool) -> float:
    """Pages per CPU-second, one visit at a time; resets are in the time, not in the count."""
    made = gymnasium.make(ENV, **options)
    env = made if wrapped else made.unwrapped
    env.reset(seed=0)

    def work() -> int:
        for slate in slates[:STEPS]:
            _, _, terminated, truncated, _ = env.step(slate)
            if terminated or truncated:
                env.reset()
        return STEPS

    env.step(slates[0])
    env.reset()
    return rate(work)


def main(catalog: Catalog) -> None:
    """Print {"rates": {workload: pages per CPU-second}, "versions": {...}}."""
    rng = np.random.default_rng(0)
    rates = {}
    for form, choices in (("items", len(catalog)), ("slate", CANDIDATES)):
        slates = np.stack([rng.choice(choices, SLATE, replace=False) for _ in range(4 * STEPS)])
        options: dict[str, Any] = {"catalog": catalog, "form": form, "slate_size": SLATE, "reward": REWARD}
        options["num_candidates"] = CANDIDATES if form == "slate" else 0
        for visits in VISITS:
            rates[f"{form}, {visits} visits"] = together(visits, slates, options)
        rates[f"{form}, gymnasium.make"] = single(slates, options, wrapped=True)
        rates[f"{form}, unwrapped"] = single(slates, options, wrapped=False)
    versions = {name: version(name) for name in ("shopgym", "gymnasium", "numpy", "numba")}
    print(json.dumps({"rates": rates, "versions": versions}))


if __name__ == "__main__":
    main(Catalog.load(sys.argv[1]))
