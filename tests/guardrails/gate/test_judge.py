"""The gate: known answers by hand, then its error rate, then what it refuses."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import stats

from shopgym.core import InvalidInput
from shopgym.evaluation.offline.estimate import Estimate
from shopgym.evaluation.offline.inputs import OpeInputs
from shopgym.guardrails.gate import Verdict, choose_candidate, judge_candidates


def given(rewards: np.ndarray[Any, Any], weights: np.ndarray[Any, Any]) -> OpeInputs:
    zeros = np.zeros_like(rewards)
    return OpeInputs(
        reward=rewards, weight=weights, q_logged=zeros, v_target=zeros, unsupported=0.0, unit="x"
    )


def test_gate_lets_through_at_its_stated_rate() -> None:
    # two policies of equal value: the lower bound is above 0 in 5% of logs; 2000 logs, false alarm 1e-6
    rng = np.random.default_rng(0)
    passed = 0
    for _ in range(2000):
        rewards = rng.normal(1.0, 1.0, (400, 1))
        inputs = {
            "old": given(rewards, np.ones((400, 1))),
            "new": given(rewards, rng.choice([0.5, 1.5], (400, 1))),
        }
        passed += judge_candidates(inputs, "old", 0.95)["new"].passed
    assert stats.binomtest(passed, 2000, 0.05).pvalue > 1e-6


def test_gate_passes_the_better_and_refuses_the_worse() -> None:
    rng = np.random.default_rng(0)
    rewards = rng.normal(1.0, 0.5, (5000, 1))
    inputs = {
        "old": given(rewards, np.ones((5000, 1))),
        "better": given(rewards, np.where(rewards > 1, 1.5, 0.5)),
        "worse": given(rewards, np.where(rewards > 1, 0.5, 1.5)),
    }
    verdicts = judge_candidates(inputs, "old", 0.95)
    assert verdicts["better"].passed
    assert not verdicts["worse"].passed
    assert "must be above 0" in verdicts["worse"].reason
    assert choose_candidate(verdicts, "best").candidate == "better"
    assert choose_candidate(verdicts, "worse").candidate == "worse"
    with pytest.raises(InvalidInput, match=r"gate\.candidate"):
        choose_candidate(verdicts, "none")
    with pytest.raises(InvalidInput, match=r"gate\.baseline"):
        judge_candidates({"old": inputs["old"]}, "old", 0.95)


def test_gate_refuses_what_the_log_cannot_tell() -> None:
    # all of the candidate's gain comes from three rounds with enormous weights
    rng = np.random.default_rng(0)
    rewards, weights = rng.normal(1.0, 0.01, (3000, 1)), np.full((3000, 1), 0.001)
    weights[:3] = 2000.0
    verdict = judge_candidates(
        {"old": given(rewards, np.ones((3000, 1))), "new": given(rewards, weights)}, "old", 0.95
    )
    assert not verdict["new"].passed
    assert verdict["new"].reason.startswith("the log does not tell the north star: ")


def test_bounds_split_the_error_over_the_candidates() -> None:
    """By hand: of three candidates each bound is one-sided at 1 - 0.06 / 3, so 98%."""
    n = 400
    rewards = np.random.default_rng(0).normal(1.0, 0.5, (n, 1))
    weights = {
        name: np.random.default_rng(seed).choice([0.5, 1.5], (n, 1)) for seed, name in enumerate("abc")
    }
    inputs = {"old": given(rewards, np.ones((n, 1)))} | {w: given(rewards, weights[w]) for w in weights}
    for name, verdict in judge_candidates(inputs, "old", 0.94).items():
        difference = ((weights[name] - 1) * rewards)[:, 0]
        half = stats.norm.ppf(0.98) * difference.std(ddof=1) / math.sqrt(n)
        assert verdict.gain == pytest.approx(difference.mean())
        assert verdict.low == pytest.approx(difference.mean() - half)
        assert (verdict.candidate, verdict.baseline, verdict.level, verdict.unit) == (name, "old", 0.94, "x")


@pytest.mark.parametrize(("low", "passed"), [(-1e-9, False), (0.0, False), (1e-9, True)])
def test_only_a_bound_above_zero_passes(low: float, passed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    inputs = given(np.ones((9, 1)), np.ones((9, 1)))
    difference = Estimate(1.0, low, 2.0, 0.9, "delta", "dr", 9, 9.0, 1.0, 1.0, 0.0, "x", verdict="trust")
    monkeypatch.setattr("shopgym.guardrails.gate.clauses.compare_inputs", lambda *_, **__: difference)
    verdict = judge_candidates({"old": inputs, "new": inputs}, "old", 0.95)["new"]
    assert (verdict.low, verdict.passed) == (low, passed)


def test_an_estimate_that_is_refused_does_not_pass_however_high_its_bound_is() -> None:
    rewards = np.random.default_rng(0).normal(1.0, 0.5, (5000, 1))
    better = given(rewards, np.where(rewards > 1, 1.5, 0.5))
    doubtful = replace(better, assumptions="rewards are alike", assumptions_z=9.0)
    verdicts = judge_candidates(
        {"old": given(rewards, np.ones((5000, 1))), "better": better, "doubtful": doubtful}, "old", 0.95
    )
    assert verdicts["better"].passed
    assert verdicts["doubtful"].low == verdicts["better"].low > 0
    assert not verdicts["doubtful"].passed
    assert "the log contradicts that rewards are alike" in verdicts["doubtful"].reason


def test_a_verdict_in_words() -> None:
    verdict = Verdict("new", "old", 0.2, 0.1, 0.95, "GBP", True, "it is better")
    assert (verdict.outcome, verdict.sentence) == ("passed", "new passed the gate: it is better")
    verdict = replace(verdict, passed=False, reason="it is worse")
    assert (verdict.outcome, verdict.sentence) == ("refused", "new was refused by the gate: it is worse")


def test_a_baseline_that_was_not_evaluated_is_refused() -> None:
    inputs = {"new": given(np.ones((9, 1)), np.ones((9, 1)))}
    with pytest.raises(InvalidInput, match=r"gate\.baseline"):
        judge_candidates(inputs, "old", 0.95)
