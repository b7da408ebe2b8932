"""The leaderboard: statistics by hand, measures against the shop's own truth, the whole command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from shopgym.agents import make_agent
from shopgym.agents.task import Task
from shopgym.cli.main import app
from shopgym.core import InvalidInput
from shopgym.core.config import build
from shopgym.envs import RewardSpec
from shopgym.envs.oracle import page_values
from shopgym.envs.vector import SeasonVectorEnv, SessionVectorEnv, ShopperVectorEnv
from shopgym.experiments.catalogs import load_catalog
from shopgym.experiments.studies.leaderboard import LeaderboardConfig, iqm, stratified_interval
from shopgym.experiments.studies.leaderboard import cell as cell_module
from shopgym.experiments.studies.leaderboard.measure import METRICS, measure
from shopgym.simulators import Catalog, ShopConfig
from shopgym.simulators.rollout import rollout
from shopgym.training import interactions

pytestmark = pytest.mark.slow

SMALL: dict[str, Any] = {
    "kind": "leaderboard",
    "name": "small",
    "catalog": {"source": "synthetic", "items": 60},
    "agents": {"random": {}, "popularity": {}},
    "families": {
        "bandit": {"lanes": 16, "rounds": 2, "episodes": 64, "shop": {"users": 200, "slate_size": 3}},
        "shopper": {
            "lanes": 8, "rounds": 3, "episodes": 8, "days": 20, "full": True,
            "shop": {"users": 200, "slate_size": 3},
        },
    },
    "seeds": 2,
    "warm_up": 2,
    "bootstrap": 100,
}  # fmt: skip


def test_the_interquartile_mean_by_hand() -> None:
    assert iqm(np.array([9.0, 1.0, 2.0, 3.0, 100.0])) == pytest.approx((2 + 3 + 9) / 3)
    assert iqm(np.array([1.0, 2.0, 3.0])) == pytest.approx(2.0)  # too few to cut
    np.testing.assert_allclose(iqm(np.array([[1.0, 2, 3, 10], [4, 4, 4, 4]])), [2.5, 4.0])


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=12), st.integers(0, 1000))
def test_intervals_hold_their_middle_and_do_not_depend_on_order(values: list[float], seed: int) -> None:
    runs = np.array(values)[None]
    middle, low, high = stratified_interval(runs, level=0.9, bootstrap=200, rng=np.random.default_rng(seed))
    assert min(values) - 1e-9 <= low <= high <= max(values) + 1e-9
    assert middle == pytest.approx(float(iqm(np.sort(runs[0]))))


def test_an_interval_covers_as_often_as_it_says() -> None:
    # 20 normal runs: the percentile bootstrap of an IQM is a little narrow
    rng, covered = np.random.default_rng(0), 0
    for _ in range(400):
        _, low, high = stratified_interval(rng.normal(size=(2, 10)), level=0.95, bootstrap=400, rng=rng)
        covered += low <= 0 <= high
    assert 0.88 <= covered / 400 <= 0.99  # false alarms below 1e-6 at a true coverage of 0.93


def test_bad_runs_are_refused() -> None:
    rng = np.random.default_rng(0)
    for runs in (np.ones((2, 1)), np.ones(3), np.array([[1.0, np.nan]])):
        with pytest.raises(InvalidInput, match="runs"):
            stratified_interval(runs, level=0.95, bootstrap=100, rng=rng)


def loop_of(env: Any, catalog: Catalog, lanes: int, config: ShopConfig, **options: Any) -> Any:
    reward = RewardSpec(terms={"margin": 1.0, "return_cost": -1.0})
    made = env(
        lanes,
        catalog=catalog,
        config=config,
        reward=reward,
        form="slate",
        autoreset_mode="Disabled",
        **options,
    )
    return made.loop


def random_policy(loop: Any) -> Any:
    shop, size = loop.shop, loop.shop.config.slate_size
    task = Task(shop.catalog.items, shop.user_names, shop.context_names, size, attention=np.ones(size))
    return make_agent("random", task, np.random.default_rng(0)).policy()


def test_measures_are_those_of_the_visits_that_were_lived(catalog: Catalog) -> None:
    """Every figure again from the raw feedback, written down by hand."""
    config = ShopConfig(users=300, slate_size=3, num_candidates=8)
    loop = loop_of(SessionVectorEnv, catalog, 300, config)
    policy = random_policy(loop)
    found = measure(loop, policy, 5, np.random.default_rng(1))
    rng = np.random.default_rng(1)
    loop.open(5)
    loop.next_requests()
    alive = np.ones(300, bool)
    score = margin = revenue = slots = sold_out = 0.0
    bought, seen = np.zeros(300, bool), set()
    while alive.any():
        rows = np.flatnonzero(alive)
        decisions = policy.decide(loop.requests.take(rows), rng)
        positions = np.full((300, 3), -1, np.int32)
        positions[rows] = decisions.positions
        slates = np.full((300, 3), -1, np.int32)
        slates[rows] = decisions.slates
        score += page_values(loop.shop, loop.reward, slates)[rows].sum()
        outcome = loop.step(positions, alive)
        loop.next_requests()
        feedback = loop.feedback
        margin += (feedback.margin - feedback.return_cost)[alive].sum()
        revenue += feedback.revenue[alive].sum()
        bought |= (feedback.quantity > 0).any(axis=1) & alive
        slots += (slates >= 0).sum()
        sold_out += feedback.unavailable[alive].sum()
        seen |= set(slates[slates >= 0].tolist())
        alive &= ~(outcome.terminated | outcome.truncated)
    assert found["score"] == pytest.approx(score / 300)
    assert found["margin_per_visit"] == pytest.approx(margin / 300)
    assert found["conversion"] == pytest.approx(bought.mean())
    assert found["average_order_value"] == pytest.approx(revenue / bought.sum())
    assert found["coverage"] == len(seen) / len(catalog)
    assert found["stockouts_per_slot"] == pytest.approx(sold_out / slots)
    assert np.isnan(found["visits_per_customer"])
    assert set(found) == set(METRICS) - {"training_seconds"}


def test_customers_come_back_and_seasons_end(catalog: Catalog) -> None:
    config = ShopConfig.full(users=2000, slate_size=3, num_candidates=8)
    for env in (ShopperVectorEnv, SeasonVectorEnv):
        loop = loop_of(env, catalog, 40, config, days=10.0)
        found = measure(loop, random_policy(loop), 5, np.random.default_rng(1))
        assert found["visits_per_customer"] > 1.0
        again = measure(loop, random_policy(loop), 5, np.random.default_rng(1))
        again["decisions_per_second"] = found["decisions_per_second"]
        assert found == pytest.approx(again, nan_ok=True)


def test_what_comes_next_is_the_same_visitors_next_page(catalog: Catalog) -> None:
    config = ShopConfig(users=300, slate_size=3, num_candidates=8)
    loop = loop_of(SessionVectorEnv, catalog, 50, config)
    policy, rng = random_policy(loop), np.random.default_rng(0)
    loop.open(3)
    last = None
    for step in rollout(loop.world, policy, rng, pages=8):
        batch, ended = interactions(step, loop), step.terminated | step.truncated
        assert batch.next is not None
        assert batch.terminated is not None
        stays = ~ended
        np.testing.assert_array_equal(batch.next.user_id[stays], batch.requests.user_id[stays])
        if last is not None:
            following, goes_on = last
            np.testing.assert_array_equal(following.request_id[goes_on], batch.requests.request_id[goes_on])
        assert not (batch.terminated & ~ended).any()
        last = batch.next, stays


def test_the_command_writes_runs_table_and_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = []
    monkeypatch.setattr(
        cell_module, "load_catalog", lambda *given: loaded.append(given) or load_catalog(*given)
    )
    cell_module._catalog.cache_clear()
    cell_module._stage.cache_clear()
    (tmp_path / "small.yaml").write_text(yaml.safe_dump(SMALL))
    results = []
    for workers in ("1", "2"):
        out = tmp_path / workers
        command = ["run", str(tmp_path / "small.yaml"), "--out", str(out), "--json", "--workers", workers]
        done = CliRunner().invoke(app, command)
        assert done.exit_code == 0, done.output
        results.append(json.loads(done.output.splitlines()[-1])["table"])
        runs = pd.read_csv(out / "runs.csv")
        assert len(runs) == 2 * 2 * 2
        assert (out / "leaderboard.png").stat().st_size > 10_000
    assert len(loaded) == 1  # in this process, however many cells it runs
    timings = {"decisions_per_second", "training_seconds"}
    for one, two in zip(*results, strict=True):
        assert {k: v for k, v in one.items() if k not in timings} == {
            k: v for k, v in two.items() if k not in timings
        }
    base = [row for row in results[0] if row["agent"] == "random" and row["family"] == "bandit"]
    assert base[0]["relative"] == pytest.approx(1.0)
    printed = CliRunner().invoke(
        app, ["run", str(tmp_path / "small.yaml"), "--out", str(tmp_path / "1"), "--seed", "3", "--overwrite"]
    )
    assert printed.exit_code == 0, printed.output
    assert "popularity" in printed.output


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"agents": {"randum": {}}}, "agents"),
        ({"baseline": "lints"}, "baseline"),
        ({"families": {}}, "families"),
        ({"families": {"shopper": {}}}, "families.shopper.full"),
        ({"families": {"bandit": {"shop": {"num_candidates": 0}}}}, "num_candidates"),
        ({"families": {"bandit": {"shop": {"slate": 3}}}}, "shop.slate"),
        ({"families": {"weekly": {}}}, "families"),
        ({"seeds": 1}, "seeds"),
        ({"sede": 1}, "sede"),
        ({"reward": {"terms": {"happiness": 1.0}}}, "reward.terms"),
    ],
)
def test_bad_configs_are_named(change: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput, match=field):
        build(LeaderboardConfig, {**SMALL, **change})


def test_nothing_else_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "small.yaml").write_text(yaml.safe_dump(SMALL))
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("precious")
    done = CliRunner().invoke(app, ["run", str(tmp_path / "small.yaml"), "--out", str(tmp_path / "mine")])
    assert isinstance(done.exception, InvalidInput)
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "precious"


def test_budgets_are_points_of_one_training_and_the_best_entry_is_named(tmp_path: Path) -> None:
    written = {
        **SMALL,
        "agents": {"random": {}, "popularity": {"floor": [0.0, 1.0]}, "lints": {}},
        "budgets": [1, 3],
        "largest_budget": {"shopper": 1, "popularity_floor_1.0": 1},
    }
    (tmp_path / "curve.yaml").write_text(yaml.safe_dump(written))
    done = CliRunner().invoke(app, ["run", str(tmp_path / "curve.yaml"), "--out", str(tmp_path / "curve")])
    assert done.exit_code == 0, done.output
    key = ["agent", "family", "seed", "budget"]
    runs = pd.read_csv(tmp_path / "curve" / "runs.csv").set_index(key).sort_index()
    assert set(runs.loc[("lints", "bandit", 0)].index) == {1.0, 3.0}
    assert set(runs.loc[("lints", "shopper", 0)].index) == {1.0}
    assert runs.loc[("lints", "bandit", 0, 3.0), "pages"] == 3 * 16 * 2
    # a budget is a point of one training: the first is that of a run with that budget alone
    (tmp_path / "alone.yaml").write_text(yaml.safe_dump({**SMALL, "agents": {"random": {}, "lints": {}}}))
    done = CliRunner().invoke(app, ["run", str(tmp_path / "alone.yaml"), "--out", str(tmp_path / "alone")])
    assert done.exit_code == 0, done.output
    alone = pd.read_csv(tmp_path / "alone" / "runs.csv").set_index(key).sort_index()
    place = ("lints", "bandit", 1, 1.0)
    assert runs.loc[place, "score"] == alone.loc[place, "score"]
    # every entry of popularity ranks with its prior knowledge or, with floor 1, shows random pages
    best = yaml.safe_load((tmp_path / "curve" / "best.yaml").read_text())["agents"]
    assert best == {"random": {}, "popularity": {"floor": 0.0}, "lints": {}}
    assert (tmp_path / "curve" / "curves.png").stat().st_size > 10_000


@pytest.mark.parametrize("change", [{"budgets": [3, 1]}, {"budgets": []}, {"largest_budget": {"lints": 1}}])
def test_budgets_that_cannot_be_are_named(change: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput, match=next(iter(change))):
        build(LeaderboardConfig, {**SMALL, **change})
