"""Estimators that ought to agree, a model that nothing checks, and propensities that are proven wrong."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from shopgym import compare, evaluate
from shopgym.core.protocols import has_marginals
from shopgym.evaluation.offline import DEFAULT_ESTIMATORS, OpeInputs, compare_inputs
from shopgym.evaluation.offline.agreement import UNCHECKED_MODEL
from shopgym.evaluation.offline.estimators import ESTIMATORS
from shopgym.evaluation.offline.streaming import SufficientStatistics
from shopgym.evaluation.offline.support import Support
from shopgym.evaluation.offline.verdict import off
from tests.builders.paths import SHARED

NEAR_GREEDY = SHARED / "cases" / "evaluation" / "near_greedy.csv"
needs_cases = pytest.mark.skipif(not NEAR_GREEDY.exists(), reason="needs the folder shared/cases")


def rounds(n: int = 4000, bias: float = 0.0, seed: int = 0) -> OpeInputs:
    """The model predicts the target's reward ``bias`` too high, as one does that saw an outcome."""
    rng = np.random.default_rng(seed)
    weight = rng.choice([0.5, 1.5], size=n)
    reward = rng.normal(1.0 + weight, 1.0)
    q = 1.0 + weight
    return OpeInputs.of_rounds(reward, weight, q, np.full(n, 2.25 + bias))


def test_estimators_that_agree_are_trusted() -> None:
    for name in ("ips", "snips", "dr"):
        assert DEFAULT_ESTIMATORS[name].estimate(rounds()).verdict == "trust"


def test_right_logs_hardly_ever_disagree() -> None:
    # 4 standard errors in one of 16,000; two of 1,500 would be a false alarm once in 200
    assert sum(bool(rounds(500, seed=seed).disagreements) for seed in range(1500)) < 2


def test_estimators_that_differ_beyond_chance_are_never_trusted() -> None:
    wrong = rounds(bias=0.5)
    for name in ("ips", "snips", "dr", "clipped-ips", "sndr"):
        got = ESTIMATORS[name].estimate(wrong)
        assert got.verdict == "caution", name
        assert "dr says" in got.reason
        assert "outcome of the action" in got.reason
    assert "dr says" in compare_inputs(wrong, replace(wrong, weight=np.ones_like(wrong.weight))).reason


def test_a_difference_that_does_no_harm_is_none() -> None:
    # certain in so long a log, and a tenth of a standard error of either
    rng = np.random.default_rng(0)
    reward = rng.normal(0.0, 100.0, size=4000)
    inputs = OpeInputs.of_rounds(reward, np.ones(4000), reward, reward + 0.1)
    assert inputs.disagreements == ()
    assert replace(inputs, v_target=reward[:, None] + 1.0).disagreements != ()


def test_streamed_estimators_that_differ_are_not_trusted_either() -> None:
    names = ("ips", "snips", "dr")
    for bias, verdict in ((0.0, "trust"), (0.5, "caution")):
        sums = SufficientStatistics([DEFAULT_ESTIMATORS[name] for name in names])
        whole = rounds(bias=bias)
        sums.add(whole.take(np.arange(1000)))
        sums.add(whole.take(np.arange(1000, 4000)))
        assert [sums.estimate(name).verdict for name in names] == [verdict] * 3


def near_greedy() -> OpeInputs:
    """The target's actions are nearly never logged."""
    rng = np.random.default_rng(0)
    weight = np.where(rng.random(600) < 0.006, 166.0, 0.004)
    q = np.full(600, 0.3)
    return OpeInputs.of_rounds((rng.random(600) < 0.3).astype(float), weight, q, q)


def test_what_nothing_supports_is_refused() -> None:
    inputs = near_greedy()
    for name in ("ips", "snips", "dr", "dm"):
        assert DEFAULT_ESTIMATORS[name].estimate(inputs).verdict == "refuse"
    assert UNCHECKED_MODEL in DEFAULT_ESTIMATORS["dm"].estimate(inputs).reason
    assert UNCHECKED_MODEL in compare_inputs(inputs, inputs, estimator="dm").reason
    assert UNCHECKED_MODEL not in DEFAULT_ESTIMATORS["dm"].estimate(rounds()).reason


@pytest.mark.parametrize("names", [("dm",), ("ips", "dm"), ("ips", "snips", "dm", "dr")])
def test_what_nothing_supports_is_refused_when_streamed(names: tuple[str, ...]) -> None:
    for inputs, refused in ((near_greedy(), True), (rounds(), False)):
        sums = SufficientStatistics([DEFAULT_ESTIMATORS[name] for name in names])
        sums.add(inputs)
        assert (UNCHECKED_MODEL in sums.estimate("dm").reason) == refused


@needs_cases
@pytest.mark.parametrize("estimators", [None, ["dm"], ["dm", "ips"]])
def test_a_near_greedy_log_has_no_headline(estimators: list[str] | None) -> None:
    evaluation = evaluate(
        NEAR_GREEDY, "uniform", context=["x"], actions=["a", "b", "c"], estimators=estimators
    )
    assert evaluation.best is None
    assert (evaluation.answer["verdict"], evaluation.answer["headline"]) == ("refuse", None)
    assert evaluation.conclusion == "this log cannot tell what uniform would have earned"
    assert UNCHECKED_MODEL in evaluation.answer["refused"]["dm"]
    gain = compare(
        NEAR_GREEDY, "uniform", "action:c", context=["x"], actions=["a", "b", "c"], estimators=["dm"]
    )
    assert gain.verdict == "refuse"


# --- propensities ---------------------------------------------------------------------------------------


def table(n: int, shown: tuple[float, float], said: tuple[float, float]) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    action = rng.choice(["a", "b"], p=shown, size=n)
    chance = np.where(action == "a", *said)
    return pd.DataFrame({"action": action, "propensity": chance, "reward": rng.normal(1.0, 1.0, n)})


@pytest.mark.parametrize(
    ("shown", "said", "verdict"),
    [
        ((0.5, 0.5), (0.5, 0.5), "trust"),
        ((0.52, 0.48), (0.5, 0.5), "caution"),  # certain in so long a log, and small
        ((0.8, 0.2), (0.5, 0.5), "refuse"),
    ],
)
def test_propensities_that_are_proven_wrong_are_refused(
    shown: tuple[float, float], said: tuple[float, float], verdict: str
) -> None:
    # the target is the policy that the log claims: its weights are 1 whatever the propensities are
    frame = table(200_000, shown, said).assign(same=lambda rows: rows["propensity"])
    got = evaluate(frame, "column:same", estimators=["snips"]).estimates["snips"]
    assert got.verdict == verdict
    if verdict == "refuse":
        assert "some action is logged at least 60% more often than its propensities say" in got.reason


def test_an_action_that_some_cannot_be_shown_is_no_excess() -> None:
    rng = np.random.default_rng(0)
    allowed = rng.random(20_000) < 0.5  # only these may see action 1
    action = np.where(allowed & (rng.random(20_000) < 0.5), 1, 0)
    propensity = np.where(allowed, 0.5, 1.0)
    support = Support(2)
    support.add(action, propensity, None)
    assert support.p_value() < 1e-9
    assert support.excess() == 0.0


def test_right_propensities_hardly_ever_have_an_excess() -> None:
    rng, alarms = np.random.default_rng(0), 0
    for _ in range(2000):
        action = rng.choice(3, p=[0.6, 0.3, 0.1], size=1000)
        support = Support(3)
        support.add(action, np.array([0.6, 0.3, 0.1])[action], None)
        alarms += support.excess() > 0
    assert alarms < 3  # 4 standard errors, three actions: more than 2 once in 1,000


# --- words ----------------------------------------------------------------------------------------------


def test_reasons_are_plain_sentences() -> None:
    nearly = OpeInputs.of_rounds(np.arange(4000.0) % 7, np.tile([1.003, 1.005], 2000))
    reason = DEFAULT_ESTIMATORS["ips"].estimate(nearly).reason
    assert "the mean weight is 1.004, not 1 (over 100 standard errors off)" in reason
    assert "z =" not in reason
    rounded = OpeInputs.of_rounds(np.arange(4000.0) % 7, np.full(4000, 1.0 + 3e-6))
    assert "mean weight" not in DEFAULT_ESTIMATORS["ips"].estimate(rounded).reason
    assert off(-70738953.8) == "over 100 standard errors off"
    assert off(-7.2) == "7 standard errors off"


def test_one_slot_is_not_numbered() -> None:
    none = OpeInputs.of_rounds(np.ones(5), np.zeros(5))
    with pytest.raises(ValueError, match="the target never shows what was logged in any of 5 rounds"):
        DEFAULT_ESTIMATORS["ips"].estimate(none)


def test_an_error_of_a_policy_about_its_marginals_is_shown() -> None:
    class Broken:
        @property
        def has_marginals(self) -> bool:
            raise AttributeError("no such table")

        def marginals(self, requests: Any) -> Any:
            raise NotImplementedError

    class Silent:
        has_marginals = False

    with pytest.raises(AttributeError, match="no such table"):
        has_marginals(Broken())  # type: ignore[arg-type]
    assert not has_marginals(Silent())  # type: ignore[arg-type]
