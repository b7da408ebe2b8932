"""The named tasks: made by their id, fixed by it, and scored against their reference returns."""

from __future__ import annotations

import subprocess
import sys
import warnings
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from shopgym._tasks import TASKS
from shopgym.core import InvalidInput
from shopgym.envs import tasks
from shopgym.envs.options import make_page_env

IDS = tuple(TASKS)


@pytest.mark.parametrize("task_id", IDS)
def test_a_task_passes_the_checker_of_gymnasium(task_id: str) -> None:
    env = gymnasium.make(task_id)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", message=".*render_mode.*")
        warnings.filterwarnings("ignore", message=".*is -?infinity.*")  # margins and stock have no bounds
        check_env(env.unwrapped, skip_render_check=True)


@pytest.mark.parametrize("task_id", IDS)
def test_the_vector_form_is_the_same_shop(task_id: str) -> None:
    single = gymnasium.make(task_id)
    many = gymnasium.make_vec(task_id, num_envs=3)
    one, _ = single.reset(seed=5)
    first, info = many.reset(seed=5)
    for name, values in one.items():
        assert np.array_equal(values, first[name][0]), name
    action = many.action_space.sample()
    assert many.step(action)[1].shape == (3,)
    assert many.single_action_space == single.action_space
    assert info["candidates"].shape[0] == 3


@pytest.mark.parametrize("task_id", IDS)
@pytest.mark.parametrize(
    "name", ["catalog", "reward", "slate_size", "days", "shop_seed", "discounts", "guards", "config"]
)
@pytest.mark.parametrize("make", [gymnasium.make, gymnasium.make_vec], ids=["single", "vector"])
def test_what_a_task_fixes_cannot_be_chosen(task_id: str, name: str, make: Any) -> None:
    with pytest.raises(InvalidInput, match=f"{name} = 3: {task_id} fixes it"):
        make(task_id, **{name: 3})


def test_what_changes_no_page_can_be_chosen() -> None:
    env = gymnasium.make("shopgym/Bandit-Clicks-v0", form="slot", identity=True, render_mode="ansi")
    observation, _ = env.reset(seed=0)
    assert isinstance(env.action_space, gymnasium.spaces.Discrete)
    assert "candidate_items" in observation
    many = gymnasium.make_vec("shopgym/Bandit-Clicks-v0", num_envs=2, autoreset_mode="Disabled", threads=1)
    assert many.metadata["autoreset_mode"].value == "Disabled"


@pytest.mark.parametrize("task_id", IDS)
def test_the_id_is_the_environment_of_its_data_sheet(task_id: str) -> None:
    """What the sheet says makes the same observations as the id does."""
    sheet = tasks.sheet(task_id)
    by_id, _ = gymnasium.make(task_id).reset(seed=2)
    by_hand = gymnasium.make(f"shopgym/{sheet.family}-v0", form="slate", **sheet.options)
    same, _ = by_hand.reset(seed=2)
    assert by_id.keys() == same.keys()
    assert all(np.array_equal(by_id[name], same[name]) for name in by_id)


def test_gymnasium_knows_the_tasks_without_loading_the_shop() -> None:
    code = (
        "import sys, shopgym, gymnasium; from gymnasium.envs.registration import registry; "
        "print(sum('-' in name[8:-3] for name in registry if name.startswith('shopgym/')), "
        "'shopgym.envs' in sys.modules, 'numba' in sys.modules)"
    )
    out = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert out.split() == [str(len(IDS)), "False", "False"]


@pytest.mark.parametrize("task_id", IDS)
def test_only_a_task_of_one_page_has_an_exact_oracle(task_id: str) -> None:
    sheet = tasks.sheet(task_id)
    assert sheet.exact == (sheet.family == "Bandit")
    assert ("lower bound" in sheet.oracle) != sheet.exact


def test_an_unknown_task_is_refused_with_the_nearest_name() -> None:
    for ask in (tasks.sheet, tasks.make_single):
        with pytest.raises(InvalidInput, match="did you mean 'shopgym/Season-Scarce-v0'"):
            ask("shopgym/Season-Scarse-v0")


def test_nothing_else_than_the_visits_shares_stock_outside_the_season() -> None:
    """With a shared stock a return would depend on how many visitors are measured at once."""
    for task in TASKS.values():
        env = make_page_env(
            1, episode="page", settings={}, catalog=60, config=task.options["config"]
        )  # any catalogue: only the config matters
        assert env.shop.config.stock.enabled == (task.family == "Season")
