"""Seasons and lives per CPU-second of one core, every mechanism on.

    python benchmarks/bench_season.py [--json]

``Season-v0``: one season of 28 days of a shop with 1000 newcomers a day and 15,000 customers to begin
with, up to 1024 visits under way at once, to its end. ``Shopper-v0``: whole lives of up to a year, 1024
at once. Slates of ten of 10,000 items (form ``items``). Turns alternate within one process.
"""

from __future__ import annotations

import time
from dataclasses import replace
from importlib.metadata import version
from typing import Any

from _measure import one_thread, report, spread

one_thread()

import gymnasium  # noqa: E402
import numpy as np  # noqa: E402

import shopgym  # noqa: E402, F401 (registers the environments)
from shopgym.core.types import I32  # noqa: E402
from shopgym.simulators import Catalog, ShopConfig  # noqa: E402

LANES, SLATE, ITEMS, TURNS = 1024, 10, 10_000, 7
DAYS, NEWCOMERS, CUSTOMERS, USERS = 28.0, 1000.0, 15_000, 50_000
STEPS = 300


def main() -> None:
    """Take turns and report."""
    catalog = Catalog.synthetic(ITEMS, seed=0)
    full = ShopConfig.full(slate_size=SLATE, num_candidates=0, users=USERS)
    busy = replace(full.arrivals, per_day=NEWCOMERS, established=CUSTOMERS)
    options: dict[str, Any] = {"num_envs": LANES, "catalog": catalog, "form": "items"}
    config = replace(full, arrivals=busy)
    season = gymnasium.make_vec("shopgym/Season-v0", **options, days=DAYS, config=config)
    shopper = gymnasium.make_vec("shopgym/Shopper-v0", **options, config=full)
    slates = np.random.default_rng(0).integers(ITEMS, size=(64, LANES, SLATE), dtype=np.int32)
    for env in (season, shopper):
        env.reset(seed=0)
        for batch in slates:  # compile, and let the lanes drift apart
            env.step(batch)
    found: dict[str, list[float]] = {}
    for seed in range(TURNS):
        for name, value in {**one_season(season, slates, seed), **some_lives(shopper, slates)}.items():
            found.setdefault(name, []).append(value)
    versions = {n: version(n) for n in ("shopgym", "gymnasium", "numpy", "numba")}
    report("seasons and lives", {name: spread(values) for name, values in found.items()}, {}, versions)


def one_season(env: Any, slates: I32, seed: int) -> dict[str, float]:
    """A season from its opening to its last visit."""
    env.reset(seed=seed)
    started, pages, step, over = time.process_time(), 0, 0, False
    while not over:
        _, _, _, truncated, info = env.step(slates[step % len(slates)])
        pages += int(np.count_nonzero(info["shown"]))
        step, over = step + 1, bool(truncated.all())
    seconds, visits = time.process_time() - started, _visits(env)
    return {
        "Season-v0: pages per CPU s": pages / seconds,
        "Season-v0: visits per CPU s": visits / seconds,
        "Season-v0: days per CPU s": DAYS / seconds,
        "Season-v0: visits in 28 days": float(visits),
        "Season-v0: pages per visit": pages / visits,
    }


def some_lives(env: Any, slates: I32) -> dict[str, float]:
    """``STEPS`` steps of lives under way; in the step in which a lane begins the next no page is shown."""
    before, started, pages, ended = _visits(env), time.process_time(), 0, 0
    for step in range(STEPS):
        _, _, terminated, truncated, info = env.step(slates[step % len(slates)])
        pages += int(np.count_nonzero(info["shown"]))
        ended += int(np.count_nonzero(terminated | truncated))
    seconds, visits = time.process_time() - started, _visits(env) - before
    return {
        "Shopper-v0: pages per CPU s": pages / seconds,
        "Shopper-v0: visits per CPU s": visits / seconds,
        "Shopper-v0: lives per CPU s": ended / seconds,
        "Shopper-v0: visits per life": visits / ended,
    }


def _visits(env: Any) -> int:
    """Visits begun since the shop was opened."""
    return int((env.unwrapped.loop.shop.visits.number + 1).sum())


if __name__ == "__main__":
    main()
