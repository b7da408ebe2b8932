"""What the reader of a table finds out travels with every number: outcomes in the context, copied rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from builders.paths import SHARED

from shopgym import evaluate
from shopgym.core import InvalidInput
from shopgym.evaluation.offline import OpeInputs, compare_inputs
from shopgym.evaluation.offline.formats import Columns, WeighedLog, weigh_log

CASES = SHARED / "cases" / "evaluation"
ESTIMATORS = ("ips", "snips", "dm", "dr")


def read(frame: pd.DataFrame, policy: str, **columns: Any) -> WeighedLog:
    return weigh_log(frame, policy, rng=np.random.default_rng(0), columns=Columns(**columns))


def hillstrom(**columns: Any) -> WeighedLog:
    frame = pd.read_csv(CASES / "other_outcomes.csv")
    return read(frame, "action:mens", action="segment", reward="spend", **columns)


@pytest.mark.skipif(not CASES.exists(), reason="needs the shared cases")
def test_star_leaves_the_visit_out_says_so_and_gives_the_right_number() -> None:
    weighed = hillstrom(context=("*",))
    assert weighed.facts["context"] == ["history"]
    assert weighed.facts["left_out"]["visit"] == "it looks like an outcome of the action"
    for name in ("snips", "dr"):
        estimate = weighed.estimate(name)
        assert estimate.value == pytest.approx(1.684784, rel=0.03)
        assert estimate.verdict == "caution"
        assert "visit differs between the actions" in estimate.reason
    assert weighed.estimate("snips").value == pytest.approx(1.684784, abs=1e-5)


@pytest.mark.skipif(not CASES.exists(), reason="needs the shared cases")
def test_an_outcome_that_is_named_as_context_refuses_every_number() -> None:
    weighed = hillstrom(context=("history", "visit"))
    for name in ESTIMATORS:
        estimate = weighed.estimate(name)
        assert estimate.verdict == "refuse"
        assert "no outcome may be context" in estimate.reason
    assert isinstance(weighed.rounds, OpeInputs)
    assert compare_inputs(weighed.rounds, weighed.rounds, estimator="dr").verdict == "refuse"


@pytest.mark.skipif(not CASES.exists(), reason="needs the shared cases")
def test_context_without_the_outcome_is_trusted() -> None:
    estimate = hillstrom(context=("history",)).estimate("dr")
    assert estimate.verdict == "trust"
    assert estimate.value == pytest.approx(1.684784, rel=0.03)


@pytest.mark.skipif(not CASES.exists(), reason="needs the shared cases")
def test_star_on_a_log_without_propensities_names_what_is_unclear() -> None:
    frame = pd.read_csv(CASES / "confounded.csv")
    with pytest.raises(InvalidInput, match="x differs between the actions") as error:
        read(frame, "action:b", context=("*",))
    assert "name each that drove the choice with --context-column NAME" in str(error.value)
    named = read(frame, "action:b", context=("x",)).estimate("dr")
    assert named.value == pytest.approx(0.4, abs=0.03)
    assert named.verdict == "caution"


def test_star_on_a_trial_without_propensities_takes_what_is_no_doubt() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {"action": rng.choice(["a", "b"], 600), "reward": rng.random(600), "age": rng.normal(size=600)}
    )
    assert read(frame, "action:a", context=("*",)).facts["context"] == ["age"]


def test_copies_of_rows_are_never_trusted() -> None:
    rng = np.random.default_rng(1)
    frame = pd.DataFrame(
        {
            "action": rng.choice(["a", "b"], 1_000),
            "reward": rng.normal(size=1_000),
            "propensity": 0.5,
            "x": rng.normal(size=1_000),
        }
    )
    copied = pd.concat([frame, frame[:200]])
    for name in ESTIMATORS:
        assert "repeat an earlier row" not in read(frame, "action:a", context=("x",)).estimate(name).reason
        estimate = read(copied, "action:a", context=("x",)).estimate(name)
        assert estimate.verdict == "caution"
        assert "200 of 1,200 rows (17%) repeat an earlier row exactly" in estimate.reason


def test_rows_that_stand_for_more_rows_are_tested_as_so_many() -> None:
    """Rows without a reward were kept one in five: what is kept depends on the action through the reward."""
    rng = np.random.default_rng(2)
    n = 30_000
    x, action = rng.normal(size=n), rng.integers(0, 2, n)
    reward = (rng.random(n) < 0.1 + 0.1 * action + 0.1 * (x > 0)) * 1.0
    kept = (reward > 0) | (rng.random(n) < 0.2)
    frame = pd.DataFrame(
        {
            "action": np.where(action, "b", "a"),
            "reward": reward,
            "propensity": 0.5,
            "x": x,
            "weight": np.where(reward > 0, 1.0, 5.0),
        }
    )[kept]
    fine = read(frame, "action:b", context=("x",), weight="weight").estimate("dr")
    assert "differs between the actions" not in fine.reason


def test_a_short_log_does_not_show_whether_a_column_of_star_is_an_outcome() -> None:
    rng = np.random.default_rng(0)
    verdicts = {}
    for n in (2_000, 4_000):
        action = rng.choice(["a", "b"], n)
        frame = pd.DataFrame({"action": action, "x": rng.integers(0, 9, n), "propensity": 0.5})
        frame["reward"] = rng.binomial(1, 0.3 + 0.1 * (action == "b"))
        verdicts[n] = {
            context: evaluate(frame, "action:b", context=context).verdict for context in ("*", "x")
        }
    assert verdicts == {2_000: {"*": "caution", "x": "trust"}, 4_000: {"*": "trust", "x": "trust"}}
