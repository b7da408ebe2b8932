"""What a policy is worth: one episode on every lane, and what the business would ask about it."""

from __future__ import annotations

from numpy.random import Generator

from ....core.metrics import BUSINESS_METRICS
from ....core.protocols import Policy
from ....envs.page_env import PageEnv
from ...stages.deploy import deploy

METRICS = {
    "score": "expected reward per episode: of a page, a visit, a customer, a season",
    "regret": "exact expected reward of the best page less that of the page shown; only on single pages",
    **{metric.name: f"{metric.meaning}; {metric.unit}" for metric in BUSINESS_METRICS},
    "decisions_per_second": "pages decided per CPU-second",
    "training_seconds": "CPU-seconds of learning",
}


def measure(loop: PageEnv, policy: Policy, seed: int, rng: Generator) -> dict[str, float]:
    """Open the shop anew with ``seed``, live one episode on every lane, and report :data:`METRICS`.

    The same seed gives every policy the same visitors with the same luck.
    """
    loop.open(seed)
    deployment = deploy(loop, policy, 1, rng)
    metrics = deployment.metrics()
    speed = deployment.totals.pages / max(deployment.decision_seconds, 1e-9)
    return {"score": metrics.pop("expected_reward"), **metrics, "decisions_per_second": speed}
