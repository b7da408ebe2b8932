"""The returns of the named tasks: random pages, popularity, agents, planners that know the shop.

A return is the sum over an episode of the exact expected reward of every page, so that the noise of single
orders is left out. Within a seed every policy serves the same visitors with the same random draws.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.random import Generator

from ...agents.registry import make_agent
from ...agents.task import Task
from ...core.batches import EMPTY
from ...core.protocols import Policy
from ...core.types import F64, I64, Bool
from ...envs.oracle import page_values, slot_values
from ...envs.page_env import Episode, PageEnv
from ...envs.tasks import make_vector
from ...evaluation.intervals.normal import student_interval
from ...policies.explorers import PlackettLuceRanking
from ...training.loop import check_rollout, learn
from ...training.position_bias import measure_position_bias
from ..results import value_scale
from ..stages import stage_rng, stage_seed
from .long_term import with_identity

Decide = Callable[[PageEnv, I64, Generator], I64]
"""From an environment, the rows (r,) that wait and a generator: actions (r, k), discounts behind."""

GREEDY = PlackettLuceRanking(decay=50.0, floor=0.0)
RIDGE = 300.0
"""Penalty of the weights of a visitor's columns in the model of discounts; the constant is free."""


@dataclass(frozen=True)
class Planner:
    """Ranks candidates by what they earn now and by a price of what follows; it knows the hidden state.

    index = reward x share + P(click) x (stay + worth x the item's worth), each in its exact expectation,
    where share <= 1 is that of the item's wanted units that are on hand, ``scarce`` x what is left of the
    season. Of the discounts it takes the one whose best page has the highest index. With all
    weights 0 it is the myopic oracle, which is optimal where an episode is one page.

    Attributes:
        stay: reward that one click is worth because the visitor stays.
        worth: reward that one click on an item of worth 1 (one standard deviation) is worth later.
        scarce: units of an item that the whole season would buy if there were enough; 0 = hold nothing back.
    """

    stay: float = 0.0
    worth: float = 0.0
    scarce: float = 0.0

    def __call__(self, env: PageEnv, rows: I64, rng: Generator) -> I64:
        """The best page of the family for each row."""
        shop, items = env.shop, env.requests.candidates
        levels = env.discounts if len(env.discounts) else np.zeros(1)
        pages, totals = [], []
        for level in levels:
            off = np.full(shop.lanes, level) if env.price_off is not None else None
            index = slot_values(shop, env.reward, items, price_off=off)[0]
            if self.scarce:
                wanted = self.scarce * (1.0 - env.requests.time / shop.days)[:, None]
                short = 1.0 - shop.stock.on_hand[items] / np.maximum(wanted, 1e-9)
                index = index * (1.0 - np.clip(short, 0.0, 1.0))
            if self.stay or self.worth:
                worth = shop.catalog.details.worth.astype(np.float64)[items]
                index = index + shop.expected(items, price_off=off)["click"] * (
                    self.stay + self.worth * worth
                )
            index = np.where(env.requests.in_stock, index, -np.inf)
            order = np.argsort(-index, axis=1, kind="stable")[:, : shop.config.slate_size]
            gain = np.take_along_axis(index, order, axis=1)
            pages.append(np.where(gain > -np.inf, order, EMPTY))
            totals.append((shop.attention_curve * np.where(gain > -np.inf, gain, 0.0)).sum(axis=1))
        best = np.argmax(totals, axis=0)
        page = np.array(pages)[best, np.arange(shop.lanes)]
        if len(env.discounts):
            page = np.concatenate([page, best[:, None]], axis=1)
        chosen: I64 = page[rows].astype(np.int64)
        return chosen


@dataclass(frozen=True)
class Ranked:
    """The pages of a policy; of the discounts a uniform one, or none."""

    policy: Policy
    uniform: bool = False

    def __call__(self, env: PageEnv, rows: I64, rng: Generator) -> I64:
        """One action for each row."""
        page: I64 = self.policy.decide(env.requests.take(rows), rng).positions.astype(np.int64)
        if not len(env.discounts):
            return page
        levels = len(env.discounts) if self.uniform else 1
        return np.concatenate([page, rng.integers(levels, size=(len(rows), 1))], axis=1)


@dataclass(frozen=True)
class DiscountByVisitor:
    """The pages of a policy, with the discount that a linear model of the visitor expects to earn most.

    Attributes:
        policy: ranks the candidates.
        theta: (levels, D) weights of a constant and the columns of user and context.
    """

    policy: Policy
    theta: F64

    def __call__(self, env: PageEnv, rows: I64, rng: Generator) -> I64:
        """One action for each row."""
        page = self.policy.decide(env.requests.take(rows), rng).positions.astype(np.int64)
        level = np.argmax(visitor_columns(env, rows) @ self.theta.T, axis=1)
        action: I64 = np.concatenate([page, level[:, None]], axis=1)
        return action


def visitor_columns(env: PageEnv, rows: I64) -> F64:
    """(r, D) a constant, and what is known of user and context."""
    requests = env.requests
    parts = (np.ones((len(rows), 1)), requests.user[rows], requests.context[rows])
    return np.concatenate(parts, axis=1, dtype=np.float64)


def mean_return(env: PageEnv, decide: Decide, seed: int, rng: Generator) -> float:
    """Mean return of one episode in every row; of a season the return of the whole shop."""
    env.open(seed)
    env.next_requests()
    over: Bool = np.zeros(env.shop.lanes, np.bool_)
    total = 0.0
    while not over.all():
        active = ~over & env.world.waiting
        rows = np.flatnonzero(active)
        actions, expected = _act(env, decide, rows, rng)
        total += float(expected[rows].sum())
        result = env.step(actions, active)
        over |= result.terminated | result.truncated
        env.next_requests()
    return total if env.episode is Episode.SEASON else total / env.shop.lanes


def _act(env: PageEnv, decide: Decide, rows: I64, rng: Generator) -> tuple[I64, F64]:
    """((n, ...) actions of all rows, (n,) exact expected reward of their pages)."""
    n, k = env.slates.shape
    actions = np.full((n, k + (len(env.discounts) > 0)), EMPTY, np.int64)
    actions[:, k:] = 0
    actions[rows] = decide(env, rows, rng)
    page = actions[:, :k]
    items = np.take_along_axis(env.requests.candidates, np.maximum(page, 0), axis=1)
    slates = np.where(page >= 0, items, EMPTY).astype(np.int32)
    off = env.discounts[actions[:, k]] if len(env.discounts) else None
    return actions, page_values(env.shop, env.reward, slates, price_off=off)


@dataclass(frozen=True)
class Trainee:
    """An agent that is tried on a task.

    Attributes:
        agent, options: of :func:`make_agent`.
        pages: that it is shown while it learns, in all.
        discounts: whether it spends half of them on learning whom a discount wins.
    """

    agent: str
    pages: int
    options: Mapping[str, Any]
    discounts: bool = False

    @property
    def name(self) -> str:
        """Of the agent in the table."""
        return f"{self.agent} + discounts" if self.discounts else self.agent


@dataclass(frozen=True)
class TaskStudy:
    """How a task is measured.

    Attributes:
        agents: those that are tried.
        planner: the weights that :func:`search` found.
        grid: the planners that :func:`search` tries.
        lanes: visitors at a time while learning.
        episodes: episodes per seed that a policy is measured on; of a season the visits at a time.
    """

    agents: tuple[Trainee, ...]
    planner: Planner
    grid: tuple[Planner, ...]
    lanes: int
    episodes: int


def open_task(task_id: str, lanes: int) -> PageEnv:
    """The environment of a task with ``lanes`` visits at a time."""
    return make_vector(task_id, lanes, autoreset_mode="Disabled").loop


def job(env: PageEnv, seed: int, warm_up: int = 5) -> Task:
    """What the agents are told: the catalogue, each item a column of its own if there are few, attention."""
    shop, size = env.shop, env.shop.config.slate_size
    items = with_identity(shop.catalog.items) if len(shop.catalog) <= 60 else shop.catalog.items
    blank = Task(items, shop.user_names, shop.context_names, size, attention=np.ones(size))
    rng = stage_rng(seed, "attention")
    env.open(stage_seed(seed, "attention"))
    random = make_agent("random", blank, rng).policy()
    attention = measure_position_bias(env, random, warm_up, rng)
    return replace(blank, value=value_scale(env.reward), attention=attention)


def train(env: PageEnv, task: Task, trainee: Trainee, seed: int) -> Decide:
    """What the trainee does after its pages, without exploration."""
    agent = make_agent(trainee.agent, task, stage_rng(seed, "agent", trainee.agent), **trainee.options)
    rng = stage_rng(seed, "train", trainee.agent)
    env.open(stage_seed(seed, "train"))
    pages = trainee.pages // 2 if trainee.discounts else trainee.pages
    check_rollout(agent, trainee.name, pages // env.shop.lanes)
    for _ in learn(agent, env, None, rng, pages_in_all=pages):
        pass
    policy: Any = replace(agent.policy(), explorer=GREEDY)  # type: ignore[type-var]
    return _learn_discounts(env, policy, pages, seed, rng) if trainee.discounts else Ranked(policy)


def _learn_discounts(env: PageEnv, policy: Policy, pages: int, seed: int, rng: Generator) -> Decide:
    """Ridge regression of the reward of a page on the visitor's columns, one for each discount."""
    env.open(stage_seed(seed, "discounts"))
    env.next_requests()
    rows = np.arange(env.shop.lanes)
    width = visitor_columns(env, rows).shape[1]
    penalty = np.diag([1e-9] + [RIDGE] * (width - 1))
    gram = np.tile(penalty, (len(env.discounts), 1, 1))
    moment = np.zeros((len(env.discounts), width))
    for _ in range(pages // env.shop.lanes):
        x = visitor_columns(env, rows)
        actions, _ = _act(env, Ranked(policy, uniform=True), rows, rng)
        result = env.step(actions, np.ones(env.shop.lanes, np.bool_))
        for level in range(len(env.discounts)):
            seen = actions[:, -1] == level
            gram[level] += x[seen].T @ x[seen]
            moment[level] += x[seen].T @ result.pages.reward[seen]
        env.next_requests(result.terminated | result.truncated)
    theta = np.linalg.solve(gram, moment[:, :, None])[:, :, 0].astype(np.float64)
    return DiscountByVisitor(policy, theta)


def one_seed(task_id: str, study: TaskStudy, seed: int) -> dict[str, float]:
    """Mean returns by name: random, popularity, myopic, oracle and every agent."""
    env, judge = open_task(task_id, study.lanes), open_task(task_id, study.episodes)
    task = job(env, seed)
    baselines = {
        name: make_agent(name, task, stage_rng(seed, name)).policy() for name in ("random", "popularity")
    }
    deciders: dict[str, Decide] = {
        "random": Ranked(baselines["random"], uniform=True),
        "popularity": Ranked(replace(baselines["popularity"], explorer=GREEDY)),  # type: ignore[type-var]
        "myopic": Planner(),
        "oracle": study.planner,
    }
    for trainee in study.agents:
        deciders[trainee.name] = train(env, task, trainee, seed)
    start = stage_seed(seed, "judge")
    returns: dict[str, float] = {}
    for name, decide in deciders.items():
        same = name == "oracle" and study.planner == Planner()
        rng = stage_rng(seed, "judge", name)
        returns[name] = returns["myopic"] if same else mean_return(judge, decide, start, rng)
    return returns


def search(task_id: str, study: TaskStudy, seeds: Sequence[int]) -> dict[Planner, tuple[float, float, float]]:
    """Try every planner of the grid, on seeds other than those of the table.

    Returns:
        (mean return, mean gain over the myopic planner, its standard error over seeds) by planner.
    """
    env = open_task(task_id, study.episodes)

    def returns(planner: Planner) -> F64:
        each = [mean_return(env, planner, stage_seed(s, "judge"), stage_rng(s, "judge")) for s in seeds]
        return np.array(each)

    myopic, tried = returns(Planner()), {}
    for planner in study.grid:
        mean = returns(planner)
        gain = mean - myopic
        error = float(gain.std(ddof=1)) / len(seeds) ** 0.5
        tried[planner] = (float(mean.mean()), float(gain.mean()), error)
    return tried


def interval(values: Sequence[float]) -> dict[str, float | int]:
    """Mean and its 95% interval by Student's t, as :class:`.MeasuredReturn` names them."""
    mean, low, high = student_interval(np.asarray(values, np.float64), 0.95)
    return {"mean": mean, "low": low, "high": high, "seeds": len(values)}


def reference_rows(study: TaskStudy, by_seed: Sequence[Mapping[str, float]]) -> dict[str, Any]:
    """What :func:`.envs.tasks.reference` reads, from :func:`one_seed` of every seed."""

    def row(name: str, pages: int = 0) -> dict[str, Any]:
        return {**interval([returns[name] for returns in by_seed]), "name": name, "pages": pages}

    agents = [row(trainee.name, trainee.pages) for trainee in study.agents]
    agents.sort(key=lambda agent: -agent["mean"])
    return {name: row(name) for name in ("random", "popularity", "myopic", "oracle")} | {"agents": agents}


_NETWORK = {"hidden": (32,), "step": 2e-3, "batch": 128, "updates": 2, "tau": 0.05}
_AHEAD = {"gamma": 0.99, "daily": 0.98, **_NETWORK}
_CLICKS = {name: value for name, value in _NETWORK.items() if name != "tau"}


def _linear(pages: int, **more: Any) -> tuple[Trainee, ...]:
    return tuple(Trainee(name, pages, {}, **more) for name in ("lints", "linear_ranker"))


STUDIES: Mapping[str, TaskStudy] = {
    "shopgym/Bandit-Clicks-v0": TaskStudy(_linear(20_000), Planner(), (), 200, 4000),
    "shopgym/Bandit-Margin-v0": TaskStudy(_linear(100_000), Planner(), (), 500, 4000),
    "shopgym/Session-Engage-v0": TaskStudy(
        (*_linear(50_000), Trainee("slateq", 100_000, {"gamma": 0.95, **_NETWORK})),
        Planner(stay=0.4),
        tuple(Planner(stay=stay) for stay in (0.2, 0.4, 0.6, 0.8, 1.0)),
        250,
        4000,
    ),
    "shopgym/Session-Discount-v0": TaskStudy(
        (*_linear(100_000), *_linear(200_000, discounts=True)),
        Planner(stay=0.2),
        tuple(Planner(stay=stay) for stay in (0.05, 0.1, 0.2, 0.3, 0.4)),
        250,
        4000,
    ),
    "shopgym/Season-Scarce-v0": TaskStudy(
        _linear(20_000),
        Planner(),
        tuple(Planner(scarce=scarce) for scarce in (2.0, 5.0, 20.0)),
        32,
        32,
    ),
    "shopgym/Shopper-LongTerm-v0": TaskStudy(
        (Trainee("greedy_clicks", 50_000, _CLICKS), Trainee("slateq", 100_000, _AHEAD)),
        Planner(worth=2.0),
        tuple(Planner(worth=worth) for worth in (0.5, 1.0, 2.0, 4.0)),
        125,
        400,
    ),
}
"""By task. The weights of the planners are the best of their grid over eight seeds of the search."""
