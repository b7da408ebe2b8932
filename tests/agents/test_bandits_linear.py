"""Linear bandits: closed forms, batches, changing catalogues, elimination, online updates."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from builders.bandits import make_interactions, make_items, make_requests, make_task, random_interactions
from hypothesis import given, settings
from hypothesis import strategies as st

from shopgym.agents import make_agent
from shopgym.agents.bandits.disjoint_linear import PerArmRidge
from shopgym.agents.bandits.online import OnlineArms
from shopgym.core import InvalidInput
from shopgym.policies.explorers import Elimination
from shopgym.policies.policy import policy_from_state

SUMS = ["linucb", "epsilon_greedy", "squarecb", "regcb", "linucb_disjoint", "linucb_hybrid"]
ARMS = ["linucb_disjoint", "linucb_hybrid", "lints_disjoint", "lints_hybrid"]


def rows(arms: int, d: int, wide: int, n: int, seed: int) -> tuple[Any, ...]:
    rng = np.random.default_rng(seed)
    arm = rng.integers(1, arms, size=n).astype(np.int32)
    return arm, rng.normal(size=(n, d)), rng.normal(size=(n, wide)), rng.normal(size=n)


@pytest.mark.parametrize("wide", [0, 4])
def test_per_arm_ridge_equals_one_joint_regression(wide: int) -> None:
    """Block elimination (Li et al. 2010, alg. 2) against the regression over all coefficients at once."""
    arms, d, ridge = 5, 3, 0.7
    arm, x, z, y = rows(arms, d, wide, 80, 0)
    models = PerArmRidge(d, wide, ridge)
    models.grow(arms - 1)
    models.add(arm, x, z, y)
    beta, spread, theta, factor, cross, sigma = models.solve()
    big = np.zeros((80, wide + arms * d))
    big[:, :wide] = z
    for r in range(80):
        big[r, wide + arm[r] * d : wide + (arm[r] + 1) * d] = x[r]
    a = ridge * np.eye(big.shape[1]) + big.T @ big
    joint = np.linalg.solve(a, big.T @ y)
    np.testing.assert_allclose(beta, joint[:wide], atol=1e-10)
    np.testing.assert_allclose(theta.ravel(), joint[wide:], atol=1e-10)
    assert sigma == pytest.approx(np.sqrt(((y - big @ joint) ** 2).mean()))
    inverse = np.linalg.inv(a)
    for s in range(arms):
        xs, zs = np.array([0.3, -1.0, 0.4]), np.arange(wide) / 3.0
        row = np.zeros(big.shape[1])
        row[:wide], row[wide + s * d : wide + (s + 1) * d] = zs, xs
        width = ((xs @ factor[s]) ** 2).sum() + (((zs - xs @ cross[s]) @ spread) ** 2).sum()
        assert width == pytest.approx(row @ inverse @ row)


def test_scores_of_arms_are_mean_plus_width() -> None:
    task = make_task(6, value="price", slots=2)
    agent: Any = make_agent("linucb_hybrid", task, np.random.default_rng(0), alpha=1.3, noise=0.4)
    batch = random_interactions(task, 50, 1)
    agent.learn(batch)
    requests = make_requests(task, 9, np.random.default_rng(2))
    beta, spread, theta, factor, cross, _ = agent.models.solve()
    scores = agent.policy().scorer.scores(requests)[:, 0]
    for n in range(9):
        x = np.concatenate([[1.0], requests.user[n], requests.context[n]])
        for item in range(6):
            z = agent.shared.request_side(requests)[n] * agent.shared.item_side(task.items)[item]
            s = agent.arm[item]
            width = np.hypot(np.linalg.norm(x @ factor[s]), np.linalg.norm((z - x @ cross[s]) @ spread))
            want = 2.0 * (x @ theta[s] + z @ beta + 1.3 * 0.4 * width)
            assert scores[n, item] == pytest.approx(want)


def test_draws_of_hybrid_models_have_the_joint_posterior() -> None:
    task = make_task(3)
    agent: Any = make_agent("lints_hybrid", task, np.random.default_rng(0), draws=1000, noise=0.5)
    batch = random_interactions(task, 40, 1)
    batch = replace(batch, decisions=replace(batch.decisions, **_only(batch, 2)))  # item 2 is never shown
    agent.learn(batch)
    mean: Any = make_agent("linucb_hybrid", task, np.random.default_rng(0), alpha=1.0, noise=0.5)
    mean.learn(batch)
    requests = make_requests(task, 5, np.random.default_rng(2))
    drawn = np.concatenate([agent.policy().scorer.scores(requests) for _ in range(20)], axis=1)
    upper = mean.policy().scorer.scores(requests)[:, 0]
    middle = replace(mean.policy().scorer, factor=None, cross=None, spread=None).scores(requests)[:, 0]
    width = upper - middle
    z = (drawn.mean(axis=1) - middle) / (width / 20_000**0.5)
    assert abs(z).max() < 5.0  # 15 numbers: below 1e-5
    np.testing.assert_allclose(drawn.std(axis=1), width, rtol=0.04)  # 8 standard errors


def _only(batch: Any, below: int) -> dict[str, Any]:
    at = batch.decisions.slates % below
    return {"slates": at, "positions": at}


@settings(max_examples=15, deadline=None)
@given(name=st.sampled_from(SUMS), n=st.integers(1, 30), cuts=st.integers(1, 30), seed=st.integers(0, 10**6))
def test_one_batch_equals_many_small_ones(name: str, n: int, cuts: int, seed: int) -> None:
    task = make_task(6, slots=2)
    whole, parts = (make_agent(name, task, np.random.default_rng(0)) for _ in range(2))
    batch = random_interactions(task, n, seed)
    whole.learn(batch)
    for part in np.array_split(np.arange(n), cuts):
        parts.learn(batch.take(part))
    requests = make_requests(task, 5, np.random.default_rng(1))
    a, b = (agent.policy().scorer.scores(requests) for agent in (whole, parts))  # type: ignore[attr-defined]
    np.testing.assert_allclose(a, b, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("name", ARMS)
def test_models_follow_items_to_another_catalogue(name: str) -> None:
    old = make_task(6)
    agent: Any = make_agent(name, old, np.random.default_rng(0), noise=1.0)
    for seed in range(4):
        batch = random_interactions(old, 40, seed)
        agent.learn(replace(batch, decisions=replace(batch.decisions, **_only(batch, 4))))
    requests = make_requests(old, 20, np.random.default_rng(3))
    before = agent.policy().scorer
    # items 0, 2 and 4 stay, in another order; one is new
    rows = [4, 2, 0]
    items = make_items(4)
    features = np.concatenate([old.items.features[rows], old.items.features[5:]])
    ids = np.array([*(f"i{row}" for row in rows), "new"])
    new = replace(old, items=replace(items, item_id=ids, features=features))
    agent.move(new)
    assert len(agent.models) == 3  # the prior, and the two that were shown: what is gone costs nothing
    after = agent.policy().scorer
    requests_20 = replace(requests, candidates=requests.candidates[:, :4], in_stock=requests.in_stock[:, :4])
    if name.startswith("linucb"):
        was, scores_after = before.scores(requests)[:, 0], after.scores(requests_20)[:, 0]
        np.testing.assert_allclose(scores_after[:, :3], was[:, rows], rtol=1e-8)
        np.testing.assert_allclose(scores_after[:, 3], was[:, 5], rtol=1e-8)  # never shown either: the prior
    agent.learn(make_interactions(requests_20, np.full((20, 1), 3), np.ones((20, 1))))
    assert len(agent.models) == 4
    with pytest.raises(InvalidInput, match="user_names"):
        agent.move(make_task(6, users=2))


def test_an_item_never_shown_has_the_prior() -> None:
    task = make_task(6)
    agent: Any = make_agent("linucb_disjoint", task, np.random.default_rng(0), noise=1.0, ridge=4.0)
    agent.learn(
        make_interactions(
            make_requests(task, 50, np.random.default_rng(0)), np.zeros((50, 1)), np.ones((50, 1))
        )
    )
    requests = make_requests(task, 5, np.random.default_rng(1))
    x = np.column_stack([np.ones(5), requests.user, requests.context])
    scores = agent.policy().scorer.scores(requests)[:, 0]
    want = np.linalg.norm(x, axis=1) / 2.0
    np.testing.assert_allclose(scores[:, 1:], np.tile(want[:, None], 5), rtol=1e-6)
    ts: Any = make_agent("lints_disjoint", task, np.random.default_rng(0), draws=1)
    drawn = ts.policy().scorer.scores(requests)[0, 0]
    assert len(np.unique(drawn)) == 6  # each draws for itself


def test_disjoint_models_learn_items_for_different_users() -> None:
    """Users of kind j want item j, which a model shared by all items cannot express in these features."""
    task = make_task(4, users=4)
    task = replace(task, items=replace(task.items, features=np.zeros((4, 3), np.float32)))
    rng = np.random.default_rng(0)
    hits = {}
    for name in ("linucb", "linucb_disjoint", "lints_disjoint"):
        agent: Any = make_agent(name, task, np.random.default_rng(1), decay=20.0)
        for _ in range(30):
            kind = rng.integers(4, size=40)
            requests = make_requests(task, 40, rng, users=np.eye(4)[kind])
            decisions = agent.policy().decide(requests, rng)
            agent.learn(make_interactions(requests, decisions.slates, decisions.slates == kind[:, None]))
        hits[name] = float((decisions.slates[:, 0] == kind).mean())
    assert hits["linucb"] < 0.6
    assert hits["linucb_disjoint"] > 0.85
    assert hits["lints_disjoint"] > 0.85


def test_elimination_by_hand() -> None:
    scores = np.array([[[0.5, 0.2, 0.1, -1.0], [0.9, 0.6, 0.4, 3.0]]])
    allowed = np.array([[True, True, True, False]])
    rates = Elimination(decay=5.0).log_rates(scores, allowed)
    assert rates.shape == (1, 1, 4)
    np.testing.assert_allclose(rates[0, 0, :3], [0.0, 0.0, -5.0])
    with pytest.raises(InvalidInput, match="lower and upper"):
        Elimination().log_rates(scores[:, :1], allowed)


def test_regcb_eliminates_items_that_cannot_be_best() -> None:
    task = make_task(6)
    agent: Any = make_agent("regcb", task, np.random.default_rng(0), mellowness=0.5)
    for seed in range(20):
        batch = random_interactions(task, 40, seed)
        quality = task.items.features[batch.decisions.slates, 0]
        agent.learn(replace(batch, reward=quality + 0.3 * batch.reward))
    requests = make_requests(task, 30, np.random.default_rng(5))
    policy = agent.policy()
    mean, factor, sigma = agent.model.solve()
    phi = task.features.phi(requests, task.item_side)
    width = sigma * np.sqrt(0.5 * np.log(6 * 800)) * np.linalg.norm(phi @ factor, axis=2)
    low, high = phi @ mean - width, phi @ mean + width
    np.testing.assert_allclose(policy.scorer.scores(requests), np.stack([low, high], axis=1), rtol=1e-9)
    alive = high >= low.max(axis=1, keepdims=True)
    assert 0 < alive.mean() < 1
    uniform = alive / alive.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(policy.marginals(requests)[:, 0], uniform, atol=1e-7)
    repeated = policy_from_state(*policy.state(), task.items)
    np.testing.assert_array_equal(repeated.marginals(requests), policy.marginals(requests))
    best: Any = make_agent("regcb", task, np.random.default_rng(0), mellowness=0.5, optimistic=True)
    best.model = agent.model
    best.candidates = 6
    np.testing.assert_allclose(best.policy().scorer.scores(requests)[:, 0], high, rtol=1e-9)


@pytest.mark.parametrize("name", [*ARMS, "regcb"])
def test_policies_are_restored_from_their_state(name: str) -> None:
    task = make_task(6, slots=2)
    agent: Any = make_agent(name, task, np.random.default_rng(0))
    agent.learn(random_interactions(task, 30, 1))
    policy = agent.policy()
    requests = make_requests(task, 10, np.random.default_rng(5))
    repeated = policy_from_state(*policy.state(), task.items)
    np.testing.assert_array_equal(repeated.marginals(requests), policy.marginals(requests))
    assert repeated.hash == policy.hash


@pytest.mark.parametrize("kind", ["ucb", "ts"])
def test_online_updates_equal_the_closed_form(kind: str) -> None:
    arms, dim, ridge, alpha = 4, 7, 0.5, 0.8
    rng = np.random.default_rng(0)
    agent = OnlineArms(arms, dim, np.random.default_rng(1), kind=kind, ridge=ridge, alpha=alpha)
    z = np.random.default_rng(1).standard_normal((256, arms)) if kind == "ts" else np.ones((256, arms))
    a = np.repeat(ridge * np.eye(dim)[None], arms, axis=0)
    b = np.zeros((arms, dim))
    theta = rng.normal(size=(arms, dim))
    for step in range(200):
        x = rng.normal(size=dim)
        mean = np.linalg.solve(a, b[:, :, None])[:, :, 0]
        width = np.sqrt(np.einsum("i,sij,j->s", x, np.linalg.inv(a), x))
        arm = agent.decide(x)
        assert arm == np.argmax(mean @ x + alpha * z[step] * width)
        y = float(theta[arm] @ x + rng.normal())
        agent.learn(arm, x, y)
        a[arm] += np.outer(x, x)
        b[arm] += y * x
    for _ in range(20_000):
        x = rng.normal(size=dim)
        arm = int(rng.integers(arms))
        agent.learn(arm, x, 1.0)
        a[arm] += np.outer(x, x)
        b[arm] += x
    np.testing.assert_allclose(agent.inverse, np.linalg.inv(a), rtol=1e-8, atol=1e-12)
    np.testing.assert_allclose(agent.mean, np.linalg.solve(a, b[:, :, None])[:, :, 0], rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("kind", ["ucb", "ts"])
def test_policy_of_online_arms_equals_that_of_the_batch_agent(kind: str) -> None:
    task = make_task(4)
    online = OnlineArms(4, 5, np.random.default_rng(0), kind=kind, alpha=0.6)
    agent: Any = make_agent(f"lin{kind}_disjoint", task, np.random.default_rng(0), alpha=0.6, noise=1.0)
    batch = random_interactions(task, 60, 3)
    agent.learn(batch)
    requests, reward = batch.requests, batch.reward / task.item_value[batch.decisions.slates]
    x = np.column_stack([np.ones(60), requests.user, requests.context]).astype(np.float64)
    for row in range(60):
        online.learn(int(batch.decisions.slates[row, 0]), x[row], float(reward[row, 0]))
    ours, expected = online.policy(task, draws=400), agent.policy()
    if kind == "ucb":
        a, b = (policy.scorer.scores(requests) for policy in (ours, expected))
        np.testing.assert_allclose(a, b, rtol=1e-8, atol=1e-10)
    else:
        drawn = ours.scorer.scores(requests)[0]
        mean, factor = (agent.models.solve()[at] for at in (2, 3))
        s = agent.arm
        width = 0.6 * np.linalg.norm(np.einsum("d,sde->se", x[0], factor[s]), axis=1)
        assert abs((drawn.mean(axis=0) - mean[s] @ x[0]) / (width / 20)).max() < 5.0
        np.testing.assert_allclose(drawn.std(axis=0), width, rtol=0.18)  # 5 standard errors


def test_online_arms_can_be_added_and_nan_is_refused() -> None:
    agent = OnlineArms(2, 3, np.random.default_rng(0))
    x = np.array([1.0, 0.5, -1.0])
    for _ in range(9):
        agent.learn(0, x, -1.0)
        agent.learn(1, x, -1.0)
    agent.add(2)
    assert agent.decide(x) in (2, 3)
    before = agent.inverse.copy(), agent.mean.copy()
    for arm, bad, reward in ((4, x, 1.0), (-1, x, 1.0), (0, x * np.nan, 1.0), (0, x, np.inf)):
        with pytest.raises(InvalidInput, match="online"):
            agent.learn(arm, bad, reward)
    with pytest.raises(InvalidInput, match=r"online\.context"):
        agent.decide(x * np.nan)
    np.testing.assert_array_equal(agent.inverse, before[0])
    np.testing.assert_array_equal(agent.mean, before[1])
    for options in ({"kind": "greedy"}, {"alpha": -1.0}, {"ridge": 0.0}):
        with pytest.raises(InvalidInput, match="online"):
            OnlineArms(2, 3, np.random.default_rng(0), **options)  # type: ignore[arg-type]
