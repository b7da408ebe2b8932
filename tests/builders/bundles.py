"""A small catalogue, policies and bundles for tests of serving."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from shopgym.core import Items, Requests
from shopgym.policies.explorers import Softmax
from shopgym.policies.features import FeatureMap
from shopgym.policies.guards import CategoryCap, InStock, MarginFloor
from shopgym.policies.policy import SlatePolicy
from shopgym.policies.scorers import LinearScorer, TableScorer
from shopgym.policies.serving.bundle import Bundle, write_bundle

USER = ("taste_0", "taste_1")
CONTEXT = ("hour",)
UNIT = "GBP of margin"


def small_items(n: int = 3) -> Items:
    """Items sku0, sku1, ...; sku0 is the most popular."""
    popularity = np.arange(n, 0, -1, dtype=np.float64)
    return Items(
        item_id=np.array([f"sku{i}" for i in range(n)]),
        name=np.array([f"Item {i}" for i in range(n)]),
        category=(np.arange(n) % 2).astype(np.int32),
        price=np.linspace(2.0, 9.0, n),
        unit_cost=np.linspace(1.0, 4.0, n),
        popularity=popularity / popularity.sum(),
        features=np.stack([np.sin(np.arange(n)), np.cos(np.arange(n))], axis=1).astype(np.float32),
        category_names=("even", "odd"),
        feature_names=("embedding_0", "embedding_1"),
    )


def table_policy(rates: tuple[float, ...] = (1.0, 2.0, 4.0), slate_size: int = 2) -> SlatePolicy:
    """Draws item i with a probability proportional to ``rates[i]``, so propensities are known by hand."""
    return SlatePolicy(
        "table",
        small_items(len(rates)),
        TableScorer(np.log(np.array(rates))),
        Softmax(1.0),
        (InStock(),),
        slate_size,
    )


def linear_policy(n: int = 30, slate_size: int = 3, *, category_cap: int | None = None) -> SlatePolicy:
    """Two linear models over users and items, with a floor and guards."""
    items = small_items(n)
    features = FeatureMap.default(USER, CONTEXT, items.feature_names)
    theta = np.random.default_rng(5).normal(size=(2, len(features)))
    guards = (InStock(), MarginFloor(0.5), *([CategoryCap(category_cap)] if category_cap else []))
    scorer = LinearScorer(features, items, theta, np.ones(n))
    return SlatePolicy("linear", items, scorer, Softmax(0.5, floor=0.1), guards, slate_size)


def random_requests(policy: SlatePolicy, n: int, m: int, rng: np.random.Generator) -> Requests:
    """n random requests with m candidates each; one in five is out of stock."""
    order = rng.permuted(np.tile(np.arange(len(policy.items)), (n, 1)), axis=1)
    return Requests(
        request_id=np.arange(1000, 1000 + n, dtype=np.uint64),
        user_id=rng.integers(0, 50, n),
        user=rng.normal(size=(n, len(USER))).astype(np.float32),
        context=rng.random((n, len(CONTEXT)), dtype=np.float32),
        candidates=order[:, :m].astype(np.int32),
        in_stock=rng.random((n, m)) < 0.8,
        time=np.sort(rng.random(n)) * 10,
    )


def small_bundle(path: Path, policy: SlatePolicy | None = None, m: int = 3) -> Bundle:
    """A bundle of ``policy`` (default: :func:`table_policy`) with 25 golden requests."""
    policy = policy or table_policy()
    return write_bundle(
        path,
        policy,
        golden_requests=random_requests(policy, 25, m, np.random.default_rng(3)),
        user_names=USER,
        context_names=CONTEXT,
        unit=UNIT,
        config_hash="c0ffee",
        evidence={"lift": 0.1, "verdict": "go"},
        created="2026-01-31T12:00:00Z",
        ranges={"context.hour": (0.0, 24.0)},
    )


def rank_body(policy: SlatePolicy, request_id: int | str, m: int = 3) -> dict[str, object]:
    """The body of a valid request to /rank."""
    return {
        "request_id": request_id,
        "user_id": "ann",
        "user": {"taste_0": 0.5, "taste_1": -1.25},
        "context": [13.5],
        "candidates": [str(item) for item in policy.items.item_id[:m]],
        "time": 2.5,
    }
