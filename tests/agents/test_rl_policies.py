"""Policy learners: exact propensities, formulas by hand, a process whose best policy is known."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from builders.markov import GAMMA, all_transitions, make_requests, make_task, train_online

from shopgym.core import Decisions, Interactions, InvalidInput
from shopgym.policies.explorers import Softmax
from shopgym.policies.policy import SlatePolicy
from shopgym.policies.scorers import TableScorer

torch = pytest.importorskip("torch", reason="needs the extra 'agents'")
from shopgym.agents.rl.advantages import advantages, successors  # noqa: E402
from shopgym.agents.rl.cloning import Cloning  # noqa: E402
from shopgym.agents.rl.listwise import entropy, first_slot, slot_log_probs  # noqa: E402
from shopgym.agents.rl.ppo import PPO  # noqa: E402
from shopgym.agents.rl.reinforce import TopKReinforce, top_k_factor  # noqa: E402

torch.set_num_threads(1)


def logged(seed: int = 0, count: int = 5, slots: int = 3, rows: int = 200) -> Any:
    """(policy, interactions) of a fixed softmax policy, with some items sold out."""
    rng = np.random.default_rng(seed)
    about = make_task(count, slots)
    values = np.linspace(1.0, -1.0, count)
    policy = SlatePolicy("fixed", about.items, TableScorer(values), Softmax(), about.guards, slots)
    asked = make_requests(np.zeros(rows), count, in_stock=rng.random((rows, count)) < 0.7)
    decisions = policy.decide(asked, rng)
    return policy, Interactions(asked, decisions, np.zeros(decisions.slates.shape))


def test_torch_and_numpy_agree_on_the_probability_of_a_slate() -> None:
    policy, batch = logged()
    assert (batch.decisions.slates < 0).any()  # some pages could not be filled
    scores = torch.as_tensor(policy.scorer.scores(batch.requests)[:, 0])
    allowed = torch.as_tensor(batch.requests.in_stock)
    positions = torch.as_tensor(batch.decisions.positions).long()
    result = slot_log_probs(scores, allowed, positions).exp().numpy()
    np.testing.assert_allclose(result, batch.decisions.propensities, rtol=1e-9)
    first = first_slot(scores, allowed).exp().numpy()
    np.testing.assert_allclose(first, policy.marginals(batch.requests)[:, 0], atol=1e-8)
    safe = np.where(first > 0, first, 1.0)
    np.testing.assert_allclose(entropy(scores, allowed).numpy(), -(safe * np.log(safe)).sum(1), atol=1e-9)


def test_cloning_recovers_the_policy_that_was_logged() -> None:
    policy, batch = logged(rows=6000, slots=2)
    agent = Cloning(make_task(5, 2), np.random.default_rng(1), hidden=(), epochs=15, step=0.03, batch=500)
    loss = agent.learn(batch)["loss"]
    asked = make_requests([0.0], 5)
    want, result = policy.marginals(asked), agent.policy().marginals(asked)
    np.testing.assert_allclose(result, want, atol=0.03)
    entropy_of_log = -np.log(batch.decisions.propensities).sum(1).mean()
    assert loss == pytest.approx(entropy_of_log, abs=0.02)


@pytest.mark.parametrize("kind", [PPO, TopKReinforce])
def test_the_best_policy_of_a_known_process_is_found(kind: Any) -> None:
    agent = kind(
        make_task(), np.random.default_rng(0), gamma=GAMMA, hidden=(16,), step=0.02, rollout=4, batch=256
    )
    train_online(agent, steps=120, lanes=64)
    chance = agent.policy().marginals(make_requests([0, 1]))[:, 0, 1]
    assert (chance > 0.9).all(), chance
    value = agent.value(agent.tensors.state(make_requests([0, 1]))).detach().numpy()
    np.testing.assert_allclose(value, [1.8, 2.0], atol=0.25)  # of the policy that still explores a little


def test_a_myopic_agent_does_not_find_the_best_policy() -> None:
    agent = PPO(
        make_task(), np.random.default_rng(0), gamma=0.0, hidden=(16,), step=0.02, rollout=4, batch=256
    )
    train_online(agent, steps=60, lanes=64)
    assert agent.policy().marginals(make_requests([0.0]))[0, 0, 0] > 0.9


def test_the_top_k_factor_is_the_derivative() -> None:
    p = torch.linspace(0.0, 1.0, 11, dtype=torch.float64, requires_grad=True)
    for k in (1, 2, 5):
        (slope,) = torch.autograd.grad((1 - (1 - p) ** k).sum(), p)
        np.testing.assert_allclose(top_k_factor(p, k).detach().numpy(), slope.numpy(), atol=1e-12)


def test_reinforce_weights_by_hand() -> None:
    agent = TopKReinforce(make_task(3, 2), np.random.default_rng(0), hidden=(4,), cap=2.0)
    asked = make_requests([0.0], 3)
    at = np.array([[2, 0]], np.int32)
    batch = Interactions(asked, Decisions(at, at, np.array([[0.5, 0.1]])), np.zeros((1, 2)))
    with torch.no_grad():
        scores = agent.actor.scores(asked)[0].double().numpy()
        p = np.exp(scores) / np.exp(scores).sum()
        weights = agent.slot_weights(batch, agent.actor.log_probs(batch))[0].numpy()
    ratio = np.minimum([p[2] / 0.5, p[0] / (p[0] + p[1]) / 0.1], 2.0)
    np.testing.assert_allclose(weights, ratio * 2 * (1 - p[[2, 0]]), rtol=1e-5)
    agent.corrected = False
    with torch.no_grad():
        plain = agent.slot_weights(batch, agent.actor.log_probs(batch))[0].numpy()
    np.testing.assert_allclose(plain, ratio, rtol=1e-5)


def chained() -> Interactions:
    """Two episodes, shuffled: 0 -> 2 -> 4 (ends), 1 -> 3 (continues on a page that was not logged)."""
    batch = all_transitions(2).take(np.arange(5))
    ids, following = np.arange(5, dtype=np.uint64), np.array([2, 3, 4, 77, 99], np.uint64)
    assert batch.next is not None
    return replace(
        batch,
        requests=replace(batch.requests, request_id=ids),
        next=replace(batch.next, request_id=following),
        terminated=np.array([False, False, False, False, True]),
    ).take(np.array([3, 0, 4, 1, 2]))


def test_advantages_by_hand() -> None:
    batch = chained()
    assert successors(batch).tolist() == [-1, 4, -1, 0, 2]
    ids = batch.requests.request_id.astype(int)
    reward = np.array([1.0, 2.0, 3.0, 4.0, 5.0])[ids]
    value = np.array([0.1, 0.2, 0.3, 0.4, 0.5])[ids]
    next_values = np.array([0.3, 0.4, 0.5, 0.6, np.nan])[ids]
    discounts = np.where(batch.terminated, 0.0, 0.9)
    result = advantages(batch, reward, discounts, value, next_values, 0.5)
    d = {4: 5 - 0.5, 2: 3 + 0.45 - 0.3, 0: 1 + 0.27 - 0.1, 3: 4 + 0.54 - 0.4, 1: 2 + 0.36 - 0.2}
    d[2] += 0.45 * d[4]
    d[0] += 0.45 * d[2]
    d[1] += 0.45 * d[3]
    np.testing.assert_allclose(result, [d[i] for i in ids])
    whole = advantages(batch, reward, discounts, value, next_values, 1.0)
    first = np.flatnonzero(ids == 0)[0]  # with trace 1 the return less the value
    assert whole[first] == pytest.approx(1 + 0.9 * 3 + 0.81 * 5 - 0.1)


def test_cycles_and_shared_successors_are_refused() -> None:
    batch = chained()
    assert batch.next is not None
    zero = np.zeros(5)
    twice = replace(batch, requests=replace(batch.requests, request_id=np.zeros(5, np.uint64)))
    with pytest.raises(InvalidInput, match="id of its own"):
        successors(twice)
    shared = replace(batch, next=replace(batch.next, request_id=np.full(5, 2, np.uint64)))
    with pytest.raises(InvalidInput, match="followed by the same"):
        advantages(shared, zero, zero, zero, zero, 1.0)
    ring = np.array([1, 2, 0, 4, 3], np.uint64)[batch.requests.request_id.astype(int)]
    circle = replace(batch, next=replace(batch.next, request_id=ring), terminated=np.zeros(5, bool))
    with pytest.raises(InvalidInput, match="circle"):
        advantages(circle, zero, zero, zero, zero, 1.0)


@pytest.mark.parametrize("kind", [PPO, TopKReinforce, Cloning])
def test_same_seed_same_bytes_and_bad_input(kind: Any) -> None:
    options: dict[str, Any] = {} if kind is Cloning else {"rollout": 1}
    hashes = []
    for _ in range(2):
        agent = kind(make_task(), np.random.default_rng(4), hidden=(8,), **options)
        agent.learn(all_transitions(1).take(slice(0, 0)))
        agent.learn(all_transitions(1))
        hashes.append(agent.policy().hash)
        two_states = make_requests([0, 1])
        with torch.no_grad():
            want = agent.actor.scores(two_states).numpy()
        np.testing.assert_allclose(agent.policy().scorer.scores(two_states)[:, 0], want, rtol=1e-5, atol=1e-5)
    assert hashes[0] == hashes[1]
    wrong = all_transitions(1)
    nan = replace(wrong, requests=replace(wrong.requests, context=np.full((4, 1), np.nan, np.float32)))
    with pytest.raises(InvalidInput, match="NaN"):
        agent.learn(nan)
    if kind is not Cloning:
        with pytest.raises(InvalidInput, match=r"interactions\.next"):
            agent.learn(replace(wrong, next=None, terminated=None))
    with pytest.raises(InvalidInput, match="give a number"):
        kind(make_task(), np.random.default_rng(0), epochs=0)
    sold_out = replace(
        wrong,
        requests=replace(wrong.requests, in_stock=np.zeros((4, 2), bool)),
        decisions=Decisions(np.full((4, 1), -1, np.int32), np.full((4, 1), -1, np.int32), np.ones((4, 1))),
    )
    assert np.isfinite(agent.learn(sold_out)["loss"])
