"""Gradient steps per second of the agents that look ahead, on synthetic pages; CPU or GPU.

python benchmarks/bench_rl.py --device cuda --batch 8192 --hidden 512 512
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

import numpy as np
import torch
from _measure import print_json

from shopgym.agents import Task, make_agent
from shopgym.envs import RewardSpec, SessionVectorEnv
from shopgym.training import record

NAMES = ("dqn", "slateq", "wolpertinger", "cql", "iql", "ppo", "reinforce", "cloning", "decision_transformer")


def main(argv: Sequence[str] | None = None) -> dict[str, float]:
    """Gradient steps per second of wall clock by agent."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--hidden", type=int, nargs="+", default=[64, 32])
    parser.add_argument("--candidates", type=int, default=30)
    parser.add_argument("--updates", type=int, default=50)
    parser.add_argument("--agents", nargs="+", choices=NAMES, default=list(NAMES))
    parser.add_argument("--json", action="store_true", help="print one JSON object on the last line")
    arguments = parser.parse_args(argv)
    if arguments.device == "cpu":
        torch.set_num_threads(1)
    reward = RewardSpec({"click": 1.0}, unit="click")
    env = SessionVectorEnv(
        arguments.batch,
        catalog=1000,
        form="slate",
        reward=reward,
        autoreset_mode="Disabled",
        num_candidates=arguments.candidates,
        history=10,
    )
    env.reset(seed=0)
    shop, k = env.loop.shop, env.loop.shop.config.slate_size
    task = Task(shop.catalog.items, shop.user_names, shop.context_names, k, attention=np.ones(k))
    random = make_agent("random", task, np.random.default_rng(0)).policy()
    past = record(env, random, 2, np.random.default_rng(0)).take(slice(0, arguments.batch))
    found: dict[str, float] = {}
    for name in arguments.agents:
        options: dict[str, Any] = {"device": arguments.device, "batch": arguments.batch}
        if name in ("dqn", "slateq", "wolpertinger", "cql", "iql"):
            options |= {"updates": arguments.updates, "hidden": arguments.hidden}
        elif name == "decision_transformer":
            options |= {"epochs": arguments.updates}
        else:
            options |= {"epochs": arguments.updates, "hidden": arguments.hidden}
            options |= {} if name == "cloning" else {"rollout": 1}
        agent = make_agent(name, task, np.random.default_rng(0), **options)
        agent.learn(past)  # kernels are compiled, memory is taken
        begin = time.perf_counter()
        agent.learn(past)
        if arguments.device != "cpu":
            torch.cuda.synchronize()
        found[name] = arguments.updates / (time.perf_counter() - begin)
        print(f"{name:22s} {found[name]:9.1f} steps/s of {arguments.batch} pages, {arguments.device}")
    if arguments.json:
        print_json("gradient steps", found, versions={name: version(name) for name in ("shopgym", "torch")})
    return found


if __name__ == "__main__":
    main()
