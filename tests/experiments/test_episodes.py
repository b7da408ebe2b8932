"""One path for pages, visits, customers and seasons: known answers, looking ahead, the gate, a bundle."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from rich.progress import Progress

import shopgym.experiments.runner as runner
from shopgym import DecisionLog
from shopgym.agents import make_agent
from shopgym.core.errors import InvalidInput
from shopgym.core.reward import RewardSpec
from shopgym.experiments.config import parse_config
from shopgym.experiments.duration import SMALL_LINT, expected_duration
from shopgym.experiments.results import Results
from shopgym.experiments.runner import Experiment, run
from shopgym.experiments.stages import open_shop
from shopgym.experiments.stages.deploy import deploy
from shopgym.experiments.stages.learn import policies_after
from shopgym.experiments.stages.prepare import task_of
from shopgym.policies.serving import load_bundle
from shopgym.simulators import Catalog, ShopConfig
from shopgym.simulators.config import ChoiceConfig, StockConfig

SMALL: dict[str, Any] = {
    "name": "small",
    "seed": 3,
    "catalog": {"source": "synthetic", "items": 60},
    "shop": {
        "users": 300,
        "slate_size": 2,
        "num_candidates": 6,
        "max_pages": 3,
        "choice": {"click_base": -1.0},
    },
    "reward": {"terms": {"click": 1.0}, "unit": "click", "north_star": "click"},
    "agents": {"popularity": {"decay": 0.25, "floor": 0.25}, "linucb": {}},
    "training": {"rounds": 4, "batch": 50, "warm_up": 2},
    "log": {"agent": "popularity", "options": {"decay": 0.25, "floor": 0.25}},
    "evaluation": {"bootstrap": 100},
}
VISITS = {"episode": "visit", "truth": {"episodes": 400}, "log": SMALL["log"] | {"episodes": 600}}
PEOPLE = SMALL["shop"] | {"people": {"enabled": True}, "arrivals": {"per_day": 10, "established": 20}}


def quick(changes: dict[str, Any]) -> tuple[Results, DecisionLog]:
    """The stages up to the gate, with a small lint."""
    experiment = Experiment(parse_config({**SMALL, **changes}), Progress(disable=True))
    experiment.lint_size = SMALL_LINT
    return experiment.run()


# the config


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"episode": "month"}, "episode"),
        ({"episode": "visit", "days": 3.0}, "days"),
        ({"episode": "visit", "truth": {"decisions": 1500}}, "truth.decisions"),
        ({"episode": "visit", "log": {"decisions": 1500}}, "log.decisions"),
        ({"truth": {"episodes": 1500}}, "truth.episodes"),
        ({"episode": "life"}, "shop.people.enabled"),
        ({"episode": "season"}, "shop.people.enabled"),
        ({"episode": "season", "shop": PEOPLE | {"stock": {"enabled": False}}}, "shop.stock.enabled"),
        ({"episode": "season", "shop": PEOPLE, "truth": {"episodes": 1}}, "truth.episodes"),
        ({"episode": "visit", "shop": {"num_candidates": 0}}, "shop.num_candidates"),
        ({"episode": "visit", "shop": {"num_candidates": 0}, "retrieve": {}}, "retrieve"),
        (
            {"episode": "life", "days": 3.0, "shop": PEOPLE | {"campaigns": [{"start": 5.0, "days": 2.0}]}},
            "shop.campaigns[0].start",
        ),
        (
            {"episode": "life", "days": 9.0, "shop": PEOPLE | {"campaigns": [{"start": 2.0, "days": 3.0}]}},
            "shop.campaigns[0].days",
        ),
        (
            {"episode": "life", "days": 9.0, "shop": PEOPLE | {"campaigns": [{"budget": 3.0, "days": 8.0}]}},
            "shop.campaigns[0].budget",
        ),
    ],
)
def test_what_an_episode_needs_is_asked_for_when_the_config_is_read(
    change: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_config({**SMALL, **change})
    assert caught.value.field == field
    assert caught.value.fix


def test_an_older_config_keeps_its_hash_and_a_stored_one_is_read_back() -> None:
    page, visit = parse_config(SMALL), parse_config({**SMALL, **VISITS})
    assert not {"episode", "days"} & set(page.stored())
    assert parse_config({**SMALL, "episode": "page"}).hash == page.hash != visit.hash
    assert parse_config(visit.stored()).hash == visit.hash


# one path


@pytest.mark.slow
def test_visits_of_one_page_are_what_pages_are() -> None:
    """The same policies, byte by byte, the same truth, log, estimates and verdicts."""
    one = {"shop": SMALL["shop"] | {"max_pages": 1}}
    pages, page_log = quick(one | {"truth": {"decisions": 1000}, "log": SMALL["log"] | {"decisions": 600}})
    visits, visit_log = quick(one | VISITS | {"truth": {"episodes": 1000}})
    for name, policy in pages.policies.items():
        assert visits.policies[name].hash == policy.hash
    same = ["agent", "value", "low", "high", "gain", "gain_low", "gain_high", "conversion"]
    pd.testing.assert_frame_equal(visits.agents[same], pages.agents[same])
    for name, values in page_log.columns().items():
        np.testing.assert_array_equal(getattr(visit_log, name), values)
    told = ["agent", "estimator", "interval", "value", "low", "high", "ess", "verdict", "reason"]
    pd.testing.assert_frame_equal(visits.evaluation[told], pages.evaluation[told])
    assert {v.candidate: v.low for v in visits.verdicts.values()} == {
        v.candidate: v.low for v in pages.verdicts.values()
    }


@pytest.mark.slow
def test_a_log_of_visits_has_whole_visits_and_deployments_add_them_up() -> None:
    results, log = quick(VISITS)
    assert log.episode is not None
    assert log.step is not None
    assert log.ended is not None
    length = np.bincount(log.episode)
    assert len(length) == log.ended.sum() == 600
    assert length.max() <= 3
    order = np.lexsort((log.step, log.episode))
    np.testing.assert_array_equal(log.step[order], np.concatenate([np.arange(n) for n in length]))
    users = pd.DataFrame({"episode": log.episode, "user": log.user_id}).groupby("episode")["user"].nunique()
    assert (users == 1).all()
    # the baseline logged: its estimate is the mean of what was logged, and near its value when deployed
    base = results.estimate("popularity", "ips")
    assert base is not None
    assert base["value"] == pytest.approx(log.reward.sum() / 600)
    assert base["verdict"] == "trust"
    se = log.reward.sum(axis=1).std() * 2 / 600**0.5
    assert abs(base["value"] - results.agent("popularity")["value"]) < 5 * se
    assert results.per == "visit"
    assert "a visit" in results.chosen.reason or "refuse" in results.chosen.verdict
    again, log_again = quick(VISITS)
    assert again.chosen == results.chosen
    np.testing.assert_array_equal(log_again.reward, log.reward)


def keepers_and_earners() -> Catalog:
    """20 items that many like and that bring little, 20 that few like and that bring much; else all alike."""
    catalog = Catalog.synthetic(40, seed=1).with_units(0.0, 1.0)  # one of each is bought
    items = catalog.items
    earns = np.arange(40) % 2 == 1
    features = np.zeros_like(items.features)
    features[:, items.feature_names.index("margin_rate")] = np.where(earns, 1.0, -1.0)
    price, even = np.full(40, 10.0), np.full(40, 1 / 40)
    margin = np.where(earns, 2.0, 0.1)
    items = replace(items, price=price, unit_cost=price - margin, popularity=even, features=features)
    return replace(catalog, items=items, quality=np.where(earns, -1.0, 1.0).astype(catalog.quality.dtype))


@pytest.mark.slow
def test_looking_ahead_pays_where_a_click_keeps_the_visitor() -> None:
    """Whoever clicks stays, whoever does not leaves: an earner brings 0.2, a keeper 0.09 on many pages.

    By hand, with what is liked bought: a visit of earners brings 0.2 / (1 - 0.14) = 0.23, one of keepers
    0.09 (1 - 0.86^10) / (1 - 0.86) = 0.5. The same agent with and without discounted pages to come.
    """
    catalog = keepers_and_earners()
    choice = ChoiceConfig(
        click_base=0.0, taste_weight=0.0, intent_weight=0.0, quality_weight=2.2, fatigue=0.0, cart_base=15.0,
        depth=0.0, buy_base=15.0, buy_price=0.0, mobile_penalty=0.0, price_sensitivity=0.0, leave_base=3.0,
        engagement=6.0,
    )  # fmt: skip
    config = ShopConfig(
        users=200,
        slate_size=1,
        num_candidates=4,
        max_pages=10,
        choice=choice,
        stock=StockConfig(enabled=False),
    )
    reward = RewardSpec({"margin": 1.0})
    values = {}
    for gamma in (0.0, 0.95):
        env = open_shop(catalog, config, reward, lanes=200, population=1, seed=2, episode="visit")
        task = task_of(env.loop, reward, 2, np.random.default_rng(0))
        options = {"gamma": gamma, "decay": 10.0, "floor": 0.05, "tau": 0.05, "updates": 8}
        agent = make_agent("slateq", task, np.random.default_rng(0), **options)
        ((policy, _),) = policies_after(agent, env.loop, [8_000], np.random.default_rng(1))
        env.reset(seed=9)
        values[gamma] = deploy(env.loop, policy, 5, np.random.default_rng(2)).expected.mean()
    assert values[0.0] < 0.3
    assert values[0.95] > 1.5 * values[0.0]


# evaluation, gate, bundle


@pytest.mark.slow
def test_a_slateq_policy_goes_from_the_config_to_a_bundle_that_is_served(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "LintSize", lambda: SMALL_LINT)
    agents = {"popularity": SMALL["agents"]["popularity"], "slateq": {"decay": 0.25, "floor": 0.25}}
    config = parse_config({**SMALL, **VISITS, "agents": agents})
    results = run(config, tmp_path / "run", quiet=True, override="to see it served")
    assert results.served is not None
    assert results.served["equal"] == results.served["cases"] > 0
    bundle = load_bundle(tmp_path / "run" / "bundle")
    assert bundle.policy.hash == results.policies["slateq"].hash
    assert bundle.policy.state()[0]["scorer"]["kind"] == "slate_value"
    assert bundle.evidence["config"]["episode"] == "visit"
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert summary["episode"] == "visit"
    assert summary["true_value_on_log"] is None
    report = (tmp_path / "run" / "report.html").read_text()
    assert "click per visit by slateq" in report
    assert "per decision" not in report.replace("per-decision", "")
    log = DecisionLog.read(tmp_path / "run" / "log.parquet")
    assert log.step is not None
    with pytest.raises(InvalidInput, match="first pages"):
        run(config, tmp_path / "other", quiet=True, robust=True)


def test_an_estimate_that_cannot_be_trusted_is_no_headline() -> None:
    """A policy that shows what the log hardly shows, over three pages: no number, no pass."""
    results, _ = quick(VISITS | {"agents": SMALL["agents"] | {"linucb": {"alpha": 0.0}}})
    row = results.estimate("linucb", "dr")
    assert row is not None
    assert row["verdict"] == "refuse"
    assert not results.chosen.passed
    assert "the log does not tell" in results.headline
    assert results.summary()["gate"]["verdict"] == "refuse"


def test_customers_are_weighed_as_whole_lives() -> None:
    costs = ["stockout <= 0.9 per page"]
    changes = {"episode": "life", "days": 4.0, "shop": PEOPLE, "truth": {"episodes": 150}}
    results, log = quick(
        changes | {"log": SMALL["log"] | {"episodes": 150}, "reward": SMALL["reward"] | {"costs": costs}}
    )
    assert results.per == "customer"
    assert log.ended is not None
    assert log.ended.sum() == 150
    base = results.estimate("popularity", "ips")
    assert base is not None
    assert base["value"] == pytest.approx(log.reward.sum() / 150)
    assert [clause.name for clause in results.chosen.clauses][:2] == ["north star", "stockout per page"]


@pytest.mark.slow
def test_a_season_is_judged_by_paired_deployments() -> None:
    changes = {"episode": "season", "days": 2.0, "shop": PEOPLE, "truth": {"episodes": 12}}
    costs = ["stockout <= 90% per impression"]
    agents = {"popularity": {}, "same": {"agent": "popularity"}}
    results, log = quick(changes | {"reward": SMALL["reward"] | {"costs": costs}, "agents": agents})
    assert (results.evaluation["verdict"] == "refuse").all()
    assert "value" not in results.evaluation
    assert "one stock" in results.evaluation["reason"].iloc[0]
    verdict = results.verdicts["same"]
    assert verdict.gain == verdict.low == 0.0  # the same policy with the same luck
    assert not verdict.passed
    assert "12 paired seasons of deployment" in verdict.reason
    assert verdict.clauses[1].passed
    assert results.agents["value"].nunique() == 1
    assert log.episode is not None
    assert len(np.unique(log.episode)) == log.ended.sum()  # type: ignore[union-attr]


@pytest.mark.parametrize("episode", ["visit", "season"])
def test_a_dry_run_says_how_long_it_takes(episode: str) -> None:
    changes: dict[str, Any] = (
        VISITS if episode == "visit" else {"episode": "season", "shop": PEOPLE, "days": 2.0}
    )
    duration = expected_duration(parse_config({**SMALL, **changes}))
    assert duration.seconds > 0
    assert "pages of training" in duration.sentence
