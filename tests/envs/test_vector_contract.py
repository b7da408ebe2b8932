"""The vector form keeps Gymnasium's contract: ends, resets, seeds, and arrays that are the caller's own."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.error import ResetNeeded
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from gymnasium.wrappers.vector import RecordEpisodeStatistics

import shopgym  # noqa: F401 (registers the environments)
from shopgym.core import InvalidInput
from shopgym.simulators import Catalog, ShopConfig, StockConfig

SMALL: dict[str, Any] = {"catalog": 60, "users": 600, "slate_size": 3, "num_candidates": 8}
SEASON: dict[str, Any] = {**SMALL, "form": "slate", "days": 2.0}
LENGTHS = [198, 154, 167, 194, 221]
"""Steps of the first five seasons of four environments with seed 0."""
MODES = [mode.value for mode in AutoresetMode if mode is not AutoresetMode.DISABLED]


def without_stock(form: str = "slate") -> dict[str, Any]:
    """A shop in which the environments share nothing."""
    config = ShopConfig(users=100, slate_size=3, num_candidates=8, stock=StockConfig(enabled=False))
    return {"catalog": Catalog.synthetic(60, seed=0), "config": config, "form": form}


def same(one: Any, other: Any) -> None:
    """Two observations are equal."""
    assert one.keys() == other.keys()
    for name in one:
        np.testing.assert_array_equal(one[name], other[name], err_msg=name)


@pytest.mark.parametrize("mode", MODES)
def test_every_season_has_one_end(mode: str) -> None:
    env: Any = gymnasium.make_vec("shopgym/Season-v0", num_envs=4, autoreset_mode=mode, **SEASON)
    env = RecordEpisodeStatistics(env)
    env.reset(seed=0)
    actions, lengths, ends = np.tile(np.arange(3), (4, 1)), [], []
    for step in range(950):
        _, reward, _, truncated, info = env.step(actions)
        if truncated.any():
            assert truncated.all()
            lengths.append(info["episode"]["l"].tolist())
            ends.append(step)
        elif ends and step == ends[-1] + 1 and mode == "NextStep":
            assert not reward.any()
            assert not info["shown"].any()
    assert lengths == [[length] * 4 for length in LENGTHS]
    resets = np.arange(5) if mode == "NextStep" else 0  # the steps in which a season only starts
    assert ends == (np.cumsum(LENGTHS) + resets - 1).tolist()


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("form", ["slot", "slate"])
@pytest.mark.parametrize("name", ["Bandit", "Session", "Shopper", "Season"])
def test_a_vector_of_one_equals_gymnasiums_own(name: str, form: str, mode: str) -> None:
    options = SMALL | {"form": form} | ({"days": 0.1} if name == "Season" else {})
    ours = gymnasium.make_vec(f"shopgym/{name}-v0", num_envs=1, autoreset_mode=mode, **options)
    theirs = SyncVectorEnv([lambda: gymnasium.make(f"shopgym/{name}-v0", **options)], autoreset_mode=mode)
    rng, ends = np.random.default_rng(0), 0
    same(ours.reset(seed=7)[0], theirs.reset(seed=7)[0])
    for _ in range(300):
        actions = rng.integers(0, 8, (1, 3) if form == "slate" else 1)
        a, reward, terminated, truncated, info = ours.step(actions)
        b, same_reward, same_end, same_cut, same_info = theirs.step(actions)
        same(a, b)
        assert (reward, terminated, truncated) == (same_reward, same_end, same_cut)
        for part in ("candidates", "action_mask"):
            np.testing.assert_array_equal(info[part], same_info[part])
        assert ("final_info" in info) == ("final_info" in same_info)
        if "final_info" in info:
            same(info["final_obs"][0], same_info["final_obs"][0])
            assert "final_obs" not in info["final_info"]
        ends += int(terminated[0] | truncated[0])
    assert ends > 1


def test_a_season_in_which_nobody_comes_ends_with_its_first_step() -> None:
    settings: dict[str, Any] = {"days": 1e-6, "arrivals.established": 0}
    env = gymnasium.make_vec("shopgym/Season-v0", num_envs=2, **SEASON | settings)
    env.reset(seed=0)
    cuts = [env.step(np.zeros((2, 3), int))[3].tolist() for _ in range(4)]
    assert cuts == [[True] * 2, [False] * 2, [True] * 2, [False] * 2]


@pytest.mark.parametrize("name", ["Bandit", "Session", "Shopper"])
def test_a_mask_and_seeds_reset_as_in_gymnasiums_own(name: str) -> None:
    options = without_stock()
    if name == "Shopper":
        options["config"] = ShopConfig.full(
            users=100, slate_size=3, num_candidates=8, stock=StockConfig(enabled=False)
        )
    ours = gymnasium.make_vec(f"shopgym/{name}-v0", num_envs=4, autoreset_mode="Disabled", **options)
    theirs = SyncVectorEnv(
        [lambda: gymnasium.make(f"shopgym/{name}-v0", **options)] * 4, autoreset_mode="Disabled"
    )
    same(ours.reset(seed=1)[0], theirs.reset(seed=1)[0])
    rng = np.random.default_rng(2)
    picks: list[tuple[Any, Any]] = [
        (9, [True, False, False, False]),
        ([3, None, 4, None], [True, True, False, False]),
        (None, [False, False, True, True]),
        (5, [True, True, True, True]),
        ([1, None, 2, 3], None),
        (None, None),
    ]
    for seed, rows in picks * 2:
        for _ in range(3):
            actions = rng.integers(0, 8, (4, 3))
            a, _, end, cut, _ = ours.step(actions)
            same(a, theirs.step(actions)[0])
            if (end | cut).any():
                a, b = (env.reset(options={"reset_mask": end | cut})[0] for env in (ours, theirs))
                same(a, b)
        masks = [{} if rows is None else {"reset_mask": np.array(rows)} for _ in range(2)]
        a, b = (
            env.reset(seed=seed, options=mask)[0]
            for env, mask in zip((ours, theirs), masks, strict=True)  # type: ignore[arg-type]
        )
        same(a, b)


def test_only_the_masked_environment_is_reset() -> None:
    env = gymnasium.make_vec("shopgym/Session-v0", num_envs=4, form="slate", **SMALL)
    env.reset(seed=0)
    before, *_ = env.step(np.tile(np.arange(3), (4, 1)))
    sold = env.unwrapped.loop.shop.stock.on_hand.copy()  # type: ignore[attr-defined]
    mask = np.array([True, False, False, False])
    after, _ = env.reset(seed=9, options={"reset_mask": mask})
    for name in before:
        np.testing.assert_array_equal(before[name][1:], after[name][1:])
    assert not np.array_equal(before["context"][0], after["context"][0])
    np.testing.assert_array_equal(env.unwrapped.loop.shop.stock.on_hand, sold)  # type: ignore[attr-defined]
    fresh, _ = gymnasium.make("shopgym/Session-v0", form="slate", **SMALL).reset(seed=9)
    np.testing.assert_array_equal(after["user"][0], fresh["user"])
    np.testing.assert_array_equal(after["candidates"][0], fresh["candidates"])


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"reset_mask": np.zeros(4, bool)}, "reset_mask"),
        ({"reset_mask": np.ones(3, bool)}, "reset_mask"),
        ({"reset_mask": np.ones(4, int)}, "reset_mask"),
        ({"reset_mask": [True] * 4}, "reset_mask"),
        ({"reset_masks": np.ones(4, bool)}, "did you mean 'reset_mask'"),
        ([("reset_mask", np.ones(4, bool))], "options"),
    ],
)
def test_bad_reset_options_are_refused(options: Any, field: str) -> None:
    env = gymnasium.make_vec("shopgym/Session-v0", num_envs=4, form="slate", **SMALL)
    env.reset(seed=0)
    with pytest.raises(InvalidInput, match=field):
        env.reset(options=options)
    env.reset(options={})


def test_a_season_starts_for_all_and_the_first_reset_is_of_all() -> None:
    mask = np.array([True, False])
    for name in ("Session", "Season"):
        env = gymnasium.make_vec(f"shopgym/{name}-v0", num_envs=2, **SEASON)
        with pytest.raises(InvalidInput, match="reset all environments first"):
            env.reset(seed=1, options={"reset_mask": mask})
    env.reset(seed=1)
    for seed in (1, None):
        with pytest.raises(InvalidInput, match="season"):
            env.reset(seed=seed, options={"reset_mask": mask})
    env.reset(seed=[3, None])  # type: ignore[arg-type]


def test_seeds_are_whole_numbers_one_for_all_or_one_for_each() -> None:
    env = gymnasium.make_vec("shopgym/Session-v0", num_envs=4, form="slate", **SMALL)
    plain, _ = env.reset(seed=3)
    for seed in (np.int64(3), np.uint8(3), [3, 4, 5, 6], (3, 4, 5, 6), np.arange(3, 7)):
        same(env.reset(seed=seed)[0], plain)  # type: ignore[arg-type]
    assert env.np_random_seed == 3
    for bad in (1.5, "3", [1, 2], [1, 2, 3, "x"], [1, 2, 3, 1.5], True, [0, 1, 2, -1], [0, 1, 2, 2**64]):
        with pytest.raises(InvalidInput, match="seed"):
            env.reset(seed=bad)  # type: ignore[arg-type]
    single = gymnasium.make("shopgym/Session-v0", form="slate", **SMALL)
    same(single.reset(seed=np.int64(3))[0], {name: values[0] for name, values in plain.items()})  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="seed"):
        single.reset(seed=1.5)  # type: ignore[arg-type]


def test_unseeded_environments_of_a_new_shop_differ() -> None:
    env = gymnasium.make_vec("shopgym/Session-v0", num_envs=3, form="slate", **SMALL)
    first, _ = env.reset(seed=[1, None, 1])  # type: ignore[arg-type]
    np.testing.assert_array_equal(first["candidates"][0], first["candidates"][2])
    assert not np.array_equal(first["candidates"][0], first["candidates"][1])


@pytest.mark.parametrize("form", ["slot", "slate", "items"])
def test_nothing_is_asked_before_the_first_reset(form: str) -> None:
    options = {**SMALL, "num_candidates": 0 if form == "items" else 8, "form": form}
    env: Any = gymnasium.make_vec("shopgym/Session-v0", num_envs=2, **options)
    for ask in (
        lambda: env.step(env.action_space.sample()),
        env.action_masks,
        lambda: env.requests,
        lambda: gymnasium.make("shopgym/Session-v0", **options).unwrapped.step(
            0 if form == "slot" else [0] * 3
        ),
    ):
        with pytest.raises(ResetNeeded, match="reset"):
            ask()


def spoil(handed_out: Any) -> None:
    """Overwrite every array."""
    for part in handed_out.values():
        if isinstance(part, dict):
            spoil(part)
        elif isinstance(part, np.ndarray) and part.dtype != object:
            part[...] = 0


@pytest.mark.parametrize("mode", [mode.value for mode in AutoresetMode])
@pytest.mark.parametrize("form", ["slot", "slate"])
@pytest.mark.parametrize("name", ["Bandit", "Session", "Shopper", "Season"])
def test_what_is_handed_out_is_the_callers_own(name: str, form: str, mode: str) -> None:
    more = {"days": 3.0} if name in ("Shopper", "Season") else {}
    options = {**SMALL, **more, "form": form, "history": 3, "live": True, "identity": True}
    clean, spoilt = (
        gymnasium.make_vec(f"shopgym/{name}-v0", num_envs=5, autoreset_mode=mode, **options).unwrapped
        for _ in range(2)
    )
    clean.reset(seed=1)
    observation, info = spoilt.reset(seed=1)
    spoil(observation | info)
    rng, over = np.random.default_rng(0), np.zeros(5, bool)
    for _ in range(60):
        actions = rng.integers(0, 8, (5, 3) if form == "slate" else 5)
        if over.any() and mode == "Disabled":
            same(*(env.reset(options={"reset_mask": over})[0] for env in (clean, spoilt)))
        results = []
        for env in (clean, spoilt):
            env.action_masks()[:] = False
            results.append(env.step(actions.copy()))
        (a, reward, end, cut, _), (b, same_reward, same_end, same_cut, info) = results
        same(a, b)
        for ours, theirs in ((reward, same_reward), (end, same_end), (cut, same_cut)):
            np.testing.assert_array_equal(ours, theirs)
        same({"mask": clean.action_masks()}, {"mask": spoilt.action_masks()})
        over = end | cut
        for handed_out in (b, info, vars(spoilt.requests), spoilt.requests.live, {"slates": spoilt.slates}):
            spoil(handed_out)
        for array in (same_reward, same_end, same_cut):
            array[:] = 0
        asked, same_asked = clean.requests, spoilt.requests
        same(vars(asked) | {"live": 0}, vars(same_asked) | {"live": 0})
        same(asked.live, same_asked.live)
        if clean.feedback is not None:
            np.testing.assert_array_equal(clean.feedback.page, spoilt.feedback.page)


def test_actions_of_environments_that_are_being_reset_are_ignored() -> None:
    env = gymnasium.make_vec("shopgym/Bandit-v0", num_envs=2, form="slate", **SMALL)
    env.reset(seed=0)
    env.step(np.zeros((2, 3), int))
    *_, info = env.step(np.full((2, 3), 99))
    assert not info["shown"].any()
    assert (env.unwrapped.slates == -1).all()  # type: ignore[attr-defined]
