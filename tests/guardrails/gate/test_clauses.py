"""The clauses of the gate: bounds by hand, what fails and by how much, and the error rate of all together."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy import stats

from shopgym.core import InvalidInput
from shopgym.core.reward import CostLimit
from shopgym.evaluation.offline.inputs import OpeInputs
from shopgym.guardrails.gate import Clause, judge_candidates, lint_clause, overridden
from shopgym.guardrails.reward import LintReport

Arrays = np.ndarray[Any, Any]


def outcome(values: Arrays, weights: Arrays, unit: str = "x") -> OpeInputs:
    zeros = np.zeros_like(values)
    return OpeInputs(values, weights, zeros, zeros, unsupported=0.0, unit=unit)


def log(
    n: int, seed: int, cost: float = 0.1, tilt: float = 0.5
) -> tuple[dict[str, OpeInputs], dict[str, Any]]:
    """``new`` earns more than ``old``, and spends ``cost`` of each unit that it earns on average."""
    rng = np.random.default_rng(seed)
    revenue = rng.uniform(1.0, 3.0, (n, 1))
    spent = revenue * rng.uniform(0.0, 2.0 * cost, (n, 1))
    weights = {"old": np.ones((n, 1)), "new": np.where(revenue > 2.0, 1.5, 0.5)}
    stars = {name: outcome(revenue, weight) for name, weight in weights.items()}
    outcomes = {
        name: {"revenue": outcome(revenue, weight), "return_cost": outcome(spent, weight)}
        for name, weight in weights.items()
    }
    return stars, outcomes


def test_the_bound_of_a_ratio_is_that_of_its_linear_part() -> None:
    """By hand: R = sum(w c) / sum(w r), with the influence w (c - R r) / mean(w r)."""
    stars, outcomes = log(4000, 0)
    cost = CostLimit.read("return_cost <= 0.12 per revenue")
    verdict = judge_candidates(stars, "old", 0.95, costs=[cost], outcomes=outcomes)["new"]
    clause = verdict.clauses[1]
    new = outcomes["new"]
    spent, earned = (new[name].weight[:, 0] * new[name].reward[:, 0] for name in ("return_cost", "revenue"))
    ratio = spent.mean() / earned.mean()
    influence = (spent - ratio * earned) / earned.mean()
    bound = ratio + stats.norm.ppf(0.95) * influence.std(ddof=1) / math.sqrt(len(influence))
    assert clause.value == pytest.approx(ratio)
    assert clause.bound == pytest.approx(bound)
    assert (clause.name, clause.limit, clause.missing, clause.further) == (
        "return_cost per revenue",
        0.12,
        0,
        0,
    )
    assert clause.passed
    assert verdict.passed


def clause_at(limit: float, stars: dict[str, OpeInputs], outcomes: dict[str, Any]) -> tuple[Clause, str]:
    cost = CostLimit(term="return_cost", at_most=limit, per="revenue")
    verdict = judge_candidates(stars, "old", 0.95, costs=[cost], outcomes=outcomes)["new"]
    return verdict.clauses[1], verdict.sentence


def test_a_refusal_says_which_clause_failed_by_how_much_and_what_would_settle_it() -> None:
    stars, outcomes = log(1000, 0)
    free, _ = clause_at(1.0, stars, outcomes)
    near, sentence = clause_at((free.value + free.bound) / 2, stars, outcomes)
    assert not near.passed
    assert near.missing == pytest.approx((free.bound - free.value) / 2)
    # by hand: the half width h = 2 effects at z; n' = n (h (1 + z_power / z) / effect)^2
    ratio = 1 + stats.norm.ppf(0.8) / stats.norm.ppf(0.95)
    assert near.further == pytest.approx(1000 * (2 * ratio) ** 2 - 1000)
    assert "new was refused by the gate: return_cost per revenue may be as high as" in sentence
    assert f"({near.missing:.3g} x per revenue short); if the true difference from" in sentence
    assert "more decisions would show it" in sentence
    wrong, sentence = clause_at(0.9 * free.value, stars, outcomes)
    assert math.isinf(wrong.further)
    assert (
        "is itself on the wrong side: more decisions of the same kind are not expected to change" in sentence
    )


def test_the_decisions_that_would_settle_a_clause_do_settle_it() -> None:
    """In a world as the short log describes it, logs of that length pass with the power that is stated."""
    stars, outcomes = log(1000, 0)
    free, _ = clause_at(1.0, stars, outcomes)
    limit = (free.value + free.bound) / 2
    n = 1000 + int(clause_at(limit, stars, outcomes)[0].further)
    passed = sum(clause_at(limit, *log(n, 1 + seed, cost=free.value))[0].passed for seed in range(200))
    assert stats.binomtest(passed, 200, 0.8).pvalue > 1e-6


@pytest.mark.parametrize(("limit", "passes"), [(0.95, True), (1.05, False)])
def test_a_limit_against_a_policy_is_a_test_of_non_inferiority(limit: float, passes: bool) -> None:
    """Both policies have a cost of 0.1 per revenue, so the ratio of the two is 1."""
    stars, outcomes = log(20_000, 0)
    cost = CostLimit(term="return_cost", at_least=limit, per="revenue", versus="old")
    clause = judge_candidates(stars, "old", 0.95, costs=[cost], outcomes=outcomes)["new"].clauses[1]
    assert clause.value == pytest.approx(1.0, abs=0.05)
    assert clause.passed == passes
    assert clause.unit == "times old's"


def test_a_cost_that_the_log_does_not_tell_is_refused() -> None:
    stars, outcomes = log(500, 0)
    cost = CostLimit.read("retention >= 50% per visit")
    verdict = judge_candidates(stars, "old", 0.95, costs=[cost], outcomes=outcomes)["new"]
    assert not verdict.passed
    assert verdict.reason == "the log does not tell retention of new"
    versus = CostLimit(term="return_cost", at_most=1.0, per="revenue", versus="nobody")
    with pytest.raises(InvalidInput, match="versus"):
        judge_candidates(stars, "old", 0.95, costs=[versus], outcomes=outcomes)


def test_a_cost_without_anything_to_count_by_is_refused() -> None:
    stars, outcomes = log(500, 0)
    nothing = {
        name: {**parts, "revenue": outcome(np.zeros((500, 1)), np.ones((500, 1)))}
        for name, parts in outcomes.items()
    }
    cost = CostLimit.read("return_cost <= 0.1 per revenue")
    clause = judge_candidates(stars, "old", 0.95, costs=[cost], outcomes=nothing)["new"].clauses[1]
    assert (clause.passed, clause.verdict) == (False, "refuse")


def test_a_gameable_reward_is_refused_whatever_the_log_says() -> None:
    stars, _ = log(5000, 0)
    report = LintReport((), "gameable", "It takes half off every page.")
    verdict = judge_candidates(stars, "old", 0.95, others=[lint_clause(report)])["new"]
    assert verdict.clauses[0].passed
    assert not verdict.passed
    assert verdict.reason.startswith("the reward can be gamed in this shop: It takes half off every page; ")
    assert lint_clause(LintReport((), "aligned", "")).passed


@pytest.mark.parametrize("verdict", ["not linted", "not told"])
def test_of_a_reward_that_was_not_judged_the_clause_says_so_and_claims_nothing(verdict: str) -> None:
    clause = lint_clause(LintReport((), verdict, "a few orders make all of it"))
    assert clause.passed
    assert clause.verdict == "refuse"
    assert "a few orders make all of it" in clause.reason


def test_an_override_needs_a_reason_and_is_loud() -> None:
    stars, _ = log(5000, 0)
    refused = judge_candidates(stars, "old", 0.95, others=[Clause("x", False, "it may not")])["new"]
    out = overridden(refused, " the board wants it ")
    assert (out.outcome, out.leaves, out.passed) == ("overridden", True, False)
    assert out.sentence.endswith("OVERRIDDEN: the board wants it")
    assert out.as_dict()["clauses"][1]["passed"] is False
    passed = judge_candidates(stars, "old", 0.95)["new"]
    assert overridden(passed, "in any case") is passed
    with pytest.raises(InvalidInput, match="say why"):
        overridden(refused, " ")


def test_policies_at_the_border_of_all_clauses_pass_at_most_at_the_stated_rate() -> None:
    """Three candidates without a gain, whose cost is at its limit: false passes in 600 logs."""
    rng = np.random.default_rng(0)
    n, logs, passed = 400, 600, 0
    cost = CostLimit.read("return_cost <= 0.1 per revenue")
    for _ in range(logs):
        revenue = rng.uniform(1.0, 3.0, (n, 1))
        spent = revenue * rng.uniform(0.0, 0.2, (n, 1))
        weights = {f"new {i}": rng.choice([0.5, 1.5], (n, 1)) for i in range(3)} | {"old": np.ones((n, 1))}
        stars = {name: outcome(revenue, weight) for name, weight in weights.items()}
        outcomes = {
            name: {"revenue": outcome(revenue, weight), "return_cost": outcome(spent, weight)}
            for name, weight in weights.items()
        }
        verdicts = judge_candidates(stars, "old", 0.9, costs=[cost], outcomes=outcomes)
        passed += any(verdict.passed for verdict in verdicts.values())
    assert stats.binomtest(passed, logs, 0.1, alternative="greater").pvalue > 1e-6
