"""The spread of rewards: known powers, units that change nothing, sums that can be corrected."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from builders.bandits import make_requests, make_task, random_interactions

from shopgym.agents import Task, make_agent
from shopgym.agents.bandits.reward_scale import POWERS, RewardScale
from shopgym.core import InvalidInput
from shopgym.policies.policy import policy_from_state

SCALED = ["linucb", "lints", "regcb", "squarecb", "linucb_disjoint", "lints_hybrid", "bootstrap_ts"]
NETWORKS = ["neural_greedy", "neural_bootstrap", "neural_linear"]
PRICES = np.array([0.5, 1.0, 2.0, 5.0, 20.0, 60.0])


def task_with_prices(factor: float = 1.0) -> Task:
    task = make_task(len(PRICES), value="price", slots=2)
    return replace(task, items=replace(task.items, price=factor * PRICES))


@pytest.mark.parametrize("power", POWERS)
def test_the_power_is_found(power: float) -> None:
    """20,000 rewards whose spread is value^power: the next power is 1,000 units of likelihood away."""
    rng = np.random.default_rng(0)
    item = rng.integers(0, len(PRICES), 20_000)
    reward = 3.0 * PRICES[item] ** power * rng.standard_normal(20_000)
    scale = RewardScale(PRICES)
    for part in np.array_split(np.arange(20_000), 7):
        scale.add(reward[part] / PRICES[item[part]], item[part])
    assert scale.powers[scale.column] == power
    np.testing.assert_allclose(scale.item_scale, PRICES**power)
    assert scale.spread == pytest.approx(3.0, rel=0.02)  # 4 standard errors


def test_without_a_reward_the_value_is_the_scale() -> None:
    scale = RewardScale(PRICES)
    assert scale.spread == scale.reward_spread == 1.0
    scale.add(np.zeros(4), np.arange(4))
    np.testing.assert_array_equal(scale.item_scale, PRICES)
    assert scale.spread == scale.reward_spread == 1.0


def test_a_corrected_reward_counts_as_if_it_had_been_learnt() -> None:
    rng = np.random.default_rng(0)
    item, old, new = rng.integers(0, 6, 50), rng.standard_normal(50), rng.standard_normal(50)
    corrected, fresh = RewardScale(PRICES), RewardScale(PRICES)
    corrected.add(old, item)
    corrected.correct(old, new, item)
    fresh.add(new, item)
    np.testing.assert_allclose(corrected.squares, fresh.squares)
    assert corrected.reward_spread == pytest.approx(fresh.reward_spread)


@pytest.mark.parametrize("name", [*SCALED, *NETWORKS])
def test_rewards_a_hundred_times_as_large_change_no_decision(name: str) -> None:
    if name in NETWORKS:
        pytest.importorskip("torch", reason="needs the extra 'agents'")
    task = task_with_prices()
    decided = []
    for factor in (1.0, 100.0):
        agent: Any = make_agent(name, task, np.random.default_rng(0))
        for seed in range(4):
            batch = random_interactions(task, 60, seed)
            agent.learn(replace(batch, reward=factor * batch.reward))
        requests = make_requests(task, 200, np.random.default_rng(9))
        decided.append(agent.policy().decide(requests, np.random.default_rng(1)))
    np.testing.assert_array_equal(decided[0].slates, decided[1].slates)
    np.testing.assert_allclose(decided[0].propensities, decided[1].propensities, rtol=1e-6)


def test_another_currency_changes_no_decision() -> None:
    decided = []
    for factor in (1.0, 160.0):
        task = task_with_prices(factor)
        agent: Any = make_agent("linucb", task, np.random.default_rng(0))
        for seed in range(4):
            batch = random_interactions(task, 60, seed)
            agent.learn(replace(batch, reward=factor * batch.reward))
        requests = make_requests(task, 200, np.random.default_rng(9))
        decided.append(agent.policy().decide(requests, np.random.default_rng(1)).slates)
    np.testing.assert_array_equal(*decided)


def test_an_expensive_item_has_no_wider_bound_where_its_rewards_spread_no_more() -> None:
    """Prices differ by 120. Rewards are noise of one size, so widths differ by what is known of the items."""
    task, ratio = task_with_prices(), {}
    requests = make_requests(task, 50, np.random.default_rng(9))
    for power in (1.0, None):
        scores = []
        for alpha in (0.0, 1.0):
            agent: Any = make_agent("linucb", task, np.random.default_rng(0), power=power, alpha=alpha)
            for seed in range(10):
                agent.learn(random_interactions(task, 100, seed))
            scores.append(agent.policy().scorer.scores(requests)[:, 0])
        width = (scores[1] - scores[0]).mean(axis=0)
        ratio[power] = width[-1] / width[0]
    assert ratio[None] < 3.0
    assert ratio[1.0] > 60.0


def test_a_bundle_keeps_the_scale() -> None:
    task = task_with_prices()
    agent: Any = make_agent("linucb", task, np.random.default_rng(0))
    agent.learn(random_interactions(task, 200, 0))
    policy = agent.policy()
    assert agent.scale.powers[agent.scale.column] < 1.0  # so that it is not the items' own value
    requests = make_requests(task, 20, np.random.default_rng(1))
    again = policy_from_state(*policy.state(), task.items)
    np.testing.assert_array_equal(again.scorer.scores(requests), policy.scorer.scores(requests))


def test_a_power_outside_its_range_is_refused() -> None:
    with pytest.raises(InvalidInput, match="power"):
        make_agent("linucb", task_with_prices(), np.random.default_rng(0), power=1.5)
