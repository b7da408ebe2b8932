"""What a policy is worth: one episode on every lane, and what the business would ask about it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from ....core.protocols import Policy
from ....core.types import F64, I32, I64, Bool
from ....envs.page_env import Episode, PageEnv
from ....simulators.rollout import Step, rollout
from ....training.loop import exact_values

METRICS = {
    "score": "expected reward per episode: of a page, a visit, a customer, a season",
    "margin_per_session": "margin less the cost of returns, per visit, currency",
    "conversion": "share of visits with an order",
    "aov": "revenue per visit with an order, currency",
    "visits_per_customer": "visits per person in the episode; only where people come back",
    "regret": "exact expected reward of the best page less that of the page shown; only on single pages",
    "coverage": "share of the catalogue that was shown to anybody",
    "diversity": "1 - mean cosine of the observable embeddings of two items on a page",
    "stockouts": "share of slots that showed what had run out",
    "decisions_per_second": "pages decided per CPU-second",
    "training_seconds": "CPU-seconds of learning",
}


@dataclass
class PolicyTotals:
    """Sums over the pages of one policy in one environment."""

    shown: I64
    score: float = 0.0
    margin: float = 0.0
    revenue: float = 0.0
    visits: int = 0
    orders: int = 0
    pages: int = 0
    slots: int = 0
    sold_out: int = 0
    unlike: float = 0.0
    compared: int = 0
    regret: float = 0.0
    seconds: float = 0.0

    def add(self, step: Step, embedding: F64, bought: Bool) -> None:
        """Add the pages of a step; ``bought`` (n,) says who has ordered in the present visit."""
        rows, feedback, slates = step.rows, step.feedback, step.decisions.slates
        self.margin += float((feedback.margin[rows] - feedback.return_cost[rows]).sum())
        self.revenue += float(feedback.revenue[rows].sum())
        bought[rows] |= (feedback.quantity[rows] > 0).any(axis=1)
        over = rows[step.visit_over]
        self.visits += len(over)
        self.orders += int(np.count_nonzero(bought[over]))
        bought[over] = False
        self.pages += len(rows)
        self.seconds += step.decision_seconds
        filled = slates >= 0
        self.slots += int(filled.sum())
        self.sold_out += int((feedback.unavailable[rows] & filled).sum())
        self.shown += np.bincount(slates[filled], minlength=len(self.shown))
        unlike, compared = unlikeness(slates, embedding)
        self.unlike += unlike
        self.compared += compared


def unlikeness(slates: I32, embedding: F64) -> tuple[float, int]:
    """Sum over pairs of items on a page of 1 - cosine, and the number of pairs. ``embedding`` has norm 1."""
    filled = (slates >= 0).astype(np.float64)
    each = embedding[np.maximum(slates, 0)] * filled[:, :, None]
    count = filled.sum(axis=1)
    pairs = count * (count - 1) / 2
    # |sum of unit vectors|^2 = count + 2 x the sum of cosines over pairs
    cosines = ((each.sum(axis=1) ** 2).sum(axis=1) - count) / 2
    return float((pairs - cosines).sum()), int(pairs.sum())


def measure(loop: PageEnv, policy: Policy, seed: int, rng: Generator) -> dict[str, float]:
    """Open the shop anew with ``seed``, live one episode on every lane, and report :data:`METRICS`.

    The same seed gives every policy the same visitors with the same luck. The score adds up the exact
    expected reward of every page for whoever sees it: the luck of a single dear order is left out.
    """
    loop.open(seed)
    shop, items = loop.shop, loop.shop.catalog.items
    columns = [at for at, name in enumerate(items.feature_names) if name.startswith("embedding_")]
    embedding = items.features[:, columns].astype(np.float64)
    embedding /= np.maximum(np.linalg.norm(embedding, axis=1, keepdims=True), 1e-12)
    totals = PolicyTotals(np.zeros(len(items), np.int64))
    bought: Bool = np.zeros(shop.lanes, np.bool_)
    people: set[int] = set()

    for step in rollout(loop.world, policy, rng, episodes=1, before=exact_values(loop), look_ahead=False):
        expected, best = step.before
        totals.score += float(expected.sum())
        totals.regret += float((best - expected).sum())
        if loop.episode is Episode.SEASON:
            people.update(step.requests.user_id.tolist())
        totals.add(step, embedding, bought)
    persons = len(people) if loop.episode == "season" else shop.lanes
    episodes = 1 if loop.episode == "season" else shop.lanes
    nan = float("nan")
    return {
        "score": totals.score / episodes,
        "margin_per_session": totals.margin / totals.visits,
        "conversion": totals.orders / totals.visits,
        "aov": totals.revenue / totals.orders if totals.orders else nan,
        "visits_per_customer": totals.visits / persons if loop.episode in ("life", "season") else nan,
        "regret": totals.regret / totals.pages if loop.episode == "page" else nan,
        "coverage": float(np.count_nonzero(totals.shown) / len(totals.shown)),
        "diversity": totals.unlike / totals.compared if totals.compared else nan,
        "stockouts": totals.sold_out / max(totals.slots, 1),
        "decisions_per_second": totals.pages / max(totals.seconds, 1e-9),
    }
