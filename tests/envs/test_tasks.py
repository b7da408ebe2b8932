"""The named tasks: made by their id, fixed by it, and scored against their reference returns."""

from __future__ import annotations

import subprocess
import sys
import warnings
from typing import Any

import gymnasium
import numpy as np
import pytest
from builders.paths import ROOT
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


@pytest.mark.parametrize("task_id", IDS)
def test_the_published_returns_are_in_order(task_id: str) -> None:
    returns = tasks.reference(task_id)
    assert returns.random.high < returns.popularity.low
    assert returns.popularity.high < returns.oracle.low
    assert returns.myopic.mean <= returns.oracle.mean
    means = [agent.mean for agent in returns.agents]
    assert means == sorted(means, reverse=True)
    assert returns.best_agent.mean == means[0]
    for part in (returns.random, returns.popularity, *returns.agents, returns.myopic, returns.oracle):
        assert part.low <= part.mean <= part.high
        assert part.seeds >= 5


@pytest.mark.parametrize("task_id", IDS)
def test_random_scores_0_and_the_oracle_1(task_id: str) -> None:
    returns = tasks.reference(task_id)
    assert tasks.normalised_score(task_id, returns.random.mean) == 0.0
    assert tasks.normalised_score(task_id, returns.oracle.mean) == 1.0
    middle = (returns.random.mean + returns.oracle.mean) / 2
    assert tasks.normalised_score(task_id, np.float32(middle)) == pytest.approx(0.5, abs=1e-5)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "many", None])
def test_a_score_needs_a_number(value: Any) -> None:
    with pytest.raises(InvalidInput, match="give a finite mean return"):
        tasks.normalised_score("shopgym/Bandit-Clicks-v0", value)


def test_a_task_is_open_while_no_agent_beats_popularity() -> None:
    def measured(mean: float) -> tasks.MeasuredReturn:
        return tasks.MeasuredReturn(mean, mean - 1.0, mean + 1.0, 5, "any")

    def returns(agent: float) -> tasks.TaskReference:
        popularity, oracle = measured(5.0), measured(20.0)
        return tasks.TaskReference(measured(0.0), popularity, (measured(agent),), oracle, oracle)

    assert returns(4.0).is_open
    assert returns(6.5).is_open  # the intervals overlap
    assert not returns(8.0).is_open


def test_the_page_shows_the_published_returns() -> None:
    page = (ROOT / "docs" / "tasks.md").read_text(encoding="utf-8")
    for task_id in IDS:
        returns = tasks.reference(task_id)
        row = next(
            line for line in page.splitlines() if line.startswith(f"| `{task_id[8:]}`") and "[" in line
        )
        for part in (returns.random, returns.popularity, returns.best_agent, returns.myopic, returns.oracle):
            assert f"{part.mean:.4g} [{part.low:.4g}, {part.high:.4g}]" in row
        score = tasks.normalised_score(task_id, returns.best_agent.mean)
        assert f"| {score:.2f}{' (open)' if returns.is_open else ''} |" in row
        assert f"`{returns.best_agent.name}`, {returns.best_agent.pages:,} pages" in row


@pytest.mark.parametrize("task_id", IDS)
def test_the_page_shows_the_data_sheet(task_id: str) -> None:
    page = (ROOT / "docs" / "tasks.md").read_text(encoding="utf-8")
    sheet, env = tasks.sheet(task_id), gymnasium.make(task_id)
    section = page.split(f"### {task_id[8:]}\n")[1].split("\n##")[0]
    for text in (sheet.tests, sheet.myopic_misses, sheet.episode, sheet.unit, sheet.oracle):
        assert text in section
    assert str([int(n) for n in env.action_space.nvec]) in section  # type: ignore[attr-defined]
    spaces: Any = env.observation_space
    for name, part in spaces.items():
        assert f"`{name}` {part.shape}" in section
