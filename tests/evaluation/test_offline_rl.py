"""Episodes: what is refused, and how logs of several kinds become episodes."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from builders.sequences import ACTIONS, BEHAVIOUR, STATES, TARGET, simulate

from shopgym.core import Interactions, InvalidInput, Items, Requests
from shopgym.evaluation.offline.rl import (
    Episodes,
    decision_ratios,
    episodes_from_decisions,
    episodes_from_records,
    episodes_from_table,
    evaluate_sequences,
    weigh_sequences,
)
from shopgym.policies.decision_log.log import DecisionLog
from shopgym.policies.explorers import Softmax
from shopgym.policies.guards import InStock
from shopgym.policies.policy import SlatePolicy
from shopgym.policies.scorers import TableScorer


def table(**changes: Any) -> dict[str, Any]:
    """Three episodes of 2, 1 and 3 steps."""
    return {
        "episode": np.array([7, 7, 3, 5, 5, 5]),
        "step": np.array([0, 1, 0, 0, 1, 2]),
        "state": np.array([0, 1, 2, 3, 0, 1]),
        "action": np.array([0, 1, 2, 0, 0, 1]),
        "reward": np.array([1.0, 2.0, 4.0, 8.0, 16.0, 32.0]),
        "terminal": np.array([False, True, False, False, False, True]),
        "propensity": np.array([0.5, 0.25, 1.0, 0.5, 0.5, 0.5]),
        "n_actions": 3,
        "n_states": 4,
        **changes,
    }


def test_a_table_becomes_episodes() -> None:
    log = episodes_from_table(**table())
    assert len(log) == 3
    assert log.longest == 3
    assert log.offsets.tolist() == [0, 2, 3, 6]
    assert log.length.tolist() == [2, 1, 3]
    assert log.step.tolist() == [0, 1, 0, 0, 1, 2]
    assert log.episode.tolist() == [0, 0, 1, 2, 2, 2]
    assert log.ended.tolist() == [True, False, True]
    assert log.cut_short == 1
    assert log.returns(0.5).tolist() == [2.0, 4.0, 24.0]
    assert log.next_rows().tolist() == [1, -1, -2, 4, 5, -3]
    assert log.dense(log.reward, -1.0).tolist() == [[1, 2, -1], [4, -1, -1], [8, 16, 32]]
    some = log.take(np.array([2, 0]))
    assert some.reward.tolist() == [8.0, 16.0, 32.0, 1.0, 2.0]
    assert some.offsets.tolist() == [0, 3, 5]
    assert "3 episodes, 6 steps" in repr(log)


def test_an_episode_that_is_cut_short_is_told() -> None:
    log = episodes_from_table(**table())
    result = evaluate_sequences(log, np.full((4, 3), 1 / 3), "pdis")
    assert "1 of 3 episodes were cut short" in result.note


PMF = np.array([[0.5, 0.25, 0.25], [0.5, 0.25, 0.25], [0.0, 0.0, 1.0], *[[0.5, 0.5, 0.0]] * 3])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"reward": [1, np.nan, 2, np.inf, 1, 1]}, r"reward\[1\] = nan: .*2 of 6 rows"),
        ({"propensity": [0.5, 0.0, 1.2, np.nan, 0.5, 0.5]}, r"propensity\[1\] = 0.0: .*3 of 6 rows"),
        ({"propensity": None}, "give propensities, or the behaviour's distributions"),
        ({"action": np.array([0, 1, 3, 0, -1, 1])}, r"action\[2\] = 3: actions are 0 to 2 \(2 of 6 rows"),
        ({"action": np.zeros(6)}, "action = 'float64': give whole numbers"),
        ({"state": np.array([0, 1, 2, 4, 0, 1])}, r"state\[3\] = 4: states are 0 to 3 \(1 of 6 rows"),
        ({"state": np.array([[0.0]] * 5 + [[np.nan]]), "n_states": 0}, r"state\[5\] = \[nan\]"),
        ({"state": np.zeros(6)}, "give whole numbers, or features"),
        ({"step": np.array([0, 0, 0, 0, 1, 1])}, r"step\[1\] = 0: the same \(episode, step\) twice.*2 of 6"),
        ({"step": np.array([0, 1, 0, 0, 2, 1])}, r"step\[5\] = 1: steps go backwards.*1 of 6"),
        ({"step": np.array([0, 1, 0, 0, 1, 3])}, r"step\[5\] = 3: steps are missing"),
        ({"step": np.array([1, 2, 0, 0, 1, 2])}, r"step\[0\] = 1: steps are missing"),
        ({"episode": np.array([7, 7, 3, 7, 7, 7])}, r"episode\[3\] = 7: its rows do not stand together"),
        ({"terminal": np.array([True, True, False, False, False, True])}, r"terminal\[0\].*goes on"),
        ({"terminal": np.array([True])}, r"terminal = \(1,\): give shape \(6,\)"),
        ({"behaviour": PMF * 0.9, "propensity": None}, r"behaviour\[0\].*sum to 1 \(6 of 6"),
        ({"behaviour": PMF[:, :2], "propensity": None}, r"behaviour = \(6, 2\): give shape"),
        (
            {"behaviour": PMF, "propensity": [0.5, 0.25, 1, 0.5, 0.5, 0.4]},
            r"propensity\[5\] = 0.4: it is not",
        ),
        ({"final": np.array([0, 1])}, "give one state per episode"),
        ({"final": np.array([0, 1, 9])}, r"final\[2\] = 9"),
        ({"allowed": np.eye(3, dtype=bool)[[0, 1, 2, 0, 0, 0]]}, r"action\[5\] = 1: its mask forbids"),
        ({"allowed": np.ones((6, 2), dtype=bool)}, r"allowed = \(6, 2\): give shape \(6, 3\)"),
        (
            {key: [] for key in ("episode", "step", "state", "action", "reward", "terminal")},
            "at least one step",
        ),
    ],
)
def test_a_wrong_table_is_refused_with_rows_and_counts(change: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        episodes_from_table(**table(**change))


def test_a_distribution_may_miss_one_by_a_millionth() -> None:
    off = PMF.copy()
    off[:, 0] += 0.9e-6
    log = episodes_from_table(**table(behaviour=off))
    assert log.propensity.tolist() == table()["propensity"].tolist()
    off[:, 0] += 0.3e-6
    with pytest.raises(InvalidInput, match="sum to 1"):
        episodes_from_table(**table(behaviour=off))


def test_a_target_may_not_want_what_the_mask_forbids() -> None:
    allowed = np.ones((6, 3), dtype=bool)
    allowed[3, 2] = False
    log = episodes_from_table(**table(allowed=allowed))
    with pytest.raises(InvalidInput, match=r"target\[3\].*mask forbids \(1 of 6"):
        evaluate_sequences(log, np.full((4, 3), 1 / 3), "pdis")


def same(one: Episodes, two: Episodes) -> None:
    for name in ("offsets", "state", "action", "reward", "propensity", "ended"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name), err_msg=name)


def test_episodes_as_minari_and_d3rlpy_keep_them() -> None:
    log = simulate(30, np.random.default_rng(0), final=True)
    assert log.final is not None
    minari, d3rlpy = [], []
    for i in range(len(log)):
        rows = slice(log.offsets[i], log.offsets[i + 1])
        states, steps = log.state[rows], int(log.length[i])
        ends = np.zeros(steps, dtype=bool)
        ends[-1] = log.ended[i]
        minari.append(
            SimpleNamespace(
                observations=np.append(states, log.final[i]),
                actions=log.action[rows],
                rewards=log.reward[rows],
                terminations=ends,
                truncations=~ends,
                infos={"pscore": log.propensity[rows]},
            )
        )
        d3rlpy.append(
            {
                "observations": states[:, None],
                "actions": log.action[rows][:, None],
                "rewards": log.reward[rows][:, None],
                "terminated": bool(log.ended[i]),
            }
        )
    one = episodes_from_records(minari, n_actions=ACTIONS, n_states=STATES, propensity="pscore")
    same(one, log)
    np.testing.assert_array_equal(one.final, log.final)
    two = episodes_from_records(
        d3rlpy, n_actions=ACTIONS, n_states=STATES, propensity=lambda state: BEHAVIOUR[state]
    )
    same(two, log)
    assert two.final is None
    features = episodes_from_records(
        [record | {"propensity": np.full(len(record["actions"]), 0.5)} for record in d3rlpy],
        n_actions=ACTIONS,
    )
    assert features.state.shape == (len(log.action), 1)
    assert features.state.dtype == np.float64


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({"actions": [0]}, r"records\[1\] = 'dict': it has no observations"),
        ({"observations": [0, 1, 2], "actions": [0], "rewards": [1.0], "terminated": True}, "T or T . 1 obs"),
        ({"observations": [0], "actions": [0], "rewards": [1.0], "terminated": True}, "it has no propensity"),
        (
            {"observations": [], "actions": [], "rewards": [], "terminated": [True], "propensity": []},
            "each of at least one step",
        ),
    ],
)
def test_wrong_records_are_refused_with_their_number(record: dict[str, Any], message: str) -> None:
    right = {"observations": [0], "actions": [0], "rewards": [1.0], "terminated": True, "propensity": [0.5]}
    with pytest.raises(InvalidInput, match=message):
        episodes_from_records([right, record], n_actions=2, n_states=3)


def policy(tilt: float) -> SlatePolicy:
    items = Items(
        item_id=np.array([f"sku{i}" for i in range(4)]),
        name=np.array([f"Item {i}" for i in range(4)]),
        category=np.zeros(4, dtype=np.int32),
        price=np.full(4, 2.0),
        unit_cost=np.ones(4),
        popularity=np.full(4, 0.25),
        features=np.arange(4, dtype=np.float32)[:, None],
        category_names=("all",),
        feature_names=("number",),
    )
    return SlatePolicy("tilted", items, TableScorer(tilt * np.arange(4.0)), Softmax(1.0), (InStock(),), 2)


def decisions(n: int, behaviour: SlatePolicy) -> DecisionLog:
    """Visits of 3 to a user, the rows in no order; a slot earns the number of its item."""
    rng = np.random.default_rng(1)
    requests = Requests(
        request_id=np.arange(n, dtype=np.uint64),
        user_id=rng.permutation(np.arange(n) // 3).astype(np.int64),
        user=rng.normal(size=(n, 1)).astype(np.float32),
        context=rng.normal(size=(n, 2)).astype(np.float32),
        candidates=np.tile(np.arange(4, dtype=np.int32), (n, 1)),
        in_stock=np.ones((n, 4), dtype=bool),
        time=rng.uniform(size=n),
    )
    shown = behaviour.decide(requests, rng)
    return DecisionLog.from_interactions(
        Interactions(requests, shown, shown.slates.astype(np.float64)),
        items=behaviour.items,
        unit="GBP",
        policy_hash=behaviour.hash,
        policy_name=behaviour.name,
        config_hash="test",
        user_names=("taste",),
        context_names=("day", "hour"),
    )


def test_a_decision_log_becomes_one_episode_per_user() -> None:
    behaviour, target = policy(0.0), policy(0.4)
    log = decisions(6000, behaviour)
    episodes, rows = episodes_from_decisions(log)
    assert len(episodes) == 2000
    assert (episodes.length == 3).all()
    assert not episodes.ended.any()
    assert episodes.unit == "GBP"
    users, times = (getattr(log, name)[rows].reshape(-1, 3) for name in ("user_id", "time"))
    assert (users == users[:, :1]).all()
    assert (np.diff(times, axis=1) > 0).all()
    np.testing.assert_array_equal(episodes.state[:, 0], log.user[rows, 0])
    np.testing.assert_array_equal(episodes.reward, log.reward[rows].sum(axis=1))
    np.testing.assert_allclose(episodes.propensity, 1 / 12, rtol=1e-12)  # 4 x 3 equally likely slates
    assert episodes.n_actions == 12
    np.testing.assert_allclose(decision_ratios(log, rows, behaviour), 1.0, rtol=1e-12)
    # users do not respond to what they saw before, so a target's value is three times its mean page
    ratio = decision_ratios(log, rows, target)
    inputs = weigh_sequences(episodes, ratio)
    share = np.exp(0.4 * np.arange(4.0))
    share /= share.sum()
    second = sum(share[i] * share[j] / (1 - share[i]) * j for i in range(4) for j in range(4) if i != j)
    truth = 3 * (share @ np.arange(4.0) + second)
    from shopgym.evaluation.offline import DEFAULT_ESTIMATORS

    for name in ("ips", "snips"):
        result = DEFAULT_ESTIMATORS[name].estimate(inputs, level=0.9999)
        assert result.low < truth < result.high
    with pytest.raises(InvalidInput, match="no decision has a reward"):
        episodes_from_decisions(log.take(slice(0, 0)))


def test_a_table_and_a_function_are_the_same_target() -> None:
    log = simulate(50, np.random.default_rng(2))
    result = [
        evaluate_sequences(log, target, "pdis").value for target in (TARGET, lambda state: TARGET[state])
    ]
    assert result[0] == result[1]
