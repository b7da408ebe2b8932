"""How often the gate lets a policy out that ought to stay, and how often one that may leave.

    python benchmarks/bench_gate.py [--logs 300] [--decisions 4000] [--first 1] [--json]

Policies are trained once. Their true values are exact means of the shop. Each log is a stream of visitors of
its own, served by yesterday's policy. Two policies are made for the border: one whose gain over the baseline
is 0 (it mixes good pages and random ones), and a limit at what the trained policy truly costs.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from _measure import one_thread, print_json

one_thread()

import numpy as np  # noqa: E402
from scipy.stats import binomtest  # noqa: E402

from shopgym.agents import Task, make_agent  # noqa: E402
from shopgym.core.reward import CostLimit, RewardSpec  # noqa: E402
from shopgym.envs.vector import BanditVectorEnv  # noqa: E402
from shopgym.evaluation.offline.log import item_features, outcome_inputs  # noqa: E402
from shopgym.guardrails.gate import judge_candidates, outcome_logs  # noqa: E402
from shopgym.guardrails.reward.exact_terms import page_terms  # noqa: E402
from shopgym.policies.decision_log.log import DecisionLog  # noqa: E402
from shopgym.policies.guards import InStock  # noqa: E402
from shopgym.policies.policy import SlatePolicy  # noqa: E402
from shopgym.simulators.rollout import rollout  # noqa: E402
from shopgym.training.loop import train  # noqa: E402
from shopgym.training.policy_log import step_log  # noqa: E402

TERMS = ("margin", "revenue", "return_cost")
SHOP: dict[str, Any] = {
    "catalog": 100,
    "slate_size": 3,
    "num_candidates": 12,
    "users": 20_000,
    "choice": {"click_base": -1.5, "cart_base": -0.5, "buy_base": 0.5},
    "returns": {"enabled": True, "rate": 0.3},
    "stock": {"enabled": False},
}
"""A small shop in which people buy often, so that a log of a few thousand decisions has something to say."""
ROWS, LEVEL = 500, 0.95
STREAMS = 60
"""Streams of visitors that the truth is measured on."""
SAFE = 1.02
"""Share of random pages beyond that without a gain: more than the error with which the truth is measured."""
BELOW = 1 - 1e-6
"""A limit that the truth just breaks."""


def open_shop(seed: int, reward: RewardSpec) -> BanditVectorEnv:
    """The same shop and people, with the visitors of ``seed``."""
    env = BanditVectorEnv(ROWS, reward=reward, form="slate", shop_seed=1, autoreset_mode="Disabled", **SHOP)
    env.reset(seed=seed)
    return env


def truth(
    policies: Mapping[str, SlatePolicy], reward: RewardSpec, decisions: int
) -> dict[str, dict[str, float]]:
    """Exact mean of every term under every policy, over streams of visitors as long as the logs."""
    rng = np.random.default_rng(0)
    means: dict[str, dict[str, list[float]]] = {name: {term: [] for term in TERMS} for name in policies}
    for stream in range(STREAMS):
        env = open_shop(10**6 + stream, reward)

        def measure(_: Any, requests: Any, __: Any, shop: Any = env.loop.shop) -> None:
            for name, policy in policies.items():
                terms = page_terms(shop, policy.slates(requests, rng))
                for term in TERMS:
                    means[name][term].append(float(terms[term].mean()))

        for _ in rollout(env.loop.world, policies["logger"], rng, pages=decisions // ROWS, before=measure):
            pass
    return {
        name: {term: float(np.mean(values)) for term, values in terms.items()}
        for name, terms in means.items()
    }


def one_log(
    seed: int, logger: SlatePolicy, decisions: int, reward: RewardSpec
) -> tuple[DecisionLog, BanditVectorEnv]:
    """A log of ``decisions`` with the terms as events."""
    env, rng = open_shop(seed, reward), np.random.default_rng(seed)
    parts = [
        step_log(step, env.loop, logger, unit="margin")
        for step in rollout(env.loop.world, logger, rng, pages=decisions // ROWS)
    ]
    return DecisionLog.concat(parts), env


def main() -> None:
    """Train once, judge many logs, print the rates."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--logs", type=int, default=300)
    parser.add_argument("--decisions", type=int, default=4000)
    parser.add_argument("--first", type=int, default=1, help="seed of the first log")
    parser.add_argument("--json", action="store_true", help="print one JSON object on the last line")
    arguments = parser.parse_args()
    reward = RewardSpec(costs=("return_cost <= 0.1 per revenue",))
    policies = trained(reward)
    values = truth(policies, reward, arguments.decisions)
    gap = values["greedy"]["margin"] - values["popularity"]["margin"]
    share = gap / (values["greedy"]["margin"] - values["random"]["margin"])
    policies["no gain"] = mixed(policies["greedy"], SAFE * share)
    exact = truth(policies, reward, arguments.decisions)
    for name, terms in exact.items():
        print(f"{name:12s}", {term: round(value, 5) for term, value in terms.items()})
    ratio = exact["greedy"]["return_cost"] / exact["greedy"]["revenue"]
    limits = {
        scale: CostLimit(term="return_cost", at_most=scale * ratio, per="revenue")
        for scale in (BELOW, 1.1, 1.25, 1.5)
    }
    counts: dict[str, int] = {}
    for seed in range(arguments.first, arguments.first + arguments.logs):
        for name, passed in judged(seed, policies, limits, arguments.decisions, reward).items():
            counts[name] = counts.get(name, 0) + passed
        if seed % 20 == 0:
            print(seed, counts, flush=True)
    figures = {}
    for name, count in counts.items():
        low, high = binomtest(count, arguments.logs).proportion_ci()
        figures[name] = {"passed": count, "logs": arguments.logs, "low": low, "high": high}
        print(f"{name:60s} {count:4d} of {arguments.logs}  [{low:.1%}, {high:.1%}]")
    if arguments.json:
        print_json("gate", figures)


def trained(reward: RewardSpec) -> dict[str, SlatePolicy]:
    """The baseline, a policy that learnt, and random pages."""
    env = open_shop(0, reward)
    shop = env.loop.shop
    names = (shop.user_names, shop.context_names)
    task = Task(shop.catalog.items, *names, 3, (InStock(),), "margin", np.ones(3), tuple(env.requests.live))
    rng = np.random.default_rng(0)
    agents = {name: make_agent(name, task, rng) for name in ("popularity", "random")}
    agents["greedy"] = make_agent("epsilon_greedy", task, rng, decay=3.0)
    agents["logger"] = make_agent("popularity", task, rng, decay=0.25, floor=0.25)
    train(agents["greedy"], env, 40, rng)
    policies: dict[str, Any] = {name: agent.policy() for name, agent in agents.items()}
    return policies


def mixed(policy: SlatePolicy, share: float) -> SlatePolicy:
    """``policy`` with a share of random pages: its value is the same mixture of both values."""
    explorer: Any = policy.explorer
    floor = explorer.floor + (1 - explorer.floor) * share
    return replace(policy, name="no gain", explorer=replace(explorer, floor=floor))


def remembered(features: Any) -> Any:
    """``features`` that compute the same requests only once: all policies are asked about them."""
    memory: dict[Any, Any] = {}

    def looked_up(requests: Any) -> Any:
        key = (int(requests.request_id[0]), requests.candidates.shape)
        if key not in memory:
            memory[key] = features(requests)
        return memory[key]

    return looked_up


def judged(
    seed: int,
    policies: Mapping[str, SlatePolicy],
    limits: Mapping[float, CostLimit],
    decisions: int,
    reward: RewardSpec,
) -> dict[str, bool]:
    """What the gate says of one log."""
    log, env = one_log(seed, policies["logger"], decisions, reward)
    items = env.loop.shop.catalog.items
    logs = {"margin": log, **outcome_logs(log, tuple(limits.values()), items)}
    features = remembered(item_features(log, items, items.margin))
    inputs = {
        name: outcome_inputs(logs, policy, rng=np.random.default_rng(seed), features=features)
        for name, policy in policies.items()
        if name not in ("random", "logger")
    }
    stars = {name: outcomes["margin"] for name, outcomes in inputs.items()}

    def passed(names: tuple[str, ...], *costs: CostLimit) -> bool:
        chosen = {name: stars[name] for name in ("popularity", *names)}
        verdicts = judge_candidates(chosen, "popularity", LEVEL, costs=costs, outcomes=inputs)
        return any(verdict.passed for verdict in verdicts.values())

    return {
        "false: no gain": passed(("no gain",)),
        "false: cost just over its limit": passed(("greedy",), limits[BELOW]),
        "false: both candidates, cost just over its limit": passed(("no gain", "greedy"), limits[BELOW]),
        "right: gain, no limit": passed(("greedy",)),
        **{
            f"right: gain, limit {scale} x the cost": passed(("greedy",), limits[scale])
            for scale in (1.1, 1.25, 1.5)
        },
    }


if __name__ == "__main__":
    main()
