"""Scorers that rankers hand out: trees, probabilities and weighted objectives, against known numbers."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from builders.bundles import CONTEXT, USER, random_requests, small_bundle, small_items, table_policy
from builders.paths import SHARED
from scipy.special import expit

from shopgym.agents.ranking.calibration import calibration_error, fit_isotonic, fit_platt
from shopgym.core import InvalidInput
from shopgym.core.metrics import ndcg
from shopgym.policies.explorers import PlackettLuceRanking
from shopgym.policies.features import FeatureMap
from shopgym.policies.guards import InStock
from shopgym.policies.policy import SlatePolicy, policy_from_state
from shopgym.policies.scorers import (
    Head,
    LinearScorer,
    ObjectivesScorer,
    ProbabilityScorer,
    TableScorer,
    TreeScorer,
)

ITEMS = small_items(3)
FEATURES = FeatureMap((("item.embedding_0",), ("context.hour",)), USER, CONTEXT)
TREES = TreeScorer(
    FEATURES,
    ITEMS,
    roots=np.array([0, 3], np.int32),
    # x0 <= 0.5 ? 1 : 2, and x1 <= 0.2 ? (x0 <= 0.9 ? 10 : 20) : 30
    feature=np.array([0, 0, 0, 1, 0, 0, 0, 0], np.int32),
    threshold=np.array([0.5, np.inf, np.inf, 0.2, 0.9, np.inf, np.inf, np.inf]),
    children=np.array([[1, 2], [1, 1], [2, 2], [4, 7], [5, 6], [5, 5], [6, 6], [7, 7]], np.int32),
    value=np.array([0.0, 1, 2, 0, 0, 10, 20, 30]),
    depth=2,
)
TABLES = (TableScorer(np.array([0.1, 0.2, 0.3])), TableScorer(np.array([0.5, 0.1, 0.0])))
HEADS = (
    Head("revenue", "GBP", 1.0, 0, "price"),
    Head("margin", "GBP", 2.0, 0, "margin"),
    Head("satisfaction", "clicks", 3.0, 1),
)
OBJECTIVES = ObjectivesScorer(ITEMS, TABLES, HEADS)


def test_trees_by_hand() -> None:
    x = np.array([[0.5, 0.2], [0.51, 0.2], [0.95, 0.2], [0.95, 0.3]])
    np.testing.assert_array_equal(TREES.evaluate(x), [11.0, 12.0, 22.0, 32.0])


def test_trees_refuse_nan() -> None:
    x = np.array([[np.nan, 0.0], [0.0, np.inf], [0.0, 0.0]])
    np.testing.assert_array_equal(np.isnan(TREES.evaluate(x)), [True, True, False])
    policy = SlatePolicy("p", ITEMS, TREES, PlackettLuceRanking(), (InStock(),), 2)
    requests = random_requests(policy, 4, 3, np.random.default_rng(0))
    requests = replace(requests, context=np.full((4, 1), np.nan, np.float32))
    with pytest.raises(InvalidInput, match="not finite"):
        policy.decide(requests, np.random.default_rng(0))


def test_trees_in_parts_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    requests = random_requests(table_policy(), 20, 3, np.random.default_rng(0))
    whole = TREES.scores(requests)
    monkeypatch.setattr("shopgym.policies.scorers.trees._CELLS_AT_A_TIME", 12)
    np.testing.assert_array_equal(TREES.scores(requests), whole)


def test_objectives_by_hand() -> None:
    requests = random_requests(table_policy(), 1, 3, np.random.default_rng(0))
    requests = replace(requests, candidates=np.array([[0, 1, 2]], np.int32))
    # prices 2, 5.5, 9; margins 1, 3, 5
    want = [
        0.1 * 2 + 2 * 0.1 * 1 + 3 * 0.5,
        0.2 * 5.5 + 2 * 0.2 * 3 + 3 * 0.1,
        0.3 * 9 + 2 * 0.3 * 5,
    ]
    np.testing.assert_allclose(OBJECTIVES.scores(requests), [[want]])
    live = {"price": np.array([[1.0, 1.0, 1.0]], np.float32), "margin": np.array([[-1.0, 0, 2]], np.float32)}
    live_scores = replace(requests, live=live)
    want = [0.1 - 2 * 0.1 + 3 * 0.5, 0.2 + 3 * 0.1, 0.3 + 2 * 0.3 * 2]
    np.testing.assert_allclose(OBJECTIVES.scores(live_scores), [[want]])
    parts = OBJECTIVES.objectives(live_scores)
    assert list(parts) == ["revenue", "margin", "satisfaction"]
    np.testing.assert_allclose(parts["margin"], [[[-0.1, 0.0, 0.6]]])


def test_platt_finds_the_line_it_came_from() -> None:
    rng = np.random.default_rng(0)
    scores, attention = 5 + 3 * rng.normal(size=60_000), rng.choice([1.0, 0.4], 60_000)
    y = (rng.random(60_000) < attention * expit(0.5 * scores - 3)).astype(float)
    a, b = fit_platt(scores, y, attention)
    assert a == pytest.approx(0.5, abs=0.03)
    assert b == pytest.approx(-3.0, abs=0.15)
    naive = fit_platt(scores, y, np.ones(60_000))
    assert abs(naive[0] - 0.5) > 0.1  # what was not seen is taken for refused


def test_platt_stays_finite_where_scores_separate() -> None:
    assert np.isfinite(fit_platt(np.array([0.0, 1.0]), np.array([0.0, 1.0]), np.ones(2))).all()
    assert np.isfinite(fit_platt(np.ones(4), np.array([0.0, 1, 0, 0]), np.ones(4))).all()


def test_isotonic_by_hand() -> None:
    # 1, 0 are pooled to 1/2; the equal scores at 3 are one point with mean 2/3
    curve = fit_isotonic(np.array([1.0, 2, 3, 3, 3]), np.array([1.0, 0, 1, 1, 0]), np.ones(5))
    np.testing.assert_allclose(curve, [[1, 2, 3], [0.5, 0.5, 2 / 3]])
    # a slot looked at half the time counts half and happens twice as often as it shows
    curve = fit_isotonic(np.array([1.0, 1.0]), np.array([1.0, 0.0]), np.array([0.5, 1.0]))
    np.testing.assert_allclose(curve[1], [1 / 1.5])
    scorer = ProbabilityScorer(
        TableScorer(np.array([0.0, 1.5, 9.0])), "isotonic", np.array([[1.0, 2], [0.2, 0.4]])
    )
    requests = random_requests(table_policy(), 1, 3, np.random.default_rng(0))
    requests = replace(requests, candidates=np.array([[0, 1, 2]], np.int32))
    np.testing.assert_allclose(scorer.scores(requests), [[[0.2, 0.3, 0.4]]])


def test_calibration_error_by_hand() -> None:
    # two bins of two: one of two happened in each, 0.2 and 1.2 were foretold
    p, y = np.array([0.1, 0.1, 0.6, 0.6]), np.array([1.0, 0.0, 1.0, 0.0])
    assert calibration_error(p, y, bins=2) == pytest.approx((0.8 + 0.2) / 4)
    rng = np.random.default_rng(0)
    p = rng.random(100_000)
    y = (rng.random(100_000) < p).astype(float)
    assert calibration_error(p, y) < 0.01
    assert calibration_error(p**2, y) > 0.1
    with pytest.raises(InvalidInput, match="calibration"):
        calibration_error(np.ones(0), np.ones(0))


NESTED = {
    "trees": TREES,
    "objectives": OBJECTIVES,
    "isotonic": ProbabilityScorer(TREES, "isotonic", np.array([[0.0, 40.0], [0.0, 1.0]])),
    "deep": ObjectivesScorer(
        ITEMS,
        (
            ProbabilityScorer(TREES, "platt", np.array([0.1, 0.0])),
            LinearScorer(FEATURES, ITEMS, np.ones((2, 2)), np.ones(3)),
        ),
        (HEADS[0], HEADS[2]),
    ),
}


@pytest.mark.parametrize("name", NESTED)
def test_state_and_bundle_round_trip(name: str, tmp_path: Path) -> None:
    policy = SlatePolicy("p", ITEMS, NESTED[name], PlackettLuceRanking(2.0, 0.1), (InStock(),), 2)
    requests = random_requests(policy, 30, 3, np.random.default_rng(0))
    loaded = small_bundle(tmp_path / "bundle", policy).policy
    for restored in (policy_from_state(*policy.state(), ITEMS), loaded):
        assert restored.hash == policy.hash
        np.testing.assert_array_equal(restored.scorer.scores(requests), policy.scorer.scores(requests))


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (lambda: replace(TREES, children=TREES.children + np.int32(1)), r"scorer\.children"),
        (lambda: replace(TREES, feature=TREES.feature + np.int32(1)), r"scorer\.feature"),
        (lambda: replace(TREES, value=TREES.value[:-1]), r"scorer\.children"),
        (lambda: replace(TREES, value=TREES.value * np.nan), r"scorer\.value"),
        (lambda: ProbabilityScorer(TREES, "beta", np.ones(2)), r"scorer\.method"),
        (lambda: ProbabilityScorer(TREES, "platt", np.ones(3)), r"scorer\.curve"),
        (lambda: ProbabilityScorer(TREES, "platt", np.array([1, np.nan])), r"scorer\.curve"),
        (lambda: replace(OBJECTIVES, heads=()), r"scorer\.heads"),
        (lambda: replace(OBJECTIVES, models=TABLES[:1]), r"heads\.satisfaction\.model"),
        (lambda: Head("x", "GBP", worth="cost"), r"heads\.x\.worth"),
        (lambda: Head("x", "GBP", weight=float("nan")), r"heads\.x\.weight"),
        (
            lambda: policy_from_state({**table_policy().state()[0], "scorer": {"kind": "oracle"}}, {}, ITEMS),
            r"policy\.scorer",
        ),
    ],
)
def test_bad_scorers_are_refused(make: Any, field: str) -> None:
    with pytest.raises(InvalidInput, match=field):
        make()


REFERENCE = SHARED / "reference" / "ranking"


@pytest.mark.skipif(not REFERENCE.is_dir(), reason="the reference vectors are not here")
def test_ndcg_is_that_of_the_reference() -> None:
    given = json.loads((REFERENCE / "rank_input.json").read_text())
    want = json.loads((REFERENCE / "rank_reference.json").read_text())
    items = sorted(given["item_features"])
    users = list(given["qrels"])
    gains = np.array([[given["qrels"][u].get(i, 0.0) for i in items] for u in users], float)
    scores = np.array([[given["run"].get(u, {}).get(i, -np.inf) for i in items] for u in users])
    # what was not retrieved shares the ranks behind: within the first 10 only if fewer were retrieved
    assert (np.isfinite(scores).sum(axis=1) >= 10).all()
    for k in (5, 10):
        assert ndcg(scores, gains, k).mean() == pytest.approx(want["ranx"][f"ndcg@{k}"], abs=1e-12)
    for user, value in zip(users, ndcg(scores, gains, 10)):
        assert value == pytest.approx(want["ir_measures_per_user_ndcg10"][user], abs=1e-12)
    burges = ndcg(scores, gains, 10, exponential=True).mean()
    assert burges == pytest.approx(want["ranx"]["ndcg_burges@10"], abs=1e-12)


def test_ndcg_of_ties_is_their_mean() -> None:
    gains = np.array([[1.0, 0.0, 0.0]])
    tied = ndcg(np.zeros((1, 3)), gains, 2)
    assert tied[0] == pytest.approx((1 + 1 / np.log2(3)) / 3)
    assert np.isnan(ndcg(np.zeros((1, 3)), np.zeros((1, 3)), 2)[0])
    with pytest.raises(InvalidInput, match="ndcg"):
        ndcg(np.full((1, 3), np.nan), gains, 2)
