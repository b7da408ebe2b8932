"""The single environments as their users take them: options, actions, ends, wrappers, copies, processes."""

from __future__ import annotations

import copy
import math
import os
import pickle
import subprocess
import sys
import warnings
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium import wrappers
from gymnasium.error import ResetNeeded
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AsyncVectorEnv, SyncVectorEnv

import shopgym  # noqa: F401 (registers the environments)
from shopgym.core import InvalidInput
from shopgym.envs import RewardSpec
from shopgym.policies.guards import CategoryCap, InStock, MarginFloor
from shopgym.simulators import Catalog, ChoiceConfig, ShopConfig

NAMES = ("Bandit", "Session", "Shopper", "Season")
FORMS: tuple[dict[str, Any], ...] = (
    {"form": "slot"},
    {"form": "slate"},
    {"form": "items", "num_candidates": 0},
)
SMALL: dict[str, Any] = {"catalog": 60, "users": 600, "slate_size": 3, "num_candidates": 8, "days": 2.0}


def make(name: str = "Session", **options: Any) -> gymnasium.Env[Any, Any]:
    return gymnasium.make(f"shopgym/{name}-v0", **{**SMALL, **options})


def make_vec(n: int, name: str = "Session", **options: Any) -> Any:
    return gymnasium.make_vec(f"shopgym/{name}-v0", num_envs=n, **{**SMALL, **options})


def same(one: Any, other: Any) -> None:
    assert one.keys() == other.keys()
    for part in one:
        np.testing.assert_array_equal(one[part], other[part], err_msg=part)


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form["form"])
@pytest.mark.parametrize("name", NAMES)
def test_the_checker_of_gymnasium_passes_with_every_observation_on(name: str, form: dict[str, Any]) -> None:
    guards = [] if form["form"] == "items" else [CategoryCap(1), MarginFloor(0.5)]
    env = make(name, identity=True, history=3, live=True, guards=guards, render_mode="rgb_array", **form)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", message=".*can't detect.*render")
        warnings.filterwarnings("ignore", message=".*infinity")  # a margin has no bounds
        check_env(env.unwrapped, skip_render_check=True)


# options


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"reward": 3}, "reward = 3: give a RewardSpec or a mapping"),
        ({"reward": "margin"}, "reward = 'margin'"),
        ({"reward": {"margn": 1.0}}, "did you mean 'margin'"),
        ({"reward": {"margin": "1"}}, "reward.terms.margin"),
        ({"reward": {"click": 1.0}}, "reward.exchange.click"),
        ({"reward": {"terms": {"margin": 1.0}, "units": "click"}}, "reward.units"),
        ({"config": 3}, "config = 3: give a ShopConfig"),
        ({"config": {"slate_sise": 3}}, "did you mean 'slate_size'"),
        ({"config": "gifts"}, "profile"),
        ({"catalog": 2.5}, "catalog = 2.5"),
        ({"catalog": True}, "catalog = True"),
        ({"form": 3}, "form = 3"),
        ({"days": "7"}, "shop.days = '7': give a number"),
        ({"days": math.nan}, "shop.days"),
        ({"shop_seed": 1.5}, "shop_seed = 1.5: give a whole number"),
        ({"shop_seed": -1}, "shop_seed = -1"),
        ({"discounts": 0.5, "form": "slate"}, "discounts = 0.5"),
        ({"discounts": ["a"], "form": "slate"}, "discounts"),
        ({"discounts": [0.0, 1.0], "form": "slate"}, "discounts"),
        ({"guards": "in_stock"}, "guards = 'in_stock': give a list"),
        ({"guards": [3]}, r"guards\[0\] = 3"),
        ({"guards": [{"kind": "instock"}]}, "did you mean 'in_stock'"),
        ({"guards": [InStock()], "form": "items", "num_candidates": 0}, "guards"),
        ({"identity": 1}, "identity = 1"),
        ({"identity": True, "form": "items", "num_candidates": 0}, "identity"),
        ({"render_mode": "human"}, "render_mode"),
    ],
)
def test_a_wrong_option_is_refused_at_once_by_name(options: dict[str, Any], message: str) -> None:
    cls = type(make().unwrapped)
    with pytest.raises(InvalidInput, match=message):
        cls(**{**SMALL, **options})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_envs": 0}, "num_envs = 0"),
        ({"num_envs": 2.0}, "num_envs = 2.0"),
        ({"threads": -1}, "threads = -1"),
        ({"autoreset_mode": "nextstep"}, "did you mean 'NextStep'"),
    ],
)
def test_a_wrong_option_of_the_vector_form_is_refused(options: dict[str, Any], message: str) -> None:
    cls = type(make_vec(2).unwrapped)
    with pytest.raises(InvalidInput, match=message):
        cls(**{**SMALL, **options})


def test_mappings_as_yaml_writes_them_are_read() -> None:
    for reward in ({"margin": 1.0, "return_cost": -1}, {"terms": {"margin": 1, "return_cost": -1.0}}):
        env: Any = make(reward=reward).unwrapped
        assert env.loop.reward == RewardSpec({"margin": 1.0, "return_cost": -1.0})
    config = {"slate_size": 2, "num_candidates": 5, "choice": {"click_base": -1.0}}
    env = gymnasium.make("shopgym/Session-v0", catalog=np.int64(40), config=config, users=50).unwrapped
    assert env.loop.shop.config == ShopConfig(
        users=50, slate_size=2, num_candidates=5, choice=ChoiceConfig(click_base=-1.0)
    )
    env = make(guards=[{"kind": "category_cap", "maximum": 1}]).unwrapped
    assert env.loop.guards == (CategoryCap(1),)


# actions and ends


@pytest.mark.parametrize(
    ("form", "action"),
    [
        ("slot", 1.0),
        ("slot", math.nan),
        ("slot", True),
        ("slot", "1"),
        ("slot", None),
        ("slot", [1]),
        ("slot", 8),
        ("slot", -2),
        ("slot", np.uint64(2**64 - 1)),
        ("slate", [0.0, 1.0, 2.0]),
        ("slate", [0, 1, math.nan]),
        ("slate", [True, False, True]),
        ("slate", ["0", "1", "2"]),
        ("slate", [0, 1]),
        ("slate", [0, 1, 2, 3]),
        ("slate", [[0, 1, 2]]),
        ("slate", [[0], 1, 2]),
        ("slate", [0, 1, 8]),
        ("slate", [0, 1, -2]),
        ("slate", [0, 1, 2**63]),
        ("slate", 0),
        ("items", [0, 1, 60]),
        ("items", [0, 1, 2.5]),
    ],
)
def test_an_action_that_is_none_is_refused_and_changes_nothing(form: str, action: Any) -> None:
    options = next(options for options in FORMS if options["form"] == form)
    env, other = make(**options).unwrapped, make(**options).unwrapped
    vec = make_vec(2, **options)
    for each in (env, other, vec):
        each.reset(seed=0)
    for _ in range(2):
        with pytest.raises(InvalidInput, match=r"^action"):
            env.step(action)
        with pytest.raises(InvalidInput, match=r"^action"):
            vec.step([action, action])
        fine = 0 if form == "slot" else [0, 1, 2]
        one, two = env.step(fine), other.step(fine)
        same(one[0], two[0])
        assert one[1:4] == two[1:4]


def test_whole_numbers_of_any_kind_are_actions() -> None:
    for form, actions in {
        "slot": (1, np.int32(1), np.uint8(1), np.array(1)),
        "slate": ([1, 2, 3], (1, 2, 3), np.array([1, 2, 3], np.int16)),
    }.items():
        seen = []
        for action in actions:
            env = make(form=form)
            env.reset(seed=2)
            seen.append(env.step(action)[0])
        for observation in seen[1:]:
            same(seen[0], observation)


@pytest.mark.parametrize("name", NAMES)
def test_a_step_after_the_end_says_so(name: str) -> None:
    env = make(name, form="slate", days=0.1 if name == "Season" else 300.0)
    env.reset(seed=1)
    while not any(env.step(np.arange(3))[2:4]):
        pass
    for _ in range(2):
        with pytest.raises(ResetNeeded, match="over"):
            env.unwrapped.step(np.arange(3))
    env.reset()
    env.step(np.arange(3))


def test_reset_options_are_refused_by_name() -> None:
    env = make()
    for options in ({"reset_mask": np.ones(1, bool)}, {"sed": 1}):
        with pytest.raises(InvalidInput, match=f"options = '{next(iter(options))}'"):
            env.reset(options=options)
    env.reset(options={})


def test_what_a_single_environment_hands_out_is_the_callers_own() -> None:
    for form in FORMS:
        options: dict[str, Any] = {"history": 2, "live": form["form"] != "items", "identity": True, **form}
        clean, spoilt = make(**options), make(**options)
        rng = np.random.default_rng(1)
        a, b = clean.reset(seed=5), spoilt.reset(seed=5)
        for _ in range(40):
            same(a[0], b[0])
            same(a[-1] | {"reward_terms": 0}, b[-1] | {"reward_terms": 0})
            for part in (*b[0].values(), *b[-1].values(), spoilt.get_wrapper_attr("action_masks")()):
                if isinstance(part, np.ndarray):
                    part[...] = 0
            size = 60 if form["form"] == "items" else 8
            action = rng.integers(0, size, () if form["form"] == "slot" else 3)
            a, b = clean.step(action), spoilt.step(action)
            assert a[1:4] == b[1:4]
            if a[2] or a[3]:
                a, b = clean.reset(), spoilt.reset()


# identity of items


@pytest.mark.parametrize("form", ["slot", "slate"])
def test_the_observation_may_name_its_items(form: str) -> None:
    env: Any = make_vec(50, form=form, history=3, identity=True)
    space = env.single_observation_space
    assert space["candidate_items"] == gymnasium.spaces.Box(0, 59, (8,), np.int32)  # type: ignore[arg-type]
    assert space["history_items"] == gymnasium.spaces.Box(-1, 59, (3,), np.int32)  # type: ignore[arg-type]
    env.reset(seed=0)
    features = env.loop.shop.catalog.items.features
    opened = False
    for _ in range(60):
        seen, *_, info = env.step(
            np.zeros((50, 3), int) + np.arange(3) if form == "slate" else np.zeros(50, int)
        )
        assert seen in env.observation_space
        np.testing.assert_array_equal(seen["candidates"], features[seen["candidate_items"]])
        np.testing.assert_array_equal(seen["candidate_items"], info["candidates"])
        rows = seen["history_items"]
        np.testing.assert_array_equal(seen["history"], np.where(rows[..., None] >= 0, features[rows], 0))
        opened |= (rows >= 0).any()
    assert opened
    plain: Any = make_vec(2, form="items", num_candidates=0, history=3, identity=True)
    assert "history_items" in plain.single_observation_space.spaces
    assert "candidate_items" not in plain.single_observation_space.spaces


# discounts


@pytest.mark.parametrize("name", NAMES)
def test_a_discount_stops_at_cost(name: str) -> None:
    options = {
        "form": "slate",
        "discounts": (0.0, 0.5),
        "catalog": Catalog.synthetic(60, seed=0),
        "users": 3000,
    }
    losses = 0
    for allow_losses in (False, True):
        env = make_vec(400, name, allow_losses=allow_losses, **options, **{"choice.cart_base": 3.0})
        env.reset(seed=0)
        pages = 0
        for _ in range(20):
            env.step(np.tile([0, 1, 2, 1], (400, 1)))
            if env.feedback is not None:
                margin, sold = env.feedback.margin, env.feedback.quantity > 0
                pages += int(sold.any(axis=1).sum())
                losses += int((margin[sold] < 0).sum())
                assert allow_losses or (margin[sold] >= 0).all()
        assert pages > 10
    assert losses > 0


def test_a_discount_of_a_single_environment_stops_at_cost() -> None:
    env: Any = make(
        form="slate", discounts=(0.0, 0.5), render_mode="ansi", **{"choice.cart_base": 4.0}
    ).unwrapped
    items, sold = env.loop.shop.catalog.items, 0
    env.reset(seed=0)
    for _ in range(400):
        _, reward, terminated, truncated, _ = env.step([0, 1, 2, 1])
        assert reward >= 0
        shown = env.loop.slates[0]
        np.testing.assert_allclose(
            env.loop.frame.price[0], np.maximum(items.price[shown] / 2, items.unit_cost[shown])
        )
        sold += int(env.loop.feedback.quantity.sum())
        if terminated or truncated:
            env.reset()
    assert sold > 20


# guards


@pytest.mark.parametrize("form", ["slot", "slate"])
def test_guards_are_masks_and_hold_for_agents_that_do_not_look(form: str) -> None:
    guards = (CategoryCap(1), MarginFloor(2.0))
    env: Any = make_vec(100, form=form, guards=guards, num_candidates=20)
    items = env.loop.shop.catalog.items
    env.reset(seed=0)
    rng, shown, masked = np.random.default_rng(0), 0, 0
    for _ in range(30):
        env.step(rng.integers(0, 20, (100, 3) if form == "slate" else 100))
        slates = env.slates
        filled = slates >= 0
        assert (items.margin[slates[filled]] >= np.float32(2.0)).all()
        for slate in slates:
            categories = items.category[slate[slate >= 0]]
            assert len(set(categories)) == len(categories)
        shown += int(filled.sum())
        mask = env.action_masks()
        masked += int((~mask).sum())
        if form == "slate":
            np.testing.assert_array_equal(mask.reshape(100, 3, 20), np.repeat(mask[:, None, :20], 3, axis=1))
    assert shown > 1000
    assert masked > 1000


@pytest.mark.parametrize("form", ["slot", "slate"])
def test_what_the_guards_leave_empty_is_counted_by_rule(form: str) -> None:
    """Every slot that an action asks for and that is shown empty has a rule to blame."""
    cap, floor = CategoryCap(1), MarginFloor(2.0)
    env: Any = make_vec(50, form=form, guards=(cap, floor), num_candidates=20, autoreset_mode="SameStep")
    counts, items = env.loop.interventions, env.loop.shop.catalog.items
    env.reset(seed=0)
    rng, asked, low, empty = np.random.default_rng(0), 0, 0, 0
    for _ in range(12):
        pages = np.argsort(rng.random((50, 20)), axis=1)[:, :3]
        candidates = env.requests.candidates.copy()
        rows = np.take_along_axis(candidates, pages, axis=1)
        for actions in [pages] if form == "slate" else pages.T:
            env.step(actions)
        asked += rows.size
        low += int((items.margin[rows] < np.float32(2.0)).sum())
        empty += int((env.slates < 0).sum())
    assert (counts.pages, counts.slots) == (600, asked)
    by_rule = {row["rule"]: row["slots"] for row in counts.rows()}
    assert by_rule["margin_floor"] == low
    assert by_rule["category_cap"] > 0
    assert counts.masked >= empty > 0


def test_the_mask_of_a_slot_is_what_the_guards_allow_after_the_slots_before() -> None:
    cap, floor = CategoryCap(1), MarginFloor(1.0)
    env: Any = make_vec(200, form="slot", guards=[cap, floor], num_candidates=20)
    items = env.loop.shop.catalog.items
    _, info = env.reset(seed=3)
    rng, chosen = np.random.default_rng(1), np.full((200, 3), -1, np.int32)
    for slot in range(3):
        asked = env.requests
        want = asked.in_stock & floor.before(asked, items) & cap.after(asked, items, chosen[:, :slot])
        for earlier in range(slot):
            want[np.arange(200), chosen[:, earlier]] = False
        possible = want.any(axis=1)
        want[~possible] = True
        np.testing.assert_array_equal(info["action_mask"].astype(bool), want)
        np.testing.assert_array_equal(env.action_masks(), want)
        picks = (rng.random(want.shape) * want).argmax(axis=1)
        chosen[:, slot] = np.where(possible, picks, -1)
        seen, *_, info = env.step(picks)
        np.testing.assert_array_equal(seen["action_mask"], info["action_mask"])
    assert (env.slates == np.where(chosen >= 0, np.take_along_axis(asked.candidates, chosen, 1), -1)).all()
    assert 0 < (chosen < 0).mean() < 0.1


def test_whole_catalogue_actions_have_a_mask_of_what_is_in_stock() -> None:
    env: Any = make(form="items", num_candidates=0).unwrapped
    env.reset(seed=0)
    mask = env.action_masks().reshape(3, 60)
    np.testing.assert_array_equal(mask, np.tile(env.loop.shop.stock.available, (3, 1)))
    assert not mask.all()


# wrappers, copies, processes


def test_gymnasiums_wrappers_work() -> None:
    env = make(form="slate", render_mode="rgb_array")
    limited = wrappers.TimeLimit(env, 2)
    limited.reset(seed=0)
    cuts = []
    for _ in range(12):
        *_, terminated, truncated, _ = limited.step(np.arange(3))
        cuts.append(truncated)
        if terminated or truncated:
            limited.reset()
    assert any(cuts)
    flat = wrappers.FlattenObservation(make(form="slate", identity=True))
    assert flat.reset(seed=0)[0] in flat.observation_space
    scaled = wrappers.NormalizeReward(wrappers.RecordEpisodeStatistics(make(form="slate")))
    scaled.reset(seed=0)
    for _ in range(50):
        _, reward, terminated, truncated, info = scaled.step(np.arange(3))
        assert np.isfinite(reward)
        if terminated or truncated:
            assert info["episode"]["l"] >= 1
            scaled.reset()
    filmed = wrappers.AddRenderObservation(make(form="slate", render_mode="rgb_array"))
    assert filmed.reset(seed=0)[0] in filmed.observation_space
    assert filmed.step(np.arange(3))[0] in filmed.observation_space
    frames = wrappers.RenderCollection(make(form="slate", render_mode="rgb_array"))
    frames.reset(seed=0)
    frames.step(np.arange(3))
    rendered: Any = frames.render()
    assert len(rendered) == 2
    assert rendered[0].shape == rendered[1].shape
    for _ in range(2):
        env.close()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("copied", [copy.deepcopy, lambda env: pickle.loads(pickle.dumps(env))])
def test_a_copy_goes_on_like_its_original(name: str, copied: Any) -> None:
    for one in (make(name, form="slate").unwrapped, make_vec(3, name, form="slate", threads=2)):
        env: Any = one
        action = np.arange(3) if one.action_space.shape == (3,) else np.tile(np.arange(3), (3, 1))
        fresh = copied(env)
        same(env.reset(seed=4)[0], fresh.reset(seed=4)[0])
        for _ in range(2):
            if not any(np.any(end) for end in env.step(action)[2:4]):
                break
            env.reset(seed=4)
        twin = copied(env)
        if name == "Bandit" and one.action_space.shape == (3,):
            env.reset(), twin.reset()
        a, b = env.step(action), twin.step(action)
        same(a[0], b[0])
        np.testing.assert_array_equal(a[1], b[1])


@pytest.mark.parametrize("name", ["Session", "Season"])
def test_a_copy_has_a_stock_of_its_own(name: str) -> None:
    env = make_vec(50, name, form="slate", pages_per_day=2)
    env.reset(seed=1)
    twins = [env, copy.deepcopy(env), pickle.loads(pickle.dumps(env))]
    out = set()
    for step in range(150):
        actions = np.random.default_rng(step).integers(0, 8, (50, 3))
        first, *others = (each.step(actions) for each in twins)
        out.add(int((first[0]["action_mask"] == 0).sum()))
        for other in others:
            same(first[0], other[0])
            np.testing.assert_array_equal(first[1], other[1])
    assert len(out) > 10


def test_seeds_mean_the_same_in_every_process() -> None:
    code = (
        "import gymnasium, hashlib, numpy, shopgym\n"
        f"env = gymnasium.make('shopgym/Session-v0', form='slate', **{SMALL!r})\n"
        "digest = hashlib.sha256(env.reset(seed=5)[0]['context'].tobytes())\n"
        "for _ in range(20):\n"
        "    seen, reward, end, cut, _ = env.step([0, 1, 2])\n"
        "    digest.update(seen['candidates'].tobytes() + numpy.float64(reward).tobytes())\n"
        "    if end or cut: env.reset()\n"
        "print(digest.hexdigest())"
    )
    answers = {
        subprocess.run(
            [sys.executable, "-c", code],
            check=True,
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2")
    }
    assert len(answers) == 1


def test_worker_processes_see_what_one_process_sees() -> None:
    makers = [lambda: make(form="slate", history=2, identity=True)] * 2
    there, here = AsyncVectorEnv(makers), SyncVectorEnv(makers)
    try:
        same(there.reset(seed=3)[0], here.reset(seed=3)[0])
        for step in range(30):
            actions = np.random.default_rng(step).integers(0, 8, (2, 3))
            a, b = there.step(actions), here.step(actions)
            same(a[0], b[0])
            np.testing.assert_array_equal(a[1], b[1])
    finally:
        there.close()
