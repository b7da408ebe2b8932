"""Learners under limits: the cost that is measured against the limit, and the reward that is given up.

    python benchmarks/bench_constraints.py [--rounds 200] [--seeds 3] [--json]

One shop of pages, one limit: what returns cost per revenue, below what the best pages for revenue cause. Cost
and reward are exact means of the pages that the frozen policies show to the same new visitors. Each learner
is trained with several seeds: intervals are Student's over these trainings, and what is given up is paired
with the free learner of the same seed. The oracle knows the shop.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

from _measure import one_thread, print_json

one_thread()

import numpy as np  # noqa: E402

from shopgym.agents import Task, make_agent  # noqa: E402
from shopgym.core.reward import CostLimit, RewardSpec  # noqa: E402
from shopgym.core.statistics import normal_quantile  # noqa: E402
from shopgym.envs.vector import BanditVectorEnv  # noqa: E402
from shopgym.evaluation.intervals.normal import student_interval  # noqa: E402
from shopgym.guardrails.constraints import constrained_optimum  # noqa: E402
from shopgym.guardrails.reward.exact_terms import page_terms  # noqa: E402
from shopgym.guardrails.reward.page_means import PageMeans  # noqa: E402
from shopgym.policies.guards import InStock  # noqa: E402
from shopgym.simulators.rollout import rollout  # noqa: E402
from shopgym.training.loop import train  # noqa: E402

SHOP: dict[str, Any] = {
    "catalog": 100,
    "slate_size": 3,
    "num_candidates": 12,
    "users": 20_000,
    "choice": {"click_base": -1.5, "cart_base": -0.5, "buy_base": 0.5},
    "returns": {"enabled": True, "rate": 0.3, "spread": 0.5},
    "stock": {"enabled": False},
}
ROWS = 500
PLAIN = {"proportional": 0.0, "derivative": 0.0}
LEARNERS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("linear bandit, free", "lagrangian_linear", {}),
    ("linear bandit, Lagrangian", "lagrangian_linear", {"limits": True}),
    ("SlateQ, free", "lagrangian_slateq", {}),
    ("SlateQ, Lagrangian", "lagrangian_slateq", {"limits": True}),
    ("PPO, free", "lagrangian_ppo", {"rollout": 4}),
    (
        "PPO, Lagrangian",
        "lagrangian_ppo",
        {"rollout": 4, "limits": True, **PLAIN},
    ),
    ("PPO, PID Lagrangian", "lagrangian_ppo", {"rollout": 4, "limits": True}),
)


def open_shop(seed: int, reward: RewardSpec) -> BanditVectorEnv:
    """The same shop, with the visitors of ``seed``."""
    env = BanditVectorEnv(ROWS, reward=reward, form="slate", shop_seed=1, autoreset_mode="Disabled", **SHOP)
    env.reset(seed=seed)
    return env


def measured(policy: Any, reward: RewardSpec, pages: int) -> dict[str, float]:
    """Exact revenue of a page and return cost per revenue, with 95% intervals over visitors."""
    env, rng = open_shop(10**6, reward), np.random.default_rng(0)
    earned, spent = [], []

    def keep(_: Any, __: Any, slates: Any) -> None:
        terms = page_terms(env.loop.shop, slates)
        earned.append(terms["revenue"])
        spent.append(terms["return_cost"])

    for _ in rollout(env.loop.world, policy, rng, pages=pages, before=keep):
        pass
    revenue, cost = np.concatenate(earned), np.concatenate(spent)
    ratio = float(cost.mean() / revenue.mean())
    half = (
        normal_quantile(0.95)
        * float((cost - ratio * revenue).std(ddof=1))
        / revenue.mean()
        / len(cost) ** 0.5
    )
    return {"revenue": float(revenue.mean()), "cost": ratio, "half": half}


def trained(agent: str, options: dict[str, Any], reward: RewardSpec, seed: int, rounds: int) -> Any:
    """The frozen policy of one learner."""
    env = open_shop(seed, reward)
    shop, live = env.loop.shop, tuple(env.requests.live)
    names = (shop.user_names, shop.context_names)
    task = Task(shop.catalog.items, *names, 3, (InStock(),), "price", np.ones(3), live)
    rng = np.random.default_rng(seed)
    learner = make_agent(agent, task, rng, **options)
    train(learner, env, rounds, rng)
    return learner.policy()


def main() -> None:
    """Train, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--seeds", type=int, default=3, help="trainings of each learner, 2 or more")
    parser.add_argument("--share", type=float, default=0.9, help="limit over the best free pages' cost")
    parser.add_argument("--json", action="store_true", help="print one JSON object on the last line")
    arguments = parser.parse_args()
    free = RewardSpec(terms={"revenue": 1.0})
    means = PageMeans.of_shop(open_shop(10**6, free).loop.shop, open_shop(10**6, free).requests.candidates)
    pages = means.best({"revenue": 1.0})
    best = {name: float(values.mean()) for name, values in means.page_terms(pages).items()}
    ratio = best["return_cost"] / best["revenue"]
    limit = CostLimit(term="return_cost", at_most=round(arguments.share * ratio, 4), per="revenue")
    reward = RewardSpec(terms={"revenue": 1.0}, costs=(limit.spec(),))
    optimum = constrained_optimum(means, reward)
    print(f"limit: {limit.sentence}; oracle {optimum.free:.4f} free, {optimum.value:.4f} within it")
    figures: dict[str, Any] = {"oracle": {"value": optimum.value, "free": optimum.free}}
    titles = f"{'most':>6s} {'kept':>5s} {'revenue':>22s} {'given up':>24s} {'CPU s':>6s}"
    print(f"{'learner':26s} {'cost over limit':>22s} {titles}")
    last = np.zeros(arguments.seeds)
    for name, agent, options in LEARNERS:
        rows, started = [], time.process_time()
        for seed in range(arguments.seeds):
            limits = [limit.spec()] if options.get("limits") else []
            policy = trained(agent, {**options, "limits": limits}, reward, seed, arguments.rounds)
            rows.append(measured(policy, reward, 10))
        seconds = (time.process_time() - started) / arguments.seeds
        revenue, cost, half = (np.array([row[key] for row in rows]) for key in ("revenue", "cost", "half"))
        last = revenue if "limits" not in options else last
        kept, most = int((cost <= limit.limit + half).sum()), float(cost.max()) / limit.limit
        told = {
            "cost over limit": student_interval(cost / limit.limit, 0.95),
            "revenue": student_interval(revenue, 0.95),
            "given up": student_interval(1.0 - revenue / last, 0.95),
        }
        ratio, earned, lost = (
            f"{mean:{form}} ({low:{form}} to {high:{form}})"
            for (mean, low, high), form in zip(told.values(), (".3f", ".3f", ".1%"), strict=True)
        )
        counts = f"{most:6.3f} {kept:>3d}/{arguments.seeds} {earned:>22s} {lost:>24s}"
        print(f"{name:26s} {ratio:>22s} {counts} {seconds:6.1f}", flush=True)
        figures[name] = {**told, "most": most, "kept": kept, "trainings": arguments.seeds}
    if arguments.json:
        print_json("constraints", figures)


if __name__ == "__main__":
    main()
