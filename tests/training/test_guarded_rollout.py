"""Guards with a state in the shop: what is counted follows from the pages, and propensities replay."""

from __future__ import annotations

import gymnasium
import numpy as np
import pytest
from numpy.random import default_rng

import shopgym  # noqa: F401  registers the environments
from shopgym.agents import Task
from shopgym.agents.baselines import RandomAgent
from shopgym.core import InvalidInput
from shopgym.core.reward.costs import ItemGroup
from shopgym.envs.vector import BanditVectorEnv, SessionVectorEnv
from shopgym.policies.guards import DiscountBudget, ExposureFloor, FrequencyCap, InStock, Interventions
from shopgym.simulators import Catalog
from shopgym.simulators.rollout import Step, rollout
from shopgym.training import train

ITEMS = Catalog.synthetic(40, seed=1)
GROUP = ItemGroup(categories=(ITEMS.items.category_names[int(ITEMS.items.category[0])],))
RULES = (InStock(), FrequencyCap(2, days=5.0), ExposureFloor(GROUP, 0.3), DiscountBudget(0.02))


def opened(episode: str = "page", lanes: int = 30, **settings: object) -> BanditVectorEnv:
    env = BanditVectorEnv(
        lanes,
        catalog=ITEMS,
        form="slate",
        autoreset_mode="Disabled",
        users=50,
        slate_size=3,
        num_candidates=10,
        live=True,
        **settings,
    )
    env.reset(seed=4)
    return env


def task_of(env: BanditVectorEnv) -> Task:
    shop = env.loop.shop
    return Task(ITEMS.items, shop.user_names, shop.context_names, 3, RULES, attention=np.ones(3))


@pytest.fixture(scope="module")
def steps() -> list[Step]:
    env = opened(campaigns=[{"start": 0.0, "days": 50.0, "price_off": 0.2}])
    policy = RandomAgent(task_of(env), default_rng(1)).policy()
    return list(rollout(env.loop.world, policy, default_rng(2), pages=20))


def test_counters_are_those_of_the_pages_before(steps: list[Step]) -> None:
    history: list[tuple[int, float, int]] = []
    group = GROUP.mask(ITEMS.items)
    revenue = 0.0
    for step in steps:
        requests = step.requests
        counters = requests.counters
        for row in range(len(requests)):
            user, time = int(requests.user_id[row]), float(requests.time[row])
            own = [item for u, at, item in history if u == user and time - 5.0 < at <= time]
            want = [own.count(item) for item in requests.candidates[row].tolist()]
            np.testing.assert_array_equal(counters["shown_item_5d"][row], want)
        assert (counters["shown"] == len(history)).all()
        name = f"shown.{GROUP.categories[0]}"
        assert (counters[name] == sum(group[item] for _, _, item in history)).all()
        np.testing.assert_allclose(counters["revenue"], revenue)
        revenue += float(step.feedback.revenue[step.rows].sum())
        for user, time, slate in zip(requests.user_id, requests.time, step.decisions.slates, strict=True):
            history += [(int(user), float(time), int(item)) for item in slate if item >= 0]


def test_no_page_shows_what_was_shown_too_often(steps: list[Step]) -> None:
    shown = 0
    for step in steps:
        row, slot = np.nonzero(step.decisions.positions >= 0)
        counts = step.requests.counters["shown_item_5d"][row, step.decisions.positions[row, slot]]
        assert (counts < 2).all()
        shown += len(row)
    total = steps[-1].requests.counters
    assert total[f"shown.{GROUP.categories[0]}"][0] >= 0.3 * total["shown"][0] - 3 * 30


def test_propensities_replay(steps: list[Step]) -> None:
    policy = RandomAgent(task_of(opened()), default_rng(1)).policy()
    for step in steps:
        again = policy.propensities(step.requests, step.decisions.positions)
        np.testing.assert_array_equal(again, step.decisions.propensities)


def test_training_counts_what_the_guards_changed() -> None:
    env = opened()
    task = task_of(env)
    counts = Interventions(task.guards, task.items)
    train(RandomAgent(task, default_rng(1)), env, 5, default_rng(2), interventions=counts)
    assert counts.pages == 5 * 30
    assert counts.slots == 5 * 30 * 3
    assert 0 < counts.masked < counts.slots


def test_an_environment_counts_too() -> None:
    """What was shown often enough is masked, and what is chosen all the same leaves its slot empty."""
    env = gymnasium.make(
        "shopgym/Session-v0",
        **{"catalog": ITEMS, "form": "slate", "users": 1, "slate_size": 2, "num_candidates": 40},
        **{"max_pages": 8, "guards": [{"kind": "frequency_cap", "maximum": 1, "days": 30.0}]},
    )
    observation, _ = env.reset(seed=3)
    seen: set[int] = set()
    for _ in range(6):
        candidates = env.unwrapped.loop.requests.candidates[0].copy()  # type: ignore[attr-defined]
        masked = {int(item) for item in candidates[observation["action_mask"] == 0]}
        assert seen <= masked
        position = int(np.flatnonzero(observation["action_mask"])[0])
        again = int(np.flatnonzero(np.isin(candidates, list(seen)))[0]) if seen else -1
        observation, _, terminated, truncated, _ = env.step(np.array([position, again]))
        slate = env.unwrapped.loop.slates[0]  # type: ignore[attr-defined]
        assert slate.tolist() == [int(candidates[position]), -1]
        seen.add(int(candidates[position]))
        if terminated or truncated:
            observation, _ = env.reset()  # the next visit of the only user
    assert len(seen) > 1


def test_an_environment_refuses_a_column_that_its_shop_lacks() -> None:
    rule = {"kind": "age_limit", "items": {"categories": list(GROUP.categories)}}
    with pytest.raises(InvalidInput, match=r"guards\.age_limit\.column = 'user\.age'"):
        gymnasium.make("shopgym/Session-v0", catalog=ITEMS, guards=[rule])


def test_a_spent_budget_ends_the_discounts_of_an_environment() -> None:
    """Half off every page until discounts are a tenth of the revenue: then full prices."""
    env = SessionVectorEnv(
        50,
        catalog=ITEMS,
        form="slate",
        discounts=[0.0, 0.5],
        guards=[{"kind": "discount_budget", "maximum": 0.1}],
        **{"users": 50, "slate_size": 3, "num_candidates": 10, "live": True, "allow_losses": True},
        **{"choice.click_base": -1.0, "choice.cart_base": 0.0, "choice.buy_base": 1.0},
    )
    env.reset(seed=0)
    action = np.tile([0, 1, 2, 1], (50, 1))
    given, paid, ended = 0.0, 0.0, 0
    for _ in range(30):
        spent = given > 0 and given >= 0.1 * paid
        assert env.loop.masks()[:, -1].any() != spent
        env.step(action)
        feedback, price_off = env.loop.feedback, env.loop.price_off
        assert feedback is not None
        assert price_off is not None
        assert (price_off > 0).any() != spent
        ended += spent
        given += float(feedback.discount_cost.sum())
        paid += float(feedback.revenue.sum())
    assert 0 < ended < 30
