"""Logs as users bring them: tables, read with ``weigh_log`` and answered as ``shopgym evaluate`` does.

Each kind has one fault that a reader may or may not see, or none, and a value that is known in closed form.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.random import Generator

from ....core.errors import InvalidInput
from ....core.types import F64, I64
from ....evaluation.answer import answer_of
from ....evaluation.errors import NotEstimable
from ....evaluation.offline import OpeInputs, compare_inputs
from ....evaluation.offline.estimate import Estimate
from ....evaluation.offline.formats import Columns, weigh_log

if TYPE_CHECKING:
    import pandas as pd

ARMS = ("a", "b", "c")
ESTIMATORS = ("ips", "snips", "dm", "dr")
QUOTED, DIFFERENCE = "quoted", "difference"
"""Beside the estimators: the number that the answer quotes, and the difference of two policies."""


@dataclass(frozen=True)
class TableKind:
    """One kind of log and what is asked of it.

    Attributes:
        draw: (rng, rounds) -> a table.
        policy: to be evaluated.
        truth: its value, or its difference from ``baseline``.
        baseline: empty: the value of the policy is asked for, else the difference.
        columns: as the user names them.
        by_user: as in :func:`~shopgym.evaluation.offline.formats.weigh_log`.
        trustworthy: whether any number that this log gives deserves the verdict ``trust``.
    """

    draw: Callable[[Generator, int], pd.DataFrame]
    policy: str
    truth: float
    baseline: str = ""
    columns: Columns = field(default_factory=Columns)
    by_user: bool | None = None
    trustworthy: bool = False

    @property
    def quoted(self) -> str:
        """The name of the number that a user is told."""
        return DIFFERENCE if self.baseline else QUOTED

    def answers(self, frame: pd.DataFrame, seed: int, level: float) -> Iterator[tuple[str, Estimate]]:
        """(estimator, estimate) on one log; that of ``quoted`` is missing where the answer gives no number.

        Args:
            frame: the log.
            seed: decides the folds, the same for both policies.
            level: of the intervals.
        """
        policies = (self.policy, self.baseline) if self.baseline else (self.policy,)
        rounds: list[OpeInputs] = []
        for policy in policies:
            rng = np.random.default_rng(seed)
            try:
                weighed = weigh_log(frame, policy, rng=rng, columns=self.columns, by_user=self.by_user)
            except InvalidInput:
                return  # the reader refuses the log
            assert isinstance(weighed.rounds, OpeInputs)  # it was not streamed
            rounds.append(weighed.rounds)
        if self.baseline:
            named = "dr" if all(inputs.has_model for inputs in rounds) else "snips"
            yield DIFFERENCE, compare_inputs(*rounds, estimator=named, level=level)
            return
        try:
            answer, made = answer_of(
                weighed, ESTIMATORS, chosen=False, level=level, interval="delta", rng=rng
            )
        except NotEstimable:
            return
        for estimate in made:
            yield estimate.estimator, estimate
            if estimate.estimator == answer["headline"]:
                yield QUOTED, estimate


def _rounds(action: I64, propensity: F64, reward: F64, **others: object) -> pd.DataFrame:
    import pandas as pd

    columns = {"action": np.array(ARMS)[action], "reward": reward, "propensity": propensity, **others}
    return pd.DataFrame(columns)


def _random_actions(rng: Generator, n: int, chance: tuple[float, ...]) -> tuple[I64, F64]:
    """Actions and propensities, whoever comes."""
    action = rng.choice(len(chance), n, p=chance)
    return action, np.array(chance)[action]


MEANS = np.array([1.0, 1.2, 1.5])


def _users(rng: Generator, n: int, users: int) -> pd.DataFrame:
    """Users of different activity and taste; a row is a draw of a user."""
    activity = rng.gamma(2.0, size=users)
    user = rng.choice(users, n, p=activity / activity.sum()) if users < n else np.arange(n)
    taste = 0.6 * rng.standard_normal((users, 1)) + 0.3 * rng.standard_normal((users, len(ARMS)))
    action, propensity = _random_actions(rng, n, (0.5, 0.3, 0.2))
    reward = MEANS[action] + taste[user, action] + rng.standard_normal(n)
    return _rounds(action, propensity, reward, user=user)


def _near_greedy(rng: Generator, n: int, explored: float) -> pd.DataFrame:
    """Every visitor is nearly always shown what fits: clicked with 0.5, everything else with 0.1."""
    x = rng.integers(0, len(ARMS), n)
    chance = np.full((n, len(ARMS)), explored / len(ARMS))
    chance[np.arange(n), x] += 1.0 - explored
    action = (chance.cumsum(axis=1)[:, :-1] < rng.random((n, 1))).sum(axis=1)
    reward = (rng.random(n) < np.where(action == x, 0.5, 0.1)).astype(np.float64)
    return _rounds(action, chance[np.arange(n), action], reward, x=x.astype(np.float64))


VISITS = np.array([0.18, 0.15, 0.09])
SPEND = 9.0


def _trial(rng: Generator, n: int, *, outcome: bool) -> pd.DataFrame:
    """A trial of three mailings: who visits may buy. The visit is an outcome of the mailing."""
    history, age = rng.integers(0, 3, n), rng.integers(18, 70, n)
    action, propensity = _random_actions(rng, n, (1 / 3, 1 / 3, 1 / 3))
    visit = rng.random(n) < VISITS[action] * (0.8 + 0.2 * history)
    reward = np.where(visit, rng.gamma(2.0, SPEND / 2.0, n).round(2), 0.0)
    others = {"history": history, "age": age, **({"visit": visit.astype(np.int64)} if outcome else {})}
    return _rounds(action, propensity, reward, **others)


def _confounded(rng: Generator, n: int) -> pd.DataFrame:
    """x drives the choice and the reward; the action does nothing; no propensities are logged."""
    x = rng.integers(0, 2, n)
    action = (rng.random(n) < np.where(x == 1, 0.8, 0.2)).astype(np.int64)
    reward = (rng.random(n) < np.where(x == 1, 0.6, 0.2)).astype(np.float64)
    return _rounds(action, reward, reward, x=x).drop(columns="propensity")


def _copied(rng: Generator, n: int, share: float) -> pd.DataFrame:
    """A trial whose last rows are copies of others, as after a join that matched twice."""
    kept = n - round(share * n)
    x = rng.standard_normal(kept)
    action, propensity = _random_actions(rng, kept, (1 / 3, 1 / 3, 1 / 3))
    frame = _rounds(action, propensity, MEANS[action] + x + rng.standard_normal(kept), x=x)
    rows = np.concatenate([np.arange(kept), rng.integers(0, kept // 10, n - kept)])
    return frame.iloc[rows].reset_index(drop=True)


BY_USER = Columns(user="user")
ALL = Columns(context=("*",))
UNIFORM = float(MEANS.mean())
MAILED = float(VISITS[0] * SPEND)
CLICKS = (0.5 + 0.1 + 0.1) / 3

X = Columns(context=("x",))
TABLES: Mapping[str, TableKind] = {
    "60 users": TableKind(partial(_users, users=60), "uniform", UNIFORM, columns=BY_USER, trustworthy=True),
    "200 users": TableKind(partial(_users, users=200), "uniform", UNIFORM, columns=BY_USER, trustworthy=True),
    "20 users": TableKind(partial(_users, users=20), "uniform", UNIFORM, columns=BY_USER),
    "60 users, by row": TableKind(
        partial(_users, users=60), "uniform", UNIFORM, columns=BY_USER, by_user=False
    ),
    "near-greedy": TableKind(partial(_near_greedy, explored=0.012), "uniform", CLICKS, columns=X),
    "explored": TableKind(
        partial(_near_greedy, explored=0.5), "uniform", CLICKS, columns=X, trustworthy=True
    ),
    "context": TableKind(partial(_trial, outcome=False), "action:a", MAILED, columns=ALL, trustworthy=True),
    "context and an outcome": TableKind(partial(_trial, outcome=True), "action:a", MAILED, columns=ALL),
    "an outcome, named": TableKind(
        partial(_trial, outcome=True), "action:a", MAILED, columns=Columns(context=("history", "visit"))
    ),
    "hidden cause": TableKind(_confounded, "action:b", 0.4),
    "hidden cause, compared": TableKind(_confounded, "action:b", 0.0, "action:a"),
    "recorded cause, compared": TableKind(_confounded, "action:b", 0.0, "action:a", X),
    "copied rows": TableKind(partial(_copied, share=0.3), "uniform", UNIFORM, columns=X),
}
"""By the name that a scenario gives as ``table``."""
