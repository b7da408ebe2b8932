"""Every framework of ``examples/`` trains the environments; each is tested where it is installed."""

from __future__ import annotations

import importlib
import os
import sys
from types import ModuleType
from typing import Any

import gymnasium
import numpy as np
import pytest
from builders.paths import ROOT

import shopgym  # noqa: F401 (registers the environments)
from shopgym.core import InvalidInput
from shopgym.envs.adapters import RLlibMask, TianshouMask, stable_baselines3_vec_env
from shopgym.simulators import Catalog, ShopConfig, StockConfig

pytestmark = pytest.mark.slow

EXAMPLES = ROOT / "examples"
SMALL: dict[str, Any] = {"catalog": 40, "users": 50, "slate_size": 2, "num_candidates": 5}
NEEDED = {
    "cleanrl_ppo": "torch",
    "sb3": "sb3_contrib",
    "torchrl_ppo": "torchrl",
    "tianshou_dqn": "tianshou",
    "rllib_ppo": "ray.rllib",
}


@pytest.fixture
def example(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Imports an example as its folder sees it, with a small shop and a short score."""

    def load(name: str) -> ModuleType:
        if name == "rllib_ppo" and os.environ.get("SHOPGYM_RLLIB") != "1":
            pytest.skip("Ray opens ports beyond loopback: set SHOPGYM_RLLIB=1 to run it")
        pytest.importorskip(NEEDED[name], reason=f"needs {NEEDED[name]}: see docs/frameworks.md")
        monkeypatch.syspath_prepend(str(EXAMPLES))
        common = importlib.import_module("common")
        monkeypatch.setitem(common.SHOP, "catalog", SMALL["catalog"])
        for setting, value in SMALL.items():
            monkeypatch.setitem(common.SHOP, setting, value)
        monkeypatch.setattr(common.score, "__kwdefaults__", {"lanes": 32, "steps": 40, "seed": 7})
        return importlib.import_module(name)

    yield load
    for name in ("common", *NEEDED):
        sys.modules.pop(name, None)


@pytest.mark.parametrize(
    ("name", "choices"),
    [
        ("cleanrl_ppo", []),
        ("sb3", ["--algorithm", "MaskablePPO"]),
        ("sb3", ["--algorithm", "PPO"]),
        ("sb3", ["--algorithm", "DQN"]),
        ("torchrl_ppo", []),
        ("tianshou_dqn", []),
        ("rllib_ppo", []),
    ],
    ids=lambda value: value if isinstance(value, str) else "".join(value[1:]),
)
def test_example_trains(
    example: Any, name: str, choices: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    result = example(name).main(["--steps", "2000", *choices])
    printed = capsys.readouterr().out
    for label, score in (("random policy", result.random), ("after training", result.after)):
        assert f"{label}" in printed
        assert str(score) in printed
    assert result.random.mean > 0  # somebody clicked
    # scores are on the same visitors with the same draws: they differ only if training changed the policy
    assert result.before != result.after


@pytest.mark.slow
def test_our_ppo_learns(example: Any) -> None:
    """A fixed seed, so no false alarm: the margin is what a change of the algorithm must not lose."""
    module = example("cleanrl_ppo")
    sys.modules["common"].score.__kwdefaults__.update(lanes=256, steps=160)
    result = module.main(["--steps", "60000"])
    assert result.after.mean > result.random.mean + 4 * (result.random.error + result.after.error)


def make_vec(lanes: int, **options: Any) -> Any:
    return gymnasium.make_vec(
        "shopgym/Session-v0", num_envs=lanes, **{"autoreset_mode": "SameStep", **SMALL, **options}
    )


@pytest.mark.parametrize("form", ["slot", "slate"])
def test_vec_env_equals_stable_baselines3s_own(form: str) -> None:
    # what SB3 makes of single environments is the known answer; without stock, lanes do not meet
    pytest.importorskip("stable_baselines3", reason="needs the extra 'agents'")
    from stable_baselines3.common.vec_env import DummyVecEnv

    config = ShopConfig(
        users=50, slate_size=2, num_candidates=5, max_pages=3, stock=StockConfig(enabled=False)
    )
    options: dict[str, Any] = {"catalog": Catalog.synthetic(40, seed=0), "config": config, "form": form}
    ours = stable_baselines3_vec_env(
        gymnasium.make_vec("shopgym/Session-v0", num_envs=3, autoreset_mode="SameStep", **options)  # type: ignore[arg-type]
    )
    theirs = DummyVecEnv([lambda: gymnasium.make("shopgym/Session-v0", **options)] * 3)
    for env in (ours, theirs):
        env.seed(20)
        env.action_space.seed(0)
    a, b = ours.reset(), theirs.reset()
    cut = ended = 0
    rng = np.random.default_rng(1)
    for _ in range(120):
        assert isinstance(a, dict)
        assert isinstance(b, dict)
        assert a.keys() == b.keys()
        for name in a:
            np.testing.assert_array_equal(a[name], b[name])
        np.testing.assert_array_equal(ours.env_method("action_masks"), theirs.env_method("action_masks"))
        actions = rng.integers(0, 5, 3 if form == "slot" else (3, 2))
        a, reward, done, infos = ours.step(actions)
        b, same_reward, same_done, same_infos = theirs.step(actions)
        np.testing.assert_array_equal(reward, same_reward)
        assert reward.dtype == same_reward.dtype
        np.testing.assert_array_equal(done, same_done)
        for lane in np.flatnonzero(done):
            last, same_last = infos[lane]["terminal_observation"], same_infos[lane]["terminal_observation"]
            for name in a:
                np.testing.assert_array_equal(last[name], same_last[name])
            assert infos[lane]["TimeLimit.truncated"] == same_infos[lane]["TimeLimit.truncated"]
            cut += infos[lane]["TimeLimit.truncated"]
            ended += not infos[lane]["TimeLimit.truncated"]
        for lane in np.flatnonzero(~done):
            assert "terminal_observation" not in infos[lane]
    assert cut
    assert ended


def test_vec_env_refuses_calls_for_a_single_environment() -> None:
    pytest.importorskip("stable_baselines3", reason="needs the extra 'agents'")
    with pytest.raises(InvalidInput, match="SameStep"):
        stable_baselines3_vec_env(make_vec(2, autoreset_mode="NextStep"))
    env = stable_baselines3_vec_env(make_vec(4))
    env.reset()
    assert [len(mask) for mask in env.env_method("action_masks", indices=[2, 0])] == [5, 5]
    with pytest.raises(InvalidInput, match="env_method"):
        env.env_method("render")
    with pytest.raises(InvalidInput, match="set_attr"):
        env.set_attr("render_mode", "human")


def test_masks_are_where_tianshou_and_rllib_expect_them() -> None:
    plain, tianshou, rllib = (gymnasium.make("shopgym/Session-v0", **SMALL) for _ in range(3))
    tianshou, rllib = TianshouMask(tianshou), RLlibMask(rllib)
    before, renamed, split = (env.reset(seed=0)[0] for env in (plain, tianshou, rllib))
    for _ in range(50):
        assert tianshou.observation_space.contains(renamed)
        assert rllib.observation_space.contains(split)
        mask = before.pop("action_mask")
        np.testing.assert_array_equal(renamed.pop("mask"), mask)
        np.testing.assert_array_equal(split["action_mask"], mask)
        assert renamed.keys() == before.keys()
        rest = gymnasium.spaces.Dict({name: plain.observation_space[name] for name in before})  # type: ignore[index]
        np.testing.assert_array_equal(split["observations"], gymnasium.spaces.flatten(rest, before))
        action = int(np.flatnonzero(mask)[-1])
        steps = [env.step(action) for env in (plain, tianshou, rllib)]
        if steps[0][2] or steps[0][3]:
            steps = [env.reset() for env in (plain, tianshou, rllib)]
        before, renamed, split = (step[0] for step in steps)
    many, _ = make_vec(3).reset(seed=0)  # all lanes at once as one by one
    one = {name: values[1] for name, values in many.items()}
    np.testing.assert_array_equal(
        rllib.observation(many)["observations"][1], rllib.observation(one)["observations"]
    )


@pytest.mark.parametrize("wrapper", [TianshouMask, RLlibMask])
def test_mask_wrappers_need_a_mask(wrapper: Any) -> None:
    env = gymnasium.make("shopgym/Session-v0", form="items", **{**SMALL, "num_candidates": 0})
    with pytest.raises(InvalidInput, match="action_mask"):
        wrapper(env)


def test_torchrl_never_takes_a_masked_action() -> None:
    pytest.importorskip("torchrl", reason="needs torchrl: see docs/frameworks.md")
    import torch
    from torchrl.envs import ActionMask, Compose, DTypeCastTransform, GymWrapper, TransformedEnv

    native = make_vec(8, autoreset_mode="Disabled")
    native.autoreset_mode = native.metadata["autoreset_mode"]
    mask = DTypeCastTransform(torch.int8, torch.bool, in_keys=["action_mask"])
    env = TransformedEnv(GymWrapper(native, categorical_action_encoding=True), Compose(mask, ActionMask()))
    env.set_seed(0)
    rollout = env.rollout(60, break_when_any_done=False)  # random actions
    assert rollout["next", "done"].any()
    taken = rollout["action_mask"].gather(-1, rollout["action"][..., None])
    assert taken.all()
    assert not rollout["action_mask"].all()
