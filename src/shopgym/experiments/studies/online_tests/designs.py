"""The designs of a test: what is assigned to the arms, and the rows that the analysis reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.random import Generator

from ....core.types import F64, I64, AnyArray, Bool
from ....evaluation.online import AssignedRows, Metric
from ....policies.policy import SlatePolicy
from ....simulators.shop import Shop
from .assignment import ArmRouter, ByPeriod, ByUser, uniform
from .config import CATEGORIES, HISTORY, ITEMS, SWITCHBACK, DesignSection
from .merging import CounterfactualRanking, TeamDraft
from .season import COUNTED, DecidedPages, UserDays, UserRecorder, item_sums, season

NOUNS = {SWITCHBACK: "period", ITEMS: "item", CATEGORIES: "category"}
"""What is assigned, where that is not users."""


TENTHS = 10


@dataclass(frozen=True)
class Arms:
    """The arms of a test.

    Attributes:
        names, policies, shares: the control first.
    """

    names: tuple[str, ...]
    policies: tuple[SlatePolicy, ...]
    shares: tuple[float, ...]


def run_design(
    design: DesignSection, shop: Shop, arms: Arms, metrics: Sequence[Metric], seed: int, rng: Generator
) -> tuple[AssignedRows, tuple[Metric, ...]]:
    """One test of users, periods, items or categories: (its rows, the metrics as they are compared).

    Args:
        seed: of the season and of the assignment.
    """
    if design.kind in (ITEMS, CATEGORIES):
        return _by_item(design, shop, arms, metrics, seed, rng)
    if design.kind == SWITCHBACK:
        assignment: ByUser | ByPeriod = ByPeriod(seed, len(arms.names), design.period)
        rows = switchback_rows(arms.names, _recorded(shop, arms, assignment, seed, rng), design)
        return rows, tuple(replace(m, denominator=m.denominator or "visits") for m in metrics)
    return user_rows(arms.names, _recorded(shop, arms, ByUser(seed, arms.shares), seed, rng)), tuple(metrics)


def whole_days(time: F64) -> I64:
    """(n,) the day of each time."""
    return np.floor(np.asarray(time)).astype(np.int64)


def _recorded(shop: Shop, arms: Arms, assignment: ByUser | ByPeriod, seed: int, rng: Generator) -> UserDays:
    recorder = UserRecorder(assignment.arms, _tenths if isinstance(assignment, ByPeriod) else whole_days)
    for step in season(shop, ArmRouter(arms.policies, assignment), seed, rng):
        recorder.add(step)
    return recorder.user_days()


def _tenths(time: F64) -> I64:
    """(n,) the tenth of a day of each time: a switchback's burn-in may end within a day."""
    return np.floor(np.asarray(time) * TENTHS).astype(np.int64)


def user_rows(names: tuple[str, ...], seen: UserDays) -> AssignedRows:
    """A row for each user and day; users were assigned."""
    values = {name: seen.column(name) for name in COUNTED}
    return AssignedRows(names, seen.arm, seen.user, values, day=seen.period)


def switchback_rows(names: tuple[str, ...], seen: UserDays, design: DesignSection) -> AssignedRows:
    """A row for each user and tenth of a day; periods were assigned, and begin with a burn-in."""
    time = seen.period / TENTHS
    period, inside = np.divmod(time + 1e-9, design.period)
    kept: Bool = inside >= design.burn_in - 1e-9
    values = {name: seen.column(name)[kept] for name in COUNTED}
    day = np.floor(time[kept] + 1e-9).astype(np.int64)
    unit = period[kept].astype(np.int64)
    return AssignedRows(names, seen.arm[kept], unit, values, day=day, clustered=True)


def paired_by_size(salt: int, size: AnyArray) -> I64:
    """(n,) arms 0 and 1: of each two neighbours in order of size, a coin gives one to each arm."""
    order = np.argsort(-np.asarray(size), kind="stable")
    coin = (uniform(salt, np.arange(-(-len(order) // 2))) < 0.5).astype(np.int64)
    arm = np.empty(len(order), np.int64)
    arm[order[0::2]] = coin
    arm[order[1::2]] = 1 - coin[: len(order) // 2]
    return arm


def _by_item(
    design: DesignSection, shop: Shop, arms: Arms, metrics: Sequence[Metric], seed: int, rng: Generator
) -> tuple[AssignedRows, tuple[Metric, ...]]:
    history = np.asarray(shop.catalog.items.popularity, np.float64)
    unit: I64 = np.arange(len(history), dtype=np.int64)
    if design.kind == CATEGORIES:
        unit = np.unique(shop.catalog.items.category, return_inverse=True)[1].astype(np.int64)
    arm = paired_by_size(seed, np.bincount(unit, history))[unit]
    policy = CounterfactualRanking(arms.policies, arm)
    terms = tuple(metric.numerator for metric in metrics)
    sums = item_sums(season(shop, policy, seed, rng), len(history), terms)
    values = dict(zip(terms, sums.T)) | {HISTORY: history}
    rows = AssignedRows(arms.names, arm, unit, values)
    return rows, tuple(replace(metric, covariate=(HISTORY, None)) for metric in metrics)


def interleaved(shop: Shop, arms: Arms, metric: Metric, seed: int, rng: Generator) -> F64:
    """(n, 2) what each user did with the items that each of two policies picked."""
    policy = TeamDraft((arms.policies[0], arms.policies[1]))
    pages = DecidedPages(policy.decide_with_teams, policy.open_counters)
    totals: dict[int, F64] = {}
    for step in season(shop, pages, seed, rng):
        amount = step.feedback.term(metric.numerator)[step.rows]
        each = np.stack([(amount * (pages.latest == team)).sum(axis=1) for team in (0, 1)], axis=1)
        for user, credit in zip(step.requests.user_id.tolist(), each):
            totals[user] = totals.get(user, np.zeros(2)) + credit
    return np.stack(list(totals.values()))
