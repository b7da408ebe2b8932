"""Replay of a learner on a log: against the learner run live, and what a log does not allow."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from shopgym.agents.registry import make_agent
from shopgym.agents.task import Task
from shopgym.core import InvalidInput
from shopgym.evaluation.errors import NotEstimable
from shopgym.evaluation.offline.replay import LoggedRounds, ReplayEstimate, replay
from shopgym.policies.decision_log.log import DecisionLog
from shopgym.training.log_replay import _items, replay_agent

MEANS = np.array([[0.2, 0.5, 0.3], [0.6, 0.1, 0.3]])
"""Of three actions in two contexts, which come equally often."""
UNIFORM = np.full(3, 1 / 3)
PER_SLOT = ("positions", "slates", "propensities", "reward")
SKEWED = np.array([0.5, 0.3, 0.2])


class Always:
    """Never learns."""

    def __init__(self, *actions: int) -> None:
        self.actions, self.lessons = actions, []  # type: tuple[int, ...], list[tuple[float, int, float]]

    def choose(self, context: np.ndarray) -> int:
        return self.actions[int(context[0] > 0)]

    def learn(self, context: np.ndarray, action: int, reward: float) -> None:
        self.lessons.append((float(context[0]), action, reward))


class Greedy:
    """Each action once per context, then the best mean so far."""

    def __init__(self) -> None:
        self.total, self.count = np.zeros((2, 3)), np.zeros((2, 3))

    def choose(self, context: np.ndarray) -> int:
        row = int(context[0] > 0)
        if (self.count[row] < 2).any():
            return int(self.count[row].argmin())
        return int((self.total[row] / self.count[row]).argmax())

    def learn(self, context: np.ndarray, action: int, reward: float) -> None:
        row = int(context[0] > 0)
        self.total[row, action] += reward
        self.count[row, action] += 1


def table(rng: np.random.Generator, n: int, chance: np.ndarray, **columns: Any) -> pd.DataFrame:
    x, action = rng.integers(0, 2, n), rng.choice(3, n, p=chance)
    reward = (rng.random(n) < MEANS[x, action]) * 1.0
    return pd.DataFrame(
        {"x": x, "action": np.array(list("abc"))[action], "reward": reward, "propensity": chance[action]}
        | columns
    )


def rounds(frame: pd.DataFrame, **columns: Any) -> LoggedRounds:
    return LoggedRounds.from_table(frame, context=["x"], **columns)


def run(frame: pd.DataFrame, learner: Any, seed: int = 0, **columns: Any) -> ReplayEstimate:
    return replay(rounds(frame, **columns), learner, rng=np.random.default_rng(seed))


def test_by_hand() -> None:
    """Uniform choices keep every round; the learner takes b where x = 0 and a where x = 1."""
    frame = pd.DataFrame(
        {
            "x": [0, 0, 1, 1, 0, 1],
            "action": ["b", "a", "a", "b", "b", "a"],
            "reward": [1.0, 9.0, 2.0, 9.0, 3.0, 4.0],
            "propensity": 0.5,
        }
    )
    learner = Always(1, 0)
    result = run(frame, learner)
    assert (result.value, result.matched, result.kept, result.rounds) == (2.5, 4, 6, 6)
    assert result.logged_value == pytest.approx(28 / 6)
    assert learner.lessons == [(-1.0, 1, 1.0), (1.0, 0, 2.0), (-1.0, 1, 3.0), (1.0, 0, 4.0)]


@pytest.mark.parametrize("chance", [UNIFORM, SKEWED], ids=["uniform", "skewed"])
def test_a_fixed_rule_is_covered_as_its_interval_says(chance: np.ndarray) -> None:
    """binomial(200, 0.95) is below 176 with probability 3e-5."""
    rng = np.random.default_rng(1)
    held = 0
    for seed in range(200):
        result = run(table(rng, 600, chance), Always(1, 0), seed)
        held += result.low <= 0.55 <= result.high
    assert held >= 176


@pytest.mark.parametrize("chance", [UNIFORM, SKEWED], ids=["uniform", "skewed"])
def test_a_learner_earns_on_the_log_what_it_earns_live(chance: np.ndarray) -> None:
    """The mean reward of the first 40 rounds that count, in 300 logs and 300 live runs: 4 standard errors."""
    rng = np.random.default_rng(2)
    on_log, live = [], []
    for seed in range(300):
        learner = Greedy()
        frame = table(rng, 300, chance)
        logged = rounds(frame)
        result = replay(logged, learner, rng=np.random.default_rng(seed))
        assert result.matched > 40
        on_log.append(_first(logged, 40, seed))
        live.append(_live(rng, 40))
    error = np.hypot(np.std(on_log), np.std(live)) / 300**0.5
    assert abs(np.mean(on_log) - np.mean(live)) < 4 * error
    assert np.mean(live) > MEANS.mean() + 4 * error  # it does learn


def _first(logged: LoggedRounds, count: int, seed: int) -> float:
    """The mean reward of the first rounds that count."""
    rewards: list[float] = []

    class Counted(Greedy):
        def learn(self, context: np.ndarray, action: int, reward: float) -> None:
            super().learn(context, action, reward)
            rewards.append(reward)

    replay(logged, Counted(), rng=np.random.default_rng(seed))
    return float(np.mean(rewards[:count]))


def _live(rng: np.random.Generator, count: int) -> float:
    learner, total = Greedy(), 0.0
    for _ in range(count):
        x = int(rng.integers(0, 2))
        context = np.array([2.0 * x - 1.0])
        action = learner.choose(context)
        reward = float(rng.random() < MEANS[x, action])
        learner.learn(context, action, reward)
        total += reward
    return total / count


def test_an_agent_by_name_learns_from_the_context_of_a_table() -> None:
    frame = table(np.random.default_rng(3), 6_000, UNIFORM)
    result = replay_agent("lints_disjoint", rounds(frame), seed=0, draws=4)
    assert result.verdict == "trust"
    assert result.low > result.logged_value + 0.05
    assert result.value < 0.55 + 0.05  # no policy earns more than 0.55
    assert result.matched == pytest.approx(2_000, rel=0.1)
    assert "uniform choices earned" in result.sentence
    assert json.loads(json.dumps(result.as_dict()))["matched"] == result.matched
    again = replay_agent("lints_disjoint", rounds(frame), seed=0, draws=4)
    assert again == result
    with pytest.raises(InvalidInput, match="agents"):
        replay_agent("lints_disjont", rounds(frame))


def test_users_are_the_draws_where_they_are_named() -> None:
    rng = np.random.default_rng(4)
    frame = table(rng, 3_000, UNIFORM, user=np.arange(3_000) // 10)
    one, two = run(frame, Always(1, 0)), run(frame, Always(1, 0), user="user")
    assert one.value == two.value
    assert one.high - one.low != two.high - two.low
    frame["reward"] = (frame["user"] % 2) * 1.0
    one, two = run(frame, Always(1, 0)), run(frame, Always(1, 0), user="user")
    assert two.high - two.low > 1.5 * (one.high - one.low)


def test_a_decision_log_of_one_slot_is_replayed_in_order_of_time() -> None:
    logged = rounds(table(np.random.default_rng(10), 400, UNIFORM))
    task = Task(_items(logged.labels), (), logged.context_names, 1)
    shuffled = logged.interactions.take(np.random.default_rng(0).permutation(400))
    log = DecisionLog.from_interactions(
        shuffled,
        items=task.items,
        unit="click",
        policy_hash="0",
        policy_name="uniform",
        config_hash="0",
        user_names=(),
        context_names=logged.context_names,
    )
    learners = [make_agent("lints_disjoint", task, np.random.default_rng(1)) for _ in range(2)]
    one, two = (
        replay(each, learner, rng=np.random.default_rng(2))
        for each, learner in zip((logged, log), learners, strict=True)
    )
    assert (one.value, one.matched) == (two.value, two.matched)
    assert (one.unit, two.unit) == ("reward", "click")
    with pytest.raises(InvalidInput, match="for its catalogue"):
        replay_agent("lints_disjoint", LoggedRounds.from_decision_log(log))
    pages = replace(log, **{name: np.repeat(getattr(log, name), 2, axis=1) for name in PER_SLOT})
    with pytest.raises(NotEstimable, match="one slot"):
        replay(pages, learners[0], rng=np.random.default_rng(0))


# what a log does not allow


def test_a_log_without_propensities_is_refused() -> None:
    frame = table(np.random.default_rng(5), 100, UNIFORM).drop(columns="propensity")
    with pytest.raises(NotEstimable, match="an estimate will not do"):
        rounds(frame)


def test_choices_that_left_something_out_are_refused() -> None:
    frame = table(np.random.default_rng(6), 2_000, np.array([0.5, 0.5, 0.0]))
    frame.loc[0, ["action", "propensity"]] = ["c", 0.5]
    result = run(frame, Always(1, 0))
    assert result.verdict == "refuse"
    assert "more than 3 candidates can all have" in result.reason
    assert result.sentence == "this log cannot tell what the learner would have earned"


def test_wrong_propensities_are_refused() -> None:
    frame = table(np.random.default_rng(7), 3_000, SKEWED).assign(propensity=1 / 3)
    result = run(frame, Always(1, 0))
    assert result.verdict == "refuse"
    assert "not logged as often as their propensities say" in result.reason


@pytest.mark.parametrize(("n", "verdict"), [(60, "refuse"), (300, "caution"), (900, "trust")])
def test_few_rounds_that_count_are_said(n: int, verdict: str) -> None:
    assert run(table(np.random.default_rng(8), n, UNIFORM), Always(1, 0)).verdict == verdict


def test_what_cannot_be_replayed_is_refused_by_name() -> None:
    frame = table(np.random.default_rng(9), 50, UNIFORM)
    with pytest.raises(NotEstimable, match="give a longer log"):
        run(frame.assign(action=["a"] + ["b"] * 49, propensity=0.5), Always(0, 0))
    with pytest.raises(InvalidInput, match=r"learner\.choose"):
        run(frame, Always(7, 7))
    with pytest.raises(InvalidInput, match="column"):
        LoggedRounds.from_table(frame, context=["y"])
    with pytest.raises(InvalidInput, match="batch"):
        replay(rounds(frame), Always(1, 0), rng=np.random.default_rng(0), batch=0)
