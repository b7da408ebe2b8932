"""What a policy is worth: one episode on every lane, and what the business would ask about it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from ....core.batches import EMPTY
from ....core.protocols import Policy
from ....core.types import F64, I32, I64, Bool
from ....envs.oracle import best_page_values, page_values
from ....envs.page_env import PageEnv
from ....training.play import Choice, Page, answer, choose

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
class Tally:
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

    def add(self, choice: Choice, page: Page, embedding: F64, bought: Bool) -> None:
        """Take in the pages on ``choice.rows``; ``bought`` (n,) remembers who has ordered this visit."""
        rows, feedback, slates = choice.rows, page.feedback, choice.decisions.slates
        self.margin += float((feedback.margin[rows] - feedback.return_cost[rows]).sum())
        self.revenue += float(feedback.revenue[rows].sum())
        bought[rows] |= (feedback.quantity[rows] > 0).any(axis=1)
        over = rows[page.visit_over]
        self.visits += len(over)
        self.orders += int(np.count_nonzero(bought[over]))
        bought[over] = False
        self.pages += len(rows)
        self.seconds += choice.seconds
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
    loop.next_requests()
    shop, items = loop.shop, loop.shop.catalog.items
    columns = [at for at, name in enumerate(items.feature_names) if name.startswith("embedding_")]
    embedding = items.features[:, columns].astype(np.float64)
    embedding /= np.maximum(np.linalg.norm(embedding, axis=1, keepdims=True), 1e-12)
    tally = Tally(np.zeros(len(items), np.int64))
    alive, bought = np.ones(shop.lanes, np.bool_), np.zeros(shop.lanes, np.bool_)
    people: set[int] = set()
    while alive.any() and not (loop.episode == "season" and shop.visits.over.all()):
        choice = choose(loop, policy, alive, rng)
        slates = np.full((shop.lanes, choice.decisions.slates.shape[1]), EMPTY, np.int32)
        slates[choice.rows] = choice.decisions.slates
        expected = page_values(shop, loop.reward, slates)[choice.rows]
        tally.score += float(expected.sum())
        if loop.episode == "page":
            best = best_page_values(shop, loop.reward, loop.requests.candidates)[choice.rows]
            tally.regret += float((best - expected).sum())
        if loop.episode == "season":
            people.update(choice.requests.user_id.tolist())
        page = answer(loop, choice)
        tally.add(choice, page, embedding, bought)
        alive[choice.rows[page.episode_over]] = False
    persons = len(people) if loop.episode == "season" else shop.lanes
    episodes = 1 if loop.episode == "season" else shop.lanes
    nan = float("nan")
    return {
        "score": tally.score / episodes,
        "margin_per_session": tally.margin / tally.visits,
        "conversion": tally.orders / tally.visits,
        "aov": tally.revenue / tally.orders if tally.orders else nan,
        "visits_per_customer": tally.visits / persons if loop.episode in ("life", "season") else nan,
        "regret": tally.regret / tally.pages if loop.episode == "page" else nan,
        "coverage": float(np.count_nonzero(tally.shown) / len(tally.shown)),
        "diversity": tally.unlike / tally.compared if tally.compared else nan,
        "stockouts": tally.sold_out / max(tally.slots, 1),
        "decisions_per_second": tally.pages / max(tally.seconds, 1e-9),
    }
