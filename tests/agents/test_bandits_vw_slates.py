"""Vowpal Wabbit's slates: greedy slates, known problems, and slots with different rewards."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from shopgym.agents import Task, make_agent
from shopgym.core import Interactions, InvalidInput, Requests
from shopgym.core.types import F64
from shopgym.policies.explorers import PlackettLuceRanking
from shopgym.policies.policy import SlatePolicy
from shopgym.policies.rerankers import BySlot
from shopgym.policies.scorers import LinearScorer
from shopgym.simulators import Shop

pytest.importorskip("vowpalwabbit", reason="needs the extra 'bandits'")


def crowd(shop: Shop, n: int, rng: np.random.Generator) -> Requests:
    base = shop.requests()
    users = base.user[rng.integers(64, size=n)] + rng.normal(size=(n, base.user.shape[1])).astype(np.float32)
    items = np.argsort(rng.random((n, 120)), axis=1)[:, :8].astype(np.int32)
    items[:, 7] = np.where(rng.random(n) < 0.3, -1, items[:, 7])  # some have fewer candidates
    return replace(
        base.take(rng.integers(64, size=n)),
        request_id=np.arange(n, dtype=np.uint64),
        user=users,
        candidates=items,
        in_stock=items >= 0,
    )


def pages(task: Task, requests: Requests, w: F64, rng: np.random.Generator) -> Interactions:
    """Random pages whose reward is the sum over slots j of value x phi w_j, all of it told of slot 0."""
    decisions = make_agent("random", task, rng).policy().decide(requests, rng)
    x = task.features.phi(requests, task.item_side)
    index = np.maximum(decisions.positions, 0)
    slot_actions = np.take_along_axis(np.einsum("nmd,kd->nkm", x, w), index[:, :, None], axis=2)[:, :, 0]
    total = np.where(
        decisions.slates >= 0, task.item_value[np.maximum(decisions.slates, 0)] * slot_actions, 0.0
    ).sum(axis=1)
    reward = np.zeros(decisions.slates.shape)
    reward[:, 0] = total
    return Interactions(requests, decisions, reward)


def slot_weights(task: Task, seed: int = 3) -> F64:
    return np.random.default_rng(seed).normal(size=(3, len(task.features))) / 3


@pytest.mark.parametrize("cb_type", ["mtr", "dr", "ips"])
def test_greedy_slots_are_those_of_vowpal_wabbit(shop: Shop, task: Task, cb_type: str) -> None:
    """400 contexts: the best candidate of each slot's model is one that Vowpal Wabbit would show there."""
    rng = np.random.default_rng(0)
    agent: Any = make_agent("vw_slates", task, rng, cb_type=cb_type)
    agent.learn(pages(task, crowd(shop, 400, rng), slot_weights(task), rng))
    requests = crowd(shop, 400, np.random.default_rng(1))
    scores = np.where((requests.candidates >= 0)[:, None], agent.policy().scorer.scores(requests), -np.inf)
    ours, differ, tied = scores.argmax(axis=2), 0, 0
    for row, text in enumerate(agent.texts(requests)):
        example = agent.workspace.parse(text, agent._label)
        slots = agent.workspace.predict(example)
        agent.workspace.finish_example(example)
        for j, slot in enumerate(slots):
            p = dict(slot)
            assert sum(p.values()) == pytest.approx(1.0, abs=1e-5)
            assert p[int(ours[row, j])] > 0  # epsilon is 0: only what it calls best has a chance
            tied += sum(chance > 0 for chance in p.values()) > 1
            differ += max(p, key=p.__getitem__) != ours[row, j]
    assert differ <= tied <= 12  # of 1,200
    assert len({tuple(order) for order in ours.tolist()}) > 100


def test_slots_with_opposite_rewards_get_opposite_items(shop: Shop, task: Task) -> None:
    """The reward of slot 0 has weights w, that of slot 1 has -w; the page's sum is enough to learn both."""
    rng = np.random.default_rng(0)
    w = slot_weights(task)
    w[1], w[2] = -w[0], 0.0
    even = replace(task, value="one", attention=np.ones(3))
    agent: Any = make_agent("vw_slates", even, rng, decay=20.0, floor=0.0)
    for _ in range(4):
        agent.learn(pages(even, crowd(shop, 1000, rng), w, rng))
    requests = crowd(shop, 300, np.random.default_rng(5))
    decisions = agent.policy().decide(requests, np.random.default_rng(0))
    truth = even.features.phi(requests, even.item_side) @ w[0]
    shown = np.take_along_axis(truth, np.maximum(decisions.positions, 0), axis=1)
    real = np.where(requests.candidates >= 0, truth, np.nan)
    assert (shown[:, 0] - np.nanmean(real, axis=1)).mean() > 0.8 * np.nanmean(
        np.nanmax(real, axis=1) - np.nanmean(real, axis=1)
    )
    assert (np.nanmean(real, axis=1) - shown[:, 1]).mean() > 0.8 * np.nanmean(
        np.nanmean(real, axis=1) - np.nanmin(real, axis=1)
    )


def test_only_the_count_of_the_other_actions_matters_under_mtr(shop: Shop, task: Task) -> None:
    short: Any = make_agent("vw_slates", task, np.random.default_rng(0))
    whole: Any = make_agent("vw_slates", task, np.random.default_rng(0))
    whole.cb_type = "every line, please"
    rng = np.random.default_rng(2)
    batch = pages(task, crowd(shop, 300, rng), slot_weights(task), rng)
    for agent in (short, whole):
        agent.learn(batch)
    theta = short.policy().scorer.theta
    assert abs(theta).max() > 0.01
    np.testing.assert_allclose(theta, whole.policy().scorer.theta, rtol=1e-5, atol=1e-7)


def test_slots_keep_their_numbers_on_pages_with_empty_slots(shop: Shop, task: Task) -> None:
    """A page whose second slot is empty teaches nothing to that slot's own weights."""
    rng = np.random.default_rng(2)
    batch = pages(task, crowd(shop, 60, rng), slot_weights(task), rng)
    holes = batch.decisions.slates.copy()
    holes[:, 1] = -1
    decisions = replace(
        batch.decisions, slates=holes, positions=np.where(holes < 0, -1, batch.decisions.positions)
    )
    agent: Any = make_agent("vw_slates", task, np.random.default_rng(0))
    agent.learn(replace(batch, decisions=decisions))
    own = np.array(
        [[agent.workspace.get_weight(int(index), 0) for index in row] for row in agent._weight_indices]
    )
    assert (own[2] == 0).all()
    assert (own[[0, 1, 3]] != 0).any(axis=1).all()


def test_propensities_are_those_of_each_slots_own_ranking(task: Task, shop: Shop) -> None:
    """By hand: at slot j rates exp(-decay x rank) among what is left, floor mixed in per slate."""
    rng = np.random.default_rng(0)
    requests = crowd(shop, 50, rng)
    scorer = LinearScorer(task.features, task.items, slot_weights(task), task.item_value)
    policy = SlatePolicy("s", task.items, scorer, PlackettLuceRanking(1.5, 0.2), task.guards, 3, BySlot())
    decisions = policy.decide(requests, rng)
    scores, real = scorer.scores(requests), requests.candidates >= 0
    for row in range(50):
        left, joint = real[row].copy(), np.array([0.8, 0.2])
        for j, index in enumerate(decisions.positions[row]):
            order = np.argsort(np.where(left, -scores[row, j], np.inf), kind="stable")
            rate = np.empty(8)
            rate[order] = np.exp(-1.5 * np.arange(8))
            p = np.array([rate[index] / rate[left].sum(), 1 / left.sum()])
            assert decisions.propensities[row, j] == pytest.approx(joint @ p / joint.sum(), rel=1e-9)
            joint, left[index] = joint * p, False
    with pytest.raises(InvalidInput, match="reranker"):
        policy.marginals(requests)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"cb_type": "dm"}, r"vw_slates\.cb_type"),
        ({"bits": 3}, r"vw_slates\.bits"),
        ({"bits": 10}, "share a weight"),
        ({"learning_rate": 0.0}, r"vw_slates\.learning_rate"),
        ({"args": "-d log.txt"}, r"vw\.args"),
        ({"decay": -1.0}, "decay"),
    ],
)
def test_impossible_settings_are_refused(task: Task, options: dict[str, Any], match: str) -> None:
    wide = replace(task, slate_size=3)
    with pytest.raises(InvalidInput, match=match):
        make_agent("vw_slates", wide, np.random.default_rng(0), **options)
