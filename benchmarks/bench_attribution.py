"""Training on last click against training on what was really sold: what the policies earn.

The same agent learns in the same shop from the same number of visits, each time from another reward:
at once (``expected``), or booked when the visit is over, with each rule of attribution. The value of what it
learnt is exact, on visitors that are the same for all.

    python benchmarks/bench_attribution.py [--seeds 5] [--rounds 60] [--rules last_click] [--json]
"""

from __future__ import annotations

import argparse

import numpy as np
from _measure import print_json
from numpy.random import default_rng

from shopgym.agents import Task, make_agent
from shopgym.core.reward import RewardSpec
from shopgym.core.reward.booking import ATTRIBUTIONS
from shopgym.core.statistics import mean_interval
from shopgym.envs.vector import BanditVectorEnv
from shopgym.policies.guards import InStock
from shopgym.simulators import ReturnConfig, ShopConfig
from shopgym.simulators.rollout import rollout
from shopgym.training import BookedRewards, Booking, train
from shopgym.training.loop import exact_values

REWARD = RewardSpec({"margin": 1.0, "expected_return_cost": -1.0})
VISITS, PAGES = 500, 40
SHOP = ShopConfig(users=5000, num_candidates=50, returns=ReturnConfig(enabled=True, rate=0.2, delay=10.0))


def opened(seed: int) -> BanditVectorEnv:
    """A shop of one-page visits over the products of Online Retail."""
    env = BanditVectorEnv(
        VISITS, config=SHOP, reward=REWARD, form="slate", shop_seed=0, autoreset_mode="Disabled", threads=2
    )
    env.reset(seed=seed)
    return env


def value(agent: str, attribution: str | None, rounds: int, seed: int) -> tuple[float, float]:
    """(exact value a page of what an agent learns, share of the reward that no click had led to)."""
    env = opened(seed)
    shop, size = env.loop.shop, env.loop.shop.config.slate_size
    names = shop.user_names, shop.context_names
    task = Task(shop.catalog.items, *names, size, (InStock(),), value="margin", attention=np.ones(size))
    learner = make_agent(agent, task, default_rng([seed, 1]))
    booked = None if attribution is None else BookedRewards(REWARD, Booking(attribution))
    rows = train(learner, env, rounds, default_rng([seed, 2]), booked=booked)
    earned = sum(row["reward"] for row in rows) * VISITS
    judged = opened(10_000 + seed)
    before = exact_values(judged.loop)
    world, policy = judged.loop.world, learner.policy()
    steps = rollout(world, policy, default_rng([seed, 3]), pages=PAGES, before=before)
    mean = float(np.concatenate([step.before[0] for step in steps]).mean())
    return mean, 0.0 if booked is None else booked.unattributed / earned


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--agents", default="linucb")
    parser.add_argument("--rules", default=",".join(ATTRIBUTIONS), help="of attribution")
    parser.add_argument("--json", action="store_true", help="print one JSON object on the last line")
    options = parser.parse_args()
    table = []
    for agent in options.agents.split(","):
        values = {
            name: np.array([value(agent, name, options.rounds, seed) for seed in range(options.seeds)])
            for name in (None, *options.rules.split(","))
        }
        for name, measured in values.items():
            mean, low, high = mean_interval(measured[:, 0], 0.95)
            loss, loss_low, loss_high = mean_interval(measured[:, 0] - values[None][:, 0], 0.95)
            label = "at once" if name is None else f"booked, {name}"
            row = {"agent": agent, "reward": label, "value": mean, "low": low, "high": high}
            row |= {"against_at_once": loss, "loss_low": loss_low, "loss_high": loss_high}
            table.append(row | {"unattributed": float(measured[:, 1].mean())})
            print(
                f"{agent:10} {label:20} {mean:.4f} [{low:.4f}, {high:.4f}]  paired {loss:+.4f}"
                f" [{loss_low:+.4f}, {loss_high:+.4f}]  unattributed {measured[:, 1].mean():.1%}",
                flush=True,
            )
    if options.json:
        print_json("attribution", table)


if __name__ == "__main__":
    main()
