"""Stable-Baselines3 trains the environments unmodified, in both action forms."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import pytest

import shopgym  # noqa: F401 (registers the environments)
from shopgym.simulators import Catalog, ChoiceConfig, ShopConfig, StockConfig

pytestmark = pytest.mark.slow

pytest.importorskip("stable_baselines3", reason="needs the extra 'agents'")

OPTIONS: dict[str, Any] = {"catalog": 40, "users": 50, "slate_size": 2, "num_candidates": 5}


def weights(model: Any) -> list[Any]:
    return [p.detach().numpy().copy() for p in model.policy.parameters()]


@pytest.mark.parametrize(
    ("name", "form"), [("PPO", "slot"), ("PPO", "slate"), ("DQN", "slot"), ("MaskablePPO", "slot")]
)
def test_stable_baselines3_trains_on_the_environment(name: str, form: str) -> None:
    import sb3_contrib
    import stable_baselines3

    algorithm = getattr(stable_baselines3, name, None) or getattr(sb3_contrib, name)
    settings = (
        {"learning_starts": 32, "buffer_size": 500} if name == "DQN" else {"n_steps": 64, "batch_size": 32}
    )
    env = gymnasium.make("shopgym/Session-v0", form=form, **OPTIONS)
    model = algorithm("MultiInputPolicy", env, seed=0, device="cpu", **settings)
    before = weights(model)
    model.learn(128)
    assert any(not np.array_equal(a, b) for a, b in zip(before, weights(model), strict=True))
    observation, _ = env.reset(seed=0)
    action, _ = model.predict(observation, deterministic=True)
    assert env.action_space.contains(action if form == "slate" else int(action))


def test_masked_actions_are_never_taken() -> None:
    from sb3_contrib import MaskablePPO

    env = gymnasium.make("shopgym/Session-v0", form="slot", **OPTIONS)
    model = MaskablePPO("MultiInputPolicy", env, n_steps=64, batch_size=32, seed=0, device="cpu")
    observation, info = env.reset(seed=0)
    for _ in range(200):
        action, _ = model.predict(observation, action_masks=info["action_mask"].astype(bool))
        assert info["action_mask"][int(action)]
        observation, _, terminated, truncated, info = env.step(int(action))
        if terminated or truncated:
            observation, info = env.reset()


@pytest.mark.slow
def test_ppo_learns_an_obvious_shop() -> None:
    # five items, one of which everybody buys at a high margin: a page without it earns next to nothing
    catalog = Catalog.synthetic(5, seed=0)
    quality = np.array([-0.5, -0.5, -0.5, -0.5, 2.0], np.float32)
    catalog = Catalog.assemble(
        item_id=catalog.items.item_id,
        name=catalog.items.name,
        category=catalog.items.category,
        category_names=catalog.items.category_names,
        price=np.array([10.0, 10.0, 10.0, 10.0, 11.0]),
        unit_cost=np.full(5, 5.0),
        popularity=np.full(5, 0.2),
        embedding=catalog.embedding,
        quality=quality,
        units_mean=np.ones(5),
    )
    choice = ChoiceConfig(
        click_base=-4.0, quality_weight=4.0, taste_weight=0.0, intent_weight=0.0, cart_base=3.0, buy_base=3.0
    )
    config = ShopConfig(
        users=50, slate_size=1, num_candidates=5, choice=choice, stock=StockConfig(enabled=False)
    )
    from stable_baselines3 import PPO
    from stable_baselines3.common.evaluation import evaluate_policy

    env = gymnasium.make("shopgym/Bandit-v0", catalog=catalog, config=config, form="slate")
    model = PPO("MultiInputPolicy", env, n_steps=256, batch_size=64, seed=0, device="cpu", learning_rate=1e-3)
    model.learn(6000)
    mean, _ = evaluate_policy(model, env, n_eval_episodes=400, warn=False)
    # the best item earns about 5 a page, an even mixture about 1
    assert mean > 3.0


def test_guards_are_the_same_masks_under_training_and_deployed(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a deployed model is shown is, slot by slot, the observation of the environment it learnt in."""
    from sb3_contrib import MaskablePPO
    from sb3_contrib.common.maskable.utils import get_action_masks

    from shopgym.agents.rl.sb3 import StableBaselinesPolicy
    from shopgym.agents.task import Task
    from shopgym.envs.adapters import stable_baselines3_vec_env
    from shopgym.policies.guards import CategoryCap, InStock, MarginFloor

    guards = (CategoryCap(1), MarginFloor(1.0))
    options: dict[str, Any] = {"catalog": 60, "users": 50, "slate_size": 3, "num_candidates": 9, "history": 2}
    native: Any = gymnasium.make_vec(
        "shopgym/Session-v0",
        num_envs=16,
        autoreset_mode="SameStep",
        guards=guards,
        live=True,
        identity=True,
        **options,
    )
    env = stable_baselines3_vec_env(native)
    model = MaskablePPO("MultiInputPolicy", env, n_steps=8, batch_size=64, seed=0, device="cpu").learn(256)
    shop = native.loop.shop
    names, both = (shop.user_names, shop.context_names), (InStock(), *guards)
    task = Task(shop.catalog.items, *names, 3, both, attention=np.ones(3))
    policy, shown = StableBaselinesPolicy(model, task), []
    answer = StableBaselinesPolicy._model_probabilities

    def spied(self: StableBaselinesPolicy, observation: Any, mask: Any) -> Any:
        shown.append((observation, mask))
        return answer(self, observation, mask)

    monkeypatch.setattr(StableBaselinesPolicy, "_model_probabilities", spied)
    env.seed(3)
    observation: Any = env.reset()
    slates = policy.decide(native.requests, np.random.default_rng(0)).positions
    masked = 0
    for slot in range(3):
        deployed, mask = shown[slot]
        assert deployed.keys() == observation.keys()
        for name in observation:
            np.testing.assert_array_equal(deployed[name], observation[name], err_msg=name)
        np.testing.assert_array_equal(mask, get_action_masks(env))
        masked += int((~mask).sum())
        observation, _, _, infos = env.step(slates[:, slot])
        np.testing.assert_array_equal(infos[0]["action_mask"], observation["action_mask"][0])
    assert masked > 50
