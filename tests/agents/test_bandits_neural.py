"""Neural bandits: they learn what linear models cannot; the posterior of the last layer."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from builders.bandits import make_interactions, make_requests, make_task, random_interactions

from shopgym.agents import make_agent
from shopgym.core import InvalidInput

torch = pytest.importorskip("torch", reason="needs the extra 'agents'")
NEURAL = {
    "neural_greedy": {"epsilon": 0.1},
    "neural_bootstrap": {"models": 3, "floor": 0.05},
    "neural_linear": {"draws": 4},
}


@pytest.mark.parametrize("name", NEURAL)
def test_networks_learn_what_linear_models_cannot(name: str) -> None:
    """Item 0 pays if user and context have the same sign, item 1 if not: linear models cannot learn it."""
    task = make_task(2, users=1)
    task = replace(task, items=replace(task.items, features=np.array([[1, 0, 0], [-1, 0, 0]], np.float32)))
    rng = np.random.default_rng(0)
    shares = {}
    for agent_name, options in (
        (name, NEURAL[name] | {"hidden": (32, 16), "step": 0.01}),
        ("linucb_hybrid", {}),
    ):
        agent: Any = make_agent(agent_name, task, np.random.default_rng(1), **options)
        hits = []
        for _ in range(25):
            requests = make_requests(task, 60, rng)
            same = requests.user[:, 0] * requests.context[:, 0] > 0
            decisions = agent.policy().decide(requests, rng)
            right = decisions.slates[:, 0] == np.where(same, 0, 1)
            agent.learn(make_interactions(requests, decisions.slates, right[:, None]))
            hits.append(right.mean())
        shares[agent_name] = np.mean(hits[-6:])
    assert shares["linucb_hybrid"] < 0.65
    assert shares[name] > 0.8


def test_last_layer_is_the_closed_form() -> None:
    task = make_task(5, slots=2)
    agent: Any = make_agent("neural_linear", task, np.random.default_rng(0), draws=600, ridge=2.0, alpha=0.7)
    for seed in range(3):
        agent.learn(random_interactions(task, 40, seed))
    memory = agent.memory
    h = agent.last_hidden(memory.x) * memory.attention[:, None]
    a = 2.0 * np.eye(h.shape[1]) + h.T @ h
    y = agent.remembered()
    mean = np.linalg.solve(a, h.T @ y)
    sigma = np.sqrt(((y - h @ mean) ** 2).mean())
    requests = make_requests(task, 4, np.random.default_rng(9))
    scores = agent.policy().scorer.scores(requests) / agent.scale.spread
    x = task.network_features.phi(requests, task.network_item_side)
    layer = agent.last_hidden(x.reshape(20, -1).astype(np.float32))
    middle = (layer @ mean).reshape(4, 5)
    width = 0.7 * sigma * np.sqrt(np.einsum("rd,de,re->r", layer, np.linalg.inv(a), layer)).reshape(4, 5)
    z = (scores.mean(axis=1) - middle) / (width / 600**0.5)
    assert abs(z).max() < 5.0  # 20 numbers: about 1e-5
    np.testing.assert_allclose(scores.std(axis=1), width, rtol=0.15)  # 5 standard errors


def test_lower_attention_does_not_lower_the_prediction() -> None:
    """Slot 1 is looked at half as often and pays half as much, so items are equally good in both slots."""
    task = make_task(4, slots=2, attention=np.array([1.0, 0.5]))
    agent: Any = make_agent("neural_greedy", task, np.random.default_rng(0), step=0.01)
    for seed in range(30):
        batch = random_interactions(task, 60, seed)
        worth = 1.0 + batch.decisions.slates
        agent.learn(replace(batch, reward=worth * np.array([1.0, 0.5])))
    scores = agent.policy().scorer.scores(make_requests(task, 50, np.random.default_rng(99)))[:, 0]
    np.testing.assert_allclose(scores.mean(axis=0), [1.0, 2.0, 3.0, 4.0], atol=0.3)


def test_memory_is_bounded_and_batches_are_optional() -> None:
    task = make_task(4)
    agent: Any = make_agent("neural_greedy", task, np.random.default_rng(0), memory=50)
    assert agent.learn(random_interactions(task, 0, 0)) == {"remembered": 0.0, "loss": 0.0}
    assert agent.learn(random_interactions(task, 40, 0))["remembered"] == 40
    assert agent.learn(random_interactions(task, 40, 1))["remembered"] == 50
    latest = random_interactions(task, 40, 1).reward[:, 0] / task.item_value[0]
    np.testing.assert_array_equal(agent.memory.y[-40:, 0], latest)
    with pytest.raises(InvalidInput, match=r"neural_linear\.draws"):
        make_agent("neural_linear", task, np.random.default_rng(0), draws=0)
