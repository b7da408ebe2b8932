"""A Markov decision process of two states and two items, with values known in closed form.

State 0: item 0 pays 1 and ends the episode; item 1 pays nothing and next_state to state 1.
State 1: item 0 pays nothing and next_state to state 0; item 1 pays 2 and ends the episode.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from shopgym.agents import Task
from shopgym.core import Decisions, Interactions, Requests
from shopgym.core.items import Items

GAMMA = 0.9
REWARDS = np.array([[1.0, 0.0], [0.0, 2.0]])
NEXT_STATE = np.array([[-1, 1], [0, -1]])
Q_VALUES = np.array([[1.0, 1.8], [1.62, 2.0]])
"""Q of the best policy, state by item: Q(0, 1) = 0.9 x 2, Q(1, 0) = 0.9 x 1.8."""


def make_items(count: int = 2) -> Items:
    """``count`` items with one-hot features."""
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


def make_task(count: int = 2, slots: int = 1, attention: Any = None) -> Task:
    """Show ``slots`` of ``count`` items; requests have the state as their only column."""
    slot_attention = np.ones(slots) if attention is None else np.asarray(attention)
    return Task(make_items(count), (), ("in_1",), slots, attention=slot_attention)


def make_requests(state: Any, count: int = 2, *, first_id: int = 0, in_stock: Any = None) -> Requests:
    """A request for each state, with all items as candidates."""
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


def single_item_pages(page_requests: Requests, item: Any, reward: Any, **options: Any) -> Interactions:
    """Pages of one slot that show ``item``, each with propensity 1/2."""
    shown = np.asarray(item, np.int32)[:, None]
    decisions = Decisions(shown, shown, np.full(shown.shape, 0.5))
    return Interactions(page_requests, decisions, np.asarray(reward, float)[:, None], **options)


def all_transitions(copies: int = 16) -> Interactions:
    """Every state with every item, ``copies`` times; every item shown is clicked."""
    state, item = (np.tile(part, copies) for part in ([0, 0, 1, 1], [0, 1, 0, 1]))
    next_state = NEXT_STATE[state, item]
    return single_item_pages(
        make_requests(state),
        item,
        REWARDS[state, item],
        events={"click": np.ones((len(state), 1))},
        next=make_requests(np.maximum(next_state, 0), first_id=10_000),
        terminated=next_state < 0,
    )


def q_table(agent: Any) -> Any:
    """(2, 2) Q of the agent's values: state by item."""
    import torch

    states = make_requests([0, 1])
    with torch.no_grad():
        base = agent.values.state_value(agent.tensors.state(states))
        return (
            base[:, None] + agent.values.item_gain(agent.tensors.pairs(states, states.candidates))
        ).numpy()


def train_online(agent: Any, steps: int, lanes: int, seed: int = 0) -> None:
    """Let the agent learn from ``steps`` pages of every visitor; a new episode begins in state 0.

    Args:
        lanes: visitors at the same time.
    """
    rng = np.random.default_rng(seed)
    page_requests = make_requests(np.zeros(lanes))
    for step in range(1, steps + 1):
        decisions = agent.policy().decide(page_requests, rng)
        state, item = page_requests.context[:, 0].astype(int), decisions.slates[:, 0]
        next_state = NEXT_STATE[state, item]
        following = make_requests(np.maximum(next_state, 0), first_id=step * lanes)
        reward = REWARDS[state, item][:, None]
        agent.learn(Interactions(page_requests, decisions, reward, {}, following, next_state < 0))
        page_requests = make_requests(np.where(next_state < 0, 0, next_state), first_id=step * lanes)
