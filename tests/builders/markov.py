"""A world of two states and two items whose every value is known, built by hand.

State 0: item 0 pays 1 and ends it; item 1 pays nothing and leads to state 1.
State 1: item 0 pays nothing and leads back to state 0; item 1 pays 2 and ends it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from shopgym.agents import Task
from shopgym.core import Decisions, Interactions, Requests
from shopgym.core.items import Items

GAMMA = 0.9
PAYS = np.array([[1.0, 0.0], [0.0, 2.0]])
LEADS = np.array([[-1, 1], [0, -1]])
BEST = np.array([[1.0, 1.8], [1.62, 2.0]])
"""Q of the best policy: Q(0, 1) = 0.9 x 2, Q(1, 0) = 0.9 x 1.8."""


def items(count: int = 2) -> Items:
    """``count`` items, each with a column of its own."""
    names = tuple(f"is_{i}" for i in range(count))
    return Items(
        item_id=np.array([f"i{i}" for i in range(count)]),
        name=np.array([f"item {i}" for i in range(count)]),
        category=np.zeros(count, np.int32),
        price=np.ones(count),
        unit_cost=np.zeros(count),
        popularity=np.full(count, 1 / count),
        features=np.eye(count, dtype=np.float32),
        category_names=("all",),
        feature_names=names,
    )


def task(count: int = 2, slots: int = 1, attention: Any = None) -> Task:
    seen = np.ones(slots) if attention is None else np.asarray(attention)
    return Task(items(count), (), ("in_1",), slots, attention=seen)


def requests(state: Any, count: int = 2, *, first_id: int = 0, in_stock: Any = None) -> Requests:
    """One request a state, all items candidates."""
    state = np.asarray(state)
    n = len(state)
    return Requests(
        request_id=np.arange(first_id, first_id + n, dtype=np.uint64),
        user_id=np.arange(n),
        user=np.zeros((n, 0), np.float32),
        context=state[:, None].astype(np.float32),
        candidates=np.tile(np.arange(count, dtype=np.int32), (n, 1)),
        in_stock=np.ones((n, count), bool) if in_stock is None else in_stock,
        time=np.zeros(n),
    )


def one_item(asked: Requests, item: Any, reward: Any, **rest: Any) -> Interactions:
    """Pages of one slot, each item with probability 1/2."""
    shown = np.asarray(item, np.int32)[:, None]
    decisions = Decisions(shown, shown, np.full(shown.shape, 0.5))
    return Interactions(asked, decisions, np.asarray(reward, float)[:, None], **rest)


def everything(copies: int = 16) -> Interactions:
    """Every state and item, ``copies`` times; all choices are clicks."""
    state, item = (np.tile(part, copies) for part in ([0, 0, 1, 1], [0, 1, 0, 1]))
    leads = LEADS[state, item]
    return one_item(
        requests(state),
        item,
        PAYS[state, item],
        events={"click": np.ones((len(state), 1))},
        next=requests(np.maximum(leads, 0), first_id=10_000),
        terminated=leads < 0,
    )


def table(agent: Any) -> Any:
    """(2, 2) Q of the agent's values: state by item."""
    import torch

    both = requests([0, 1])
    with torch.no_grad():
        base = agent.values.state_value(agent.tensors.state(both))
        return (base[:, None] + agent.values.item_gain(agent.tensors.pairs(both, both.candidates))).numpy()


def play(agent: Any, steps: int, lanes: int, seed: int = 0) -> None:
    """Let the agent learn from ``steps`` pages on every lane; who has ended begins in state 0 again."""
    rng = np.random.default_rng(seed)
    asked = requests(np.zeros(lanes))
    for step in range(1, steps + 1):
        decisions = agent.policy().decide(asked, rng)
        state, item = asked.context[:, 0].astype(int), decisions.slates[:, 0]
        leads = LEADS[state, item]
        after = requests(np.maximum(leads, 0), first_id=step * lanes)
        reward = PAYS[state, item][:, None]
        agent.learn(Interactions(asked, decisions, reward, {}, after, leads < 0))
        asked = requests(np.where(leads < 0, 0, leads), first_id=step * lanes)
