"""Tasks for tests of bandits: few items, requests made up."""

from __future__ import annotations

from typing import Any

import numpy as np

from shopgym.agents import Task
from shopgym.core import Decisions, Interactions, Requests
from shopgym.core.items import Items
from shopgym.core.types import F64


def items_of(n: int, features: int = 3, prefix: str = "i") -> Items:
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


def task_of(n: int = 6, users: int = 3, slots: int = 1, **options: Any) -> Task:
    """n items; the request has ``users`` columns of the user and one of the context."""
    names = tuple(f"taste_{j}" for j in range(users))
    options = {"attention": 0.8 ** np.arange(slots)} | options
    return Task(items_of(n), names, ("c0",), slots, **options)


def requests_of(task: Task, n: int, rng: np.random.Generator, *, users: F64 | None = None) -> Requests:
    """n requests with every item as a candidate."""
    user = rng.normal(size=(n, len(task.user_names))) if users is None else users
    every = np.tile(np.arange(len(task.items), dtype=np.int32), (n, 1))
    return Requests(
        request_id=np.arange(n, dtype=np.uint64),
        user_id=np.zeros(n, np.int64),
        user=user.astype(np.float32),
        context=rng.normal(size=(n, 1)).astype(np.float32),
        candidates=every,
        in_stock=np.ones(every.shape, bool),
        time=np.zeros(n),
    )


def shown(task: Task, requests: Requests, positions: Any, reward: Any) -> Interactions:
    """Interactions in which every item is a candidate, so that positions are items."""
    at = np.asarray(positions, np.int32)
    p = np.full(at.shape, 0.5)
    return Interactions(requests, Decisions(at, at, p), np.asarray(reward, np.float64))


def played(task: Task, n: int, seed: int) -> Interactions:
    """n requests, random slates without repeats and rewards that are standard normal."""
    rng = np.random.default_rng(seed)
    at = np.argsort(rng.random((n, len(task.items))), axis=1)[:, : task.slate_size]
    return shown(task, requests_of(task, n, rng), at, rng.normal(size=at.shape))
