"""The gate on paired deployments: intervals by hand, and how often it lets out what brings nothing."""

from __future__ import annotations

import numpy as np
import pytest

from shopgym.core.errors import InvalidInput
from shopgym.core.reward import CostLimit
from shopgym.guardrails.gate import PairedOutcomes, judge_paired

LEVEL = 0.9


def outcomes(*stars: list[float], **amounts: list[list[float]]) -> dict[str, PairedOutcomes]:
    """By name (base, one, two, ...): the north star of each episode, and amounts by name."""
    names = ("base", "one", "two")
    return {
        name: PairedOutcomes(np.array(star), {key: np.array(values[at]) for key, values in amounts.items()})
        for at, (name, star) in enumerate(zip(names, stars))
    }


def test_the_bound_is_students_t_over_the_differences() -> None:
    verdict = judge_paired(outcomes([1.0, 5, 3], [2.0, 7, 6]), "base", LEVEL, unit="GBP")["one"]
    # differences 1, 2, 3: mean 2, standard error 1 / sqrt(3); t(0.9, 2) = 1.8856
    assert verdict.gain == pytest.approx(2.0)
    assert verdict.low == pytest.approx(2.0 - 1.8856 / 3**0.5, abs=1e-4)
    assert verdict.passed
    assert verdict.verdict == "caution"  # three episodes
    assert "3 paired seasons of deployment" in verdict.reason


def test_the_error_is_shared_by_all_candidates() -> None:
    alone = judge_paired(outcomes([1.0, 5, 3], [2.0, 7, 6]), "base", LEVEL)["one"]
    beside = judge_paired(outcomes([1.0, 5, 3], [2.0, 7, 6], [0.0, 1, 2]), "base", LEVEL)
    assert beside["one"].low < alone.low
    assert not beside["two"].passed
    assert "must be above 0" in beside["two"].reason


def test_a_cost_is_a_ratio_of_means() -> None:
    made = outcomes(
        [1.0, 1, 1, 1],
        [2.0, 2, 3, 3],
        cost=[[2.0, 2, 2, 2], [1.0, 2, 3, 2]],
        page=[[10.0] * 4, [8.0, 12, 10, 10]],
    )
    limit = CostLimit("stockout", at_most=0.5, name="cost")
    clause = judge_paired(made, "base", LEVEL, costs=[limit])["one"].clauses[1]
    assert clause.value == pytest.approx(8 / 40)
    influence = (np.array([1.0, 2, 3, 2]) - 0.2 * np.array([8.0, 12, 10, 10])) / 10
    half = 1.6377 * influence.std(ddof=1) / 2  # t(0.9, 3)
    assert clause.bound == pytest.approx(0.2 + half, abs=1e-4)
    assert clause.passed
    tight = CostLimit("stockout", at_most=0.21, name="cost")
    assert not judge_paired(made, "base", LEVEL, costs=[tight])["one"].passed
    versus = CostLimit("stockout", at_most=3.0, versus="base", name="cost")
    assert judge_paired(made, "base", LEVEL, costs=[versus])["one"].clauses[1].value == pytest.approx(1.0)


def test_what_brings_nothing_passes_as_seldom_as_it_says() -> None:
    rng, passed = np.random.default_rng(0), 0
    for _ in range(1000):
        base, one = rng.normal(size=(2, 12))
        made = {"base": PairedOutcomes(base, {}), "one": PairedOutcomes(one, {})}
        passed += judge_paired(made, "base", LEVEL)["one"].passed
    assert 60 <= passed <= 145  # of 1,000 at 10%: false alarms below 1e-4


def test_who_was_not_deployed_is_named() -> None:
    with pytest.raises(InvalidInput, match="evaluate it and at least one other"):
        judge_paired(outcomes([1.0, 2.0]), "base", LEVEL)
    limit = CostLimit("stockout", at_most=0.5, versus="who", name="cost")
    with pytest.raises(InvalidInput, match="evaluate it beside"):
        judge_paired(outcomes([1.0, 2], [1.0, 2]), "base", LEVEL, costs=[limit])
