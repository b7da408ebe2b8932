"""Rewards that change later, because of returns."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from shopgym.agents import Task, make_agent
from shopgym.agents.delayed import Correctable, Delayed
from shopgym.core import Agent, Interactions, InvalidInput
from shopgym.simulators import Catalog, Shop

EXACT = ["linucb", "lints", "epsilon_greedy", "linucb_disjoint", "lints_hybrid", "regcb"]


@pytest.fixture
def task(shop: Shop, catalog: Catalog) -> Task:
    return Task(catalog.items, shop.user_names, shop.context_names, 3, attention=np.ones(3))


def pages(shop: Shop, task: Task, seed: int, *, day: float, items: tuple[int, ...] = ()) -> Interactions:
    """64 pages of random slates on one day, no reward yet; of ``items`` if they are given."""
    requests = shop.requests()
    if items:
        candidates = np.full((64, 8), -1, np.int32)
        candidates[:, : len(items)] = items
        requests = replace(requests, candidates=candidates, in_stock=candidates >= 0)
    ids = np.arange(64, dtype=np.uint64) + np.uint64(1000 * seed)
    requests = replace(requests, request_id=ids, time=np.full(64, day))
    rng = np.random.default_rng(seed)
    decisions = make_agent("random", task, rng).policy().decide(requests, rng)
    return Interactions(requests, decisions, np.zeros((64, 3)))


def scores(agent: Any, shop: Shop) -> Any:
    return agent.policy().scorer.scores(shop.requests())  # equal seeds, so equal draws


@pytest.mark.parametrize("name", EXACT)
def test_a_correction_equals_learning_the_final_reward(name: str, shop: Shop, task: Task) -> None:
    rng = np.random.default_rng(0)
    wrong, right = (make_agent(name, task, np.random.default_rng(5)) for _ in range(2))
    assert isinstance(wrong, Correctable)
    for seed in range(3):
        batch = replace(pages(shop, task, seed, day=0.0), reward=rng.normal(size=(64, 3)))
        final = rng.normal(size=(64, 3))
        wrong.learn(batch)
        wrong.correct(batch, final)
        right.learn(replace(batch, reward=final))
    np.testing.assert_allclose(scores(wrong, shop), scores(right, shop), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", ["linucb", "logistic_ts"])
def test_ignoring_returns_picks_the_wrong_item(name: str, shop: Shop, task: Task) -> None:
    """Item 3 always sells and comes back 10 days later at a loss; item 7 sells half the time, for good."""
    ignoring, handling = (make_agent(name, task, np.random.default_rng(0)) for _ in range(2))
    delayed = Delayed(handling, 14.0)
    rng = np.random.default_rng(1)
    back: list[tuple[float, Any, Any]] = []
    for day in range(40):
        batch = pages(shop, task, day, day=float(day), items=(3, 7))
        slates = batch.decisions.slates
        reward = np.where(slates == 3, 1.0, np.where((slates == 7) & (rng.random((64, 3)) < 0.5), 1.0, 0.0))
        batch = replace(batch, reward=reward)
        ignoring.learn(batch)
        delayed.learn(batch)
        back.append((day + 10.0, batch.requests.request_id, np.where(slates == 3, -0.5, reward)))
        while back and back[0][0] <= day:
            _, ids, final = back.pop(0)
            delayed.correct(ids, final)
    requests = pages(shop, task, 99, day=40.0, items=(3, 7)).requests

    def share_of_7(agent: Agent) -> float:
        return float((agent.policy().decide(requests, np.random.default_rng(0)).slates[:, 0] == 7).mean())

    assert share_of_7(ignoring) < 0.2
    assert share_of_7(delayed) > 0.8
    assert delayed.late == 0


def test_without_exact_corrections_decisions_wait_for_their_horizon(shop: Shop, task: Task) -> None:
    agent: Any = make_agent("logistic_ts", task, np.random.default_rng(0))
    delayed = Delayed(agent, 5.0)
    report = delayed.learn(pages(shop, task, 0, day=0.0))
    assert report["waiting"] == 64
    assert agent.model.count == 0
    delayed.learn(pages(shop, task, 1, day=5.0))
    assert agent.model.count == 0  # day 5 is still within the horizon
    report = delayed.advance(5.1)
    assert agent.model.count == 64 * 3
    assert report["waiting"] == 64
    with pytest.raises(InvalidInput, match=r"delayed\.early"):
        Delayed(agent, 5.0, early=True)


@pytest.mark.parametrize("early", [True, False])
def test_repeated_late_and_sold_out_corrections(shop: Shop, task: Task, early: bool) -> None:
    agents = [make_agent("linucb", task, np.random.default_rng(0)) for _ in range(2)]
    delayed, plain = Delayed(agents[0], 5.0, early=early), agents[1]
    batch = pages(shop, task, 0, day=0.0)
    final = np.random.default_rng(3).normal(size=(64, 3))
    delayed.learn(batch)
    delayed.learn(batch)  # the same decisions once more
    assert delayed.repeated == 64
    ids = batch.requests.request_id
    for _ in range(2):  # the same reward twice
        delayed.correct(ids, final)
    with pytest.raises(InvalidInput, match="NaN"):
        delayed.correct(ids[:1], np.full((1, 3), np.nan))
    delayed.correct([123456], final[:1])  # nobody knows this decision
    assert delayed.late == 1
    # the items are no candidates any more: what was shown is corrected all the same
    delayed.learn(pages(shop, task, 1, day=1.0, items=(100, 101)))
    delayed.correct(ids[:1], final[:1] + 1.0)
    delayed.advance(50.0)
    assert delayed.correct(ids[:1], final[:1] + 9.0)["waiting"] == 0
    assert delayed.late == 2
    final[0] += 1.0
    plain.learn(replace(batch, reward=final))
    plain.learn(pages(shop, task, 1, day=1.0, items=(100, 101)))
    np.testing.assert_allclose(scores(delayed, shop), scores(plain, shop), rtol=1e-9, atol=1e-12)
