"""What all terms and costs add to a step of the vector environments, in CPU time.

    python benchmarks/bench_reward.py [--json]

Pages of ten of 10,000 items in ``SessionVectorEnv`` and ``ShopperVectorEnv``, in three forms that
take turns slice by slice: with the terms of the reward alone (what an environment did that told no other),
with all terms, and with all terms and three limits. A ratio is the median of the ratios of slices
that followed one another. What the shop itself counts of a page is in all three.
"""

from __future__ import annotations

import platform
from collections.abc import Callable
from importlib.metadata import version
from statistics import median
from typing import Any

from _measure import in_slices, one_thread, report, spread

one_thread()

import numpy as np  # noqa: E402

from shopgym.core.batches import SLOT_TERMS  # noqa: E402
from shopgym.core.reward import RewardSpec  # noqa: E402
from shopgym.envs import SessionVectorEnv, ShopperVectorEnv  # noqa: E402
from shopgym.envs.page_terms import PageReward, PageTerms  # noqa: E402
from shopgym.simulators import Catalog  # noqa: E402

ITEMS, SLOTS, SLICES, STEPS = 10_000, 10, 15, 30
LIMITED = RewardSpec(
    {"margin": 1.0, "return_cost": -1.0},
    costs=("stockout rate <= 2%", "return_cost <= 0.10 per revenue", "discount_cost <= 0.05 per revenue"),
)
PLAIN = RewardSpec({"margin": 1.0, "return_cost": -1.0})


class OwnTermsAlone(PageTerms):
    """The weighted sum and the amounts it is made of, and nothing else."""

    def measure(self, feedback: Any) -> PageReward:
        page, amounts = feedback.page.T, {}
        reward = np.zeros(page.shape[1])
        for name, weight in self.spec.weights.items():
            amounts[name] = amount = page[SLOT_TERMS.index(name)].copy()
            reward += weight * amount
        return PageReward(reward, amounts, {}, np.zeros(0), None)


def make(
    family: Any, visits: int, reward: RewardSpec, catalog: Catalog, *, own_alone: bool
) -> Callable[[], int]:
    """A function that takes ``STEPS`` steps and says how many pages that were."""
    env = family(visits, catalog=catalog, form="items", slate_size=SLOTS, num_candidates=0, reward=reward)
    if own_alone:
        vars(env.loop)["_terms"] = OwnTermsAlone(env.loop.shop, reward, env.episode)
    env.reset(seed=0)
    rng = np.random.default_rng(0)
    actions = [rng.integers(ITEMS, size=(visits, SLOTS)) for _ in range(STEPS)]

    def steps() -> int:
        for action in actions:
            env.step(action)
        return STEPS * visits

    steps()
    return steps


def main() -> None:
    """Take turns and report."""
    catalog = Catalog.synthetic(ITEMS, seed=0)
    found: dict[str, list[float]] = {}
    for family in (SessionVectorEnv, ShopperVectorEnv):
        for visits in (1024, 4096):
            name = f"{family.__name__}, {visits}"
            works = {
                f"{name}, own terms": make(family, visits, PLAIN, catalog, own_alone=True),
                f"{name}, all terms": make(family, visits, PLAIN, catalog, own_alone=False),
                f"{name}, all terms and 3 limits": make(family, visits, LIMITED, catalog, own_alone=False),
            }
            for work, rates in in_slices(works, SLICES).items():
                found[work] = [cpu for cpu, _ in rates]
    ratios = {}
    for work, rates in found.items():
        first = found[work.rsplit(", ", 1)[0] + ", own terms"]
        if rates is not first:
            ratios[f"CPU of a step, {work}"] = median(a / b for a, b in zip(first, rates, strict=True))
    versions = {"numpy": version("numpy"), "system": platform.system()}
    report("pages per CPU-second", {name: spread(rates) for name, rates in found.items()}, ratios, versions)


if __name__ == "__main__":
    main()
