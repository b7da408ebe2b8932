"""What a policy that learns would have earned: replay of a log.

Li, Chu, Langford and Wang 2011 (Unbiased offline evaluation of contextual-bandit-based news article
recommendation algorithms, algorithm 2): go through a log of uniform choices; where the learner chooses what
was logged, the round counts and the learner learns from it; all other rounds are passed over. The rounds that
count are then as if the learner had been live for so many rounds.

Choices that were not uniform are made so by rejection: a round is kept with probability (least propensity) /
(its propensity), so that every action is kept equally often in every context (von Neumann 1951; as in Mandel,
Liu, Brunskill and Popovic 2016, Offline evaluation of online reinforcement learning algorithms). That costs
rounds, most where some choice was rare.

The value is the mean reward of the learner's first T rounds, T being how many count. A longer log gives
another value, as the learner would have learnt more. The interval takes each reward as one draw around what
the learner could expect then (martingale central limit theorem; Hall and Heyde 1980): it is about what this
learner would earn on the way it has taken, and leaves out that another run may learn something else first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.random import Generator

from ...core.batches import Decisions, Interactions, Requests
from ...core.errors import InvalidInput, in_range
from ...core.protocols import Agent
from ...core.types import F64, I64, AnyArray, Bool
from ...policies.decision_log.log import DecisionLog
from ..errors import NotEstimable
from ..intervals import interval_named
from ..intervals.clusters import cluster_codes, independent_draws
from ..intervals.statistic import Terms
from .checks import checked_actions
from .estimate import without_infinity
from .from_dataframe import context_features
from .support import calibration_p
from .verdict import CAUTION, REFUSE, THRESHOLDS, TRUST, Reason

if TYPE_CHECKING:
    import pandas as pd

BATCH = 100
"""Logged rounds between two lessons of an agent."""


class RowLearner(Protocol):
    """A learner that decides and learns round by round."""

    def choose(self, context: F64) -> int:
        """The action, an index, for a round with this context (D,)."""
        ...

    def learn(self, context: F64, action: int, reward: float) -> Any:
        """Learn from a round that counts."""
        ...


@dataclass(frozen=True, eq=False)
class LoggedRounds:
    """Rounds of one slot in their order, and how likely each choice was.

    Attributes:
        interactions: n rounds.
        labels: of the actions; empty: candidates are items of a catalogue.
        context_names: of the columns of ``interactions.requests.context``.
        unit: of the reward.
        users: (n,) or None.
    """

    interactions: Interactions
    labels: tuple[str, ...] = ()
    context_names: tuple[str, ...] = ()
    unit: str = "reward"
    users: AnyArray | None = None

    def __len__(self) -> int:
        return len(self.interactions)

    @property
    def propensity(self) -> F64:
        """(n,) of what was logged."""
        return self.interactions.decisions.propensities[:, 0]

    @property
    def chosen(self) -> I64:
        """(n,) index of what was logged among the candidates."""
        return self.interactions.decisions.positions[:, 0].astype(np.int64)

    @property
    def candidates(self) -> I64:
        """(n,) how many there are."""
        return np.asarray((self.interactions.requests.candidates >= 0).sum(axis=1))

    @classmethod
    def from_decision_log(cls, log: DecisionLog) -> LoggedRounds:
        """The rewarded decisions of a log of one slot, in order of time.

        Raises:
            NotEstimable: pages of several slots, or none that was filled.
        """
        log = log.rewarded_only()
        if log.slate_size > 1:
            raise NotEstimable("log.slates", log.slates.shape, "replay needs a log of one slot")
        log = log.take(log.positions[:, 0] >= 0)
        log = log.take(np.argsort(log.time, kind="stable"))
        return cls(log.interactions(), context_names=log.context_names, unit=log.unit, users=log.user_id)

    @classmethod
    def from_table(
        cls,
        frame: pd.DataFrame,
        *,
        action: str = "action",
        reward: str = "reward",
        propensity: str = "propensity",
        context: Sequence[str] = (),
        user: str | None = None,
        unit: str = "",
    ) -> LoggedRounds:
        """A table in its order: one logged action a row, every action on offer in every row.

        The context of a request is that of :func:`.from_dataframe.context_features`; action a is candidate a
        of ``labels``, the sorted different actions.

        Raises:
            NotEstimable: the propensity column is missing: replay needs choices of known probability.
            InvalidInput: another column is missing or cannot be used.
        """
        if propensity not in frame.columns:
            fix = "replay needs the logged probability of every choice: an estimate will not do"
            raise NotEstimable("propensity", propensity, fix)
        for name in (action, reward, *context, *([user] if user else [])):
            if name not in frame.columns:
                raise InvalidInput("column", name, f"the table has {', '.join(map(str, frame.columns))}")
        labels, code = np.unique(frame[action].to_numpy().astype(str), return_inverse=True)
        rewards, code, p = checked_actions(
            frame[reward].to_numpy(), code, frame[propensity].to_numpy(), len(labels)
        )
        n, features = len(frame), context_features(frame, context)
        requests = Requests(
            request_id=np.arange(n, dtype=np.uint64),
            user_id=cluster_codes(frame[user].to_numpy()) if user else np.arange(n),
            user=np.empty((n, 0), np.float32),
            context=features.astype(np.float32),
            candidates=np.tile(np.arange(len(labels), dtype=np.int32), (n, 1)),
            in_stock=np.ones((n, len(labels)), np.bool_),
            time=np.arange(n, dtype=np.float64),
        )
        place = code.astype(np.int32)[:, None]
        return cls(
            Interactions(requests, Decisions(place, place, p[:, None]), rewards[:, None]),
            tuple(map(str, labels)),
            tuple(f"x{i}" for i in range(features.shape[1])),
            unit or reward,
            frame[user].to_numpy() if user else None,
        )


@dataclass(frozen=True)
class ReplayEstimate:
    """What a learner would have earned.

    Attributes:
        value: mean reward of the rounds that count; ``low`` and ``high``: its interval at ``level``.
        matched: rounds that count: the learner was live for so many.
        kept: rounds after rejection, of ``rounds`` in the log.
        logged_value: mean reward of a kept round, which is that of uniform choices.
        unit: of the reward.
        verdict, reason: as in :mod:`.verdict`.
    """

    value: float
    low: float
    high: float
    level: float
    matched: int
    kept: int
    rounds: int
    logged_value: float
    unit: str
    verdict: str
    reason: str

    @property
    def sentence(self) -> str:
        """The result in words."""
        if self.verdict == REFUSE:
            return "this log cannot tell what the learner would have earned"
        return (
            f"over its first {self.matched:,} rounds the learner would have earned about {self.value:.4g} "
            f"{self.unit} a round, {self.low:.4g} to {self.high:.4g} with {100 * self.level:.4g}% "
            f"confidence; uniform choices earned {self.logged_value:.4g}"
        )

    def as_dict(self) -> dict[str, Any]:
        """JSON-able."""
        return without_infinity({**asdict(self), "sentence": self.sentence})


def replay(
    log: LoggedRounds | DecisionLog,
    learner: Agent | RowLearner,
    *,
    rng: Generator,
    level: float = 0.95,
    batch: int = BATCH,
) -> ReplayEstimate:
    """Replay a log with a learner, which learns on the way.

    Args:
        log: rounds of one slot with logged propensities.
        learner: an :class:`~shopgym.core.protocols.Agent`, or an object with ``choose`` and ``learn``.
        rng: decides rejections and an agent's choices.
        level: of the interval.
        batch: logged rounds after which an agent learns what counted among them; 1: after each. A
            :class:`RowLearner` always learns after each.

    Raises:
        NotEstimable: no round, or only one, counts.
        InvalidInput: an agent that fills several slots, or a choice that is no candidate.
    """
    in_range("batch", batch, 1, 10**9)
    rounds = LoggedRounds.from_decision_log(log) if isinstance(log, DecisionLog) else log
    least = float(rounds.propensity.min())
    kept = np.flatnonzero(rng.random(len(rounds)) * rounds.propensity <= least)
    interactions = rounds.interactions.take(kept)
    if isinstance(learner, Agent):
        matched = _by_batches(interactions, learner, rng, batch)
    else:
        matched = _by_rows(interactions, learner)
    count = int(matched.sum())
    if count < 2:
        fix = f"the learner chose what was logged in {count} of {len(kept)} rounds: give a longer log"
        raise NotEstimable("log", len(rounds), fix)
    reward = interactions.reward[:, 0]
    statistic = Terms(reward[matched][:, None])
    cluster = None if rounds.users is None else cluster_codes(rounds.users[kept][matched])
    draws = independent_draws(statistic, cluster, None)
    low, high = interval_named("delta")(draws, level, None)
    reasons = [*_reasons(rounds, least), *_few(len(draws), rounds.users is not None)]
    verdict = next((word for word in (REFUSE, CAUTION) if word in dict(reasons)), TRUST)
    return ReplayEstimate(
        value=statistic.value,
        low=low,
        high=high,
        level=level,
        matched=count,
        kept=len(kept),
        rounds=len(rounds),
        logged_value=float(reward.mean()),
        unit=rounds.unit,
        verdict=verdict,
        reason="; ".join(text for word, text in reasons if word == verdict),
    )


def _by_batches(interactions: Interactions, agent: Agent, rng: Generator, batch: int) -> Bool:
    """(n,) which rounds count. The agent's policy stays for a batch, and learns what counted in it."""
    matched = np.zeros(len(interactions), np.bool_)
    for start in range(0, len(interactions), batch):
        logged = interactions.take(slice(start, start + batch))
        positions = agent.policy().decide(logged.requests, rng).positions
        if positions.shape[1] != 1:
            raise InvalidInput("learner", positions.shape, "replay needs an agent that fills one slot")
        same = positions[:, 0] == logged.decisions.positions[:, 0]
        matched[start : start + batch] = same
        if same.any():
            agent.learn(logged.take(same))
    return matched


def _by_rows(interactions: Interactions, learner: RowLearner) -> Bool:
    """(n,) which rounds count."""
    matched = np.zeros(len(interactions), np.bool_)
    context = interactions.requests.context.astype(np.float64)
    candidates = (interactions.requests.candidates >= 0).sum(axis=1)
    for i, action in enumerate(interactions.decisions.positions[:, 0].tolist()):
        chosen = learner.choose(context[i])
        if not 0 <= chosen < candidates[i]:
            raise InvalidInput("learner.choose", chosen, f"choose one of 0 to {candidates[i] - 1}")
        if chosen == action:
            matched[i] = True
            learner.learn(context[i], action, float(interactions.reward[i, 0]))
    return matched


def _reasons(rounds: LoggedRounds, least: float) -> list[Reason]:
    """What the log as a whole has against a replay."""
    most = int(rounds.candidates.max())
    reasons: list[Reason] = []
    if rounds.labels and len(rounds.labels) < 2:
        reasons.append((REFUSE, "the log has one action: there is nothing to choose"))
    elif most * least > 1.0 + 1e-6:
        text = f"the least propensity is {least:.3g}, more than {most} candidates can all have"
        reasons.append((REFUSE, f"{text}: some were never chosen, and the learner may want them"))
    shown = np.unique(rounds.interactions.decisions.slates[:, 0], return_inverse=True)[1]
    context = rounds.interactions.requests.context.astype(np.float64)
    p = calibration_p(shown.astype(np.int64), rounds.propensity, int(shown.max()) + 1, context)
    if p < THRESHOLDS.propensity_p and (rounds.candidates == most).all():
        reasons.append((REFUSE, f"actions are not logged as often as their propensities say (p = {p:.1g})"))
    return reasons


def _few(draws: int, by_user: bool) -> list[Reason]:
    noun = "users" if by_user else "rounds"
    if draws < THRESHOLDS.ess_refuse:
        return [(REFUSE, f"only {draws} {noun} count")]
    return [(CAUTION, f"only {draws} {noun} count")] if draws < THRESHOLDS.ess_caution else []
