"""The training loop: what an agent is told, and rows of numbers against the shop's own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from shopgym.agents import Task, make_agent
from shopgym.core import Interactions, InvalidInput, Policy
from shopgym.envs import RewardSpec
from shopgym.envs.oracle import best_page_values
from shopgym.envs.vector import BanditVectorEnv, SeasonVectorEnv, ShopVectorEnv
from shopgym.experiments.stages import open_shop
from shopgym.simulators import Catalog, ShopConfig
from shopgym.simulators.rollout import rollout
from shopgym.training import interactions, learn, train
from shopgym.training.loop import check_rollout, exact_values

CONFIG = ShopConfig(users=300, slate_size=3, num_candidates=8)


def shop_of(catalog: Catalog) -> BanditVectorEnv:
    return open_shop(catalog, CONFIG, RewardSpec(), lanes=40, population=1, seed=2)


def task_of(env: ShopVectorEnv) -> Task:
    shop = env.loop.shop
    return Task(shop.catalog.items, shop.user_names, shop.context_names, 3, attention=np.ones(3))


class Pupil:
    """Decides as another policy does and keeps what it is taught."""

    def __init__(self, policy: Policy) -> None:
        self.decides, self.lessons = policy, list[Interactions]()

    def policy(self) -> Policy:
        return self.decides

    def learn(self, batch: Interactions) -> dict[str, float]:
        self.lessons.append(batch)
        return {"lessons": float(len(self.lessons))}


def test_a_budget_of_pages_counts_what_was_shown_in_a_season_too(catalog: Catalog) -> None:
    config = ShopConfig.full(users=500, slate_size=3, num_candidates=8)
    reward = RewardSpec()
    for env in (
        SeasonVectorEnv(
            40, catalog=catalog, config=config, reward=reward, days=2.0, autoreset_mode="Disabled"
        ),
        shop_of(catalog),
    ):
        task = task_of(env)
        pupil = Pupil(make_agent("random", task, np.random.default_rng(0)).policy())
        env.loop.open(3)
        steps = [
            step for step, _, _ in learn(pupil, env.loop, None, np.random.default_rng(1), pages_in_all=900)
        ]
        shown = sum(len(lesson.requests) for lesson in pupil.lessons)
        assert 900 <= shown < 900 + 40
        in_season = isinstance(env, SeasonVectorEnv)
        # in a season rows wait for visitors: it takes more rounds than pages / rows
        assert (len(steps) > 23) == in_season
        env.close()


def test_training_that_ends_before_a_rollout_is_refused(catalog: Catalog) -> None:
    """Otherwise an agent that never learnt would stand in a table."""
    env = shop_of(catalog)
    ppo = make_agent("ppo", task_of(env), np.random.default_rng(0), rollout=5, hidden=(8,))
    with pytest.raises(InvalidInput, match=r"agents\.mine\.rollout = 5: give at most 4"):
        check_rollout(ppo, "mine", 4)
    check_rollout(ppo, "mine", 5)
    env.loop.open(3)
    reports = [report for _, _, report in learn(ppo, env.loop, 5, np.random.default_rng(1))]
    assert ["loss" in report for report in reports] == [False] * 4 + [True]
    check_rollout(make_agent("linucb", task_of(env), np.random.default_rng(0)), "linucb", 1)
    env.close()


def test_an_agent_learns_after_each_page_what_happened_on_it(catalog: Catalog) -> None:
    env = shop_of(catalog)
    policy = make_agent("random", task_of(env), np.random.default_rng(0)).policy()
    pupil = Pupil(policy)
    seen = 0
    for step, batch, report in learn(pupil, env.loop, 4, np.random.default_rng(1)):
        seen += 1
        assert report == {"lessons": seen}
        assert pupil.lessons[-1] is batch
        np.testing.assert_array_equal(batch.reward, step.feedback.margin)
        np.testing.assert_array_equal(batch.events["click"], step.feedback.clicked)
        assert batch.terminated is not None
        assert batch.terminated.all()
    assert seen == 4
    twin = shop_of(catalog)
    for lesson, step in zip(
        pupil.lessons, rollout(twin.loop.world, policy, np.random.default_rng(1), pages=4), strict=True
    ):
        again = interactions(step, twin.loop)
        np.testing.assert_array_equal(lesson.reward, again.reward)
        np.testing.assert_array_equal(lesson.decisions.slates, again.decisions.slates)


def test_another_policy_may_decide_while_an_agent_learns(catalog: Catalog) -> None:
    env = shop_of(catalog)
    task = task_of(env)
    random, popular = (
        make_agent(n, task, np.random.default_rng(0)).policy() for n in ("random", "popularity")
    )
    taught = Pupil(popular)
    for step, _, _ in learn(taught, env.loop, 2, np.random.default_rng(1), policy=random):
        chances = random.propensities(step.requests, step.decisions.positions)
        np.testing.assert_array_equal(step.decisions.propensities, chances)


def test_rows_hold_realised_and_exact_rewards_and_regret(catalog: Catalog) -> None:
    env, twin = shop_of(catalog), shop_of(catalog)
    agent = make_agent("random", task_of(env), np.random.default_rng(0))
    progress: list[int] = []
    rows = train(agent, env, 5, np.random.default_rng(1), lambda: progress.append(1))
    assert len(rows) == len(progress) == 5
    policy = make_agent("random", task_of(twin), np.random.default_rng(0)).policy()
    steps = rollout(
        twin.loop.world, policy, np.random.default_rng(1), pages=5, before=exact_values(twin.loop)
    )
    for number, (row, step) in enumerate(zip(rows, steps, strict=True), start=1):
        expected, best = step.before
        assert row["decisions"] == 40 * number
        assert row["reward"] == step.feedback.margin.sum(axis=1).mean()
        assert row["expected_reward"] == expected.mean()
        assert row["regret"] == (best - expected).mean()
        assert (best >= expected - 1e-12).all()


def test_what_is_exact_for_one_page_is_not_claimed_for_a_visit(catalog: Catalog) -> None:
    from shopgym.envs import SessionVectorEnv

    options: dict[str, Any] = {"form": "slate", "autoreset_mode": "Disabled"}
    env = SessionVectorEnv(20, catalog=catalog, config=CONFIG, **options)
    env.reset(seed=0)
    policy = make_agent("random", task_of(env), np.random.default_rng(0)).policy()  # type: ignore[arg-type]
    for step in rollout(
        env.loop.world, policy, np.random.default_rng(0), pages=2, before=exact_values(env.loop)
    ):
        expected, best = step.before
        assert np.isfinite(expected).all()
        assert np.isnan(best).all()
    assert (best_page_values(env.loop.shop, env.loop.reward, env.requests.candidates) > 0).all()
