"""Rows that repeat another exactly: named where chance cannot explain them, and only there."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from shopgym.evaluation.offline.duplicates import RepeatedRows, repeated_rows


def log(rng: np.random.Generator, n: int, **columns: Any) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "action": rng.choice(list("abc"), n),
            "reward": (rng.random(n) < 0.2) * 1,
            "propensity": 1 / 3,
            **columns,
        }
    )


def with_copies(frame: pd.DataFrame, rng: np.random.Generator, share: float = 0.1) -> pd.DataFrame:
    copies = frame.sample(frac=share, random_state=int(rng.integers(1_000)))
    return pd.concat([frame, copies], ignore_index=True)


def named(frame: pd.DataFrame, **columns: Any) -> RepeatedRows:
    return repeated_rows(frame, "action", "reward", propensity="propensity", **columns)


@pytest.mark.parametrize("column", ["x", "time", "session", "reward"])
def test_copies_are_counted_and_named_by_what_rules_chance_out(column: str) -> None:
    rng = np.random.default_rng(0)
    values = {
        "x": rng.normal(size=1_000),
        "time": pd.Timestamp("2026-01-01") + pd.to_timedelta(rng.integers(0, 10**9, 1_000), "s"),
        "session": [f"s{i}" for i in range(1_000)],
        "reward": rng.normal(size=1_000),
    }[column]
    result = named(with_copies(log(rng, 1_000, **{column: values}), rng))
    assert (result.count, result.rows, result.column) == (100, 1_100, column)
    ((verdict, reason),) = result.doubts
    assert verdict == "caution"
    assert reason == (
        f"100 of 1,100 rows (9.1%) repeat an earlier row exactly, though {column} is different in nearly "
        "every other row: the log counts them twice, so drop the copies, or name the user (--user-column) "
        "if they are customers who came back"
    )


def test_copies_are_seen_where_rewards_are_rare() -> None:
    rng = np.random.default_rng(6)
    frame = log(rng, 1_000, x=rng.normal(size=1_000)).assign(reward=(np.arange(1_000) < 15) * 1)
    assert named(with_copies(frame, rng, 0.05)).count == 50


def test_no_row_is_named_where_all_are_different() -> None:
    rng = np.random.default_rng(1)
    result = named(log(rng, 500, x=rng.normal(size=500)))
    assert (result.count, result.sentence, result.doubts) == (0, "", ())


def test_a_sum_that_is_mostly_zero_rules_nothing_out() -> None:
    rng = np.random.default_rng(7)
    spend = np.where(rng.random(5_000) < 0.1, rng.exponential(size=5_000), 0.0)
    frame = log(rng, 5_000, visits=rng.integers(0, 8, 5_000)).assign(reward=spend)
    assert frame.duplicated().sum() > 4_000
    assert named(frame).count == 0


def test_rows_that_a_join_multiplied_are_counted() -> None:
    rng = np.random.default_rng(8)
    frame = log(rng, 200, x=rng.normal(size=200))
    assert named(pd.concat([frame] * 5)).count == 800


def test_coarse_logs_repeat_naturally() -> None:
    rng = np.random.default_rng(2)
    frame = log(rng, 5_000, age=rng.integers(18, 80, 5_000), region=rng.choice(list("nesw"), 5_000))
    assert frame.duplicated().sum() > 2_000
    assert named(frame).count == 0
    assert named(with_copies(frame, rng)).count == 0  # nobody could tell


@pytest.mark.parametrize("clicks", [0.02, 0.5])
@pytest.mark.parametrize("explored", [0.05, 1.0])
def test_rounded_numbers_that_meet_by_chance_are_not_named(clicks: float, explored: float) -> None:
    """x has 3,000 values, so among 1,000 rows some 150 meet; greedy choices and rare clicks agree then. At
    most 1 in 1,000 logs should be named; none of 60 may be."""
    rng = np.random.default_rng(3)
    for _ in range(60):
        x = rng.integers(0, 3_000, 1_000) / 1_000
        best = np.floor(x)
        action = np.where(rng.random(1_000) < explored, rng.integers(0, 3, 1_000), best)
        propensity = explored / 3 + (1 - explored) * (action == best)
        reward = (rng.random(1_000) < clicks) * 1
        frame = pd.DataFrame({"action": action, "reward": reward, "propensity": propensity, "x": x})
        assert named(frame).count == 0


def test_users_who_come_back_repeat_themselves_naturally() -> None:
    """The same user, the same taste, the same sticky action and no click: only named users excuse that."""
    rng = np.random.default_rng(4)
    user = rng.integers(0, 100, 400)
    taste = rng.normal(size=100)[user]
    frame = pd.DataFrame({"user": user, "taste": taste, "action": user % 3, "reward": 0, "propensity": 1 / 3})
    assert named(frame, user="user").count == 0
    timed = frame.assign(time=rng.normal(size=400), reward=rng.integers(0, 2, 400))
    result = named(with_copies(timed, rng), user="user")
    assert (result.count, result.column) == (40, "time")
    assert "--user-column" not in result.doubts[0][1]


def test_the_id_is_not_compared_and_what_follows_from_the_row_is_no_evidence() -> None:
    rng = np.random.default_rng(5)
    frame = with_copies(log(rng, 500, x=rng.normal(size=500)), rng)
    frame["id"] = np.arange(len(frame))
    assert named(frame).count == 0
    assert named(frame, id="id").count == 50
    assert named(frame, id="id", others=["x"]).count == 0
