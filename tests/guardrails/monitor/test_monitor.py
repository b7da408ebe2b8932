"""The monitor: its numbers by hand, its error rate, what it sets aside, and where it is called from."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from rich.console import Console
from scipy import stats

from shopgym.agents import Task, make_agent
from shopgym.core import InvalidInput
from shopgym.core.reward import RewardSpec
from shopgym.envs.vector import BanditVectorEnv
from shopgym.guardrails.monitor import (
    Divergence,
    PageBatch,
    ProxyReference,
    RewardMonitor,
    TrainingMonitor,
    log_batches,
    monitor_figure,
)
from shopgym.guardrails.monitor.live import LiveView, bars, monitor_table
from shopgym.policies.decision_log.log import DecisionLog
from shopgym.policies.guards import InStock
from shopgym.simulators.rollout import rollout
from shopgym.training.loop import interactions, train

CLICKS = RewardSpec(terms={"click": 1.0}, unit="click")


def batch(n: int, seed: int, star: float = 0.0, **terms: Any) -> PageBatch:
    rng = np.random.default_rng(seed)
    values = star + rng.standard_normal((n, 2))
    return PageBatch(values + 0.5 * rng.standard_normal((n, 2)), values, terms)


def test_a_row_by_hand() -> None:
    reference, moved = batch(2000, 0), Divergence(0.25, 0.1, 0.7)
    monitor = RewardMonitor(reference)
    part = batch(500, 1, star=0.1)
    row = monitor.add(PageBatch(part.proxy, part.north_star, {}, moved))
    assert row.pages == 500
    assert row.proxy == pytest.approx(part.proxy.sum(axis=1).mean())
    assert row.north_star == pytest.approx(part.north_star.sum(axis=1).mean())
    assert row.correlation == pytest.approx(np.corrcoef(part.proxy.ravel(), part.north_star.ravel())[0, 1])
    assert (row.chi, row.kl, row.entropy) == (0.5, 0.1, 0.7)
    slots = ProxyReference.measure(reference.proxy.ravel(), reference.north_star.ravel())
    assert row.bound == pytest.approx(2 * slots.lower_bound(part.proxy.mean(), 0.25))
    assert json.loads(json.dumps(row.as_dict()))["pages"] == 500


def test_runs_in_which_nothing_gets_worse_are_stopped_at_most_at_the_stated_rate() -> None:
    """300 runs of 30 batches at 10%: both tests together, with a reference of finite size."""
    false = 0
    for seed in range(300):
        monitor = RewardMonitor(batch(3000, 10**6 + seed), batches=30, error=0.1)
        for number in range(30):
            monitor.add(batch(100, 1000 * seed + number))
        false += bool(monitor.alarm)
    assert stats.binomtest(false, 300, 0.1, alternative="greater").pvalue > 1e-6


def test_a_north_star_that_falls_or_is_too_low_raises_the_alarm_once() -> None:
    falls = RewardMonitor(batch(3000, 0, star=-9.0), batches=20, north_star="margin")
    for number in range(20):
        falls.add(batch(200, number, star=1.0 if number < 10 else -1.0))
    assert falls.alarm == "margin has fallen within the run"
    first = next(number for number, row in enumerate(falls.rows) if row.alarm)
    assert first >= 10
    assert all(row.alarm for row in falls.rows[first:])
    low, learns = (RewardMonitor(batch(3000, 0), batches=20, north_star="margin") for _ in range(2))
    for number in range(10):
        both = batch(200, number, star=-0.3)
        low.add(PageBatch(both.proxy + 0.4, both.north_star, {}))
        learns.add(both)
    assert low.alarm == "margin is below the reference policy's, and the reward is not"
    assert learns.alarm == ""  # it earns less of both, as one does who has yet to learn


def test_terms_that_have_moved_are_named_with_their_direction() -> None:
    rng = np.random.default_rng(0)
    reference = batch(2000, 0, click=rng.poisson(1.0, 2000), cart=rng.poisson(1.0, 2000))
    monitor = RewardMonitor(reference)
    for seed in range(5):
        monitor.add(batch(400, seed, click=rng.poisson(2.0, 400), cart=rng.poisson(1.0, 400)))
    assert monitor.rows[-1].drifted == {"click": 1}


def test_pages_with_nan_or_infinity_are_set_aside_and_counted() -> None:
    clean, dirty = batch(200, 1), batch(200, 1)
    dirty.proxy[0, 0], dirty.north_star[1, 1] = math.nan, math.inf
    monitor, other = RewardMonitor(batch(900, 0)), RewardMonitor(batch(900, 0))
    row = monitor.add(dirty)
    assert row.set_aside == monitor.set_aside == 2
    assert "2 pages held NaN or infinity" in monitor.warnings[0]
    kept = PageBatch(clean.proxy[2:], clean.north_star[2:])
    assert other.add(kept).north_star == row.north_star
    nothing = PageBatch(np.full((3, 2), math.nan), np.zeros((3, 2)))
    assert math.isnan(monitor.add(nothing).north_star)
    assert monitor.pages == 198
    with pytest.raises(InvalidInput, match=r"monitor\.reference"):
        RewardMonitor(nothing)
    with pytest.raises(InvalidInput, match="shape of the proxy"):
        monitor.add(PageBatch(np.zeros((3, 2)), np.zeros(3)))


def test_a_proxy_without_variance_or_against_the_north_star_is_named() -> None:
    star = batch(500, 0).north_star
    flat = RewardMonitor(PageBatch(np.ones_like(star), star))
    assert flat.warnings == ["the proxy does not vary under the reference policy: it guarantees nothing"]
    moved = Divergence(0.1, 0.1, 0.1)
    assert flat.add(PageBatch(np.ones_like(star), star, {}, moved)).bound == -math.inf
    against = RewardMonitor(PageBatch(-star, star), north_star="margin")
    assert "does not rise with margin" in against.warnings[0]


def shop(seed: int = 0, reward: RewardSpec = CLICKS) -> tuple[BanditVectorEnv, Task]:
    env = BanditVectorEnv(
        100, catalog=40, reward=reward, form="slate", slate_size=2, num_candidates=6, users=300,
        autoreset_mode="Disabled", choice={"click_base": -1.0},
    )  # fmt: skip
    env.reset(seed=seed)
    one = env.loop.shop
    names = (one.user_names, one.context_names)
    return env, Task(
        one.catalog.items, *names, 2, (InStock(),), attention=np.ones(2), live_names=tuple(env.requests.live)
    )


def test_training_is_watched_in_one_line_and_stopped_by_an_alarm() -> None:
    env, task = shop()
    rng = np.random.default_rng(0)
    random = make_agent("random", task, rng).policy()
    watched = TrainingMonitor(env.loop, random, rng, pages=5, batches=12)
    seen = train(make_agent("linucb", task, rng), shop()[0], 12, rng, on_step=watched)
    rows = watched.monitor.rows
    assert len(rows) == len(seen) == 12
    assert rows[-1].pages == 1200
    assert rows[-1].chi > 0
    assert watched.monitor.north_star == "margin"
    watched.monitor.rows[-1:] = [type(rows[-1])(**{**vars(rows[-1]), "alarm": "stop"})]
    assert len(train(make_agent("linucb", task, rng), shop()[0], 12, rng, on_step=watched)) == 1


def test_a_log_is_read_in_the_order_of_time() -> None:
    env, task = shop()
    rng = np.random.default_rng(0)
    policy = make_agent("popularity", task, rng).policy()
    parts = [
        DecisionLog.from_interactions(
            interactions(step, env.loop), items=task.items, unit="click", policy_hash=policy.hash,
            policy_name="p", config_hash="", user_names=task.user_names, context_names=task.context_names,
        )
        for step in rollout(env.loop.world, policy, rng, pages=4)
    ]  # fmt: skip
    log = DecisionLog.concat(parts)
    shuffled = log.take(rng.permutation(len(log)))
    batches = list(log_batches(shuffled, CLICKS, 150, policy, make_agent("random", task, rng).policy()))
    assert [len(part.proxy) for part in batches] == [150, 150, 100]
    assert sum(part.north_star.sum() for part in batches) == pytest.approx(log.events["margin"].sum())
    assert all(part.divergence is not None and part.divergence.chi_squared > 0 for part in batches)
    with pytest.raises(InvalidInput, match="log it as an event"):
        next(log_batches(log, RewardSpec(terms={"dwell": 1.0}, unit="second", north_star="dwell"), 100))


def test_the_live_view_and_the_picture_show_every_number() -> None:
    monitor = RewardMonitor(batch(900, 0), north_star="margin")
    assert not monitor_table(monitor).row_count
    with LiveView(Console(file=open("/dev/null", "w"), force_terminal=False)) as view:
        monitor.on_row = view.show
        for seed in range(4):
            part = batch(200, seed, star=-seed)
            monitor.add(PageBatch(part.proxy, part.north_star, {}, Divergence(math.inf, math.inf, 1.0, 0.1)))
    console = Console(record=True, width=120)
    console.print(monitor_table(monitor))
    text = console.export_text()
    assert "margin guaranteed" in text
    assert "ALARM" in text
    assert bars(monitor.rows, "kl") == ""
    assert len(bars(monitor.rows, "north_star")) == 4
    figure = monitor_figure(monitor)
    assert "alarm at" in figure.axes[0].get_title(loc="left")
