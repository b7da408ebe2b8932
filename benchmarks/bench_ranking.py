"""Rankers on the shop's own pages: order, calibration, what it costs to fit and to serve.

    python benchmarks/bench_ranking.py [--json]

A uniform policy logs pages of a shop in which a third of the range is on offer at 40% off. Each ranker
learns orders from that log, once with the catalogue's prices alone and once with price, stock and margin of
the moment, and is judged on later pages against the exact expected margin of every candidate.
"""

from __future__ import annotations

import time
from dataclasses import replace
from importlib.metadata import version
from typing import Any

from _measure import one_thread, report, spread

one_thread()

import numpy as np  # noqa: E402

from shopgym.agents import Task, make_agent  # noqa: E402
from shopgym.agents.baselines import RandomAgent  # noqa: E402
from shopgym.agents.ranking.calibration import calibration_error  # noqa: E402
from shopgym.core import Interactions, Requests  # noqa: E402
from shopgym.core.metrics import ndcg  # noqa: E402
from shopgym.policies.policy import SlatePolicy  # noqa: E402
from shopgym.policies.rerankers import DPP, MMR  # noqa: E402
from shopgym.simulators import Catalog, Shop, ShopConfig  # noqa: E402
from shopgym.simulators.config import ChoiceConfig  # noqa: E402
from shopgym.simulators.market.market import Campaign  # noqa: E402

LANES, PAGES, TEST_PAGES, ITEMS, SEEDS = 512, 40, 4, 1000, 3
RANKERS = ("linear_ranker", "logistic_ranker", "lambdamart", "mlp_ranker", "cross_ranker")
LIVE = ("price", "stock", "margin")
CONFIG = ShopConfig(
    live=True,
    choice=ChoiceConfig(click_base=-2.5, cart_base=-1.0, buy_base=0.0),  # more orders a page than by default
    campaigns=(Campaign(days=1000.0, share=0.33, price_off=0.4, boost=0.0),),
)


def main() -> None:
    """Train, judge and serve, and report."""
    found: dict[str, list[float]] = {}
    for seed in range(SEEDS):
        for figure, value in one_seed(seed).items():
            found.setdefault(figure, []).append(value)
    versions = {n: version(n) for n in ("shopgym", "numpy", "torch", "lightgbm")}
    report("ranking", {name: spread(values) for name, values in found.items()}, {}, versions)


def one_seed(seed: int) -> dict[str, float]:
    """Figures by name."""
    catalog = Catalog.synthetic(ITEMS, seed=seed)
    shop = Shop(catalog, CONFIG, lanes=LANES, seed=seed)
    size = CONFIG.slate_size
    task = Task(
        catalog.items, shop.user_names, shop.context_names, size, value="margin", attention=np.ones(size)
    )
    shop.start_visits()
    task = replace(task, attention=shop.attention_curve[0])
    log = [one_page(shop, RandomAgent(task, np.random.default_rng(0)).policy(), seed) for _ in range(PAGES)]
    test = []
    for _ in range(TEST_PAGES):
        shop.start_visits()
        requests = shop.requests()
        means = shop.expected(requests.candidates)
        test.append((requests, means["margin"], means["purchase"]))
        shop.serve(np.ascontiguousarray(requests.candidates[:, :size]))
    figures = {"orders per slot logged": float(np.mean([batch.events["purchase"].mean() for batch in log]))}
    for live in ((), LIVE):
        for name in RANKERS:
            label = f"{name}, {'live' if live else 'list prices'}"
            agent = make_agent(name, replace(task, live_names=live), np.random.default_rng(seed))
            for batch in log:
                agent.learn(batch if live else replace(batch, requests=replace(batch.requests, live={})))
            started = time.process_time()
            policy: Any = agent.policy()
            if live:
                figures[f"{name}: CPU seconds to fit"] = time.process_time() - started
                figures |= {f"{name}: {k}": v for k, v in served(policy, test[0][0]).items()}
            figures |= {f"{label}: {k}": v for k, v in judged(policy, test, bool(live)).items()}
    return figures


def one_page(shop: Shop, policy: Any, seed: int) -> Interactions:
    """A page of every lane; every visit is one page long."""
    shop.start_visits(np.ones(shop.lanes, np.bool_))
    requests = shop.requests()
    decisions = policy.decide(requests, np.random.default_rng((seed, int(shop.calendar.pages))))
    feedback, _, _ = shop.serve(decisions.slates)
    return Interactions(requests, decisions, feedback.margin, {"purchase": feedback.term("purchase")})


def judged(policy: SlatePolicy, test: list[Any], live: bool) -> dict[str, float]:
    """NDCG@5 of expected margin, and how far the foretold probability of an order is off."""
    orders, errors = [], []
    for seen, margin, purchase in test:
        requests = seen if live else replace(seen, live={})
        gains = np.where(requests.in_stock, np.maximum(margin, 0.0), 0.0)
        scores = np.where(requests.in_stock, policy.scorer.scores(requests)[:, 0], -np.inf)
        orders.append(np.nanmean(ndcg(scores, gains, 5)))
        p = policy.scorer.models[0].scores(requests)[:, 0][requests.in_stock]  # type: ignore[attr-defined]
        orders_made = purchase[requests.in_stock]
        errors.append(calibration_error(p, orders_made) / orders_made.mean())
    found = {"NDCG@5": float(np.mean(orders))}
    if policy.name != "linear_ranker":  # which foretells units, no probability
        found["ECE over mean"] = float(np.mean(errors))
    return found


def served(policy: SlatePolicy, requests: Requests) -> dict[str, float]:
    """Microseconds of CPU for one decision of 30 candidates, also with re-ranking."""
    figures, rows = {}, [requests.take(slice(i, i + 1)) for i in range(100)]
    for name, reranker in (("", None), (" with MMR", MMR()), (" with DPP", DPP())):
        now, rng = replace(policy, reranker=reranker), np.random.default_rng(0)
        now.decide(rows[0], rng)
        started = time.process_time()
        for row in rows:
            now.decide(row, rng)
        figures[f"CPU us a decision{name}"] = (time.process_time() - started) * 1e4
    return figures


if __name__ == "__main__":
    main()
