"""A PPO that may give discounts, trained on orders: with nothing, with the monitor, and with a limit's price.

    python benchmarks/bench_discount_scene.py [--pages 40000] [--json]

The reward is one point per order line, the north star is the margin. Measured are the last 4,000 pages.
"""

from __future__ import annotations

import argparse
import json
import time
from typing import Any

from _measure import one_thread

one_thread()

import numpy as np  # noqa: E402
from stable_baselines3 import PPO  # noqa: E402

from shopgym.core.reward import CostLimit, RewardSpec  # noqa: E402
from shopgym.envs.adapters import stable_baselines3_vec_env  # noqa: E402
from shopgym.envs.vector import BanditVectorEnv  # noqa: E402
from shopgym.guardrails.constraints import constrained_optimum  # noqa: E402
from shopgym.guardrails.monitor import monitor_callback  # noqa: E402
from shopgym.guardrails.reward.page_means import PageMeans  # noqa: E402

DISCOUNTS = (0.0, 0.1, 0.3, 0.5)
SHOP: dict[str, Any] = {
    "catalog": 40,
    "slate_size": 2,
    "num_candidates": 6,
    "users": 5000,
    "choice": {"click_base": -1.0, "cart_base": 0.0, "buy_base": 0.5},
    "stock": {"enabled": False},
    "allow_losses": True,
}
ROWS, LAST = 200, 4000
ORDERS = RewardSpec(terms={"purchase": 1.0}, unit="order line")
LIMIT = CostLimit(term="discount_cost", at_most=0.01, per="revenue")


def main() -> None:
    """Train three times, print what the last pages were."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--pages", type=int, default=40_000)
    parser.add_argument("--json", action="store_true", help="print one JSON object on the last line")
    arguments = parser.parse_args()
    env = make_env(ORDERS)
    means = PageMeans.of_shop(env.loop.shop, env.requests.candidates, DISCOUNTS)
    optimum = constrained_optimum(means, ORDERS, [LIMIT])
    price = optimum.prices[LIMIT.label]
    print(f"{LIMIT.sentence}: {optimum.sentence}; a unit of it is worth {price:.3g} orders")
    priced = RewardSpec(
        terms={"purchase": 1.0, "discount_cost": -1.0, "revenue": 1.0},
        unit="order line",
        exchange={"discount_cost": price, "revenue": price * LIMIT.limit},
    )
    figures = {}
    for name, reward, stop in (
        ("free", ORDERS, False),
        ("stopped by the monitor", ORDERS, True),
        ("with the price of the limit", priced, False),
    ):
        started = time.process_time()
        figures[name] = row = trained(reward, arguments.pages, stop)
        shown = ", ".join(f"{key} {value:.4g}" for key, value in row.items() if not isinstance(value, str))
        print(f"{name:28s} {shown} {row['alarm']} ({time.process_time() - started:.0f} CPU s)", flush=True)
    if arguments.json:
        print(json.dumps({"name": "discount scene", "figures": figures}))


def make_env(reward: RewardSpec) -> BanditVectorEnv:
    """The shop; discounts are the last part of an action."""
    env = BanditVectorEnv(
        ROWS, reward=reward, form="slate", shop_seed=1, discounts=DISCOUNTS, autoreset_mode="SameStep", **SHOP
    )
    env.reset(seed=0)
    return env


def trained(reward: RewardSpec, pages: int, stop: bool) -> dict[str, Any]:
    """Train one model; terms of its last pages against those of its first."""
    env = make_env(reward)
    model = PPO(
        "MultiInputPolicy", stable_baselines3_vec_env(env), n_steps=10, batch_size=500, n_epochs=4,
        learning_rate=1e-3, gamma=0.0, seed=0, device="cpu",
    )  # fmt: skip
    callback: Any = monitor_callback(reward, pages=2000, batches=pages // 2000, stop=stop)
    model.learn(pages, callback=callback)
    rows = callback.monitor.rows
    first, last = callback.monitor.per_page[1], float(np.mean([row.north_star for row in rows[-2:]]))
    sums = {"orders": 0.0, "revenue": 0.0, "discount": 0.0}
    observation = model.env.reset()
    for _ in range(LAST // ROWS):
        action, _ = model.predict(observation)
        observation, _, _, infos = model.env.step(action)
        sums["orders"] += sum(info["reward_terms"]["purchase"] for info in infos) / LAST
        sums["revenue"] += sum(info["reward_terms"]["revenue"] for info in infos) / LAST
        sums["discount"] += float(np.array(DISCOUNTS)[action[:, -1]].sum()) / LAST
    alarm = next((f"alarm after {row.pages:,} pages: {row.alarm}" for row in rows if row.alarm), "no alarm")
    return {**sums, "margin first": first, "margin last": last, "pages": rows[-1].pages, "alarm": alarm}


if __name__ == "__main__":
    main()
