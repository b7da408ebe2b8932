"""Training over episodes, common random numbers, and the study of long-term rewards."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from shopgym.agents import Task, make_agent
from shopgym.core import InvalidInput
from shopgym.envs import RewardSpec, SeasonVectorEnv, SessionVectorEnv, ShopperVectorEnv
from shopgym.policies.decision_log.log import DecisionLog
from shopgym.simulators import Catalog, ShopConfig
from shopgym.simulators.rollout import rollout
from shopgym.training import interactions, record, run_episodes, train_sequences, transitions_of_log

pytestmark = pytest.mark.slow

CLICKS = RewardSpec({"click": 1.0}, unit="click")
PLAIN: dict[str, Any] = {"form": "slate", "reward": CLICKS, "autoreset_mode": "Disabled"}


def session(catalog: Catalog, config: ShopConfig, **options: Any) -> SessionVectorEnv:
    env = SessionVectorEnv(32, **{**PLAIN, "catalog": catalog, "config": config, **options})
    env.reset(seed=3)
    return env


def task_of(env: Any) -> Task:
    shop = env.loop.shop
    return Task(shop.catalog.items, shop.user_names, shop.context_names, 3, attention=np.ones(3))


def test_every_page_is_followed_by_the_next_of_the_same_visitor(catalog: Catalog, config: ShopConfig) -> None:
    env = session(catalog, config)
    policy = make_agent("random", task_of(env), np.random.default_rng(0)).policy()
    before: Any = None
    ended_before = np.zeros(32, bool)
    ends = 0
    for step in rollout(env.loop.world, policy, np.random.default_rng(0), pages=30):
        batch, ended = interactions(step, env.loop), step.terminated | step.truncated
        assert batch.next is not None
        assert batch.terminated is not None
        assert not (batch.terminated & ~ended).any()
        np.testing.assert_array_equal(batch.next.user_id, batch.requests.user_id)
        if before is not None:  # whoever stayed is the one who was said to come next
            stayed = ~ended_before
            np.testing.assert_array_equal(batch.requests.request_id[stayed], before.request_id[stayed])
            np.testing.assert_array_equal(batch.requests.context[stayed], before.context[stayed])
            assert (batch.requests.request_id[ended_before] != before.request_id[ended_before]).all()
        before, ended_before = batch.next, ended
        ends += int(ended.sum())
    assert ends > 30
    page = env.loop.shop.context_names.index("page")
    assert (before.context[:, page] > 0).all()


@pytest.mark.parametrize("name", ["greedy_clicks", "dqn", "slateq", "ppo", "reinforce", "wolpertinger"])
def test_agents_learn_in_visits_and_keep_to_the_stock(
    name: str, catalog: Catalog, config: ShopConfig
) -> None:
    pytest.importorskip("torch", reason="needs the extra 'agents'")
    env = session(catalog, config)
    small: dict[str, Any] = {"hidden": (8,), "batch": 16}
    small |= {"rollout": 4} if name in ("ppo", "reinforce") else {"updates": 1}
    agent = make_agent(name, task_of(env), np.random.default_rng(0), **small)
    ticks = []
    rows = train_sequences(agent, env, 8, np.random.default_rng(1), lambda: ticks.append(1))
    assert len(rows) == len(ticks) == 8
    assert [row["pages"] for row in rows] == [32 * i for i in range(1, 9)]
    ended = sum(row["episodes"] for row in rows)
    assert ended > 0
    lengths = [row["length"] * row["episodes"] for row in rows if row["episodes"]]
    assert sum(lengths) <= rows[-1]["pages"]
    requests = env.requests
    decisions = agent.policy().decide(requests, np.random.default_rng(0))
    stock = np.take_along_axis(requests.in_stock, np.maximum(decisions.positions, 0), axis=1)
    assert stock[decisions.positions >= 0].all()


def test_rewards_of_episodes_are_complete(catalog: Catalog, config: ShopConfig) -> None:
    env = session(catalog, config)
    agent = make_agent("random", task_of(env), np.random.default_rng(0))
    rows = train_sequences(agent, env, 40, np.random.default_rng(1), lambda: None)
    twin = session(catalog, config)
    earned, whole = np.zeros(32), []
    random = make_agent("random", task_of(twin), np.random.default_rng(0)).policy()
    for step in rollout(twin.loop.world, random, np.random.default_rng(1), pages=40):
        earned += interactions(step, twin.loop).events["click"].sum(axis=1)
        ended = step.terminated | step.truncated
        whole.append(earned[ended].sum())
        earned[ended] = 0
    batch_sums = [row["episode_reward"] * row["episodes"] if row["episodes"] else 0.0 for row in rows]
    np.testing.assert_allclose(batch_sums, whole)


def test_whole_episodes_have_common_random_numbers(catalog: Catalog) -> None:
    config = ShopConfig.full(users=300, slate_size=3, num_candidates=8)
    env = ShopperVectorEnv(40, **PLAIN, catalog=catalog, config=config, days=60)
    env.reset(seed=1)
    policy = make_agent("popularity", task_of(env), np.random.default_rng(0)).policy()
    first, repeated = (run_episodes(policy, env, 5, np.random.default_rng(0)) for _ in range(2))
    for name, values in vars(first).items():
        np.testing.assert_array_equal(values, getattr(repeated, name))
    assert (first.pages >= first.visits).all()
    assert first.visits.min() >= 1
    assert 0 < first.kept.mean() < 1
    one = run_episodes(policy, env, 5, np.random.default_rng(0), most=1)
    np.testing.assert_array_equal(one.pages, 1)
    rows = train_sequences(
        make_agent("random", task_of(env), np.random.default_rng(0)),
        env,
        5,
        np.random.default_rng(0),
        lambda: None,
    )
    assert {"satisfaction", "returns"} <= rows[0].keys()


def test_next_requests_of_a_log(catalog: Catalog, config: ShopConfig) -> None:
    env = session(catalog, config)
    policy = make_agent("random", task_of(env), np.random.default_rng(0)).policy()
    past = record(env, policy, 2, np.random.default_rng(0)).take(np.arange(6))
    requests = replace(
        past.requests,
        user_id=np.array([7, 8, 7, 7, 8, 9]),
        time=np.array([2.0, 0.0, 1.0, 2.0, 5.0, 0.0]),
    )
    log = DecisionLog.from_interactions(
        replace(past, requests=requests, next=None, terminated=None),
        items=catalog.items,
        unit="click",
        policy_hash="0",
        policy_name="random",
        config_hash="0",
        user_names=env.loop.shop.user_names,
        context_names=env.loop.shop.context_names,
    )
    rows_found = transitions_of_log(log)  # 7: rows 2, 0, 3; 8: rows 1, 4; 9: row 5 alone
    assert rows_found.next is not None
    ids = log.request_id
    np.testing.assert_array_equal(rows_found.requests.request_id, ids[[2, 0, 1]])
    np.testing.assert_array_equal(rows_found.next.request_id, ids[[0, 3, 4]])
    np.testing.assert_array_equal(rows_found.reward, past.reward[[2, 0, 1]])
    assert rows_found.terminated is not None
    assert not rows_found.terminated.any()
    ended = np.array([False, False, False, True, False, True])
    with_ends = transitions_of_log(log, ended)
    assert with_ends.terminated is not None
    np.testing.assert_array_equal(with_ends.requests.request_id, ids[[2, 0, 3, 1, 5]])
    assert with_ends.terminated.tolist() == [False, False, True, False, True]
    with pytest.raises(InvalidInput, match="came next"):
        transitions_of_log(log.take([4, 5]))
    with pytest.raises(InvalidInput, match="ended"):
        transitions_of_log(log, ended[:3])


@pytest.mark.parametrize("name", ["cloning", "cql", "iql", "decision_transformer"])
def test_learners_from_logs_learn_from_what_was_recorded(
    name: str, catalog: Catalog, config: ShopConfig
) -> None:
    pytest.importorskip("torch", reason="needs the extra 'agents'")
    env = session(catalog, replace(config, history=4))
    about = task_of(env)
    past = record(
        env, make_agent("popularity", about, np.random.default_rng(0)).policy(), 5, np.random.default_rng(0)
    )
    assert len(past) == 5 * 32
    options = {"updates": 3} if name in ("cql", "iql") else {"epochs": 1}
    agent = make_agent(name, about, np.random.default_rng(0), **options)
    assert np.isfinite(agent.learn(past)["loss"])
    chances = agent.policy().propensities(past.requests, past.decisions.positions)
    assert ((chances > 0) & (chances <= 1)).all()


def test_unsuitable_environments_are_refused(catalog: Catalog, config: ShopConfig) -> None:
    season = {**PLAIN, "catalog": catalog, "config": ShopConfig.full(slate_size=3, num_candidates=8)}
    wrong = [
        (session(catalog, config, autoreset_mode="NextStep"), "autoreset_mode"),
        (session(catalog, config, form="slot"), "form"),
        (session(catalog, config, discounts=(0.0, 0.1)), "form"),
        (SeasonVectorEnv(8, days=1, **season), "Season-v0"),
    ]
    for env, field in wrong:
        policy = make_agent("random", task_of(env), np.random.default_rng(0)).policy()
        with pytest.raises(InvalidInput, match=field):
            record(env, policy, 1, np.random.default_rng(0))
    env = session(catalog, config)
    agent = make_agent("random", task_of(env), np.random.default_rng(0))
    with pytest.raises(InvalidInput, match="steps"):
        train_sequences(agent, env, 0, np.random.default_rng(0), lambda: None)
