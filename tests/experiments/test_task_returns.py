"""How the reference returns of the named tasks are measured."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from scipy import stats

from shopgym.agents import make_agent
from shopgym.core.statistics import mean_interval
from shopgym.core.types import F64
from shopgym.envs.oracle import best_page_values, page_values
from shopgym.envs.tasks import MeasuredReturn, reference
from shopgym.experiments.studies.task_returns import (
    STUDIES,
    Planner,
    Ranked,
    Trainee,
    interval,
    job,
    mean_return,
    one_seed,
    open_task,
    reference_rows,
    search,
    train,
)

CLICKS, DISCOUNT = "shopgym/Bandit-Clicks-v0", "shopgym/Session-Discount-v0"
FALSE_ALARM = 1e-3


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.mark.parametrize("task_id", [CLICKS, "shopgym/Bandit-Margin-v0"])
def test_the_myopic_planner_is_the_exact_oracle_of_a_page(task_id: str) -> None:
    env = open_task(task_id, 200)
    env.open(3)
    env.next_requests()
    best = best_page_values(env.shop, env.reward, env.requests.candidates)
    assert mean_return(env, Planner(), 3, rng()) == pytest.approx(float(best.mean()), rel=1e-12)


def test_the_planner_takes_the_discount_that_earns_most() -> None:
    env = open_task(DISCOUNT, 300)
    env.open(4)
    env.next_requests()
    rows = np.arange(300)
    actions = Planner()(env, rows, rng())

    def expected(page: F64, level: F64) -> F64:
        slates = np.take_along_axis(env.requests.candidates, page, axis=1).astype(np.int32)
        return page_values(env.shop, env.reward, slates, price_off=env.discounts[level])

    chosen = expected(actions[:, :-1], actions[:, -1])
    for level in range(len(env.discounts)):
        assert (chosen >= expected(actions[:, :-1], np.full(300, level)) - 1e-12).all()
    assert len(np.unique(actions[:, -1])) == len(env.discounts)  # each discount is right for somebody


def test_a_return_is_the_mean_of_what_happens() -> None:
    """The exact expectation against 4000 outcomes; false alarm 6e-7 (5 standard errors)."""
    env = open_task(CLICKS, 4000)
    task = job(env, 1)
    decide = Ranked(make_agent("popularity", task, rng()).policy())
    exact = mean_return(env, decide, 8, np.random.default_rng(1))
    env.open(8)
    env.next_requests()
    result = env.step(decide(env, np.arange(4000), np.random.default_rng(1)), np.ones(4000, np.bool_))
    mean, low, _ = mean_interval(result.pages.reward, 0.95)
    assert abs(mean - exact) < 5 * (mean - low) / 1.96


def test_the_return_of_a_season_is_that_of_the_whole_shop() -> None:
    """The sum over rows, so it hardly depends on how many visits are under way at once."""
    few, many = (mean_return(open_task("shopgym/Season-Scarce-v0", n), Planner(), 3, rng()) for n in (8, 64))
    assert few == pytest.approx(many, rel=0.25)


def test_an_interval_is_that_of_student() -> None:
    found = interval([1.0, 2.0, 3.0])
    low, high = stats.t.interval(0.95, 2, loc=2.0, scale=1 / 3**0.5)
    assert found == {"mean": 2.0, "low": pytest.approx(low), "high": pytest.approx(high), "seeds": 3}


def test_agents_are_sorted_by_their_mean() -> None:
    study = replace(STUDIES[CLICKS], agents=(Trainee("lints", 7, {}), Trainee("linear_ranker", 9, {})))
    names = ("random", "popularity", "myopic", "oracle")
    seeds = [dict.fromkeys(names, 0.0) | {"lints": 1.0 + n, "linear_ranker": 2.0 + n} for n in (0, 1)]
    agents = reference_rows(study, seeds)["agents"]
    assert [(a["name"], a["mean"], a["pages"]) for a in agents] == [
        ("linear_ranker", 2.5, 9),
        ("lints", 1.5, 7),
    ]


def test_discounts_are_learnt_from_half_of_the_pages() -> None:
    """A discount by the linear model of the visitor earns more than none, after as many pages in all."""
    env, judge = open_task(DISCOUNT, 100), open_task(DISCOUNT, 1000)
    task = job(env, 2)
    learnt = train(env, task, Trainee("lints", 16_000, {}, discounts=True), 2)
    plain = train(env, task, Trainee("lints", 16_000, {}), 2)
    assert mean_return(judge, learnt, 5, rng()) > mean_return(judge, plain, 5, rng())


def test_the_search_reports_gains_over_the_myopic_planner() -> None:
    study = replace(STUDIES[CLICKS], grid=(Planner(), Planner(stay=3.0)), episodes=50)
    tried = search(CLICKS, study, [1, 2])
    assert tried[Planner()][1:] == (0.0, 0.0)
    # a reward of clicks ranks by P(click) already, so a bonus for clicks changes nothing
    assert tried[Planner(stay=3.0)][1] == pytest.approx(0.0, abs=1e-12)


@cache
def measured_again(task_id: str) -> dict[str, F64]:
    """Returns over six seeds that the table does not use, without agents."""
    study = replace(STUDIES[task_id], agents=(), episodes=min(STUDIES[task_id].episodes, 1000))
    seeds = [one_seed(task_id, study, seed) for seed in range(2001, 2007)]
    return {name: np.array([returns[name] for returns in seeds]) for name in seeds[0]}


@pytest.mark.slow
@pytest.mark.parametrize("task_id", STUDIES)
def test_new_seeds_give_the_order_and_the_returns_of_the_table(task_id: str) -> None:
    """Random < popularity <= oracle and myopic <= oracle; Welch tests against the published returns.

    The 24 tests together give a false alarm with probability below 1e-3 (Bonferroni).
    """
    fresh, published = measured_again(task_id), reference(task_id)
    assert fresh["random"].mean() < fresh["popularity"].mean() <= fresh["oracle"].mean()
    assert fresh["myopic"].mean() <= fresh["oracle"].mean()
    for name in ("random", "popularity", "myopic", "oracle"):
        old: MeasuredReturn = getattr(published, name)
        spread = (old.high - old.mean) / stats.t.ppf(0.975, old.seeds - 1) * old.seeds**0.5
        new = fresh[name]
        test = stats.ttest_ind_from_stats(
            old.mean, spread, old.seeds, new.mean(), new.std(ddof=1), len(new), equal_var=False
        )
        assert test.pvalue > FALSE_ALARM / 24, name
