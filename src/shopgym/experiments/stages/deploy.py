"""The truth: a frozen policy deployed in a copy of the shop, for whole episodes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
from numpy.random import Generator

from ...core.batches import SLOT_TERMS, Requests
from ...core.metrics import ShopTotals, business_metrics, pair_diversity
from ...core.protocols import DecisionRule
from ...core.reward import RewardSpec
from ...core.reward.amounts import page_amounts
from ...core.statistics import mean_interval
from ...core.types import F64, I32, I64, Bool
from ...envs.page_env import Episode, PageEnv
from ...policies.guards.interventions import CountingPolicy, Interventions
from ...policies.policy import SlatePolicy
from ...simulators.rollout import CandidateSource, Step, rollout
from ...training.loop import OnProgress, exact_values
from ..episodes import counting_episodes, deployed_episodes, rounds_of
from .context import RunContext
from .days import DayCounter, DayTotals


class DeploymentTotals:
    """Adds up the pages of a deployment to its :class:`~shopgym.core.metrics.ShopTotals`."""

    def __init__(self, loop: PageEnv) -> None:
        shop, items = loop.shop, loop.shop.catalog.items
        columns = [at for at, name in enumerate(items.feature_names) if name.startswith("embedding_")]
        self.loop, self.embedding = loop, items.features[:, columns].astype(np.float64)
        self.bought = np.zeros(shop.lanes, np.bool_)
        self.region = shop.users.region
        self.group_visits, self.group_orders = np.zeros((2, int(self.region.max()) + 1), np.int64)
        self.shown = np.zeros(len(items), np.int64)
        self.terms = dict.fromkeys((*SLOT_TERMS, "retention", "holding_cost"), 0.0)
        self.pages = self.slots = self.sold_out = self.pairs = 0
        self.unlike = self.seconds = 0.0
        self.people: set[int] = set()

    def add(self, step: Step) -> None:
        """Add the pages of a step."""
        rows, feedback, slates = step.rows, step.feedback, step.decisions.slates
        amounts = page_amounts(feedback, ())
        for name in self.terms:
            self.terms[name] += float(amounts[name][rows].sum())
        self.bought[rows] |= (feedback.quantity[rows] > 0).any(axis=1)
        ended = step.visit_over
        over, region = rows[ended], self.region[step.requests.user_id[ended]]
        self.group_visits += np.bincount(region, minlength=len(self.group_visits))
        self.group_orders += np.bincount(region[self.bought[over]], minlength=len(self.group_visits))
        self.bought[over] = False
        self.pages += len(rows)
        self.seconds += step.decision_seconds
        filled = slates >= 0
        self.slots += int(filled.sum())
        self.sold_out += int((feedback.unavailable[rows] & filled).sum())
        self.shown += np.bincount(slates[filled], minlength=len(self.shown))
        unlike, pairs = pair_diversity(slates, self.embedding)
        self.unlike += float(unlike.sum())
        self.pairs += int(pairs.sum())
        if self.loop.episode is Episode.SEASON:
            self.people.update(step.requests.user_id.tolist())

    def totals(self, episodes: int) -> ShopTotals:
        """All pages together; ``episodes`` are customers, but in a season."""
        shop, episode = self.loop.shop, self.loop.episode
        return ShopTotals(
            terms=self.terms,
            pages=self.pages,
            visits=int(self.group_visits.sum()),
            visits_with_order=int(self.group_orders.sum()),
            customers=len(self.people) if episode is Episode.SEASON else episodes,
            slots=self.slots,
            sold_out=self.sold_out,
            comes_back=episode in (Episode.LIFE, Episode.SEASON) and shop.config.people.enabled,
            has_stock=shop.config.stock.enabled,
            shown=self.shown,
            unlike=self.unlike,
            pairs=self.pairs,
            seller=shop.catalog.details.seller,
            group_visits=self.group_visits,
            group_orders=self.group_orders,
        )


@dataclass(frozen=True)
class Deployment:
    """What a policy did over E episodes.

    Attributes:
        episode: what an episode is.
        expected: (E,) exact expected reward of the pages shown, for whoever saw them.
        best: (E,) that of the best pages of the same candidates; NaN unless an episode is one page.
        page: (E, 11) what happened, by ``SLOT_TERMS``.
        star: (E,) the north star that was realised.
        amounts: (E,) of each term that a limit is made of, and of each limit, realised.
        totals: of all episodes together.
        decision_seconds: CPU time of the decisions.
        days: the same day by day; None where an episode has no days.
    """

    episode: Episode
    expected: F64
    best: F64
    page: F64
    star: F64
    amounts: dict[str, F64]
    totals: ShopTotals
    decision_seconds: float
    days: DayTotals | None = None

    def metrics(self) -> dict[str, float]:
        """Expected reward and regret per episode, and the business metrics, by name."""
        return {
            "expected_reward": float(self.expected.mean()),
            "regret": float((self.best - self.expected).mean()),
            **business_metrics(self.totals),
        }


def deploy(
    loop: PageEnv,
    policy: DecisionRule,
    rounds: int,
    rng: Generator,
    on_progress: OnProgress = lambda: None,
    candidates: CandidateSource | None = None,
) -> Deployment:
    """Let a frozen policy serve ``rounds`` episodes in every row of an open environment.

    Opened with the same seed, every policy meets the same visitors with the same luck. ``expected`` adds up
    the exact expected reward of every page for whoever sees it: the luck of a single dear order is left out.
    """
    shop, spec, episode = loop.shop, loop.reward, loop.episode
    season = episode is Episode.SEASON
    episodes = rounds if season else rounds * shop.lanes
    expected, best = np.zeros((2, episodes))
    page = np.zeros((episodes, len(SLOT_TERMS)), order="F")
    star, amounts = np.zeros(episodes), dict[str, F64]()
    counts = DeploymentTotals(loop)
    groups = spec.groups(shop.catalog.items)
    exact = exact_values(loop)
    daily = DayCounter(loop, shop.days) if episode in (Episode.LIFE, Episode.SEASON) else None

    def before(rows: I64, requests: Requests, slates: I32) -> tuple[F64, F64]:
        if daily is not None:
            daily.before(rows, requests, slates)
        values: tuple[F64, F64] = exact(rows, requests, slates)
        return values

    steps = rollout(
        loop.world, policy, rng, episodes=rounds, candidates=candidates, before=before, look_ahead=False
    )
    for step in counting_episodes(steps, on_progress):
        rows = step.rows
        at = step.episode if season else step.episode * shop.lanes + rows
        np.add.at(expected, at, step.before[0])
        np.add.at(best, at, step.before[1])
        np.add.at(page, at, step.feedback.page[rows])
        np.add.at(star, at, spec.north_star_page(step.feedback)[rows])
        for name, values in _limited(spec, step, groups).items():
            np.add.at(amounts.setdefault(name, np.zeros(episodes)), at, values[rows])
        counts.add(step)
        if daily is not None:
            daily.add(step)
    totals, days = counts.totals(episodes), None if daily is None else daily.totals(episodes)
    return Deployment(episode, expected, best, page, star, amounts, totals, counts.seconds, days)


def _limited(spec: RewardSpec, step: Step, groups: dict[str, Bool]) -> dict[str, F64]:
    """(n,) the amounts of each limit by its label, and of what it is counted by."""
    if not spec.limits:
        return {}
    terms = page_amounts(step.feedback, spec.own)
    pages = np.zeros(len(terms["click"]))
    pages[step.rows] = 1.0
    counted = {limit.per: terms[limit.per] for limit in spec.limits if limit.per in terms}
    return {"page": pages, **counted, **spec.cost_amounts(terms, step.feedback, groups)}


def deploy_all(context: RunContext, policies: dict[str, SlatePolicy]) -> dict[str, Deployment]:
    """Every policy of a run, each with the same visitors; those that fail are noted and left out."""
    deployments = {}
    for name, policy in policies.items():
        with context.failures.noted(name, "deployment"):
            make = partial(_deploy_one, context, name, policy)
            deployments[name], counts = context.parts.result(f"deploy-{name}", (policy.hash,), make)
            context.guarding.add("deployment", name, counts)
    return deployments


def _deploy_one(context: RunContext, name: str, policy: SlatePolicy) -> tuple[Deployment, Interventions]:
    rounds = rounds_of(context.config, deployed_episodes(context.config))
    env, counting = context.open("deploy"), CountingPolicy.of_policy(policy)
    context.guarding.add("deployment", name, counting.counts)  # also of a policy that fails
    with context.bar(f"deploy {name}", rounds) as on_progress:
        source = context.candidates(env)
        deployment = deploy(env.loop, counting, rounds, context.rng("deploy"), on_progress, source)
    return deployment, counting.counts


def agents_table(
    context: RunContext, deployments: dict[str, Deployment], on_log: dict[str, float]
) -> pd.DataFrame:
    """What each policy is worth, one row per agent: intervals are over episodes.

    Args:
        on_log: by agent, the exact value of its own pages for the requests of the log, where that means
            something: for single pages.
    """
    level, baseline = context.config.evaluation.level, deployments[context.config.gate.baseline]
    rows = []
    for name, deployment in deployments.items():
        value, low, high = mean_interval(deployment.expected, level)
        gain, gain_low, gain_high = mean_interval(deployment.expected - baseline.expected, level)
        row = {"agent": name, "value": value, "low": low, "high": high}
        row |= {"value_on_log": on_log.get(name, float("nan")), "gain": gain}
        rows.append(row | {"gain_low": gain_low, "gain_high": gain_high} | deployment.metrics())
    return pd.DataFrame(rows)
