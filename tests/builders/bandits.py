"""Small tasks, requests and interactions for tests of bandits."""

from __future__ import annotations

from typing import Any

import numpy as np

from shopgym.agents import Task
from shopgym.core import Decisions, Interactions, Requests
from shopgym.core.items import Items
from shopgym.core.types import F64


def make_items(n: int, features: int = 3, prefix: str = "i") -> Items:
    """n items of price 2 and cost 1, with features that are standard normal."""
    rng = np.random.default_rng(11)
    return Items(
        item_id=np.array([f"{prefix}{i}" for i in range(n)]),
        name=np.array([f"item {i}" for i in range(n)]),
        category=np.zeros(n, np.int32),
        price=np.full(n, 2.0),
        unit_cost=np.ones(n),
        popularity=np.full(n, 1 / n),
        features=rng.normal(size=(n, features)).astype(np.float32),
        category_names=("all",),
        feature_names=tuple(f"embedding_{j}" for j in range(features)),
    )


def make_task(n: int = 6, users: int = 3, slots: int = 1, **options: Any) -> Task:
    """A task of n items; requests have ``users`` columns of the user and one of the context."""
    names = tuple(f"taste_{j}" for j in range(users))
    options = {"attention": 0.8 ** np.arange(slots)} | options
    return Task(make_items(n), names, ("c0",), slots, **options)


def make_requests(task: Task, n: int, rng: np.random.Generator, *, users: F64 | None = None) -> Requests:
    """n requests with every item as a candidate."""
    user = rng.normal(size=(n, len(task.user_names))) if users is None else users
    candidates = np.tile(np.arange(len(task.items), dtype=np.int32), (n, 1))
    return Requests(
        request_id=np.arange(n, dtype=np.uint64),
        user_id=np.zeros(n, np.int64),
        user=user.astype(np.float32),
        context=rng.normal(size=(n, 1)).astype(np.float32),
        candidates=candidates,
        in_stock=np.ones(candidates.shape, bool),
        time=np.zeros(n),
    )


def make_interactions(requests: Requests, positions: Any, reward: Any) -> Interactions:
    """Interactions for requests with every item as a candidate, so that positions are item rows."""
    items = np.asarray(positions, np.int32)
    p = np.full(items.shape, 0.5)
    return Interactions(requests, Decisions(items, items, p), np.asarray(reward, np.float64))


def random_interactions(task: Task, n: int, seed: int) -> Interactions:
    """n requests, random slates without repeats, and rewards that are standard normal."""
    rng = np.random.default_rng(seed)
    items = np.argsort(rng.random((n, len(task.items))), axis=1)[:, : task.slate_size]
    return make_interactions(make_requests(task, n, rng), items, rng.normal(size=items.shape))
