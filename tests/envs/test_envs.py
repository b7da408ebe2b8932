"""The environments: Gymnasium's checker, seeds, masks, ends of episodes, the vector form."""

from __future__ import annotations

import subprocess
import sys
import warnings
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode
from hypothesis import given
from hypothesis import strategies as st

from shopgym._tasks import TASKS
from shopgym.core import InvalidInput
from shopgym.envs import RewardSpec
from shopgym.envs.actions import fill_pages
from shopgym.simulators import Catalog, ShopConfig, StockConfig
from shopgym.simulators.engine.work_queue import work_queue

IDS = ("shopgym/Bandit-v0", "shopgym/Session-v0")
FORMS = ({"form": "slot"}, {"form": "slate"}, {"form": "items", "num_candidates": 0})
SMALL: dict[str, Any] = {"catalog": 60, "users": 100, "slate_size": 3, "num_candidates": 8}


def make(env_id: str, **options: Any) -> gymnasium.Env[Any, Any]:
    return gymnasium.make(env_id, **{**SMALL, **options})


def make_vec(env_id: str, n: int, **options: Any) -> gymnasium.vector.VectorEnv[Any, Any, Any]:
    return gymnasium.make_vec(env_id, num_envs=n, **{**SMALL, **options})


@pytest.mark.parametrize("env_id", IDS)
@pytest.mark.parametrize("form", FORMS, ids=lambda f: f["form"])
def test_environments_pass_the_checker_of_gymnasium(env_id: str, form: dict[str, Any]) -> None:
    env = make(env_id, **form)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", message=".*render_mode.*")
        check_env(env.unwrapped, skip_render_check=True)


def test_the_real_catalogue_is_the_default() -> None:
    env = gymnasium.make("shopgym/Session-v0", render_mode="ansi")
    env.reset(seed=0)
    for _ in range(5):
        env.step(env.action_space.sample())
    assert "GBP" in str(env.render())


def play(env: gymnasium.Env[Any, Any], seed: int, steps: int) -> list[Any]:
    """A fixed rule: the first allowed candidate."""
    observation, info = env.reset(seed=seed)
    seen: list[Any] = [observation]
    for _ in range(steps):
        action: Any = int(np.argmax(info["action_mask"]))
        if not isinstance(env.action_space, gymnasium.spaces.Discrete):
            action = np.argsort(-info["action_mask"], kind="stable")[:3]
        observation, reward, terminated, truncated, info = env.step(action)
        seen.append((observation, reward, terminated, truncated))
        if terminated or truncated:
            observation, info = env.reset()
            seen.append(observation)
    return seen


def equal(a: Any, b: Any) -> bool:
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(np.array_equal(a[k], b[k]) for k in a)
    if isinstance(a, tuple):
        return equal(a[0], b[0]) and a[1:] == b[1:]
    return bool(a == b)


@pytest.mark.parametrize("form", ["slot", "slate"])
def test_the_same_seed_gives_the_same_episodes(form: str) -> None:
    a, b = (play(make(IDS[1], form=form), seed=4, steps=60) for _ in range(2))
    assert all(equal(x, y) for x, y in zip(a, b, strict=True))
    c = play(make(IDS[1], form=form), seed=5, steps=60)
    assert not all(equal(x, y) for x, y in zip(a, c, strict=False))


def test_slot_by_slot_shows_the_page_after_the_last_slot() -> None:
    env = make(IDS[1], form="slot")
    _, info = env.reset(seed=1)
    candidates = info["candidates"].copy()
    chosen = []
    for slot in range(3):
        allowed = np.flatnonzero(info["action_mask"])
        assert not set(chosen) & set(allowed.tolist())  # what is placed is masked
        chosen.append(int(allowed[-1]))
        observation, _, _, _, info = env.step(chosen[-1])
        assert info["shown"] == (slot == 2)
        if slot < 2:
            assert observation["chosen"].sum() == slot + 1
            assert observation["slot"].argmax() == slot + 1
    loop = env.unwrapped.loop  # type: ignore[attr-defined]
    np.testing.assert_array_equal(loop.slates[0], candidates[chosen])


def test_a_repeated_item_leaves_its_slot_empty() -> None:
    env = make(IDS[0], form="slate")
    _, info = env.reset(seed=1)
    env.step(np.array([2, 2, 5]))
    slate = env.unwrapped.loop.slates[0]  # type: ignore[attr-defined]
    assert slate.tolist() == [info["candidates"][2], -1, info["candidates"][5]]


@given(
    pages=st.integers(1, 12).flatmap(
        lambda k: st.lists(
            st.lists(st.integers(-1, 4095) | st.sampled_from([0, 64, 65, 4095]), min_size=k, max_size=k),
            min_size=1,
            max_size=4,
        )
    ),
    slots=st.integers(1, 12),
)
def test_pages_are_filled_as_picked_without_repeated_items(pages: list[list[int]], slots: int) -> None:
    picks = np.array(pages, np.int64)
    n, k = picks.shape
    slates, unknown = np.full((n, k), -9, np.int32), np.zeros(n, np.bool_)
    page_slots = np.full(n, slots, np.int32)
    everyone = np.ones(n, np.bool_)
    fill_pages(picks, everyone, np.empty((n, 0), np.int32), page_slots, 4096, slates, unknown, work_queue(n))
    assert not unknown.any()
    for page, slate in zip(pages, slates.tolist(), strict=True):
        assert slate == [-1 if j >= slots or item in page[:j] else item for j, item in enumerate(page)]


def test_bandit_ends_after_one_page_and_session_goes_on() -> None:
    env = make(IDS[0], form="slate")
    env.reset(seed=0)
    assert env.step(np.array([0, 1, 2]))[2]
    lengths = []
    env = make(IDS[1], form="slate", max_pages=4)
    env.reset(seed=0)
    for _ in range(60):
        pages = 0
        while True:
            pages += 1
            _, _, terminated, truncated, _ = env.step(np.array([0, 1, 2]))
            if terminated or truncated:
                assert not (terminated and truncated)
                assert truncated == (pages == 4 and not terminated)
                break
        lengths.append(pages)
        env.reset()
    assert set(lengths) == {1, 2, 3, 4}


def test_reward_is_exactly_the_weighted_sum_of_its_terms() -> None:
    spec = RewardSpec(
        terms={"margin": 1.0, "click": 0.3, "stockout": -2.0}, exchange={"click": 0.05, "stockout": 0.1}
    )
    env = make_vec(IDS[1], 500, form="slate", reward=spec)
    env.reset(seed=3)
    rng = np.random.default_rng(0)
    for _ in range(10):
        _, reward, _, _, info = env.step(rng.integers(0, 8, (500, 3)))
        terms = info["reward_terms"]
        total = np.zeros(500)
        for name, weight in spec.weights.items():
            total = total + weight * terms[name]
        np.testing.assert_array_equal(reward, total)
        assert reward.any()


@pytest.mark.parametrize("form", ["slot", "slate"])
def test_row_i_of_the_vector_environment_equals_a_single_environment(form: str) -> None:
    # without shared stock, row i of seed s is the single environment of seed s + i
    config = ShopConfig(users=100, slate_size=3, num_candidates=8, stock=StockConfig(enabled=False))
    options = {"catalog": Catalog.synthetic(60, seed=0), "config": config, "form": form}
    vector = gymnasium.make_vec(IDS[1], num_envs=3, **options, autoreset_mode=AutoresetMode.SAME_STEP)
    singles = [gymnasium.make(IDS[1], **options) for _ in range(3)]
    batch, _ = vector.reset(seed=20)
    single_observations = [env.reset(seed=20 + i)[0] for i, env in enumerate(singles)]
    rng = np.random.default_rng(1)
    for _ in range(80):
        for i in range(3):
            for name, values in single_observations[i].items():
                np.testing.assert_array_equal(batch[name][i], values, err_msg=name)
        actions = rng.integers(0, 8, (3, 3) if form == "slate" else 3)
        batch, reward, terminated, truncated, _ = vector.step(actions)
        for i, env in enumerate(singles):
            single_observations[i], one, end, cut, _ = env.step(actions[i])
            assert (one, end, cut) == (reward[i], terminated[i], truncated[i])
            if end or cut:
                single_observations[i], _ = env.reset()


def test_next_step_autoreset() -> None:
    env = make_vec(IDS[1], 50, form="slate")
    assert env.metadata["autoreset_mode"] == AutoresetMode.NEXT_STEP
    env.reset(seed=0)
    actions = np.tile(np.arange(3), (50, 1))
    done = np.zeros(50, bool)
    for _ in range(30):
        _, reward, terminated, truncated, info = env.step(actions)
        assert not reward[done].any()
        assert not terminated[done].any()
        assert not info["shown"][done].any()
        assert info["shown"][~done].all()
        done = terminated | truncated
    assert done.any()


def test_same_step_autoreset_gives_the_final_observation() -> None:
    env = make_vec(IDS[0], 6, form="slate", autoreset_mode="SameStep")
    env.reset(seed=0)
    batch, _, terminated, _, info = env.step(np.tile(np.arange(3), (6, 1)))
    assert terminated.all()
    assert info["_final_obs"].all()
    for i in range(6):
        assert info["final_obs"][i] in env.single_observation_space
        assert not np.array_equal(info["final_obs"][i]["context"], batch["context"][i])


def test_disabled_autoreset_asks_for_a_reset() -> None:
    env = make_vec(IDS[0], 4, form="slate", autoreset_mode="Disabled")
    env.reset(seed=0)
    actions = np.tile(np.arange(3), (4, 1))
    env.step(actions)
    with pytest.raises(InvalidInput, match="reset_mask"):
        env.step(actions)
    env.reset(options={"reset_mask": np.ones(4, bool)})
    env.step(actions)
    with pytest.raises(InvalidInput, match="reset_mask"):
        env.reset(options={"reset_mask": [True] * 4})


def test_observations_are_in_their_spaces_and_never_shared() -> None:
    env = make_vec(IDS[1], 5, form="slot")
    first, _ = env.reset(seed=0)
    kept = {name: values.copy() for name, values in first.items()}
    assert first in env.observation_space
    second = env.step(np.zeros(5, int))[0]
    assert second in env.observation_space
    assert all(np.array_equal(kept[name], first[name]) for name in kept)
    assert not any(np.shares_memory(first[name], second[name]) for name in first)


def test_history_and_live_figures_are_observed_if_they_are_on() -> None:
    env = make_vec(IDS[1], 64, form="slate", slate_size=5, num_candidates=9, history=4, live=True)
    assert env.single_observation_space["history"].shape[0] == 4
    assert env.single_observation_space["live"].shape == (9, 3)
    env.reset(seed=0)
    actions = np.tile(np.arange(5), (64, 1))
    for _ in range(8):
        seen, *_ = env.step(actions)
        assert seen in env.observation_space
    loop = env.unwrapped.loop
    features, rows = loop.shop.catalog.items.features, loop.requests.history
    assert (rows >= 0).any()
    assert (rows < 0).any()
    np.testing.assert_array_equal(seen["history"][rows >= 0], features[rows[rows >= 0]])
    assert not seen["history"][rows < 0].any()
    candidates = loop.requests.candidates
    np.testing.assert_allclose(seen["live"][..., 0], loop.shop.catalog.items.price[candidates], rtol=1e-6)
    np.testing.assert_array_equal(seen["live"][..., 2] > 0, loop.requests.in_stock)
    assert (
        "live" not in make_vec(IDS[1], 2, form="items", num_candidates=0, live=True).observation_space.spaces
    )


def test_all_visits_share_one_stock() -> None:
    env = make_vec(IDS[0], 400, form="items", num_candidates=0, autoreset_mode="SameStep")
    env.reset(seed=0)
    shop = env.unwrapped.loop.shop  # type: ignore[attr-defined]
    shop.stock.on_hand[:] = 2
    for _ in range(40):
        env.step(np.tile(np.arange(3), (400, 1)))
    assert (shop.stock.on_hand[:3] <= 0).any()
    assert not shop.stock.available[:3].all()


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"form": "grid"}, "form"),
        ({"form": "items"}, "num_candidates"),
        ({"form": "slot", "num_candidates": 0}, "num_candidates"),
        ({"slate_size": 99}, "num_candidates"),
        ({"slate_siez": 3}, "slate_siez"),
        ({"catalog": "amazon"}, "catalog"),
        ({"catalog": 5}, "num_candidates"),
        ({"users": 0}, "users"),
        ({"max_pages": 2.5}, "max_pages"),
    ],
)
def test_bad_settings_are_refused_by_name(options: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput, match=field):
        make(IDS[1], **options)


def test_bad_actions_are_refused() -> None:
    env = make_vec(IDS[1], 2, form="slate")
    env.reset(seed=0)
    with pytest.raises(InvalidInput, match="action"):
        env.step(np.full((2, 3), 8))
    with pytest.raises(InvalidInput, match="action"):
        env.step(np.zeros((2, 4), int))
    env = make_vec(IDS[1], 2, form="slot")
    env.reset(seed=0)
    with pytest.raises(InvalidInput, match="action"):
        env.step(np.array([0, -2]))


@pytest.mark.parametrize("imports", ["import shopgym, gymnasium", "import gymnasium, shopgym"])
def test_environments_are_registered_whichever_package_is_imported_first(imports: str) -> None:
    code = f"{imports}; print(*(name for name in gymnasium.registry if name.startswith('shopgym/')))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert set(done.stdout.split()) == {*IDS, "shopgym/Shopper-v0", "shopgym/Season-v0", *TASKS}


@pytest.mark.parametrize("name", ["gift", "fashion", "grocery"])
def test_a_profile_by_name_comes_with_its_catalogue(name: str) -> None:
    env = gymnasium.make("shopgym/Shopper-v0", config=name, form="slate", max_pages=3)
    shop = env.unwrapped.loop.shop  # type: ignore[attr-defined]
    assert shop.config.max_pages == 3
    assert shop.config.people.enabled
    assert (shop.catalog.items.item_id[0].startswith("item-")) is (name != "gift")
    env.reset(seed=0)
    env.step(env.action_space.sample())


def test_an_unknown_profile_is_refused() -> None:
    with pytest.raises(InvalidInput, match="profile = 'gifts'"):
        gymnasium.make("shopgym/Shopper-v0", config="gifts")
