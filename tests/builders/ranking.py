"""Simulated click logs with known probabilities, linear or with products of features.

``python tests/builders/ranking.py`` prints how well each ranker orders pages that were never shown.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import expit

from shopgym.agents import Task, make_agent
from shopgym.core import Decisions, Interactions, Items, Requests
from shopgym.core.metrics import ndcg
from shopgym.core.types import F64
from shopgym.policies.guards import InStock

USER = ("taste_0", "taste_1", "price_sensitivity")
CONTEXT = ("hour",)
SLOTS = 5
ATTENTION = np.array([1.0, 0.7, 0.5, 0.35, 0.25])

Logit = Callable[[Requests, Items], F64]
"""(n, m) the logit of a click on each candidate that is looked at."""


def make_items(n: int = 150, seed: int = 0) -> Items:
    """Items with two embedding columns."""
    rng = np.random.default_rng(seed)
    price = np.exp(rng.normal(size=n))
    return Items(
        item_id=np.array([f"i{i}" for i in range(n)]),
        name=np.array([f"item {i}" for i in range(n)]),
        category=rng.integers(0, 4, n).astype(np.int32),
        price=price,
        unit_cost=0.6 * price,
        popularity=np.full(n, 1 / n),
        features=np.column_stack([rng.normal(size=(n, 2)), np.log(price)]).astype(np.float32),
        category_names=("a", "b", "c", "d"),
        feature_names=("embedding_0", "embedding_1", "log_price"),
    )


def linear_logit(requests: Requests, items: Items) -> F64:
    """Linear in taste x embedding and in price sensitivity x live price."""
    e = items.features[requests.candidates].astype(float)
    u = requests.user[:, None, :].astype(float)
    price = np.log1p(requests.live["price"])
    return -1.0 + u[..., 0] * e[..., 0] + u[..., 1] * e[..., 1] - 1.5 * u[..., 2] * price


def interaction_logit(requests: Requests, items: Items) -> F64:
    """Products of three columns, a sign that depends on the hour, and a step at a discount of 20%."""
    e = items.features[requests.candidates].astype(float)
    u = requests.user[:, None, :].astype(float)
    morning = np.where(requests.context[:, :1] < 0.5, 1.0, -1.0)
    cheap = requests.live["price"] < 0.8 * items.price[requests.candidates]
    return -2.0 + 1.5 * morning * e[..., 0] + u[..., 0] * e[..., 1] + 1.5 * cheap


@dataclass(frozen=True)
class SimulatedLog:
    """A task, pages logged by a uniform policy, and test requests with true click probabilities (n, m)."""

    task: Task
    log: Interactions
    test: Requests
    truth: F64


def make_requests(items: Items, n: int, m: int, rng: np.random.Generator) -> Requests:
    """n requests with m candidates in stock; live prices are 0.5 to 1.5 times the list price."""
    candidates = rng.permuted(np.tile(np.arange(len(items), dtype=np.int32), (n, 1)), axis=1)[:, :m]
    price = items.price[candidates] * rng.uniform(0.5, 1.5, (n, m))
    user = np.column_stack([rng.normal(size=(n, 2)), rng.uniform(0, 1, n)])
    return Requests(
        request_id=rng.integers(0, 2**63, n).astype(np.uint64),
        user_id=np.arange(n),
        user=user.astype(np.float32),
        context=rng.random((n, 1)).astype(np.float32),
        candidates=candidates,
        in_stock=np.ones((n, m), bool),
        time=np.zeros(n),
        live={
            "price": price.astype(np.float32),
            "stock": rng.integers(1, 100, (n, m)).astype(np.float32),
            "margin": (price - items.unit_cost[candidates]).astype(np.float32),
        },
    )


def simulate_log(logit: Logit, *, pages: int, seed: int, attention: F64 = ATTENTION) -> SimulatedLog:
    """Clicks of a position-based model on slates drawn uniformly."""
    rng = np.random.default_rng(seed)
    items = make_items()
    task = Task(
        items,
        USER,
        CONTEXT,
        SLOTS,
        (InStock(),),
        attention=attention,
        live_names=("price", "stock", "margin"),
    )
    requests = make_requests(items, pages, SLOTS, rng)
    positions = np.tile(np.arange(SLOTS, dtype=np.int32), (pages, 1))
    p = 1.0 / np.arange(SLOTS, 0, -1.0)
    decisions = Decisions(positions, requests.candidates, np.tile(p, (pages, 1)))
    clicked = (rng.random(positions.shape) < attention * expit(logit(requests, items))).astype(float)
    log = Interactions(requests, decisions, clicked, {"click": clicked, "purchase": clicked})
    test = make_requests(items, 500, 30, rng)
    return SimulatedLog(task, log, test, expit(logit(test, items)))


def main() -> None:
    """Mean NDCG@5, over three seeds, of 500 pages of 30 candidates; gains are the true probabilities."""
    print("| ranker | linear | products |\n|---|---|---|")
    for name in ("linear_ranker", "logistic_ranker", "lambdamart", "mlp_ranker", "cross_ranker"):
        cells = []
        for logit in (linear_logit, interaction_logit):
            scores = []
            for seed in range(3):
                data = simulate_log(logit, pages=3000, seed=seed)
                agent = make_agent(name, data.task, np.random.default_rng(seed))
                agent.learn(data.log)
                policy: Any = agent.policy()
                scores.append(ndcg(policy.scorer.scores(data.test)[:, 0], data.truth, 5).mean())
            cells.append(f"{np.mean(scores):.3f} ({min(scores):.3f} to {max(scores):.3f})")
        print(f"| `{name}` | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
