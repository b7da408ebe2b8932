"""Does the conservative bandit keep its share of the baseline's return at all times? LinUCB beside it.

    python benchmarks/bench_conservative.py [--seeds 20] [--rounds 60] [--json]

Each seed is a shop of its own. After every batch the exact expected reward of all pages shown so far is held
against that of the baseline on the same requests. A run is a violation if it ever falls below the share. The
baseline learns nothing: it is ``popularity`` as it starts.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

from _measure import one_thread, print_json

one_thread()

import numpy as np  # noqa: E402
from scipy.stats import binomtest  # noqa: E402

from shopgym.agents import Task, make_agent  # noqa: E402
from shopgym.core.types import F64  # noqa: E402
from shopgym.envs.oracle import page_values  # noqa: E402
from shopgym.envs.vector import BanditVectorEnv  # noqa: E402
from shopgym.policies.guards import InStock  # noqa: E402
from shopgym.simulators.rollout import rollout  # noqa: E402
from shopgym.training.loop import train  # noqa: E402

SHOP: dict[str, Any] = {
    "catalog": 100,
    "slate_size": 3,
    "num_candidates": 12,
    "users": 5000,
    "choice": {"click_base": -1.5, "cart_base": -0.5, "buy_base": 0.5},
    "stock": {"enabled": False},
}
ROWS, KEEP = 200, 0.9
LEARNERS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("linucb", "linucb", {}),
    ("conservative, least: 0", "conservative_linucb", {"keep": KEEP}),
    ("conservative, least: null", "conservative_linucb", {"keep": KEEP, "least": None}),
    ("linucb, alpha: 30", "linucb", {"alpha": 30.0}),
    ("conservative, alpha: 30", "conservative_linucb", {"keep": KEEP, "alpha": 30.0}),
)
"""With ``alpha: 30`` LinUCB tries what it knows least of, whatever that costs."""


def open_shop(seed: int) -> BanditVectorEnv:
    """The shop of a seed."""
    env = BanditVectorEnv(ROWS, form="slate", shop_seed=seed, autoreset_mode="Disabled", **SHOP)
    env.reset(seed=seed)
    return env


def task_of(env: BanditVectorEnv) -> Task:
    """What agents are told."""
    shop = env.loop.shop
    names, live = (shop.user_names, shop.context_names), tuple(env.requests.live)
    return Task(shop.catalog.items, *names, 3, (InStock(),), "margin", np.ones(3), live)


def earned_by_baseline(seed: int, rounds: int) -> F64:
    """(rounds,) exact mean reward of the baseline's pages in each batch of the seed's requests."""
    env, rng = open_shop(seed), np.random.default_rng(seed)
    baseline: Any = make_agent("popularity", task_of(env), rng).policy()
    shop, reward = env.loop.shop, env.loop.reward
    steps = rollout(
        env.loop.world,
        baseline,
        rng,
        pages=rounds,
        before=lambda _, __, slates: page_values(shop, reward, slates),
    )
    return np.array([step.before.mean() for step in steps])


def run(agent: str, options: dict[str, Any], seed: int, rounds: int) -> dict[str, float]:
    """One learner: least share of the baseline's return at any time, and at the end."""
    env, rng = open_shop(seed), np.random.default_rng(seed)
    learner = make_agent(agent, task_of(env), rng, **options)
    rows = train(learner, env, rounds, rng)
    shown = np.cumsum([row["expected_reward"] for row in rows])
    share = shown / np.cumsum(earned_by_baseline(seed, rounds))
    own = getattr(learner, "own_earned", None)
    pages = rounds * ROWS
    return {
        "least": float(share.min()),
        "end": float(share[-1]),
        "last": float(np.mean([row["expected_reward"] for row in rows[-5:]])),
        "own": own.pages / pages if own is not None else 1.0,
    }


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--json", action="store_true", help="print one JSON object on the last line")
    arguments = parser.parse_args()
    figures: dict[str, Any] = {}
    for name, agent, options in LEARNERS:
        start = time.process_time()
        rows = [run(agent, options, seed, arguments.rounds) for seed in range(arguments.seeds)]
        least, end, own = (np.array([row[key] for row in rows]) for key in ("least", "end", "own"))
        broken = int((least < KEEP).sum())
        high = float(binomtest(broken, len(rows)).proportion_ci(0.95).high)
        seconds = (time.process_time() - start) / len(rows)
        print(
            f"{name:28s} below {KEEP:.0%} in {broken} of {len(rows)} (at most {high:.0%}); least share "
            f"{least.min():.3f} (median {np.median(least):.3f}); share at the end {np.median(end):.3f}; own "
            f"pages {np.median(own):.0%}; {seconds:.1f} CPU s",
            flush=True,
        )
        figures[name] = {"violations": broken, "of": len(rows), "high": high, "rows": rows}
    if arguments.json:
        print_json("conservative", figures)


if __name__ == "__main__":
    main()
