"""Wolpertinger, the decision transformer, and models trained by Stable-Baselines3."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from builders.markov import all_transitions, make_items, make_requests, make_task, single_item_pages

from shopgym.agents import Task
from shopgym.core import InvalidInput, Policy, Requests
from shopgym.core.types import AnyArray
from shopgym.policies.explorers import PlackettLuceRanking
from shopgym.policies.policy import policy_from_state
from shopgym.policies.scorers import ProtoScorer, TransformerScorer

torch = pytest.importorskip("torch", reason="needs the extra 'agents'")
from shopgym.agents.rl.sb3 import StableBaselinesPolicy, distil  # noqa: E402
from shopgym.agents.rl.transformer import DecisionTransformer  # noqa: E402
from shopgym.agents.rl.wolpertinger import Wolpertinger  # noqa: E402

torch.set_num_threads(1)
MANY = 201


def line() -> Task:
    """201 items on a line from -1 to 1."""
    plain = make_items(MANY)
    x = np.linspace(-1, 1, MANY, dtype=np.float32)
    placed = replace(plain, features=x[:, None], feature_names=("x",))
    return Task(placed, (), ("in_1",), 1)


def wolpertinger(about: Task, **options: Any) -> Wolpertinger:
    """Has learnt that x = -0.5 is best in state 0 and x = 0.5 in state 1: reward 1 - (x - best)^2."""
    rng = np.random.default_rng(1)
    state, item = rng.integers(2, size=4000), rng.integers(MANY, size=4000)
    x = about.items.features[item, 0]
    reward = 1 - (x - (state - 0.5)) ** 2
    batch = single_item_pages(
        make_requests(state, MANY),
        item,
        reward,
        next=make_requests(state, MANY),
        terminated=np.ones(4000, bool),
    )
    settings = {"gamma": 0.0, "hidden": (16,), "step": 0.02, "updates": 200, "nearest": 10} | options
    agent = Wolpertinger(about, np.random.default_rng(0), **settings)
    agent.learn(batch)
    return agent


def test_the_proto_action_moves_to_the_highest_gain() -> None:
    about = line()
    agent = wolpertinger(about)
    policy = replace(agent.policy(), explorer=PlackettLuceRanking(50.0, 0.0))
    two_states = make_requests([0, 1], MANY)
    shown = policy.decide(two_states, np.random.default_rng(0)).slates[:, 0]
    np.testing.assert_allclose(about.items.features[shown, 0], [-0.5, 0.5], atol=0.3)
    scorer = policy.scorer
    assert isinstance(scorer, ProtoScorer)
    np.testing.assert_allclose(
        scorer.proto(two_states), agent.proto_action(two_states).detach().numpy(), rtol=1e-5, atol=1e-5
    )
    # with a column for every feature an item that exists has the gain of its features
    with torch.no_grad():
        real = agent.gain_at(two_states, agent.points[[3, 150]]).numpy()
        pairs = agent.tensors.pairs(two_states, np.array([[3], [150]]))
        np.testing.assert_allclose(real, agent.values.item_gain(pairs)[:, 0].numpy(), rtol=1e-5, atol=1e-6)


def test_only_the_nearest_items_in_stock_are_scored() -> None:
    about = line()
    agent = wolpertinger(about, updates=1, nearest=5)
    scorer = agent.policy().scorer
    rng = np.random.default_rng(2)
    asked = make_requests(np.zeros(6), MANY, in_stock=rng.random((6, MANY)) < 0.5)
    scores, proto_action = scorer.scores(asked)[:, 0], scorer.proto(asked)
    judged = scorer.judge.scores(asked)[:, 0]
    for i in range(6):
        distance = np.square(scorer.places - proto_action[i]).sum(axis=1)
        stock = np.flatnonzero(asked.in_stock[i])
        near = stock[np.argsort(distance[stock])[:5]]
        np.testing.assert_allclose(scores[i, near], judged[i, near], rtol=1e-6)
        excluded = np.setdiff1d(stock, near)
        assert scores[i, excluded].max() < scores[i, near].min()
        assert (np.diff(scores[i, excluded[np.argsort(distance[excluded])]]) <= 1e-9).all()
    short = wolpertinger(about, updates=1, nearest=MANY).policy().scorer
    np.testing.assert_array_equal(short.scores(asked), short.judge.scores(asked))


def with_history(asked: Requests, history: AnyArray) -> Requests:
    return replace(asked, history=np.asarray(history, np.int32))


def opened_first() -> Any:
    """One page each. After item 2 the rewards of items 0 and 1 are 1 and 0; after item 1 they are 0 and 1."""
    rng = np.random.default_rng(0)
    past, item = rng.integers(1, 3, size=2000), rng.integers(2, size=2000)
    reward = (past == 2) == (item == 0)
    asked = with_history(make_requests(np.zeros(2000), 3), np.stack([past, np.full(2000, -1)], axis=1))
    after = with_history(make_requests(np.zeros(2000), 3, first_id=9000), np.full((2000, 2), -1))
    return single_item_pages(asked, item, reward, next=after, terminated=np.ones(2000, bool))


def transformer(ask: float = 1.0, **options: Any) -> DecisionTransformer:
    settings: dict[str, Any] = {"history": 3, "width": 8, "blocks": 1, "epochs": 12, "step": 0.01}
    return DecisionTransformer(make_task(3), np.random.default_rng(0), ask=ask, **{**settings, **options})


def test_the_transformer_imitates_what_brought_the_return_asked_for() -> None:
    # the return turns round what the past says: one block may stay at even chances, two learn it
    agent = transformer(width=16, blocks=2)
    agent.learn(opened_first())
    asked = with_history(make_requests([0, 0], 3), [[2, -1], [1, -1]])
    chance = agent.policy().marginals(asked)[:, 0]
    assert chance[0, 0] > 0.9
    assert chance[1, 1] > 0.9
    agent.ask = -1.0  # the worst return was that of the other item
    worst = agent.policy().marginals(asked)[:, 0]
    assert worst[0, 1] > 0.9
    assert worst[1, 0] > 0.9


@pytest.mark.parametrize(("history", "blocks"), [(0, 1), (3, 2)])
def test_numpy_serves_the_transformer_that_torch_trained(history: int, blocks: int) -> None:
    agent = transformer(history=history, blocks=blocks, epochs=1)
    agent.learn(opened_first())
    asked = with_history(make_requests([0, 1, 1], 3), [[2, 1, 0, 2], [1, -1, -1, -1], [-1, -1, -1, -1]])
    policy = agent.policy()
    with torch.no_grad():
        want = agent.scores(asked, torch.full((3,), agent.ask)).numpy()
    np.testing.assert_allclose(policy.scorer.scores(asked)[:, 0], want, rtol=1e-5, atol=1e-5)
    assert isinstance(policy.scorer, TransformerScorer)
    without = replace(asked, history=None)
    nothing = with_history(asked, np.full((3, 4), -1))
    np.testing.assert_array_equal(policy.scorer.scores(without), policy.scorer.scores(nothing))


@pytest.mark.parametrize("name", ["wolpertinger", "transformer"])
def test_policies_are_restored_and_the_same_seed_gives_the_same_bytes(name: str) -> None:
    policies = []
    for _ in range(2):
        if name == "transformer":
            agent: Any = transformer(epochs=1)
            agent.learn(opened_first())
        else:
            agent = wolpertinger(line(), updates=2)
        policies.append(agent.policy())
    assert policies[0].hash == policies[1].hash
    spec, arrays = policies[0].state()
    restored = policy_from_state(spec, arrays, policies[0].items)
    assert restored.hash == policies[0].hash
    with pytest.raises(InvalidInput, match=r"interactions\.next"):
        agent.learn(replace(all_transitions(1), next=None, terminated=None))


class FromTable:
    """A policy like those of Stable-Baselines3, with the distribution (0.5, 0.3, 0.2) among what is free."""

    class Space:
        spaces = dict.fromkeys(("user", "context", "candidates", "action_mask", "chosen", "slot"))

    observation_space = Space()

    @property
    def policy(self) -> FromTable:
        return self

    def obs_to_tensor(self, observation: Any) -> tuple[Any, bool]:
        return observation, True

    def get_distribution(self, observation: Any) -> Any:
        p = np.array([0.5, 0.3, 0.2]) * (1 - observation["chosen"])
        return type("D", (), {"distribution": torch.distributions.Categorical(torch.as_tensor(p))})


def test_stable_baselines_by_hand() -> None:
    policy = StableBaselinesPolicy(FromTable(), make_task(3, 2))
    assert isinstance(policy, Policy)
    stock = np.ones((4000, 3), bool)
    stock[:2, 0] = False
    stock[1, 1] = False
    asked = make_requests(np.zeros(4000), 3, in_stock=stock)
    decisions = policy.decide(asked, np.random.default_rng(0))
    np.testing.assert_array_equal(policy.propensities(asked, decisions.positions), decisions.propensities)
    assert decisions.slates[1].tolist() == [2, -1]
    np.testing.assert_allclose(decisions.propensities[1], [1, 1])
    assert set(decisions.slates[0].tolist()) == {1, 2}
    first = decisions.slates[2:, 0]
    np.testing.assert_allclose(np.bincount(first, minlength=3) / len(first), [0.5, 0.3, 0.2], atol=0.04)
    column = np.array([[0, 1]] * 4000, np.int32)
    np.testing.assert_allclose(policy.propensities(asked, column)[2], [0.5, 0.6])
    np.testing.assert_allclose(policy.propensities(asked, column)[0], [0.0, 0.6])
    spread = StableBaselinesPolicy(FromTable(), make_task(3, 2), floor=0.3)
    np.testing.assert_allclose(spread.propensities(asked, column)[2, 0], 0.7 * 0.5 + 0.1)
    for refuses in (lambda: policy.marginals(asked), policy.state):
        with pytest.raises(InvalidInput, match="distil"):
            refuses()
    clone, loss = distil(policy, asked, np.random.default_rng(0), hidden=(), step=0.03)
    shares = clone.marginals(make_requests([0], 3))[0, 0]
    np.testing.assert_allclose(shares, [0.5, 0.3, 0.2], atol=0.04)
    assert loss == pytest.approx(-np.log(decisions.propensities).sum(1).mean(), abs=0.03)


def test_models_that_stable_baselines_trained() -> None:
    sb3 = pytest.importorskip("stable_baselines3", reason="needs the extra 'agents'")
    contrib = pytest.importorskip("sb3_contrib", reason="needs the extra 'agents'")
    import gymnasium

    env = gymnasium.make("shopgym/Session-v0", catalog=30, users=50, slate_size=2, num_candidates=5)
    shop = env.unwrapped.loop.shop
    shop_task = Task(shop.catalog.items, shop.user_names, shop.context_names, 2, attention=np.ones(2))
    for algorithm, settings in ((contrib.MaskablePPO, {"n_steps": 32}), (sb3.DQN, {"learning_starts": 8})):
        model = algorithm("MultiInputPolicy", env, seed=0, device="cpu", **settings).learn(32)
        policy = StableBaselinesPolicy(model, shop_task)
        observation, _ = env.reset(seed=1)
        asked = env.unwrapped.loop.requests
        chances = [policy.propensities(asked, np.array([[c, -1]], np.int32))[0, 0] for c in range(5)]
        assert sum(chances) == pytest.approx(1.0)
        masks = {"action_masks": observation["action_mask"]} if algorithm is contrib.MaskablePPO else {}
        action, _ = model.predict(observation, deterministic=True, **masks)
        if masks:  # the model's own favourite
            assert int(np.argmax(chances)) == int(action)
        elif observation["action_mask"][int(action)]:
            assert chances[int(action)] == 1.0
