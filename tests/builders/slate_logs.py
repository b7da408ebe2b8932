"""Decision logs of slates whose expected rewards are known: an item's attraction times a slot's effect."""

from __future__ import annotations

import numpy as np

from shopgym.core import Interactions, Items, Requests
from shopgym.evaluation.offline.uniform import UniformPolicy
from shopgym.policies.decision_log.log import DecisionLog, logged_marginals
from shopgym.policies.explorers import Softmax
from shopgym.policies.guards import CategoryCap, InStock
from shopgym.policies.policy import SlatePolicy
from shopgym.policies.scorers import TableScorer

N_ITEMS, CANDIDATES, SLOTS = 8, 6, 3
SLOT_EFFECT = np.array([1.0, 0.5, 0.25])
ATTRACTION = np.linspace(-0.5, 1.0, N_ITEMS)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def items() -> Items:
    return Items(
        item_id=np.array([f"sku{i}" for i in range(N_ITEMS)]),
        name=np.array([f"Item {i}" for i in range(N_ITEMS)]),
        category=(np.arange(N_ITEMS) % 2).astype(np.int32),
        price=np.full(N_ITEMS, 2.0),
        unit_cost=np.full(N_ITEMS, 1.0),
        popularity=np.full(N_ITEMS, 1.0 / N_ITEMS),
        features=ATTRACTION[:, None].astype(np.float32),
        category_names=("even", "odd"),
        feature_names=("attraction",),
    )


def policy(tilt: float, *guards: CategoryCap, slots: int = SLOTS) -> SlatePolicy:
    """Prefers attractive items when ``tilt`` > 0."""
    return SlatePolicy(
        "tilted",
        items(),
        TableScorer(tilt * ATTRACTION),
        Softmax(temperature=1.0),
        (InStock(), *guards),
        slots,
    )


def make_requests(n: int, scarce: bool = False) -> Requests:
    draw = rng(1)
    candidates = np.argsort(draw.random((n, N_ITEMS)), axis=1)[:, :CANDIDATES].astype(np.int32)
    in_stock = np.ones(candidates.shape, dtype=bool)
    if scarce:  # half of the requests find two items only
        in_stock[::2, 2:] = False
    return Requests(
        request_id=np.arange(n, dtype=np.uint64),
        user_id=np.arange(n, dtype=np.int64) // 2,
        user=np.empty((n, 0), dtype=np.float32),
        context=np.empty((n, 0), dtype=np.float32),
        candidates=candidates,
        in_stock=in_stock,
        time=np.zeros(n),
    )


def expected(slates: np.ndarray) -> np.ndarray:
    """(n, k) the expected reward of what a slot shows."""
    return np.where(slates >= 0, ATTRACTION[slates] * SLOT_EFFECT[: slates.shape[1]], 0.0)


def make_log(
    behaviour: SlatePolicy, requests: Requests, seed: int = 2, marginals: bool = True
) -> DecisionLog:
    decisions = behaviour.decide(requests, rng(seed))
    noise = 0.3 * rng(seed + 1).normal(size=decisions.slates.shape)
    reward = np.where(decisions.slates >= 0, expected(decisions.slates) + noise, 0.0)
    return DecisionLog.from_interactions(
        Interactions(requests, decisions, reward),
        items=behaviour.items,
        unit="GBP",
        policy_hash=behaviour.hash,
        policy_name=behaviour.name,
        config_hash="test",
        user_names=(),
        context_names=(),
        marginals=logged_marginals(behaviour, requests, decisions.positions) if marginals else None,
    )


def true_value(target: SlatePolicy | UniformPolicy, requests: Requests) -> float:
    """Exact, from the target's slot marginals."""
    shown = ATTRACTION[requests.candidates]
    return float(np.einsum("nkm,nm,k->n", target.marginals(requests), shown, SLOT_EFFECT).mean())
