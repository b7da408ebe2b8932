"""The truth: a frozen policy deployed in a copy of the shop, for whole episodes."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.random import Generator

from ...core.batches import SLOT_TERMS
from ...core.metrics import pair_diversity
from ...core.protocols import Policy
from ...core.reward import RewardSpec
from ...core.reward.amounts import page_amounts
from ...core.statistics import mean_interval
from ...core.types import F64, I64, Bool
from ...envs.page_env import Episode, PageEnv
from ...policies.policy import SlatePolicy
from ...simulators import Catalog
from ...simulators.rollout import CandidateSource, Step, rollout
from ...training.loop import OnProgress, exact_values
from ..episodes import deployed_episodes, rounds_of
from .context import RunContext


@dataclass
class Counts:
    """Sums over all pages of a deployment; visits and orders too.

    Attributes:
        shown: (N,) how often each item was shown.
        slots, sold_out: slots filled, and those of them that showed what had run out.
        unlike, compared: over pairs of items on a page the sum of 1 - cosine, and their number.
        people: customers of a season.
        seconds: CPU time of the decisions.
    """

    shown: I64
    pages: int = 0
    visits: int = 0
    orders: int = 0
    slots: int = 0
    sold_out: int = 0
    unlike: float = 0.0
    compared: int = 0
    seconds: float = 0.0
    people: set[int] = field(default_factory=set)

    def add(self, step: Step, embedding: F64, bought: Bool) -> None:
        """Add the pages of a step; ``bought`` (n,) says who has ordered in the present visit."""
        rows, feedback, slates = step.rows, step.feedback, step.decisions.slates
        bought[rows] |= (feedback.quantity[rows] > 0).any(axis=1)
        over = rows[step.visit_over]
        self.visits += len(over)
        self.orders += int(np.count_nonzero(bought[over]))
        bought[over] = False
        self.pages += len(rows)
        self.seconds += step.decision_seconds
        filled = slates >= 0
        self.slots += int(filled.sum())
        self.sold_out += int((feedback.unavailable[rows] & filled).sum())
        self.shown += np.bincount(slates[filled], minlength=len(self.shown))
        unlike, compared = pair_diversity(slates, embedding)
        self.unlike += float(unlike.sum())
        self.compared += int(compared.sum())


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
        counts: of all episodes together.
        persons: customers; rows of one visit each count as one.
    """

    episode: Episode
    expected: F64
    best: F64
    page: F64
    star: F64
    amounts: dict[str, F64]
    counts: Counts
    persons: int

    def metrics(self) -> dict[str, float]:
        """Business metrics by name; per episode unless the name says otherwise."""
        mean = dict(zip(SLOT_TERMS, self.page.mean(axis=0).tolist(), strict=True))
        revenue, counts = float(self.page[:, SLOT_TERMS.index("revenue")].sum()), self.counts
        episodes = len(self.expected)
        row = {
            "expected_reward": float(self.expected.mean()),
            "regret": float((self.best - self.expected).mean()),
            "margin": mean["margin"],
            "revenue": mean["revenue"],
            "clicks": mean["click"],
            "conversion": counts.orders / counts.visits,
            "average_order_value": revenue / counts.orders if counts.orders else float("nan"),
            "stockouts_per_slot": float(self.page[:, SLOT_TERMS.index("stockout")].sum())
            / max(counts.slots, 1),
            "items_shown": float((counts.shown > 0).mean()),
        }
        if self.episode is not Episode.PAGE:
            row |= {"pages": counts.pages / episodes, "visits": counts.visits / episodes}
        return row


def deploy(
    loop: PageEnv,
    policy: Policy,
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
    counts = Counts(np.zeros(len(shop.catalog), np.int64))
    embedding, bought = observable_embedding(shop.catalog), np.zeros(shop.lanes, np.bool_)
    groups, told = spec.groups(shop.catalog.items), 0
    exact = exact_values(loop)
    for step in rollout(
        loop.world, policy, rng, episodes=rounds, candidates=candidates, before=exact, look_ahead=False
    ):
        rows = step.rows
        at = step.episode if season else step.episode * shop.lanes + rows
        np.add.at(expected, at, step.before[0])
        np.add.at(best, at, step.before[1])
        np.add.at(page, at, step.feedback.page[rows])
        np.add.at(star, at, spec.north_star_page(step.feedback)[rows])
        for name, values in _limited(spec, step, groups).items():
            np.add.at(amounts.setdefault(name, np.zeros(episodes)), at, values[rows])
        counts.add(step, embedding, bought)
        if season:
            counts.people.update(step.requests.user_id.tolist())
        for _ in range(told, int(step.episode.min())):
            on_progress()
        told = max(told, int(step.episode.min()))
    for _ in range(told, rounds):
        on_progress()
    persons = len(counts.people) if season else episodes
    return Deployment(episode, expected, best, page, star, amounts, counts, persons)


def _limited(spec: RewardSpec, step: Step, groups: dict[str, Bool]) -> dict[str, F64]:
    """(n,) the amounts of each limit by its label, and of what it is counted by."""
    if not spec.limits:
        return {}
    terms = page_amounts(step.feedback, spec.own)
    pages = np.zeros(len(terms["click"]))
    pages[step.rows] = 1.0
    counted = {limit.per: terms[limit.per] for limit in spec.limits if limit.per in terms}
    return {"page": pages, **counted, **spec.cost_amounts(terms, step.feedback, groups)}


def observable_embedding(catalog: Catalog) -> F64:
    """(N, d) the observable embeddings of the items."""
    items = catalog.items
    columns = [at for at, name in enumerate(items.feature_names) if name.startswith("embedding_")]
    embedding: F64 = items.features[:, columns].astype(np.float64)
    return embedding


def deploy_all(context: RunContext, policies: dict[str, SlatePolicy]) -> dict[str, Deployment]:
    """Every policy of a run, each with the same visitors; those that fail are noted and left out."""
    deployments = {}
    rounds = rounds_of(context.config, deployed_episodes(context.config))
    for name, policy in policies.items():
        env = context.open("deploy")
        noted = context.failures.noted(name, "deployment")
        with noted, context.bar(f"deploy {name}", rounds) as on_progress:
            source = context.candidates(env)
            deployments[name] = deploy(env.loop, policy, rounds, context.rng("deploy"), on_progress, source)
    return deployments


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
