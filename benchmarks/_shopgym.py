"""One turn of our own steps, printed as JSON; the other half of bench_session.py.

    python _shopgym.py CATALOGUE [THREADS]

A plain shop (``ShopConfig()``: shared stock, position bias, click, cart and purchase, drifting intent,
fatigue) and a full one (every switch of docs/shop.md on, those too that ``ShopConfig.full()`` leaves at
their limiting case), observations in new arrays, a reward of three terms. As many visits at once of all
shops and of the bare kernel take turns, a slice each. With more than one thread only the most visits at
once are run, in turns with one thread, for wall time.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import version
from typing import Any

import gymnasium
import numpy as np
from _bare import bare
from _measure import in_slices, rate

import shopgym  # noqa: F401 (registers the environments)
from shopgym.core.types import I64
from shopgym.envs import RewardSpec
from shopgym.simulators import Catalog, ShopConfig

ENV = "shopgym/Session-v0"
SLATE, CANDIDATES = 10, 30
MANY = 16_384
VISITS, YARDSTICK = (256, 1024, 4096, MANY), (1024, 4096)
"""Visits at once, and those for which the bare kernel runs too."""
STEPS, PAGES, SLICES = 2048, 200_000, 4
LONG, WARM = 1_000_000, 16
"""Pages of a slice where threads are compared, which neighbours disturb more; steps before the clock runs."""
REWARD = RewardSpec(
    terms={"margin": 1.0, "click": 1.0, "stockout": -1.0}, exchange={"click": 0.05, "stockout": 0.2}
)


def everything(**settings: Any) -> ShopConfig:
    """A shop with every mechanism on."""
    full = ShopConfig.full(**settings)
    retention = replace(full.people.retention, passing=0.5)
    return replace(
        full,
        choice=replace(
            full.choice,
            reference_price=0.5,
            quick=0.3,
            bulk_sd=0.5,
            mission_alike=0.3,
            mission_spread=0.5,
            mission_units=0.3,
            size_alike=0.5,
        ),
        people=replace(full.people, habit_effect=0.3, retention=retention),
        returns=replace(full.returns, rate=0.2, depth=0.1, spread=0.5, handling=2.0),
        stock=replace(full.stock, order_cost=1.0, background=100.0, deliveries_stop=((10.0, 3.0),)),
        arrivals=replace(full.arrivals, representative=True),
    )


CONFIGS: dict[str, Callable[..., ShopConfig]] = {"plain": ShopConfig, "full": everything}


def options_of(config: str, form: str, catalog: Catalog) -> dict[str, Any]:
    """Keyword arguments of the environment."""
    offered = CANDIDATES if form == "slate" else 0
    shop = CONFIGS[config](slate_size=SLATE, num_candidates=offered)
    return {"catalog": catalog, "form": form, "config": shop, "reward": REWARD}


def together(
    visits: int, slates: I64, options: dict[str, Any], *, threads: int = 1, shown: int = PAGES
) -> Callable[[], int]:
    """Work, in pages shown; steps in which a lane is reset do not count."""
    env = gymnasium.make_vec(ENV, num_envs=visits, threads=threads, **options)
    env.reset(seed=0)
    batches = [slates[start : start + visits] for start in range(0, len(slates) - visits + 1, 512)]

    def work() -> int:
        pages = 0
        for step in range(shown // visits):
            pages += int(np.count_nonzero(env.step(batches[step % len(batches)])[4]["shown"]))
        return pages

    for step in range(WARM):
        env.step(batches[step % len(batches)])
    return work


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


def main(catalog: Catalog, threads: int) -> None:
    """Print {"rates": {workload: pages per CPU-second, of each slice}, "wall": {...}, "versions": {...}}."""
    rng = np.random.default_rng(0)
    choices = {"items": len(catalog), "slate": CANDIDATES}
    slates = {
        form: np.stack([rng.choice(among, SLATE, replace=False) for _ in range(2 * MANY)])
        for form, among in choices.items()
    }
    shops = {
        f"{config} {form}": (slates[form], options_of(config, form, catalog))
        for form in choices
        for config in CONFIGS
    }
    found: dict[str, list[tuple[float, float]]] = {}
    for visits in VISITS if threads == 1 else ():
        works = {f"{name}, {visits} visits": together(visits, *shop) for name, shop in shops.items()}
        if visits in YARDSTICK:
            works[f"bare kernel, {visits} visits"] = bare(catalog.embedding, visits, SLATE)
        found |= in_slices(works, SLICES)
    for name, shop in shops.items() if threads > 1 else ():
        works = {
            f"{name}, {MANY} visits, {many} threads": together(MANY, *shop, threads=many, shown=LONG)
            for many in (1, threads)
        }
        found |= in_slices(works, SLICES)
    rates = {name: [cpu for cpu, _ in slices] for name, slices in found.items()}
    wall = {name: [wall for _, wall in slices] for name, slices in found.items()}
    for name, shop in shops.items() if threads == 1 else ():
        rates[f"{name}, gymnasium.make"] = [single(*shop, wrapped=True)]
        rates[f"{name}, unwrapped"] = [single(*shop, wrapped=False)]
    versions = {name: version(name) for name in ("shopgym", "gymnasium", "numpy", "numba")}
    print(json.dumps({"rates": rates, "wall": wall, "versions": versions}))


if __name__ == "__main__":
    main(Catalog.load(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1)
