"""Online tests in the shop: who gets which arm, merged pages, ramps, and the truth beside the answer."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from builders.abtests import SMALL_ABTEST, small_abtest

from shopgym.core.config import build
from shopgym.core.errors import InvalidInput
from shopgym.evaluation.online import Metric, TestColumns, TestOptions, analyse_test, read_metrics
from shopgym.experiments.config import read_config
from shopgym.experiments.run_folder import CONFIG
from shopgym.experiments.studies.online_tests import AbtestConfig, run_abtest
from shopgym.experiments.studies.online_tests.arms import season_shop, train_arms
from shopgym.experiments.studies.online_tests.assignment import ByPeriod, arms_by_hash
from shopgym.experiments.studies.online_tests.designs import Arms, paired_by_size, run_design
from shopgym.experiments.studies.online_tests.interference import (
    DESIGNS,
    Scene,
    SceneSize,
    alarm_rows,
    design_row,
    share_interval,
)
from shopgym.experiments.studies.online_tests.merging import (
    CounterfactualRanking,
    TeamDraft,
    ranks,
    team_draft,
)
from shopgym.experiments.studies.online_tests.run import ROWS_FILE, SUMMARY, simulate
from shopgym.experiments.studies.online_tests.season import COUNTED, DecidedPages, season
from shopgym.experiments.studies.online_tests.truth import total_effects
from shopgym.policies.explorers import PlackettLuceRanking
from shopgym.policies.guards import FrequencyCap, InStock, MarginFloor
from shopgym.policies.scorers import TableScorer
from shopgym.simulators import Catalog
from shopgym.simulators.rollout import Episode, EpisodicShop

pytest.importorskip("tea_tasting")


@pytest.fixture(scope="module")
def arms() -> tuple[AbtestConfig, Catalog, Arms]:
    small = small_abtest()
    catalog = Catalog.synthetic(40, seed=1)
    policies = train_arms(small, catalog)
    return small, catalog, Arms(small.arms, policies, small.shares)


def test_users_fall_into_arms_as_planned_and_keep_theirs_when_a_share_grows() -> None:
    """20,000 users: shares within four standard errors."""
    users = np.arange(20_000)
    share = (arms_by_hash(7, users, (0.9, 0.1)) == 1).mean()
    assert abs(share - 0.1) < 4 * np.sqrt(0.09 / len(users))
    early, late = (arms_by_hash(7, users, (1 - s, s)) == 1 for s in (0.1, 0.5))
    assert late[early].all()
    assert (arms_by_hash(7, users, (1, 1)) != arms_by_hash(8, users, (1, 1))).mean() > 0.4


def test_every_block_of_periods_has_every_arm_once() -> None:
    plan = ByPeriod(salt=5, arms_in_all=3, period=0.5)
    periods = plan.periods(np.arange(0.0, 30.0, 0.5))
    assert periods.tolist() == list(range(60))
    blocks = plan.arms_of(periods).reshape(-1, 3)
    assert (np.sort(blocks, axis=1) == [0, 1, 2]).all()
    assert len({tuple(block) for block in blocks.tolist()}) > 3


def test_neighbours_in_size_go_to_different_arms() -> None:
    size = np.array([5.0, 1.0, 4.0, 2.0, 3.0])
    arm = paired_by_size(3, size)
    assert arm[0] != arm[2]
    assert arm[4] != arm[3]


def test_a_team_draft_takes_turns_and_never_the_same_item() -> None:
    first = np.array([[0, 1, 2, 3]], np.int32)
    second = np.array([[0, 3, 2, 1]], np.int32)
    positions, teams = team_draft(first, second, 4, 5, np.array([[True, False, True, True]]))
    assert positions.tolist() == [[0, 3, 2, 1]]  # 1st: 0; 2nd: 3; then the 2nd begins: 2; 1st: 1
    assert teams.tolist() == [[0, 1, 1, 0]]
    one = np.array([[2, -1]], np.int32)
    positions, teams = team_draft(one, one, 2, 3, np.array([[False, False]]))
    assert positions.tolist() == [[2, -1]]
    assert teams.tolist() == [[1, -1]]


def test_ranks_are_places_and_what_was_not_ranked_is_infinite() -> None:
    assert ranks(np.array([[2, 0, -1]], np.int32), 4).tolist() == [[1.0, np.inf, 0.0, np.inf]]


def test_items_stand_where_the_policy_of_their_arm_ranks_them(arms: Any) -> None:
    """Two certain policies, one the reverse of the other: the merged page follows the ranks of both."""
    small, catalog, both = arms
    certain = PlackettLuceRanking(decay=50.0, floor=0.0)
    up = replace(both.policies[1], explorer=certain)
    down = replace(up, scorer=TableScorer(-catalog.items.popularity))
    shop, rng = season_shop(small, catalog), np.random.default_rng(0)
    world = EpisodicShop(shop, Episode.SEASON)
    world.open(1)
    requests = world.next_requests()
    for number, policy in enumerate((up, down)):
        merged = CounterfactualRanking((up, down), np.full(40, number))
        assert np.array_equal(merged.decide(requests, rng).slates, policy.decide(requests, rng).slates)
    arm = np.arange(40) % 2
    page = CounterfactualRanking((up, down), arm).decide(requests, rng)
    m = requests.num_candidates
    by_policy = [ranks(replace(p, slate_size=m).decide(requests, rng).positions, m) for p in (up, down)]
    own = np.where(arm[requests.candidates] == 0, *by_policy)
    shown = np.take_along_axis(own, page.positions, axis=1)
    assert (np.diff(shown, axis=1) >= 0).all()
    assert (shown[:, -1] <= np.sort(own, axis=1)[:, shown.shape[1] - 1]).all()
    assert np.isnan(page.propensities).all()


def test_the_arms_of_a_user_test_share_one_stock_and_one_calendar(arms: Any) -> None:
    small, catalog, both = arms
    rows, metrics = run_design(
        small.design, season_shop(small, catalog), both, [Metric("click")], 9, np.random.default_rng(1)
    )
    assert metrics == (Metric("click"),)
    assert (rows.arm == arms_by_hash(9, rows.unit, (1.0, 1.0))).all()
    assert rows.column("visits").sum() == len(np.unique(rows.unit))
    again, _ = run_design(
        small.design, season_shop(small, catalog), both, [Metric("click")], 9, np.random.default_rng(1)
    )
    assert all(np.array_equal(rows.column(name), again.column(name)) for name in COUNTED)


@pytest.mark.parametrize(
    "design",
    [
        {"kind": "users", "split": {"control": 3, "treatment": 1}},
        {"kind": "switchback", "period": 1.0, "burn_in": 0.3},
        {"kind": "items"},
        {"kind": "categories"},
        {"kind": "interleaving"},
        {"kind": "ramp", "stages": [{"share": 0.2, "days": 3}, {"share": 0.5, "days": 5}]},
    ],
    ids=lambda design: design["kind"],
)
def test_every_design_has_an_answer(design: dict[str, Any], arms: Any) -> None:
    _, catalog, both = arms
    result = simulate(small_abtest(design=design), catalog, both.policies)
    assert "treatment" in result.sentence
    json.dumps(result.as_dict(), allow_nan=False)
    if result.analysis is not None:
        assert result.analysis.verdict in ("trust", "caution")


def test_a_ramp_stops_at_harm_and_not_without(arms: Any) -> None:
    """An arm that shows empty pages is found out; the same policy in both arms is not."""
    _, catalog, both = arms
    stages = [{"share": 0.3, "days": 4}, {"share": 0.5, "days": 4}]
    ramp = small_abtest(design={"kind": "ramp", "stages": stages}, metrics=["click"])
    control = both.policies[1]
    harmful = replace(control, guards=(MarginFloor(1e9),))
    same = simulate(ramp, catalog, (control, control))
    assert [(stage.days, stage.decision) for stage in same.stages] == [(4, "went on"), (4, "went on")]
    harmed = simulate(ramp, catalog, (control, harmful)).stages[-1]
    assert (harmed.decision, harmed.reason) == ("stopped", "click is worse")


def test_a_run_is_a_folder_that_analyse_reads_and_the_truth_stands_beside_it(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    result = run_abtest(small_abtest(truth=3), folder)
    assert {SUMMARY, ROWS_FILE, CONFIG, "environment.json"} <= {path.name for path in folder.iterdir()}
    assert "The truth: treatment for everybody changes margin by" in result.sentence
    again = analyse_test(
        folder / ROWS_FILE,
        read_metrics(["margin"]),
        TestColumns(user="user", time="day"),
        TestOptions(planned=300),
    )
    assert result.analysis is not None
    assert again.rows[0].effect.difference.value == pytest.approx(
        result.analysis.rows[0].effect.difference.value
    )
    first = (folder / SUMMARY).read_bytes()
    with pytest.raises(InvalidInput, match="--overwrite"):
        run_abtest(small_abtest(truth=3), folder)
    run_abtest(small_abtest(truth=3), folder, overwrite=True)
    assert (folder / SUMMARY).read_bytes() == first


def test_the_truth_of_equal_arms_is_nothing(arms: Any) -> None:
    small, catalog, both = arms
    same = (both.policies[0], both.policies[0])
    metrics = [Metric("click"), Metric("click", "pages")]
    for effect in total_effects(season_shop(small, catalog), both.names, same, metrics, 3, 5):
        assert effect.relative.value == 0.0


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "one arm": ({"agents": {"control": {"agent": "random"}}}, "agents"),
    "no such control": ({"control": "contrl"}, "control"),
    "three arms of items": (
        {"agents": {**SMALL_ABTEST["agents"], "third": {"agent": "random"}}, "design": {"kind": "items"}},
        "agents",
    ),
    "an arm without a share": ({"design": {"split": {"control": 1}}}, "design.split"),
    "a share of no arm": ({"design": {"split": {"control": 1, "b": 1}}}, "design.split"),
    "a ramp without stages": ({"design": {"kind": "ramp"}}, "design.stages"),
    "a ramp that shrinks": (
        {"design": {"kind": "ramp", "stages": [{"share": 0.5, "days": 2}, {"share": 0.1, "days": 2}]}},
        "design.stages",
    ),
    "a ramp that is too long": ({"design": {"kind": "ramp", "stages": [{"share": 0.5, "days": 30}]}}, "days"),
    "all of a period burnt": (
        {"design": {"kind": "switchback", "period": 1, "burn_in": 1}},
        "design.burn_in",
    ),
    "few periods": ({"design": {"kind": "switchback", "period": 5}}, "design.period"),
    "no such metric": ({"metrics": ["profit"]}, "metrics"),
    "no metric": ({"metrics": []}, "metrics"),
    "a ratio of items": ({"metrics": ["click/pages"], "design": {"kind": "items"}}, "metrics"),
    "an unknown agent": (
        {"agents": {"control": {"agent": "rndom"}, "b": {"agent": "random"}}},
        "agents.control.agent",
    ),
    "an unknown key": ({"lenght": 3}, "lenght"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_configs_that_make_no_test_are_refused(name: str) -> None:
    changes, field = REFUSED[name]
    with pytest.raises(InvalidInput) as refused:
        small_abtest(**changes)
    assert refused.value.field == field, str(refused.value)


@pytest.mark.parametrize("name", ["scarce_stock", "ramp"])
def test_shipped_configs_are_right_and_say_what_they_are_for(name: str) -> None:
    shipped = build(AbtestConfig, read_config(Path(name)))
    assert shipped.purpose
    assert shipped.running_time


def test_rows_of_the_interference_study_are_of_their_scene() -> None:
    size = SceneSize(items=30, days=16, users_per_day=10, max_pages=3)
    scene = Scene("scarce", size, seed=2)
    truth = scene.truth(3)
    for name in DESIGNS:
        row = design_row(scene, name, 2, truth)
        assert (row["stock"], row["design"], row["truth"]) == ("scarce", name, truth.relative)
    looks = [row["looks"] for row in alarm_rows(scene, "users", 2, 120.0)]
    assert looks == ["one", "every day, fixed test", "every day, sequence"]


def test_shares_of_tests_have_exact_intervals() -> None:
    """25 of 500: Clopper and Pearson's [3.3%, 7.3%]."""
    share = share_interval(25, 500)
    assert (share.value, share.low, share.high) == pytest.approx((0.05, 0.0326, 0.0729), abs=1e-4)
    assert share_interval(0, 10).low == 0.0
    assert share_interval(10, 10).high == 1.0


def test_the_table_of_a_run_names_what_was_assigned(tmp_path: Path) -> None:
    folder = tmp_path / "items"
    run_abtest(small_abtest(design={"kind": "categories"}), folder)
    assert list(pd.read_csv(folder / ROWS_FILE).columns) == ["arm", "category", "margin", "history"]


def test_pages_that_two_policies_fill_move_the_counters_of_their_guards(arms: Any) -> None:
    """Without counters a frequency cap refuses the request; with them no user sees an item a third time."""
    small, catalog, both = arms
    capped = tuple(
        replace(policy, guards=(InStock(), FrequencyCap(2, days=400.0))) for policy in both.policies
    )
    draft = TeamDraft((capped[0], capped[1]))
    merged = CounterfactualRanking(capped, np.arange(40) % 2)
    for policy in (DecidedPages(draft.decide_with_teams, draft.open_counters), merged):
        shop = season_shop(small, catalog)
        most = 0
        for step in season(shop, policy, 1, np.random.default_rng(0)):
            counter = step.requests.counters["shown_item_400d"]
            at = np.maximum(step.decisions.positions, 0)
            earlier = np.take_along_axis(counter, at, axis=1)[step.decisions.positions >= 0]
            most = max(most, int(earlier.max(initial=0)))
        assert most == 1
