"""What a reward may say: forms, limits, clipping, own terms; and what is refused, by name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shopgym.core import Feedback, InvalidInput
from shopgym.core.batches import PageBuffers, PageMeasures
from shopgym.core.config import json_schema
from shopgym.core.reward import TERMS, CostLimit, NorthStar, RewardSpec, own_term, read_spec
from shopgym.core.types import F32, F64


def feedback_of(**terms: list[float]) -> Feedback:
    """Pages with these sums and nothing else; terms of the page as a whole are measured as 0."""
    n = len(next(iter(terms.values())))
    buffers = PageBuffers.empty(n, 2)
    for array in (*buffers[:4], buffers.page, buffers.first, buffers.read):
        array[...] = 0
    names = list(TERMS)
    amounts, slates = np.zeros((4, n)), np.array([[0, -1]] * n, np.int32)
    for name, values in terms.items():
        if names.index(name) < 13:
            buffers.page[names.index(name), :n] = values
        else:
            amounts[names.index(name) - 13] = values

    def reading_time() -> F32:
        return np.zeros(n, np.float32)

    return Feedback(
        buffers, np.zeros((0, 13)), reading_time, PageMeasures(slates, np.ones(n, np.bool_), 2, *amounts)
    )


def test_every_column_has_a_term() -> None:
    amounts = RewardSpec().page(feedback_of(margin=[1.0]))[1]
    assert tuple(amounts) == tuple(TERMS)


def test_all_terms_are_told_whatever_the_reward_is_made_of() -> None:
    spec = RewardSpec({"click": 1.0}, unit="click", north_star="click")
    reward, amounts = spec.page(feedback_of(click=[1.0, 2.0], margin=[3.0, -4.0], diversity=[0.5, 1.0]))
    assert reward.tolist() == [1.0, 2.0]
    assert amounts["margin"].tolist() == [3.0, -4.0]
    assert amounts["diversity"].tolist() == [0.5, 1.0]


SIZES = st.floats(1e-9, 1e3)
WEIGHTS = st.just(0.0) | SIZES | SIZES.map(lambda size: -size)


@given(st.dictionaries(st.sampled_from(sorted(TERMS)), WEIGHTS, min_size=1), st.integers(0, 2**32 - 1))
def test_the_reward_is_the_weighted_sum_exactly(weights: dict[str, float], seed: int) -> None:
    rng = np.random.default_rng(seed)
    rates = {name: 0.5 for name in weights if TERMS[name].unit != "currency"}
    spec = RewardSpec(weights, exchange=rates)
    reward, amounts = spec.page(feedback_of(**{name: rng.normal(size=3).tolist() for name in TERMS}))
    want: F64 = np.zeros(3)
    for name, weight in weights.items():
        want = want + weight * rates.get(name, 1.0) * amounts[name]
    np.testing.assert_array_equal(reward, want)
    assert RewardSpec(**spec.spec()) == spec


def test_a_spec_that_says_nothing_new_is_stored_as_before() -> None:
    spec = RewardSpec({"margin": 1, "click": 2.0}, exchange={"click": 0.1})
    assert json.dumps(spec.spec()) == (
        '{"terms": {"margin": 1, "click": 2.0}, "unit": "currency", "exchange": {"click": 0.1}, '
        '"north_star": "margin"}'
    )


FULL = """
terms: {margin: 1.0, expected_return_cost: -1.0, click: 1.0}
exchange: {click: 0.02}
north_star: {weights: {margin: 1.0, return_cost: -1.0}, horizon: 90, discount: 0.999}
costs:
  - stockout rate <= 2%
  - return_cost <= 0.10 per revenue
  - discount_cost ≤ 0.05 per revenue
  - visits ≥ 0.98 of popularity's over a life
  - {term: impression, per: impression, at_least: 0.2, name: small sellers, items: {categories: [hats]}}
clip: {margin: [-50, 200]}
"""


def test_a_file_says_it_all(tmp_path: Path) -> None:
    path = tmp_path / "reward.yaml"
    path.write_text(FULL, encoding="utf-8")
    spec = read_spec(path)
    assert spec.star == NorthStar({"margin": 1.0, "return_cost": -1.0}, 90.0, 0.999)
    assert spec.star.name == "margin - return_cost over 90 days"
    assert [limit.sentence for limit in spec.limits] == [
        "stockout at most 2% per impression",
        "return_cost at most 0.1 per revenue",
        "discount_cost at most 0.05 per revenue",
        "visit at least 0.98 times popularity's per life",
        "small sellers at least 20% per impression",
    ]
    assert RewardSpec(**json.loads(json.dumps(spec.spec()))).limits == spec.limits


def test_the_section_of_a_config_is_read_too(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("name: a\nshop: {}\nreward: {terms: {click: 1.0}, unit: click, north_star: click}\n")
    assert read_spec(path).unit == "click"
    path.write_text("name: a\nshop: {}\n")
    assert read_spec(path) == RewardSpec()
    path.write_text("{margin: 1.0, return_cost: -1.0}\n")
    assert read_spec(path).terms == {"margin": 1.0, "return_cost": -1.0}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("rewards: {terms: {margin: 1}}", r"spec = 'rewards': .*did you mean 'reward'"),
        ("reward: {terms: {margin: 1}}\nclip: {margin: [-1, 1]}", r"clip = .*beside the section reward"),
        ("reward:", r"reward = None: the section is empty"),
    ],
)
def test_what_a_file_says_beside_the_reward_is_not_passed_over(
    text: str, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "reward.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InvalidInput, match=message):
        read_spec(path)


@pytest.mark.parametrize(("text", "weight"), [("1e3", 1000.0), ("-2.5E-3", -0.0025), (".5e1", 5.0)])
def test_a_number_may_be_written_with_an_exponent(text: str, weight: float, tmp_path: Path) -> None:
    path = tmp_path / "reward.yaml"
    path.write_text(f"reward: {{terms: {{margin: {text}}}}}", encoding="utf-8")
    assert read_spec(path).terms == {"margin": weight}


def test_percentages_of_what_is_counted_are_limits() -> None:
    for text in ("purchase >= 5% per click", "margin >= 90% of popularity's per page"):
        assert RewardSpec({"margin": 1.0}, costs=(text,)).limits[0].limit in (0.05, 0.9)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"version": 2}, r"reward\.version = 2: this shopgym reads version 1: install a newer one"),
        ({"version": 2, "stars": 5}, r"reward\.version = 2"),
        ({"version": "1"}, r"reward\.version = '1': give version 1"),
        ({"terms": {"margin": 1e308}}, r"terms\.margin = 1e\+308: give a weight of 1e-09 to 1e\+09"),
        ({"terms": {"margin": -1e-320}}, r"terms\.margin = -.*choose another unit"),
        ({"terms": {"click": 1.0}, "exchange": {"click": 1e306}}, r"exchange\.click = 1e\+306: give a rate"),
        ({"north_star": {"margin": 1e-306}}, r"north_star\.weights\.margin = 1e-306: give a weight"),
        ({"costs": ["stockout rate <= -2%"]}, r"stockout per impression = -0\.02: it is a share"),
        ({"costs": ["stockout rate <= nan"]}, r"stockout per impression = nan: remove NaN"),
        ({"costs": ["return_cost <= 2 GBP per revenue"]}, r"leave 'GBP' out"),
        ({"costs": ["return_cost <= 5% per page"]}, r"5% of what\? Count it by a term"),
        ({"costs": ["margin >= 5 per revenue"]}, r"margin is a part of revenue, so nothing meets it"),
        ({"terms": {"clicks": 1.0}}, r"reward\.terms = 'clicks': .*did you mean 'click'"),
        ({"costs": ["stockout rate <= 2%", "stockout rate >= 5%"]}, r"no policy is at most 0\.02"),
        (
            {
                "costs": [
                    {"term": "stockout", "per": "impression", "at_most": 0.02, "name": "a"},
                    {"term": "stockout", "per": "impression", "at_least": 0.05, "name": "b"},
                ]
            },
            r"reward\.costs\.b = .*no policy",
        ),
        ({"costs": ["stockout rate <= 2%", "stockout rate <= 3%"]}, r"limited twice"),
        (
            {
                "costs": [
                    {"term": "stockout", "at_most": 1, "name": "a"},
                    {"term": "click", "at_most": 1, "name": "a"},
                ]
            },
            r"reward\.costs\.a = 'click': two limits have this name",
        ),
        ({"costs": ["stockout rate <= 200%"]}, r"stockout per impression = 2\.0: it is a share"),
        ({"costs": ["retention >= 1.5 per visit"]}, r"it is a share"),
        ({"costs": [{"term": "return_cost", "at_most": -0.1}]}, r"never below 0"),
        ({"costs": ["revenue <= 2 per revenue"]}, r"always 1"),
        ({"costs": [{"term": "click", "at_most": 1.0, "at_least": 0.5}]}, r"one of the two"),
        ({"costs": [{"term": "click"}]}, r"one of the two"),
        ({"costs": [{"term": "click", "at_most": 1.0, "per": "reveneu"}]}, r"per = 'reveneu'.*'revenue'"),
        ({"costs": ["fame <= 2"]}, r"reward\.costs = 'fame'"),
        ({"costs": ["stockouts below two"]}, r"write 'TERM <= LIMIT'"),
        ({"costs": ["stockout <= 1.2.3"]}, r"1\.2\.3 is no number"),
        ({"costs": "stockout <= 2"}, r"reward\.costs = 'stockout <= 2': give a list"),
        (
            {"costs": [{"term": "click", "at_most": 1.0, "items": {"categories": ["a"]}}]},
            r"the term impression",
        ),
        ({"costs": [{"term": "impression", "at_most": 1.0, "items": {}}]}, r"name categories or item_ids"),
        ({"north_star": {"margin": 1.0, "fame": 1.0}}, r"reward\.north_star = 'fame'"),
        ({"north_star": {"weights": {"margin": 0.0}}}, r"north_star\.weights\.margin = 0\.0"),
        ({"north_star": {"weights": {"margin": 1.0}, "horizon": 0}}, r"north_star\.horizon = 0"),
        ({"north_star": {"weights": {"margin": 1.0}, "discount": 1.5}}, r"north_star\.discount = 1\.5"),
        ({"north_star": {"margin": 1.0, "click": 1.0}}, r"weights\.click = 'click': .*without a rate"),
        ({"clip": {"margin": [1.0, 2.0]}}, r"reward\.clip\.margin = .*with 0 between"),
        ({"clip": {"click": [0.0, 2.0]}}, r"reward\.clip = 'click': choose one of margin"),
        ({"clip": {"margin": [0.0]}}, r"reward\.clip\.margin"),
        ({"north_star": 3}, r"reward\.north_star = 3: give a text or write a mapping"),
        ({"costs": [3]}, r"reward\.costs\[0\] = 3: give a text or write a mapping"),
    ],
)
def test_what_does_not_fit_is_named(spec: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        RewardSpec.read({"terms": {"margin": 1.0}, **spec})


def test_the_schema_knows_the_settings() -> None:
    properties = json_schema(RewardSpec)["properties"]
    assert set(properties) == {"terms", "unit", "exchange", "north_star", "costs", "clip", "version"}
    assert all("description" in part for part in properties.values())


@given(st.floats(-1e9, 1e9), st.floats(0.0, 1e4), st.floats(-1e4, 0.0), st.floats(0.01, 10.0))
def test_one_order_moves_nothing_past_the_bound(order: float, high: float, low: float, weight: float) -> None:
    high += 1.0
    spec = RewardSpec({"margin": weight}, clip={"margin": (low, high)})
    feedback = feedback_of(margin=[1.0, order])
    reward, amounts = spec.page(feedback)
    assert weight * low <= reward[1] <= weight * high
    assert amounts["margin"].tolist() == [1.0, order]  # what happened is told as it was
    assert spec.clipped(amounts).tolist() == [0.0, float(not low <= order <= high)]


def test_infinity_is_bounded_and_counted_or_refused() -> None:
    feedback = feedback_of(margin=[1.0, np.inf], click=[0.0, 0.0])
    with pytest.raises(InvalidInput, match=r"feedback\.margin\[1\] = inf"):
        RewardSpec().page(feedback)
    bounded = RewardSpec(clip={"margin": (-5.0, 50.0)})
    reward, amounts = bounded.page(feedback)
    assert reward.tolist() == [1.0, 50.0]
    assert bounded.clipped(amounts).tolist() == [0.0, 1.0]
    with pytest.raises(InvalidInput, match=r"feedback\.margin\[0\] = nan"):
        bounded.page(feedback_of(margin=[np.nan]))
    with pytest.raises(InvalidInput, match="too large for a number"):
        RewardSpec({"margin": 1e9}).page(feedback_of(margin=[1e300]))


def test_excess_sums_up_to_the_limit() -> None:
    """0.10 per revenue: 3 of 20 is 1 too much, 1 of 20 is 1 to spare."""
    limit = CostLimit.read("return_cost <= 0.10 per revenue")
    assert limit.excess(np.array([3.0, 1.0]), np.array([20.0, 20.0])).tolist() == [1.0, -1.0]
    floor = CostLimit.read("visits >= 0.5 of popularity over a life")
    assert floor.excess(np.array([3.0]), np.array([2.0]), reference=4.0).tolist() == [1.0]


def test_own_terms_are_functions_of_the_feedback() -> None:
    @own_term("test_large_margin", unit="page", sign=1)
    def large(feedback: Feedback) -> F64:
        """Pages that earn more than 2."""
        return (feedback.page[:, 5] > 2.0).astype(float)

    spec = RewardSpec(
        {"margin": 1.0, "test_large_margin": 0.5},
        exchange={"test_large_margin": 2.0},
        north_star="test_large_margin",
        costs=("test_large_margin <= 0.5",),
    )
    feedback = feedback_of(margin=[1.0, 3.0])
    reward, amounts = spec.page(feedback)
    assert reward.tolist() == [1.0, 4.0]
    assert amounts["test_large_margin"].tolist() == [0.0, 1.0]
    assert spec.north_star_page(feedback).tolist() == [0.0, 1.0]
    assert spec.cost_page(feedback)["test_large_margin per page"].tolist() == [0.0, 1.0]
    with pytest.raises(InvalidInput, match=r"own_term\.name = 'margin'"):
        own_term("margin", unit="currency", sign=1)
    with pytest.raises(InvalidInput, match=r"own_term\.name = 'test_large_margin'"):
        own_term("test_large_margin", unit="currency", sign=1)
    own_term("test_large_margin", unit="page", sign=1, replace=True)(lambda _: np.array([1.0, np.nan]))
    with pytest.raises(InvalidInput, match=r"feedback\.test_large_margin\[1\]"):
        spec.page(feedback)
    own_term("test_large_margin", unit="page", sign=1, replace=True)(lambda _: np.ones(7))
    with pytest.raises(InvalidInput, match=r"own_term test_large_margin = \(7,\): return shape"):
        spec.page(feedback)


def test_what_a_page_has_as_a_whole_is_spread_over_its_items() -> None:
    spec = RewardSpec(
        {"satisfaction": 1.0}, unit="point", north_star="satisfaction", clip={"satisfaction": (0, 0.5)}
    )
    feedback = feedback_of(satisfaction=[0.25, -0.5, 1.0])
    slots = spec.slots(feedback)
    assert slots.tolist() == [[0.25, 0.0], [0.0, 0.0], [0.5, 0.0]]
    np.testing.assert_array_equal(slots.sum(axis=1), spec.page(feedback)[0])
