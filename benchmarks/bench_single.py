"""Steps per CPU-second of one environment with one visitor, on one core, in the three forms of actions.

    python benchmarks/bench_single.py [--json]

A plain and a full shop of 10,000 items, pages of ten, made by ``gymnasium.make``. Actions are drawn
beforehand; resets are in the time, not in the count. A step of form ``slot`` fills one slot of ten.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version

from _measure import one_thread, report, spread

one_thread()

import gymnasium  # noqa: E402
from _measure import in_slices  # noqa: E402

import shopgym  # noqa: E402, F401 (registers the environments)
from shopgym.simulators import Catalog, ShopConfig  # noqa: E402

FORMS = {"slot": 30, "slate": 30, "items": 0}
"""Candidates of each form."""
STEPS, SLICES = 4000, 7


def work(catalog: Catalog, config: ShopConfig, form: str) -> Callable[[], int]:
    """A function that steps one environment and returns how many steps it took."""
    env = gymnasium.make("shopgym/Session-v0", catalog=catalog, config=config, form=form)
    env.action_space.seed(0)
    actions = [env.action_space.sample() for _ in range(STEPS)]
    env.reset(seed=0)

    def steps() -> int:
        for action in actions:
            _, _, terminated, truncated, _ = env.step(action)
            if terminated or truncated:
                env.reset()
        return STEPS

    steps()
    return steps


def main() -> None:
    """Take turns and report."""
    catalog = Catalog.synthetic(10_000, seed=0)
    shops = {"plain": ShopConfig, "full": ShopConfig.full}
    works = {
        f"{shop} {form}": work(catalog, config(slate_size=10, num_candidates=candidates), form)
        for shop, config in shops.items()
        for form, candidates in FORMS.items()
    }
    figures = {name: spread([cpu for cpu, _ in found]) for name, found in in_slices(works, SLICES).items()}
    versions = {name: version(name) for name in ("shopgym", "gymnasium", "numpy", "numba")}
    report("steps of a single environment per CPU-second", figures, {}, versions)


if __name__ == "__main__":
    main()
