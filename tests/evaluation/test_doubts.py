"""What the reader of a log has against it is said of every number made of it, whichever call makes it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from shopgym import compare, evaluate
from shopgym.evaluation.offline.compare import compare_inputs
from shopgym.evaluation.offline.estimators import ESTIMATORS
from shopgym.evaluation.offline.formats import Columns, weigh_log
from shopgym.evaluation.offline.formats.propensities import FREQUENCIES
from shopgym.evaluation.offline.inputs import OpeInputs
from shopgym.evaluation.offline.users import user_clusters
from shopgym.evaluation.offline.verdict import CAUTION
from shopgym.guardrails.gate import judge_candidates


@pytest.fixture(scope="module")
def confounded() -> pd.DataFrame:
    """``x`` drives both the choice and the reward, and the actions do nothing: b seems the better."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal(4000)
    b = rng.random(4000) < 1.0 / (1.0 + np.exp(-1.5 * x))
    reward = (rng.random(4000) < 1.0 / (1.0 + np.exp(-x))).astype(float)
    return pd.DataFrame({"action": np.where(b, "b", "a"), "reward": reward})


def rounds_of(frame: pd.DataFrame, policy: str) -> OpeInputs:
    rounds = weigh_log(frame, policy, rng=np.random.default_rng(0), columns=Columns()).rounds
    assert isinstance(rounds, OpeInputs)
    return rounds


def test_every_call_on_a_log_without_propensities_says_so(confounded: pd.DataFrame) -> None:
    b, a = (rounds_of(confounded, policy) for policy in ("action:b", "action:a"))
    made = [
        compare(confounded, "action:b", "action:a").difference,
        compare_inputs(b, a, estimator="snips"),
        ESTIMATORS["snips"].estimate(b),
        ESTIMATORS["snips"].estimate(b.take(np.arange(2000))),
        *evaluate(confounded, "action:b").estimates.values(),
    ]
    for estimate in made:
        assert estimate.verdict != "trust"
        assert FREQUENCIES in estimate.reason


def test_the_difference_of_a_confounded_log_is_not_trusted(confounded: pd.DataFrame) -> None:
    difference = compare(confounded, "action:b", "action:a").difference
    assert difference.low > 0  # the truth is 0
    assert difference.verdict == CAUTION


def test_the_gate_says_what_is_doubtful(confounded: pd.DataFrame) -> None:
    inputs = {name: rounds_of(confounded, f"action:{name}") for name in ("a", "b")}
    assert FREQUENCIES in judge_candidates(inputs, "a", 0.95)["b"].reason


def test_some_rounds_keep_their_columns_and_their_doubts() -> None:
    rng = np.random.default_rng(0)
    inputs = OpeInputs.of_rounds(
        rng.random(6),
        rng.random(6),
        rng.random(6),
        rng.random(6),
        propensity=np.full(6, 0.5),
        cluster=np.array([0, 0, 1, 1, 2, 2]),
        logger=np.array([0, 1, 0, 1, 0, 1]),
        sample_weight=np.arange(1.0, 7.0),
        doubts=((CAUTION, "a doubt"),),
    )
    part = inputs.take(np.array([False, False, True, True, True, False]))
    np.testing.assert_array_equal(part.reward, inputs.reward[2:5])
    np.testing.assert_array_equal(part.v_target, inputs.v_target[2:5])  # type: ignore[index]
    assert part.cluster is not None
    assert part.cluster.tolist() == [0, 0, 1]
    assert part.sample_weight is not None
    assert part.sample_weight.tolist() == [3.0, 4.0, 5.0]
    assert part.doubts == inputs.doubts
    assert part.ess != inputs.ess


@pytest.mark.parametrize(
    ("users", "by_user", "clusters", "doubtful"),
    [
        (None, None, None, False),
        ([3, 1, 2], None, None, False),
        ([3, 1, 2], True, [2, 0, 1], False),
        (["a", "b", "a"], None, [0, 1, 0], False),
        (["a", "b", "a"], False, None, True),
    ],
)
def test_users_who_come_back_are_clusters(
    users: list[str] | None, by_user: bool | None, clusters: list[int] | None, doubtful: bool
) -> None:
    cluster, doubts = user_clusters(None if users is None else np.array(users), by_user)
    assert (None if cluster is None else cluster.tolist()) == clusters
    assert bool(doubts) == doubtful
