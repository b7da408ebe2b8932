"""What every bandit does with bad input."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from builders.bandits import make_interactions, make_requests, make_task, random_interactions

from shopgym.agents import AGENTS, make_agent
from shopgym.core import Decisions, Interactions, InvalidInput

BANDITS = [name for name, place in AGENTS.items() if place.startswith("bandits.")]


def made(name: str, task: Any) -> Any:
    if name.startswith("neural"):
        pytest.importorskip("torch", reason="needs the extra 'agents'")
    if name == "bayesianbandits":
        pytest.importorskip("bayesianbandits", reason="needs the extra 'bandits'")
    if name.startswith("vw"):
        pytest.importorskip("vowpalwabbit", reason="needs the extra 'bandits'")
    options = {"passes": 1, "hidden": (4,)} if name.startswith("neural") else {}
    return make_agent(name, task, np.random.default_rng(0), **options)


@pytest.mark.parametrize("name", BANDITS)
def test_no_candidate_one_candidate_and_all_sold_out(name: str) -> None:
    task = make_task(6, slots=2)
    agent = made(name, task)
    agent.learn(random_interactions(task, 20, 0))
    rng = np.random.default_rng(1)
    requests = make_requests(task, 4, rng)
    padding = np.full((4, 6), -1, np.int32)
    empty = replace(requests, candidates=padding, in_stock=np.zeros((4, 6), bool))
    columns = replace(requests, candidates=padding[:, :0], in_stock=np.zeros((4, 0), bool))
    masked = replace(requests, in_stock=np.zeros((4, 6), bool))
    one = replace(requests, in_stock=np.arange(6) == np.array([0, 2, 4, 5])[:, None])
    for nobody in (empty, columns, masked):
        decisions = agent.policy().decide(nobody, rng)
        assert (decisions.slates == -1).all()
        assert (decisions.propensities == 1.0).all()
        agent.learn(Interactions(nobody, decisions, np.zeros((4, 2))))
    decisions = agent.policy().decide(one, rng)
    assert decisions.slates.tolist() == [[0, -1], [2, -1], [4, -1], [5, -1]]
    np.testing.assert_allclose(decisions.propensities, 1.0)
    agent.learn(Interactions(one, decisions, np.ones((4, 2))))


@pytest.mark.parametrize("name", BANDITS)
def test_nan_and_unknown_items_are_refused(name: str) -> None:
    task = make_task(6, slots=2)
    agent = made(name, task)
    batch = random_interactions(task, 20, 0)
    user = batch.requests.user.copy()
    user[7, 0] = np.nan
    hole = replace(batch.requests, user=user)
    with pytest.raises(InvalidInput, match=r"interactions\.requests\[7\]"):
        agent.learn(replace(batch, requests=hole))
    agent.learn(batch)
    with pytest.raises(InvalidInput, match="NaN"):
        agent.policy().decide(hole, np.random.default_rng(0))
    slates = batch.decisions.slates.copy()
    slates[3, 1] = 6
    gone = Decisions(batch.decisions.positions, slates, batch.decisions.propensities)
    with pytest.raises(InvalidInput, match=r"interactions\.slates\[3\]"):
        agent.learn(replace(batch, decisions=gone))
    agent.learn(batch)  # it goes on; a batch that comes twice counts twice: see Delayed
    agent.policy().decide(batch.requests, np.random.default_rng(0))


@pytest.mark.parametrize("name", BANDITS)
def test_unknown_users_and_items(name: str) -> None:
    task = make_task(6)
    agent = made(name, task)
    rng = np.random.default_rng(0)
    first = make_requests(task, 20, rng)
    agent.learn(make_interactions(first, np.zeros((20, 1)), np.ones((20, 1))))
    strangers = make_requests(task, 5, rng, users=rng.normal(size=(5, 3)) * 100)
    marginals = agent.policy().marginals(replace(strangers, user_id=np.full(5, 10**12)))
    assert np.isfinite(marginals).all()
    np.testing.assert_allclose(marginals.sum(axis=2), 1.0, atol=1e-8)
    assert (marginals >= 0).all()
