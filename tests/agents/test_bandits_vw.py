"""Vowpal Wabbit: every exploration, known problems, and its weights served by numpy."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from shopgym.agents import Task, make_agent
from shopgym.core import Interactions, InvalidInput, Requests
from shopgym.policies.decision_log.log import DecisionLog
from shopgym.simulators import Catalog, Shop

pytest.importorskip("vowpalwabbit", reason="needs the extra 'bandits'")
from shopgym.agents.bandits.vw_online import OnlineVowpalWabbit
from shopgym.agents.bandits.vw_process import VowpalWabbitScorer, normalised

pytestmark = pytest.mark.slow
EXPORTED = [
    *((explore, cb) for explore in ("epsilon", "softmax", "bag") for cb in ("mtr", "dr", "ips")),
    ("squarecb", "mtr"),
    ("cover", "mtr"),
    ("cover", "dr"),
]
LIVE = ["regcb", "regcbopt", "large_action_space", "bag", "cover", "squarecb"]


@pytest.fixture
def task(shop: Shop, catalog: Catalog) -> Task:
    return Task(catalog.items, shop.user_names, shop.context_names, 3, attention=np.ones(3))


def crowd(shop: Shop, n: int, rng: np.random.Generator) -> Requests:
    """n requests like those of a shop, with random users and candidates."""
    base = shop.requests()
    users = base.user[rng.integers(64, size=n)] + rng.normal(size=(n, base.user.shape[1])).astype(np.float32)
    rows = base.take(rng.integers(64, size=n))
    items = np.argsort(rng.random((n, 120)), axis=1)[:, :8].astype(np.int32)
    ids = np.arange(n, dtype=np.uint64)
    return replace(rows, request_id=ids, user=users, candidates=items, in_stock=np.ones((n, 8), bool))


def taught(agent: Any, shop: Shop, task: Task, n: int = 300, slots: int = 3) -> Interactions:
    """A batch with a linear reward, which the agent has learnt from."""
    rng = np.random.default_rng(7)
    requests = crowd(shop, n, rng)
    requests = replace(requests, slots=np.full(n, slots, np.int32))
    decisions = make_agent("random", task, rng).policy().decide(requests, rng)
    w = rng.normal(size=len(task.features)) / 3
    x = task.features.phi(requests, task.item_side)
    mean = np.take_along_axis(x @ w, np.maximum(decisions.positions, 0), axis=1)
    reward = np.where(decisions.slates >= 0, mean + 0.1 * rng.normal(size=mean.shape), 0.0)
    batch = Interactions(requests, decisions, reward)
    agent.learn(batch)
    return batch


def asked(agent: Any, requests: Requests) -> Any:
    """(n, m) the probabilities of Vowpal Wabbit itself for these requests."""
    live = VowpalWabbitScorer(agent.workspace, agent.arguments, agent.texts, agent._label, 0.05)
    return live.pmf(requests)


@pytest.mark.parametrize("pairs", [False, True])
@pytest.mark.parametrize("cb_type", ["mtr", "dr", "ips"])
def test_exported_greedy_action_is_that_of_vowpal_wabbit(
    shop: Shop, task: Task, cb_type: str, pairs: bool
) -> None:
    """2,000 contexts. Vowpal Wabbit treats scores within a relative 1e-4 as ties, which share probability."""
    agent: Any = make_agent("vw", task, np.random.default_rng(0), cb_type=cb_type, pairs=pairs, floor=0.0)
    taught(agent, shop, task)
    requests = crowd(shop, 2000, np.random.default_rng(1))
    scores = agent.policy().scorer.scores(requests)[:, 0]
    pmf = asked(agent, requests)
    best = pmf.max(axis=1, keepdims=True)
    tied = (pmf >= best - 1e-6).sum(axis=1)
    greedy = np.take_along_axis(pmf, scores.argmax(axis=1)[:, None], axis=1)
    assert (greedy >= best - 1e-6).all()  # always one that Vowpal Wabbit calls best
    same = scores.argmax(axis=1) == pmf.argmax(axis=1)
    assert same[tied == 1].all()
    assert same.mean() >= 0.999
    top = -np.sort(-scores, axis=1)[:, :2]
    near = (top[:, 0] - top[:, 1]) / abs(top[:, 0])
    assert (near[tied > 1] < 2e-4).all()


@pytest.mark.parametrize(("explore", "cb_type"), EXPORTED)
def test_exported_policies_explore_as_vowpal_wabbit(
    shop: Shop, task: Task, explore: str, cb_type: str
) -> None:
    """First slots, total variation: the rest is near ties, its own minimum probabilities, and float32."""
    agent: Any = make_agent("vw", task, np.random.default_rng(0), explore=explore, cb_type=cb_type, floor=0.0)
    taught(agent, shop, task)
    if explore == "epsilon":
        agent.floor = agent.knob
    requests = crowd(shop, 300, np.random.default_rng(1))
    ours, expected = agent.policy().marginals(requests)[:, 0], asked(agent, requests)
    expected /= expected.sum(axis=1, keepdims=True)
    apart = abs(ours - expected).sum(axis=1) / 2
    assert apart.mean() < (0.12 if explore == "cover" else 0.01), explore
    uneven = abs(ours - 1 / 8).sum(axis=1).mean() / 2
    assert uneven > 0.02  # it has learnt something to be compared by


@pytest.mark.parametrize("explore", LIVE)
def test_policies_that_ask_vowpal_wabbit_log_the_probabilities_used(
    shop: Shop, task: Task, explore: str
) -> None:
    options: dict[str, Any] = {"knob": 3} if explore == "large_action_space" else {}
    options |= {"explore": explore, "serve": "vw", "floor": 0.1}
    agent: Any = make_agent("vw", task, np.random.default_rng(0), **options)
    taught(agent, shop, task)
    requests = crowd(shop, 60, np.random.default_rng(1))
    policy = agent.policy()
    decisions = policy.decide(requests, np.random.default_rng(2))
    raw = asked(agent, requests)
    marginals = policy.marginals(requests)
    np.testing.assert_allclose(marginals.sum(axis=2), 1.0, atol=1e-8)
    assert (marginals[:, 0] >= 0.1 / 8 - 1e-9).all()
    want = 0.9 * raw / raw.sum(axis=1, keepdims=True) + 0.1 / 8
    np.testing.assert_allclose(marginals[:, 0], want, atol=1e-7)
    first = np.take_along_axis(want, decisions.positions[:, :1], axis=1)
    np.testing.assert_allclose(decisions.propensities[:, :1], first, rtol=1e-6)
    if explore == "regcbopt":
        assert raw.sum(axis=1).max() > 1.5  # the trap is there
    if explore in ("regcb", "bag", "large_action_space"):
        assert (raw == 0).any()
    with pytest.raises(InvalidInput, match="needs Vowpal Wabbit"):
        policy.state()
    first_slot = marginals[:, 0].copy()
    taught(agent, shop, task)
    np.testing.assert_array_equal(policy.marginals(requests)[:, 0], first_slot)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"explore": "regcb"}, "say serve='vw'"),
        ({"explore": "large_action_space"}, "say serve='vw'"),
        ({"explore": "cover", "cb_type": "ips"}, "say serve='vw'"),
        ({"explore": "squarecb", "cb_type": "dr"}, "vw.cb_type"),
        ({"explore": "thompson"}, "vw.explore"),
        ({"serve": "vw", "floor": 0.0}, "vw.floor"),
        ({"args": "-d log.txt"}, "vw.args"),
        ({"bits": 10, "pairs": True}, "share a weight"),
    ],
)
def test_impossible_settings_are_refused(task: Task, options: dict[str, Any], match: str) -> None:
    with pytest.raises(InvalidInput, match=match):
        make_agent("vw", task, np.random.default_rng(0), **options)


def test_probabilities_are_normalised() -> None:
    pmf = np.array([[1.0, 1.0, 0.0, 9.0], [0.0, 0.0, 0.0, 0.0]])
    real = np.array([[True, True, True, False], [True, True, False, False]])
    out = normalised(pmf, real, 0.3)
    np.testing.assert_allclose(out, [[0.45, 0.45, 0.1, 0.0], [0.5, 0.5, 0.0, 0.0]])


@pytest.mark.parametrize("cb_type", ["mtr", "dr"])
@pytest.mark.parametrize("pairs", [False, True])
def test_a_log_read_from_a_file_teaches_the_same(shop: Shop, task: Task, cb_type: str, pairs: bool) -> None:
    options: dict[str, Any] = {"cb_type": cb_type, "pairs": pairs}
    online: Any = make_agent("vw", task, np.random.default_rng(0), **options)
    batch = taught(online, shop, task)
    file: Any = make_agent("vw", task, np.random.default_rng(0), **options)
    if cb_type == "mtr":  # what was learnt before is kept
        online.learn(batch)
        file.learn(batch)
    log = DecisionLog.from_interactions(
        batch,
        items=task.items,
        unit="GBP",
        policy_hash="a",
        policy_name="random",
        config_hash="b",
        user_names=task.user_names,
        context_names=task.context_names,
    )
    assert file.train_file(log) == {"slots": 1800.0 if cb_type == "mtr" else 900.0}
    ours, expected = (agent.policy().scorer.theta for agent in (file, online))
    assert abs(expected).max() > 0.01
    np.testing.assert_allclose(ours, expected, rtol=1e-5, atol=1e-7)


def test_only_the_count_of_the_other_actions_matters_under_mtr(shop: Shop, task: Task) -> None:
    short: Any = make_agent("vw", task, np.random.default_rng(0))
    whole: Any = make_agent("vw", task, np.random.default_rng(0))
    whole.exploration = replace(whole.exploration, all_candidates=True)
    for agent in (short, whole):
        taught(agent, shop, task)
    np.testing.assert_allclose(short.policy().scorer.theta, whole.policy().scorer.theta, rtol=1e-5, atol=1e-7)


def test_one_decision_at_a_time() -> None:
    args = "--cb_explore_adf --epsilon 0.2 --cb_type mtr --quiet -b 12 --noconstant"
    online = OnlineVowpalWabbit(args, floor=0.1)
    rng = np.random.default_rng(0)
    text = "shared |u x:1\n|i a:1\n|i b:1\n|i c:1"
    for _ in range(400):
        action, p = online.act(text, rng.random())
        assert p >= 0.1 / 3
        online.learn(-1.0 if action == 2 else 0.0)
    taken = [online.act(text, u)[0] for u in np.linspace(0, 1, 1000, endpoint=False)]
    assert np.mean(np.array(taken) == 2) == pytest.approx(0.9 * (0.8 + 0.2 / 3) + 0.1 / 3, abs=0.01)
    online.act(text, 0.5)
    online.learn(0.0)
    with pytest.raises(InvalidInput, match="decide first"):
        online.learn(0.0)  # a reward that comes twice


def test_no_candidate_and_one_candidate(shop: Shop, task: Task) -> None:
    for options in ({}, {"serve": "vw"}, {"serve": "vw", "explore": "regcb"}):
        agent: Any = make_agent("vw", task, np.random.default_rng(0), **options)
        requests = crowd(shop, 6, np.random.default_rng(1))
        candidates = np.full((6, 8), -1, np.int32)
        candidates[:3, 0] = 5
        requests = replace(requests, candidates=candidates, in_stock=candidates >= 0)
        decisions = agent.policy().decide(requests, np.random.default_rng(0))
        assert (decisions.slates[:3] == [5, -1, -1]).all()
        assert (decisions.slates[3:] == -1).all()
        np.testing.assert_allclose(decisions.propensities, 1.0)
        agent.learn(Interactions(requests, decisions, np.zeros((6, 3))))


def test_with_pairs_every_column_must_be_finite(shop: Shop, task: Task) -> None:
    agent: Any = make_agent("vw", task, np.random.default_rng(0), pairs=True)
    batch = taught(agent, shop, task)
    theta_before = agent.policy().scorer.theta
    context = batch.requests.context.copy()
    context[4, 0] = np.inf
    with pytest.raises(InvalidInput, match=r"interactions\.requests\[4\]"):
        agent.learn(replace(batch, requests=replace(batch.requests, context=context)))
    np.testing.assert_array_equal(agent.policy().scorer.theta, theta_before)
