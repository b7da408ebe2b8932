"""Agents trained on a reward, with the discount as a second decision, for the audit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.random import Generator, Philox

from ...agents.registry import make_agent
from ...agents.task import Task
from ...core.batches import Feedback, Requests
from ...core.errors import InvalidInput
from ...core.protocols import Policy
from ...core.reward import RewardSpec
from ...core.types import F64, I32, I64, Bool
from ...envs.page_env import Episode, PageEnv
from ...policies.explorers import PlackettLuceRanking
from ...policies.guards import CategoryCap, InStock, MarginFloor
from ...simulators import Shop
from ...simulators.rollout import EpisodicShop, rollout
from ...training.loop import check_rollout, interactions
from ...training.position_bias import measure_position_bias
from .linted_shop import LintedShop
from .page_rules import PageChoice

GREEDY = PlackettLuceRanking(decay=50.0, floor=0.0)
RIDGE = 300.0
"""Penalty of the weights of a visitor's columns in the model of discounts; the constant is free."""
EXPLORE = 0.3
"""Share of pages whose discount is drawn uniformly while an agent learns."""
ROWS = 256
"""Visits at a time while an agent learns."""


class DiscountModel:
    """Ridge regression of the reward of a page on what is known of the visitor, one for each discount.

    The discount is a second decision beside the slate: whatever agent chooses the items, this learns how much
    to take off, from the same pages and the same reward (greedy with a share ``EXPLORE`` of uniform draws).
    """

    def __init__(self, discounts: Sequence[float], width: int) -> None:
        self.discounts = np.array(discounts, np.float64)
        penalty = np.diag([1e-9] + [RIDGE] * (width - 1))
        self.gram = np.tile(penalty, (len(self.discounts), 1, 1))
        self.moment = np.zeros((len(self.discounts), width))

    def learn(self, requests: Requests, level: I64, reward: F64) -> None:
        """Add n pages, the discount of each and the reward that it got."""
        x = visitor_columns(requests)
        for number in range(len(self.discounts)):
            seen = level == number
            self.gram[number] += x[seen].T @ x[seen]
            self.moment[number] += x[seen].T @ reward[seen]

    def best(self, requests: Requests) -> I64:
        """(n,) index of the discount that is expected to earn most."""
        theta = np.linalg.solve(self.gram, self.moment[:, :, None])[:, :, 0]
        level: I64 = np.argmax(visitor_columns(requests) @ theta.T, axis=1)
        return level

    def frozen(self) -> DiscountModel:
        """A copy that does not learn on."""
        copy = DiscountModel(self.discounts.tolist(), self.moment.shape[1])
        copy.gram, copy.moment = self.gram.copy(), self.moment.copy()
        return copy


def visitor_columns(requests: Requests) -> F64:
    """(n, D) a constant, and what is known of user and context."""
    parts = (np.ones((len(requests), 1)), requests.user, requests.context)
    return np.concatenate(parts, axis=1, dtype=np.float64)


class _LearningShop(EpisodicShop):
    """A shop whose pages get the discount that a model explores."""

    def __init__(self, shop: Shop, episode: Episode, model: DiscountModel, rng: Generator) -> None:
        super().__init__(shop, episode)
        self.model, self.rng = model, rng
        self.level: I64 = np.zeros(shop.lanes, np.int64)

    def serve(
        self, slates: I32, active: Bool, *, price_off: F64 | None = None
    ) -> tuple[Feedback, Bool, Bool]:
        """As :meth:`EpisodicShop.serve`, at the discount of the model or a uniform one."""
        n, levels = len(slates), len(self.model.discounts)
        drawn = self.rng.integers(levels, size=n)
        explores = self.rng.random(n) < EXPLORE
        self.level = np.where(explores, drawn, self.model.best(self.requests))
        return super().serve(slates, active, price_off=self.model.discounts[self.level])


@dataclass(frozen=True)
class LearntRule:
    """What an agent learnt to show, and what a model learnt to take off the prices, without exploration."""

    policy: Policy
    discounts: DiscountModel

    def choose(self, shop: Shop, requests: Requests, rng: Generator) -> PageChoice:
        """One page for each visit."""
        slates = self.policy.decide(requests, rng).slates
        return PageChoice(slates, self.discounts.discounts[self.discounts.best(requests)])


@dataclass(frozen=True)
class AuditedAgent:
    """An agent of the audit.

    Attributes:
        agent, options: of :func:`shopgym.agents.make_agent`.
        pages: shown in all, at each of which it is looked at, rising.
    """

    agent: str
    pages: tuple[int, ...] = (10_000, 40_000)
    options: dict[str, Any] = field(default_factory=dict)


def train_rules(
    shop: LintedShop, spec: RewardSpec, trainee: AuditedAgent, episode: Episode, *, days: float, seed: int
) -> Iterator[tuple[int, LearntRule]]:
    """Train an agent on a reward over whole visits or lives; yields (pages so far, what it does then).

    Raises:
        InvalidInput: the pages of the shop have no candidates, the agent refuses the task, or it would not
            learn before it is looked at.
    """
    if not shop.config.num_candidates:
        fix = "agents learn from pages with candidates: set it, 30 for example"
        raise InvalidInput("shop.num_candidates", 0, fix)
    env = PageEnv(shop.open(ROWS, episode.clock, days), spec, "slate", episode=episode)
    task = learning_task(shop, env, spec, seed)
    agent = make_agent(trainee.agent, task, _rng(seed, 1), **trainee.options)
    check_rollout(agent, trainee.agent, trainee.pages[0] // ROWS)
    width = 1 + len(env.shop.user_names) + len(env.shop.context_names)
    model = DiscountModel(shop.discounts, width)
    world = _LearningShop(env.shop, episode, model, _rng(seed, 2))
    world.open(seed + 1)
    shown, stages = 0, list(trainee.pages)
    for step in rollout(world, lambda: agent.policy(), _rng(seed, 3), pages_in_all=stages[-1]):
        agent.learn(interactions(step, env))
        reward = spec.page(step.feedback)[0][step.rows]
        model.learn(step.requests, world.level[step.rows], reward)
        shown += len(step.rows)
        while stages and shown >= stages[0]:
            policy: Any = agent.policy()
            yield stages.pop(0), LearntRule(replace(policy, explorer=GREEDY), model.frozen())


def learning_task(shop: LintedShop, env: PageEnv, spec: RewardSpec, seed: int) -> Task:
    """What agents are told: the catalogue, the guards of the shop, and how often each slot is looked at."""
    size = shop.config.slate_size
    guards = tuple(g for g in shop.guards if isinstance(g, InStock | MarginFloor | CategoryCap))
    names = (env.shop.user_names, env.shop.context_names)
    blank = Task(shop.catalog.items, *names, size, guards, attention=np.ones(size))
    random = make_agent("random", blank, _rng(seed, 4)).policy()
    env.open(seed)
    attention = measure_position_bias(env, random, 5, _rng(seed, 5))
    return replace(blank, attention=attention, value=value_of(spec))


def value_of(spec: RewardSpec) -> str:
    """What the reward of a slot scales with: see :class:`shopgym.agents.Task`."""
    scales = {"margin": "margin", "revenue": "price"}
    names = {scales.get(name, "one") for name in spec.weights}
    return names.pop() if len(names) == 1 else "one"


def _rng(seed: int, number: int) -> Generator:
    return Generator(Philox(key=[seed, number]))
