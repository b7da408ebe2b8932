"""How offline ranking metrics on a log go with what a policy truly earns: 30 policies in one shop.

    python benchmarks/bench_ranking_metrics.py [--logger popularity|random] [--json] [--picture FILE]

Ten agents learn for three lengths of time, which gives 30 policies of every quality. One log of yesterday's
policy gives each of them its ranking metrics and its doubly robust value. The shop gives the exact margin of
a page. Printed: Spearman's rank correlation with that truth, and its interval over policies (bootstrap).
"""

from __future__ import annotations

import argparse
from typing import Any

from _measure import one_thread, print_json

one_thread()

import numpy as np  # noqa: E402
from scipy.stats import spearmanr  # noqa: E402

from shopgym.agents import Task, make_agent  # noqa: E402
from shopgym.core.metrics import RANKING_METRICS  # noqa: E402
from shopgym.core.reward import RewardSpec  # noqa: E402
from shopgym.envs.oracle import page_values  # noqa: E402
from shopgym.envs.vector import BanditVectorEnv  # noqa: E402
from shopgym.evaluation.offline.estimators import ESTIMATORS  # noqa: E402
from shopgym.evaluation.offline.log import item_features, log_inputs  # noqa: E402
from shopgym.evaluation.offline.ranking import logged_ranking  # noqa: E402
from shopgym.policies.decision_log.log import DecisionLog  # noqa: E402
from shopgym.policies.guards import InStock  # noqa: E402
from shopgym.simulators import Catalog  # noqa: E402
from shopgym.simulators.rollout import rollout  # noqa: E402
from shopgym.training.loop import train  # noqa: E402
from shopgym.training.policy_log import step_log  # noqa: E402

AGENTS = (
    "random",
    "popularity",
    "item_knn",
    "linear_ranker",
    "logistic_ranker",
    "epsilon_greedy",
    "squarecb",
    "linucb",
    "lints",
    "logistic_ts",
)
ROUNDS = (2, 8, 40)
ROWS = 500
REWARD = RewardSpec({"margin": 1.0})
OUTCOMES = ("click", "purchase")
BOOTSTRAP = 2000


def open_shop(catalog: Catalog, seed: int) -> BanditVectorEnv:
    """The same gift shop and people, with the visitors of ``seed``."""
    shop: dict[str, Any] = {"slate_size": 5, "num_candidates": 30, "users": 20_000, "history": 8}
    env = BanditVectorEnv(
        ROWS, catalog=catalog, reward=REWARD, form="slate", shop_seed=1, autoreset_mode="Disabled", **shop
    )
    env.reset(seed=seed)
    return env


def learnt(catalog: Catalog) -> dict[str, Any]:
    """30 policies, by agent and rounds of training."""
    policies = {}
    for name in AGENTS:
        for rounds in ROUNDS:
            env, rng = open_shop(catalog, 0), np.random.default_rng(0)
            agent = make_agent(name, task_of(env), rng)
            train(agent, env, rounds, rng)
            policies[f"{name}/{rounds}"] = agent.policy()
    return policies


def task_of(env: BanditVectorEnv) -> Task:
    """What an agent is told of the shop."""
    shop = env.loop.shop
    names = (shop.user_names, shop.context_names)
    return Task(shop.catalog.items, *names, 5, (InStock(),), "margin", np.ones(5), tuple(env.requests.live))


def main() -> None:
    """Learn, log, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--decisions", type=int, default=40_000)
    parser.add_argument("--logger", choices=("popularity", "random"), default="popularity")
    parser.add_argument("--json", action="store_true", help="print one JSON object on the last line")
    parser.add_argument("--picture", help="draw the policies into this file")
    arguments = parser.parse_args()
    catalog = Catalog.online_retail()
    policies = learnt(catalog)
    log, truth = logged(catalog, policies, arguments.logger, arguments.decisions)
    measured = {name: on_log(log, policy, catalog) for name, policy in policies.items()}
    for name, exact in sorted(truth.items(), key=lambda pair: pair[1]):
        values = measured[name]
        print(f"{name:22s} {exact:.4f}", {key: round(value, 4) for key, value in values.items()})
    figures = {}
    for metric in next(iter(measured.values())):
        pairs = np.array([(measured[name][metric], truth[name]) for name in policies])
        value, low, high = correlation(pairs)
        figures[metric] = {"spearman": value, "low": low, "high": high}
        print(f"{metric:22s} {value:.2f} [{low:.2f}, {high:.2f}]")
    if arguments.picture:
        draw(measured, truth, arguments.picture)
    if arguments.json:
        print_json(f"ranking_metrics_{arguments.logger}", figures)


def logged(
    catalog: Catalog, policies: dict[str, Any], name: str, decisions: int
) -> tuple[DecisionLog, dict[str, float]]:
    """A log by yesterday's policy, and the exact margin of each policy's own pages for the same visitors."""
    env, rng = open_shop(catalog, 99), np.random.default_rng(99)
    shop = env.loop.shop
    options = {"decay": 0.25, "floor": 0.25} if name == "popularity" else {}
    logger: Any = make_agent(name, task_of(env), rng, **options).policy()
    values: dict[str, list[float]] = {policy: [] for policy in policies}
    other = np.random.default_rng(98)

    def measure(_: Any, requests: Any, __: Any) -> None:
        for policy, rule in policies.items():
            values[policy].append(float(page_values(shop, REWARD, rule.slates(requests, other)).mean()))

    parts = [
        step_log(step, env.loop, logger, unit="margin")
        for step in rollout(env.loop.world, logger, rng, pages=decisions // ROWS, before=measure)
    ]
    return DecisionLog.concat(parts), {policy: float(np.mean(each)) for policy, each in values.items()}


def on_log(log: DecisionLog, policy: Any, catalog: Catalog) -> dict[str, float]:
    """Mean ranking metrics by outcome, and the doubly robust value."""
    metrics = {}
    for outcome in OUTCOMES:
        values = logged_ranking(log, policy, rng=np.random.default_rng(0), outcome=outcome)
        metrics |= {f"{name} of {outcome}s": float(np.nanmean(values[name])) for name in RANKING_METRICS}
    features = item_features(log, catalog.items, catalog.items.margin)
    inputs = log_inputs(log, policy, rng=np.random.default_rng(0), features=features)
    return metrics | {"doubly robust value": ESTIMATORS["dr"].estimate(inputs, level=0.95).value}


def draw(measured: dict[str, dict[str, float]], truth: dict[str, float], path: str) -> None:
    """The policies by their true margin, over NDCG of clicks and over the doubly robust value."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.4, 3.6), dpi=130, layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    for axes, metric in zip(panels, ("ndcg of clicks", "doubly robust value"), strict=True):
        value, _, _ = correlation(np.array([(measured[name][metric], truth[name]) for name in truth]))
        for name, exact in truth.items():
            agent = name.split("/")[0]
            colour = "#d97706" if agent == "popularity" else "#0f766e"
            axes.plot(measured[name][metric], exact, "o", color=colour, markersize=5)
        best, usual = max(truth, key=lambda name: truth[name]), "popularity/40"
        for name in (best, usual):
            axes.annotate(
                name.split("/")[0],
                (measured[name][metric], truth[name]),
                xytext=(-6, 7),
                textcoords="offset points",
                ha="right",
                fontsize=8,
            )
        axes.set_title(f"rank correlation {value:.2f}", fontsize=9, loc="left")
        axes.set_xlabel(f"{metric} on the log", fontsize=9)
        axes.grid(color="#e5e7eb")
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
    panels[0].set_ylabel("true margin of a page, £", fontsize=9)
    figure.savefig(path)


def correlation(pairs: Any) -> tuple[float, float, float]:
    """Spearman's correlation of (n, 2) pairs, with the percentile interval over resampled policies."""
    rng = np.random.default_rng(0)
    resampled = [
        spearmanr(*pairs[rng.integers(0, len(pairs), len(pairs))].T).statistic for _ in range(BOOTSTRAP)
    ]
    low, high = np.nanquantile(resampled, (0.025, 0.975))
    return float(spearmanr(*pairs.T).statistic), float(low), float(high)


if __name__ == "__main__":
    main()
