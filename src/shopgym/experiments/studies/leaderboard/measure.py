"""What a policy is worth: one episode on every lane, and what the business would ask about it."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from ....core.batches import SLOT_TERMS
from ....core.protocols import Policy
from ....envs.page_env import Episode, PageEnv
from ...stages.deploy import deploy

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


def measure(loop: PageEnv, policy: Policy, seed: int, rng: Generator) -> dict[str, float]:
    """Open the shop anew with ``seed``, live one episode on every lane, and report :data:`METRICS`.

    The same seed gives every policy the same visitors with the same luck.
    """
    loop.open(seed)
    deployment = deploy(loop, policy, 1, rng)
    counts, term = deployment.counts, dict(zip(SLOT_TERMS, deployment.page.sum(axis=0).tolist(), strict=True))
    nan, comes_back = float("nan"), loop.episode in (Episode.LIFE, Episode.SEASON)
    return {
        "score": float(deployment.expected.mean()),
        "margin_per_session": (term["margin"] - term["return_cost"]) / counts.visits,
        "conversion": counts.orders / counts.visits,
        "aov": term["revenue"] / counts.orders if counts.orders else nan,
        "visits_per_customer": counts.visits / deployment.persons if comes_back else nan,
        "regret": float(np.mean(deployment.best - deployment.expected)),
        "coverage": float(np.count_nonzero(counts.shown) / len(counts.shown)),
        "diversity": counts.unlike / counts.compared if counts.compared else nan,
        "stockouts": counts.sold_out / max(counts.slots, 1),
        "decisions_per_second": counts.pages / max(counts.seconds, 1e-9),
    }
