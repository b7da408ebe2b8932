"""Learners under limits: multipliers by hand, limits that are kept, a baseline's return that is kept."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from builders.bandits import make_interactions, make_requests, make_task

from shopgym.agents import make_agent
from shopgym.agents.constrained.conservative import ConservativeLinUCB
from shopgym.agents.constrained.multiplier import Gains, Multipliers
from shopgym.core import Interactions, InvalidInput

SPENT = "return_cost <= 0.2 per revenue"


def pages(revenue: Any, spent: Any) -> Interactions:
    """Pages of one slot."""
    revenue, spent = (np.asarray(values, np.float64)[:, None] for values in (revenue, spent))
    task = make_task(6)
    requests = make_requests(task, len(revenue), np.random.default_rng(0))
    batch = make_interactions(requests, np.zeros(revenue.shape, np.int32), revenue)
    return replace(batch, events={"revenue": revenue, "return_cost": spent})


def test_a_multiplier_by_hand() -> None:
    """Revenue 2 a page, so 0.4 is allowed; 0.6 is spent: the violation is (0.6 - 0.4) / 0.4 = 0.5."""
    multipliers = Multipliers([SPENT], Gains(integral=0.1, proportional=1.0, derivative=2.0))
    batch = pages([1.0, 3.0], [0.2, 1.0])
    report = multipliers.update(batch)
    value = 1.0 * 0.5 + 0.1 * 0.5 + 2.0 * 0.5
    assert multipliers.values.tolist() == pytest.approx([value])
    assert report["return_cost per revenue"] == pytest.approx(0.3)
    # a unit of excess costs: the multiplier, in rewards of mean size 2, over what is allowed
    assert multipliers.prices.tolist() == pytest.approx([value * 2.0 / 0.4])
    price = multipliers.prices[0]
    expected = np.array([1.0, 3.0]) - price * (np.array([0.2, 1.0]) - 0.2 * np.array([1.0, 3.0]))
    assert multipliers.shaped(batch).reward[:, 0] == pytest.approx(expected)


def test_a_price_falls_to_zero_when_the_limit_is_kept_and_never_below() -> None:
    multipliers = Multipliers([SPENT], Gains(integral=0.5))
    multipliers.update(pages([1.0, 1.0], [0.3, 0.3]))
    assert multipliers.values[0] > 0
    for _ in range(5):
        multipliers.update(pages([1.0, 1.0], [0.0, 0.0]))
    assert multipliers.values.tolist() == [0.0]
    kept = pages([1.0, 2.0], [0.0, 0.0])
    assert (multipliers.shaped(kept).reward == kept.reward).all()


def test_a_limit_per_page_is_spread_over_its_slots_and_a_floor_turns_the_sign() -> None:
    floor = Multipliers(["revenue >= 2 per page"], Gains())
    batch = pages([1.0, 3.0], [0.0, 0.0])
    assert floor.excesses(batch)[0][:, 0] == pytest.approx([2.0 - 1.0, 2.0 - 3.0])


@pytest.mark.parametrize(
    "limit", ["visit >= 0.98 of popularity's per life", "return_cost <= 1 of popularity's per revenue"]
)
def test_limits_that_a_learner_cannot_see_are_refused(limit: str) -> None:
    with pytest.raises(InvalidInput, match=r"lagrangian\.limits"):
        Multipliers([limit], Gains())


def test_a_batch_that_does_not_tell_a_term_is_refused_by_name() -> None:
    with pytest.raises(InvalidInput, match="write the limit into the environment's"):
        Multipliers(["stockout <= 1% per impression"], Gains()).update(pages([1.0], [0.0]))


def two_kinds(task: Any, policy: Any, n: int, rng: np.random.Generator) -> Interactions:
    """Items 0 to 2 earn 2 a page and cost 1; items 3 to 5 earn 1 and cost nothing. Everybody is alike."""
    requests = make_requests(task, n, rng, users=np.zeros((n, len(task.user_names))))
    decisions = policy.decide(requests, rng)
    dear = decisions.slates < 3
    revenue, spent = np.where(dear, 2.0, 1.0), dear.astype(np.float64)
    events = {"revenue": revenue, "return_cost": spent, "click": np.ones_like(revenue)}
    terminated = np.ones(n, np.bool_)
    return Interactions(requests, decisions, revenue, events, requests, terminated)


def kinds_task() -> Any:
    """Six items whose one feature says of which kind they are."""
    task = make_task(6)
    features = np.where(np.arange(6)[:, None] < 3, 1.0, -1.0).astype(np.float32)
    return replace(
        task,
        items=replace(task.items, features=features, feature_names=("embedding_0",)),
        user_names=("taste_0",),
    )


@pytest.mark.parametrize(
    ("name", "options", "rounds"),
    [
        ("lagrangian_linear", {"decay": 1.0}, 60),
        ("lagrangian_slateq", {"decay": 1.0, "updates": 20, "step": 5e-3, "tau": 0.1, "gamma": 0.0}, 60),
        ("lagrangian_ppo", {"rollout": 1, "step": 1e-2, "batch": 100}, 80),
    ],
)
def test_a_limit_is_kept_and_the_rest_of_the_reward_is_earned(
    name: str, options: dict[str, Any], rounds: int
) -> None:
    """Without a limit all pages are dear. At most 0.25 per revenue: a third of the pages may be dear."""
    earned = {}
    for limits in ((), ("return_cost <= 0.25 per revenue",)):
        task, rng = kinds_task(), np.random.default_rng(0)
        agent = make_agent(name, task, rng, limits=limits, **options)
        spent = []
        for _ in range(rounds):
            batch = two_kinds(task, agent.policy(), 200, rng)
            spent.append(batch.events["return_cost"].sum() / batch.reward.sum())
            agent.learn(batch)
        earned[bool(limits)] = float(np.mean(spent[rounds // 2 :]))
    assert earned[False] > 0.4
    assert earned[True] < 0.3


def test_the_conservative_bandit_keeps_its_share_at_all_times() -> None:
    """The baseline earns 1 a page; what the bandit tries first earns nothing: 90% is kept all the same."""
    task, rng = make_task(6, users=1), np.random.default_rng(0)
    agent: Any = make_agent("conservative_linucb", task, rng, keep=0.9)
    assert isinstance(agent, ConservativeLinUCB)
    value = np.array([1.0, 1.2, 0.0, 0.0, 0.0, 2.0])
    total, own, seen, n = 0.0, 0, [], 50
    baseline = _mean(agent.baseline, task, value, rng)
    for _ in range(200):
        policy = agent.policy()
        requests = make_requests(task, n, rng)
        decisions = policy.decide(requests, rng)
        reward = value[decisions.slates] + 0.1 * rng.standard_normal(decisions.slates.shape)
        own += policy.name != agent.baseline.name
        agent.learn(Interactions(requests, decisions, reward))
        total += float(value[decisions.slates].sum())
        seen.append(total)
    kept = np.array(seen) / (baseline * n * np.arange(1, 201))
    assert kept.min() >= 0.9
    assert own > 20
    assert kept[-1] > 1.0


def _mean(policy: Any, task: Any, value: Any, rng: np.random.Generator) -> float:
    decisions = policy.decide(make_requests(task, 20_000, rng), rng)
    return float(value[decisions.slates].mean())


def test_settings_out_of_range_are_refused() -> None:
    task, rng = make_task(6), np.random.default_rng(0)
    for option, value in (("keep", 1.1), ("confidence", 1.0), ("baseline", "nobody")):
        with pytest.raises(InvalidInput, match=f"conservative_linucb.{option}"):
            make_agent("conservative_linucb", task, rng, **{option: value})
    with pytest.raises(InvalidInput, match=r"lagrangian\.integral"):
        Multipliers([SPENT], Gains(integral=-1.0))
