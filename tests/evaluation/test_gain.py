"""What a policy would have earned less what was earned: with the error of both."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import shopgym
from shopgym.evaluation.offline import ESTIMATORS, OpeInputs
from shopgym.evaluation.offline.gain import gain_over_log
from shopgym.evaluation.offline.streaming import SufficientStatistics
from shopgym.evaluation.results import Evaluation


def noisy_others(seed: int, n: int = 1500) -> pd.DataFrame:
    """Every action is worth 1, but c varies by 1 and the others by 10."""
    rng = np.random.default_rng(seed)
    action = rng.integers(3, size=n)
    reward = rng.normal(1.0, np.where(action == 2, 1.0, 10.0))
    return pd.DataFrame({"action": np.array(["a", "b", "c"])[action], "reward": reward, "propensity": 1 / 3})


def evaluated(frame: pd.DataFrame, policy: str = "action:c", **options: object) -> Evaluation:
    result = shopgym.evaluate(frame, policy, estimators="snips", **options)  # type: ignore[arg-type]
    assert isinstance(result, Evaluation)
    return result


def test_by_hand() -> None:
    """ips less the mean: each round says (w - 1) r."""
    rng = np.random.default_rng(0)
    reward, weight = rng.normal(size=50), rng.uniform(0.5, 1.5, size=50)
    inputs = OpeInputs.of_rounds(reward, weight)
    gain = gain_over_log(inputs, ESTIMATORS["ips"].estimate(inputs))
    each = (weight - 1.0) * reward
    half = 1.959964 * each.std(ddof=1) / np.sqrt(50)
    assert (gain.low, gain.value, gain.high) == pytest.approx(
        (each.mean() - half, each.mean(), each.mean() + half)
    )


def test_no_difference_is_called_one_as_often_as_the_level_allows() -> None:
    """No difference in 100 logs: at 95% more than 13 are called one with probability 0.0005.

    The interval of the value alone leaves out what was earned in 71 of them.
    """
    called = 0
    for seed in range(100):
        result = evaluated(noisy_others(seed))
        assert result.verdict == "trust"
        called += "not clearly" not in result.conclusion
    assert called <= 13


def test_where_pairs_are_not_known_both_errors_are_added_up() -> None:
    frame = noisy_others(0)
    weight = np.where(frame["action"] == "c", 3.0, 0.0)
    inputs = OpeInputs.of_rounds(frame["reward"].to_numpy(), weight)
    paired = gain_over_log(inputs, ESTIMATORS["ips"].estimate(inputs))
    parts = SufficientStatistics([ESTIMATORS["ips"]])
    parts.add(inputs)
    streamed = gain_over_log(parts, parts.estimate("ips"))
    assert streamed.value == pytest.approx(paired.value)
    assert parts.logged_error == pytest.approx(inputs.logged_error)
    assert streamed.low < paired.low < paired.high < streamed.high


def test_a_bounded_interval_has_one_too() -> None:
    frame = noisy_others(0)
    frame["reward"] = (frame["reward"] > 1).astype(float)
    result = shopgym.evaluate(frame, "action:c", estimators="ips", interval="hoeffding")
    gain = result.as_dict()["difference_from_logged"]
    assert gain["low"] < gain["value"] < gain["high"]


def test_the_policy_of_the_log_earns_what_was_earned() -> None:
    answer = evaluated(noisy_others(0), "uniform").as_dict()
    assert answer["difference_from_logged"] == {"value": 0.0, "low": 0.0, "high": 0.0}
    assert answer["sample_size"]["sentence"] == ""
