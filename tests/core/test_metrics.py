"""Metrics of rankings and of exposure: other libraries' values, values by hand, and properties."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from builders.paths import SHARED
from hypothesis import given
from hypothesis import strategies as st

from shopgym.core import InvalidInput
from shopgym.core.metrics import (
    BUSINESS_METRICS,
    RANKING_METRICS,
    ShopTotals,
    business_metrics,
    coverage,
    entropy,
    exposure_by_group,
    exposures,
    novelty,
    outcome_parity,
    pair_diversity,
    per_ranking,
    serendipity,
)
from shopgym.core.statistics import gini

REFERENCE = SHARED / "reference" / "ranking"
needs_reference = pytest.mark.skipif(
    not REFERENCE.is_dir(), reason="needs the folder shared/reference/ranking"
)


def read(name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((REFERENCE / name).read_text())
    return content


def recorded() -> tuple[Any, Any, Any, Any]:
    """The recorded rankings: (n, 10) items, (n, 10) gains, (n, r) ideal gains, (40,) interactions."""
    data = read("rank_input.json")
    users = sorted(data["run"])
    ranked = np.array(
        [
            sorted((int(i[1:]) for i in data["run"][u]), key=lambda i: -data["run"][u][f"i{i:02}"])
            for u in users
        ],
        np.int32,
    )
    gain = np.array(
        [
            [data["qrels"].get(u, {}).get(f"i{i:02}", 0) for i in row]
            for u, row in zip(users, ranked, strict=True)
        ],
        float,
    )
    gains = [list(data["qrels"].get(u, {}).values()) for u in users]
    ideal = np.array([row + [0] * (10 - len(row)) for row in gains], float)
    had = [int(i[1:]) for items in data["train"].values() for i in items]
    return ranked, gain, ideal, np.bincount(had, minlength=data["n_items"])


@needs_reference
def test_ranking_metrics_agree_with_pytrec_eval_ranx_and_rectools() -> None:
    _, gain, ideal, _ = recorded()
    want = read("rank_reference.json")
    five = {name: np.nanmean(values) for name, values in per_ranking(gain, ideal, 5).items()}
    ten = {name: np.nanmean(values) for name, values in per_ranking(gain, ideal, 10).items()}
    trec, ranx, rectools = want["ir_measures_pytrec_eval"], want["ranx"], want["rectools_0.19.0"]
    for ours, theirs in (
        (five["ndcg"], trec["nDCG@5"]),
        (ten["ndcg"], trec["nDCG@10"]),
        (five["recall"], trec["R@5"]),
        (ten["recall"], trec["R@10"]),
        (five["precision"], trec["P@5"]),
        (five["mrr"], trec["RR@5"]),
        (ten["mrr"], trec["RR"]),
        (ten["map"], trec["AP@10"]),
        (five["map"], ranx["map@5"]),
        (five["hit"], ranx["hit_rate@5"]),
        (ten["map"], rectools["map10"]),
        (five["mrr"], rectools["mrr5"]),
        (five["precision"], rectools["prec5"]),
    ):
        assert ours == pytest.approx(theirs, abs=1e-12)


@needs_reference
def test_exposure_metrics_agree_with_rectools_and_the_formulas() -> None:
    ranked, gain, _, had = recorded()
    want = read("rank_reference.json")
    formula, rectools = want["formula"], want["rectools_0.19.0"]
    shown = exposures(ranked, 40)
    features = read("rank_input.json")["item_features"]
    embedding = np.array(
        [features[f"i{i:02}"] for i in range(40)] if isinstance(features, dict) else features, float
    )
    unlike, pairs = pair_diversity(ranked, embedding)
    assert gini(shown) == pytest.approx(formula["gini_all_catalogue"])
    assert coverage(ranked, 40) == pytest.approx(formula["coverage"]) == pytest.approx(rectools["cov10"])
    assert entropy(shown) == pytest.approx(formula["entropy_bits"])
    assert (unlike / pairs).mean() == pytest.approx(formula["ild_cosine"])
    assert novelty(ranked, had, 12) == pytest.approx(formula["novelty_bits_pop_floor1"])
    assert novelty(ranked, had, 12) == pytest.approx(rectools["miuf10"])
    assert serendipity(ranked, gain, had) == pytest.approx(rectools["serendipity10"])
    even = exposure_by_group(ranked, np.arange(40) % 2)
    assert even[0] == pytest.approx(formula["exposure_share_even"])


def test_ranking_metrics_of_a_ranking_known_by_hand() -> None:
    gain = np.array([[0.0, 2.0, 1.0], [0.0, 0.0, 0.0]])
    ideal = np.array([[1.0, 2.0, 1.0], [0.0, 0.0, 0.0]])
    values = per_ranking(gain, ideal, 3)
    discount = 1 / np.log2([2, 3, 4])
    assert values["recall"][0] == pytest.approx(2 / 3)
    assert values["precision"][0] == pytest.approx(2 / 3)
    assert values["ndcg"][0] == pytest.approx((discount @ [0, 2, 1]) / (discount @ [2, 1, 1]))
    assert values["map"][0] == pytest.approx((1 / 2 + 2 / 3) / 3)
    assert values["mrr"][0] == 0.5
    assert all(np.isnan(each[1]) for each in values.values())  # nothing is relevant: no value, not 0


@given(st.lists(st.floats(0, 9), min_size=1, max_size=8), st.integers(1, 8))
def test_a_ranking_in_order_of_gain_is_perfect(gains: list[float], k: int) -> None:
    ideal = np.array([gains])
    best = -np.sort(-ideal, axis=1)
    values = per_ranking(best, ideal, min(k, len(gains)))
    if not (ideal > 0).any():
        assert np.isnan(values["ndcg"][0])
        return
    assert values["ndcg"][0] == pytest.approx(1.0)
    assert values["mrr"][0] == values["hit"][0] == 1.0
    assert set(values) == set(RANKING_METRICS)
    assert all(0.0 <= each[0] <= 1.0 for each in values.values())


def test_empty_places_are_not_shown() -> None:
    ranked = np.array([[0, -1], [1, 2]], np.int32)
    assert exposures(ranked, 4).tolist() == [1, 1, 1, 0]
    assert coverage(ranked, 4) == 0.75
    unlike, pairs = pair_diversity(ranked, np.eye(4))
    assert unlike.tolist() == pytest.approx([0, 1])
    assert pairs.tolist() == [0, 1]
    assert novelty(ranked, np.array([4, 2, 1, 0]), 4) == pytest.approx((0 + (1 + 2) / 2) / 2)
    share = exposure_by_group(ranked, np.array(["big", "small", "small", "big"]))
    assert share["big"] == pytest.approx(1 / (2 + 1 / np.log2(3)))
    assert sum(share.values()) == pytest.approx(1.0)


def test_parity_is_the_smallest_over_the_largest_mean() -> None:
    outcome = np.array([1.0, 1.0, 0.5, 0.5])
    assert outcome_parity(outcome, np.array(["a", "a", "b", "b"])) == 0.5
    assert outcome_parity(outcome, np.array(["a", "b", "a", "b"])) == 1.0
    assert np.isnan(outcome_parity(outcome, np.array(["a"] * 4)))
    assert np.isnan(outcome_parity(np.zeros(4), np.array(["a", "a", "b", "b"])))


@pytest.mark.parametrize(
    ("gain", "ideal", "k", "field"),
    [
        (np.zeros((1, 2)), np.zeros((2, 2)), 1, "gain"),
        (np.zeros((1, 2)), np.zeros((1, 2)), 3, "k"),
        (np.array([[-1.0]]), np.zeros((1, 1)), 1, "gain"),
        (np.zeros((1, 1)), np.array([[np.nan]]), 1, "ideal"),
    ],
)
def test_what_is_wrong_is_named(gain: Any, ideal: Any, k: int, field: str) -> None:
    with pytest.raises(InvalidInput, match=field):
        per_ranking(gain, ideal, k)


def test_an_outcome_below_zero_has_no_parity() -> None:
    with pytest.raises(InvalidInput, match="outcome"):
        outcome_parity(np.array([-1.0, 1.0]), np.array([0, 1]))


def totals(**changes: Any) -> ShopTotals:
    """Ten visits of five customers: 4 visits with an order, 40 slots, 8 clicks, 6 carts."""
    amounts = {"revenue": 80.0, "margin": 30.0, "return_cost": 10.0, "click": 8.0, "cart": 6.0, "dwell": 90.0}
    sums: dict[str, Any] = {
        "terms": {**amounts, "retention": 5.0, "holding_cost": 2.0},
        "pages": 20,
        "visits": 10,
        "visits_with_order": 4,
        "customers": 5,
        "slots": 40,
        "sold_out": 2,
        "comes_back": True,
        "has_stock": True,
        "shown": np.array([30, 6, 4, 0]),
        "unlike": 12.0,
        "pairs": 40,
        "seller": np.array([0, 0, 1, 0]),
        "group_visits": np.array([6, 4]),
        "group_orders": np.array([3, 1]),
    }
    return ShopTotals(**(sums | changes))


def test_every_business_metric_by_hand() -> None:
    want = {
        "conversion": 0.4,
        "average_order_value": 20.0,
        "revenue_per_visit": 8.0,
        "margin_per_visit": 2.0,
        "retention": 0.5,
        "visits_per_customer": 2.0,
        "lifetime_value": 4.0,
        "pages_per_visit": 2.0,
        "click_through_rate": 0.2,
        "item_pages_per_visit": 0.8,
        "add_to_cart_rate": 0.75,
        "dwell_per_visit": 9.0,
        "coverage": 0.75,
        "exposure_gini": (2 * (1 * 0 + 2 * 4 + 3 * 6 + 4 * 30) / 40 - 5) / 4,
        "exposure_entropy": -sum(p * np.log2(p) for p in (0.75, 0.15, 0.1)),
        "diversity": 0.3,
        "small_seller_exposure": 0.1,
        "conversion_parity": 0.5,
        "stockouts_per_slot": 0.05,
        "holding_cost_per_visit": 0.2,
    }
    assert business_metrics(totals()) == pytest.approx(want)
    assert [metric.name for metric in BUSINESS_METRICS] == list(want)


def test_a_question_that_does_not_arise_has_no_answer() -> None:
    alone = totals(
        comes_back=False,
        has_stock=False,
        visits_with_order=0,
        group_visits=np.array([10]),
        group_orders=np.array([0]),
    )
    blank = {name for name, value in business_metrics(alone).items() if np.isnan(value)}
    people = {"retention", "visits_per_customer", "lifetime_value"}
    assert blank == {"average_order_value", "conversion_parity", "holding_cost_per_visit"} | people
