"""Context columns that look like outcomes: which are named, how often in error, and what is then said."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pandas as pd
import pytest
from builders.paths import SHARED

from shopgym.core import InvalidInput
from shopgym.evaluation.offline.post_treatment import ALPHA, Suspects, suspects

CASES = SHARED / "cases" / "evaluation"


def decided_by_x(
    rng: np.random.Generator, n: int, explored: float, effect: float = 0.0
) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """A log of three actions; x drives the choice, ``like_x`` only resembles it, ``after`` is an outcome."""
    x = rng.normal(size=n)
    chance = np.full((n, 3), explored / 3)
    chance[np.arange(n), np.digitize(x, [-0.5, 0.5])] += 1 - explored
    action = np.minimum((chance.cumsum(axis=1) < rng.random(n)[:, None]).sum(axis=1), 2)
    frame = pd.DataFrame(
        {
            "x": x,
            "like_x": x + rng.normal(size=n),
            "region": rng.choice(list("nesw"), n),
            "spent": rng.exponential(size=n) ** 3,
            "after": rng.exponential(size=n) + effect * action,
        }
    )
    return frame, action, chance[np.arange(n), action]


def named(columns: list[Suspects]) -> dict[str, int]:
    return dict(Counter(name for each in columns for name in each.names))


@pytest.mark.skipif(not CASES.exists(), reason="needs the shared cases")
def test_the_visit_is_named_and_the_history_is_not() -> None:
    frame = pd.read_csv(CASES / "other_outcomes.csv")
    context, propensity = ["history", "visit"], frame["propensity"].to_numpy()
    result = suspects(frame, context, frame["segment"], propensity)
    assert result.names == ("visit",)
    assert result.columns[0].p_value < 1e-9
    assert suspects(frame, context, frame["segment"]).names == ("visit",)


@pytest.mark.parametrize("explored", [0.005, 0.02, 0.1, 1.0])
def test_right_propensities_name_nothing(explored: float) -> None:
    """At most 1 in 100 logs should, and more than 3 of 40 do with probability 0.0007."""
    rng = np.random.default_rng(0)
    results = []
    for _ in range(40):
        frame, action, propensity = decided_by_x(rng, 400, explored)
        results.append(suspects(frame, list(frame), action, propensity))
    assert sum(named(results).values()) <= 3


def test_outcomes_are_named_and_causes_are_not_where_propensities_are_logged() -> None:
    rng = np.random.default_rng(1)
    frame, action, propensity = decided_by_x(rng, 2_000, 0.3, effect=0.5)
    assert suspects(frame, list(frame), action, propensity).names == ("after",)


def test_without_propensities_causes_and_outcomes_are_named_but_not_what_resembles_them() -> None:
    rng = np.random.default_rng(2)
    frame, action, _ = decided_by_x(rng, 4_000, 0.5, effect=0.7)
    assert set(suspects(frame, list(frame), action).names) == {"x", "after"}
    frame, action, _ = decided_by_x(rng, 4_000, 1.0)
    assert suspects(frame, list(frame), action).names == ()


def test_what_shares_an_effect_with_the_action_is_not_named() -> None:
    """Given the visit, history and action depend on each other; by themselves they do not."""
    rng = np.random.default_rng(3)
    action, history = rng.integers(0, 2, 5_000), rng.integers(0, 2, 5_000)
    frame = pd.DataFrame({"history": history, "visit": (action + history + rng.random(5_000) > 1.5) * 1})
    assert suspects(frame, ["history", "visit"], action).names == ("visit",)


def test_two_copies_of_an_outcome_do_not_hide_each_other() -> None:
    rng = np.random.default_rng(4)
    action = rng.integers(0, 2, 2_000)
    visit = rng.random(2_000) < 0.3 + 0.2 * action
    frame = pd.DataFrame({"visit": visit, "visited": np.where(visit, "yes", "no")})
    assert set(suspects(frame, ["visit", "visited"], action).names) == {"visit", "visited"}


def test_an_outcome_with_the_same_mean_and_another_spread_is_named() -> None:
    rng = np.random.default_rng(5)
    action = rng.integers(0, 2, 2_000)
    frame = pd.DataFrame({"after": rng.normal(size=2_000) * (1 + action)})
    assert suspects(frame, ["after"], action, np.full(2_000, 0.5)).names == ("after",)


def test_users_whose_action_was_drawn_once_count_once() -> None:
    """A feature of 60 users, 50 rounds each, one action per user: by row it looks out of balance."""
    rng = np.random.default_rng(6)
    by_row, by_user = [], []
    for _ in range(40):
        user = np.repeat(np.arange(60), 50)
        action, age = rng.integers(0, 2, 60)[user], rng.normal(size=60)[user]
        frame, half = pd.DataFrame({"age": age}), np.full(3_000, 0.5)
        by_row.append(suspects(frame, ["age"], action, half))
        by_user.append(suspects(frame, ["age"], action, half, user))
    assert named(by_user).get("age", 0) <= 3
    assert named(by_row)["age"] > 10


def test_short_logs_and_single_actions_name_nothing() -> None:
    frame = pd.DataFrame({"x": np.arange(200.0), "constant": "a"})
    assert suspects(frame, ["x", "constant"], np.zeros(200)).names == ()
    assert suspects(frame[:10], ["x"], np.arange(10) % 2).names == ()
    assert suspects(frame, [], np.arange(200) % 2).names == ()
    assert suspects(frame, ["constant"], np.arange(200) % 2, np.full(200, 0.5)).names == ()


def test_a_long_log_is_sampled() -> None:
    rng = np.random.default_rng(7)
    frame, action, propensity = decided_by_x(rng, 120_000, 0.5, effect=0.2)
    assert suspects(frame, list(frame), action, propensity).names == ("after",)


# what is said


def test_the_words_name_the_columns_the_cause_and_the_remedy() -> None:
    rng = np.random.default_rng(8)
    frame, action, propensity = decided_by_x(rng, 2_000, 0.5, effect=2.0)
    frame["later"] = frame["after"] + rng.normal(size=2_000)
    result = suspects(frame, list(frame), action, propensity)
    ((verdict, reason),) = result.doubts(left_out=False)
    assert verdict == "refuse"
    assert reason == (
        "in the context after and later differ between the actions more than their propensities explain "
        "(p < 1e-12): an outcome of the action, or the propensities are wrong (no outcome may be context)"
    )
    ((verdict, reason),) = result.doubts(left_out=True)
    assert verdict == "caution"
    assert "left out of the context" in reason
    result.refuse_unclear()


def test_star_without_propensities_is_refused_with_both_remedies() -> None:
    rng = np.random.default_rng(9)
    frame, action, _ = decided_by_x(rng, 4_000, 0.5, effect=2.0)
    result = suspects(frame, list(frame), action)
    assert result.doubts(left_out=False) == ()
    with pytest.raises(InvalidInput, match=r"x and after|after and x") as error:
        result.refuse_unclear()
    assert "name each that drove the choice with --context-column NAME" in str(error.value)
    assert "leave out each that came after" in str(error.value)
    Suspects(logged=False).refuse_unclear()


def test_the_p_value_is_of_all_tests() -> None:
    rng = np.random.default_rng(10)
    frame, action, propensity = decided_by_x(rng, 2_000, 0.5, effect=0.35)
    alone = suspects(frame, ["after"], action, propensity).columns[0].p_value
    among = suspects(frame, list(frame), action, propensity).columns[0].p_value
    assert ALPHA > among > alone
