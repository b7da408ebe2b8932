"""The checks of agents can fail: for each of them there is an agent that breaks what it checks."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.random import Generator

from shopgym.agents import Task, make_agent
from shopgym.core import Decisions, Interactions, InvalidInput, Requests
from shopgym.policies.explorers import PlackettLuceRanking
from shopgym.policies.policy import SlatePolicy
from shopgym.policies.scorers import TableScorer
from shopgym.testing import AGENT_CHECKS, AgentMaker

pytestmark = pytest.mark.slow


class BestSellers:
    """Counts purchases and shows the items bought most: it passes every check."""

    def __init__(self, task: Task, rng: Generator) -> None:
        self.task, self.rng = task, rng
        self.sales = np.zeros(len(task.items))

    def learn(self, batch: Interactions) -> Mapping[str, Any]:
        row, slot = np.nonzero(batch.events["purchase"] > 0)
        np.add.at(self.sales, batch.decisions.slates[row, slot], 1.0)
        return {"purchases": float(len(row))}

    def policy(self) -> Any:
        return self.rank(self.sales.copy())

    def rank(self, table: Any, explorer: PlackettLuceRanking | None = None) -> SlatePolicy:
        return self.task.policy(
            "best_sellers", TableScorer(table), explorer or PlackettLuceRanking(3.0, 0.05)
        )


class PolicyWrapper:
    """A policy that does what another one does, until a subclass changes a part of it."""

    def __init__(self, policy: SlatePolicy) -> None:
        self.policy = policy

    def decide(self, requests: Requests, rng: Generator) -> Decisions:
        return self.policy.decide(requests, rng)

    def propensities(self, requests: Requests, positions: Any) -> Any:
        return self.policy.propensities(requests, positions)

    def marginals(self, requests: Requests) -> Any:
        return self.policy.marginals(requests)

    def state(self) -> Any:
        return self.policy.state()


def wrapped(wrapper: type[PolicyWrapper], name: str | None = None) -> AgentMaker:
    """Makes the agent called ``name``, or :class:`BestSellers`, with its policies wrapped."""

    def make(task: Task, rng: Generator) -> Any:
        agent: Any = BestSellers(task, rng) if name is None else make_agent(name, task, rng)
        policy = agent.policy
        agent.policy = lambda: wrapper(policy())
        return agent

    return make


class WithoutPolicy:
    def __init__(self, task: Task, rng: Generator) -> None:
        pass

    def learn(self, batch: Interactions) -> Mapping[str, float]:
        return {}


class WithoutMarginals(BestSellers):
    def policy(self) -> Any:
        policy = PolicyWrapper(super().policy())
        return type("Incomplete", (), {"decide": policy.decide, "propensities": policy.propensities})()


class ReportsNothing(BestSellers):
    def learn(self, batch: Interactions) -> Any:
        super().learn(batch)


class ReportsIntegers(BestSellers):
    def learn(self, batch: Interactions) -> Mapping[str, Any]:
        return {name: int(value) for name, value in super().learn(batch).items()}


class Unseeded(BestSellers):
    made = itertools.count()

    def policy(self) -> Any:
        return self.rank(self.sales + next(self.made))


class SharesItsTable(BestSellers):
    def __init__(self, task: Task, rng: Generator) -> None:
        super().__init__(task, rng)
        self.sales += 1e6 * np.arange(len(self.sales))  # a few sales more change no decision

    def policy(self) -> Any:
        return self.rank(self.sales)


class SharesItsGenerator(BestSellers):
    def policy(self) -> Any:
        rng = self.rng

        class Drawing(PolicyWrapper):
            def decide(self, requests: Requests, _: Generator) -> Decisions:
                return self.policy.decide(requests, rng)

        return Drawing(super().policy())


class LogsHalf(PolicyWrapper):
    def decide(self, requests: Requests, rng: Generator) -> Decisions:
        decisions = super().decide(requests, rng)
        return replace(decisions, propensities=decisions.propensities / 2)


class LogsZero(PolicyWrapper):
    def decide(self, requests: Requests, rng: Generator) -> Decisions:
        decisions = super().decide(requests, rng)
        return replace(decisions, propensities=self.propensities(requests, decisions.positions))

    def propensities(self, requests: Requests, positions: Any) -> Any:
        return np.zeros(positions.shape)


class StatesTooLittle(PolicyWrapper):
    def propensities(self, requests: Requests, positions: Any) -> Any:
        return 0.9 * super().propensities(requests, positions)


class StatesOtherMarginals(PolicyWrapper):
    def marginals(self, requests: Requests) -> Any:
        return super().marginals(requests)[:, ::-1]


class DrawsGreedily(PolicyWrapper):
    """Logs the probabilities of a policy that explores, and does not explore."""

    def decide(self, requests: Requests, rng: Generator) -> Decisions:
        greedy = replace(self.policy, explorer=PlackettLuceRanking(20.0, 0.0)).decide(requests, rng)
        return replace(greedy, propensities=self.propensities(requests, greedy.positions))


class IgnoresStock(BestSellers):
    def __init__(self, task: Task, rng: Generator) -> None:
        super().__init__(replace(task, guards=()), rng)


class NeedsThreeCandidates(PolicyWrapper):
    def decide(self, requests: Requests, rng: Generator) -> Decisions:
        decisions = super().decide(requests, rng)
        short = (requests.candidates >= 0).sum(axis=1) < 3
        positions, slates = decisions.positions.copy(), decisions.slates.copy()
        positions[short] = slates[short] = -1
        return Decisions(positions, slates, decisions.propensities)


class DividesByPages(BestSellers):
    def learn(self, batch: Interactions) -> Mapping[str, Any]:
        with np.errstate(invalid="ignore"):
            self.sales += np.divide(batch.reward.sum(), len(batch))
        return super().learn(batch)


class NeedsAnItem(BestSellers):
    def learn(self, batch: Interactions) -> Mapping[str, Any]:
        self.sales[batch.decisions.slates.max()] += 1.0
        return {}


class WritesRewards(BestSellers):
    def learn(self, batch: Interactions) -> Mapping[str, Any]:
        batch.reward[:] += 1.0
        return super().learn(batch)


class WritesEnds(BestSellers):
    def learn(self, batch: Interactions) -> Mapping[str, Any]:
        assert batch.terminated is not None
        batch.terminated[:] = ~batch.terminated
        return super().learn(batch)


class WritesEvents(BestSellers):
    def learn(self, batch: Interactions) -> Mapping[str, Any]:
        batch.events["click"][:] += 1.0
        return super().learn(batch)


class KnowsItsUsers(BestSellers):
    def __init__(self, task: Task, rng: Generator) -> None:
        super().__init__(task, rng)
        self.users: dict[int, int] = dict.fromkeys(range(10_000), 0)

    def policy(self) -> Any:
        users = self.users

        class Personal(PolicyWrapper):
            def decide(self, requests: Requests, rng: Generator) -> Decisions:
                assert {users[int(user)] for user in requests.user_id} == {0}
                return super().decide(requests, rng)

        return Personal(super().policy())


class NeedsAHistory(PolicyWrapper):
    def decide(self, requests: Requests, rng: Generator) -> Decisions:
        assert requests.history is not None
        assert (requests.history >= 0).any()
        return super().decide(requests, rng)


class FillsInZeros(PolicyWrapper):
    """Replaces NaN by 0 and raises nothing."""

    def decide(self, requests: Requests, rng: Generator) -> Decisions:
        return super().decide(self.filled(requests), rng)

    def propensities(self, requests: Requests, positions: Any) -> Any:
        return super().propensities(self.filled(requests), positions)

    def filled(self, requests: Requests) -> Requests:
        user, context = np.nan_to_num(requests.user), np.nan_to_num(requests.context)
        return replace(requests, user=user, context=context)


class LearnsNaN(BestSellers):
    def learn(self, batch: Interactions) -> Mapping[str, Any]:
        self.sales += 0.0 * batch.requests.user.sum()
        return super().learn(batch)


class RoundedScorer(TableScorer):
    """Its state lacks a part of what it decides by."""

    def state(self) -> Any:
        return TableScorer(np.sign(self.values)).state()


class SavesLess(BestSellers):
    def policy(self) -> Any:
        return replace(super().policy(), scorer=RoundedScorer(self.sales + self.task.items.price))


class FirstCandidate(BestSellers):
    """Equal scores keep the candidates' order."""

    def policy(self) -> Any:
        return self.rank(np.zeros(len(self.task.items)), PlackettLuceRanking(20.0, 0.0))


class DearestFirst(BestSellers):
    def policy(self) -> Any:
        return self.rank(self.task.items.margin)


FAILURES: list[tuple[str, AgentMaker | type, str]] = [
    ("is_an_agent", WithoutPolicy, "lacks a method of core.Agent"),
    ("is_an_agent", WithoutMarginals, "lacks a method of core.Policy"),
    ("is_an_agent", ReportsNothing, "not a mapping"),
    ("is_an_agent", ReportsIntegers, "not a float"),
    ("same_seed_same_policy", Unseeded, "equal seeds gave another"),
    ("a_frozen_policy_does_not_learn", SharesItsTable, "of a frozen policy"),
    ("a_frozen_policy_does_not_learn", SharesItsGenerator, "a frozen policy decided otherwise"),
    ("propensities_are_those_of_what_was_shown", wrapped(LogsHalf), "differs from what decide"),
    ("propensities_are_those_of_what_was_shown", wrapped(LogsZero), "had probability 0"),
    ("propensities_are_a_distribution", wrapped(StatesTooLittle), "do not add up to 1"),
    ("propensities_are_a_distribution", wrapped(StatesOtherMarginals), "are not the sums"),
    ("propensities_are_a_distribution", wrapped(DrawsGreedily), "not drawn as often"),
    ("what_is_sold_out_is_never_shown", IgnoresStock, "sold out"),
    ("one_candidate_and_none", wrapped(NeedsThreeCandidates), "1 candidates gave more or fewer"),
    ("empty_batches_are_learnt_from", DividesByPages, "nan"),
    ("empty_batches_are_learnt_from", NeedsAnItem, "zero-size array"),
    ("learning_leaves_its_batch_alone", WritesRewards, "wrote to its batch"),
    ("learning_leaves_its_batch_alone", WritesEnds, "wrote to its batch"),
    ("learning_leaves_its_batch_alone", WritesEvents, "wrote to its batch"),
    ("strangers_are_served", KnowsItsUsers, "1000000"),
    ("strangers_are_served", wrapped(NeedsAHistory), "history"),
    ("bad_features_are_refused", wrapped(FillsInZeros, "epsilon_greedy"), "NaN in it is not refused"),
    ("bad_features_are_refused", LearnsNaN, "nan"),
    ("a_saved_policy_is_the_same", wrapped(PolicyWrapper), "hand out a SlatePolicy"),
    ("a_saved_policy_is_the_same", SavesLess, "decides otherwise"),
    ("an_exported_policy_serves_the_same", wrapped(PolicyWrapper), "cannot be exported"),
    ("an_exported_policy_serves_the_same", SavesLess, "golden"),
    ("learns_the_obvious", FirstCandidate, "stands first on"),
    ("learns_the_obvious", DearestFirst, "stands first on"),
]


@pytest.mark.parametrize("check", AGENT_CHECKS.values(), ids=AGENT_CHECKS)
def test_a_sound_agent_passes(check: Callable[[AgentMaker], None]) -> None:
    check(BestSellers)


@pytest.mark.parametrize(("name", "make", "reason"), FAILURES, ids=[f"{f[0]}-{f[2]}" for f in FAILURES])
def test_an_unsound_agent_fails(name: str, make: AgentMaker, reason: str) -> None:
    # what the agent itself raises is passed on
    with pytest.raises((AssertionError, InvalidInput, KeyError, ValueError), match=f"(?i){reason}"):
        AGENT_CHECKS[name](make)


def test_every_check_has_an_agent_that_fails_it() -> None:
    assert {name for name, _, _ in FAILURES} == set(AGENT_CHECKS)
