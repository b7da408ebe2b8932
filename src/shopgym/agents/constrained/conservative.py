"""A bandit that keeps a share of the baseline's return at all times while it explores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...core.batches import Interactions
from ...core.errors import in_range, one_of
from ...core.statistics import normal_quantile, sequence_half_width
from ...core.types import F64
from ...policies.policy import SlatePolicy
from ..bandits.linear import LinUCB
from ..bandits.reward_scale import shown_items
from ..baselines import PopularityAgent, RandomAgent
from ..task import Task

BASELINES = {"popularity": PopularityAgent, "random": RandomAgent}
FEWEST_PAGES = 100
"""Pages of the baseline that are seen before anything else is shown."""
PLANNED_PAGES = 10_000
"""Where the bounds, which hold at all times, are narrowest."""


@dataclass
class _Earned:
    """What some pages have earned in all."""

    pages: int = 0
    total: float = 0.0
    squares: float = 0.0

    def add(self, values: F64) -> None:
        self.pages += len(values)
        self.total += float(values.sum())
        self.squares += float(values @ values)

    def bounds(self, miss: float) -> tuple[float, float]:
        """Of the expected sum; both ends hold at all times but with probability ``miss``."""
        if not self.pages:
            return 0.0, 0.0
        variance = max(self.squares - self.total**2 / self.pages, 0.0) / self.pages
        half = self.pages * sequence_half_width(self.pages, variance**0.5, miss, PLANNED_PAGES)
        return self.total - half, self.total + half


class ConservativeLinUCB(LinUCB):
    """LinUCB that shows its own pages only while the baseline's return is safe (Wu et al. 2016; Kazerouni et
    al. 2017, CLUCB2: a baseline whose mean is not known).

    With mu the baseline's mean reward of a page, n_b pages of the baseline and n_o own ones with the sum R_o,
    the next n pages are its own if, at the confidence asked for,

        R_o + n least + n_b mu >= keep (n_o + n_b + n) mu.

    ``least`` is the mean reward of a page that the worst policy has: with 0 nothing is assumed but that a
    page loses nothing, and only what was earned pays for the next trial. Kazerouni et al. take the lower
    confidence bound of the regression instead (``least=None``): bolder, and right only where rewards are
    linear in the features.

    Args:
        keep: share of the baseline's return that is kept, 1 - alpha in the papers.
        confidence: with which the bounds hold at all times together.
        baseline: ``popularity`` or ``random``, as they are before they learn.
        least: mean reward of a page that no policy falls below; None: the regression's bound.
        options: see :class:`.LinUCB`.
    """

    name = "conservative_linucb"

    def __init__(
        self,
        task: Task,
        rng: np.random.Generator,
        *,
        keep: float = 0.9,
        confidence: float = 0.95,
        baseline: str = "popularity",
        least: float | None = 0.0,
        **options: Any,
    ) -> None:
        super().__init__(task, rng, **options)
        in_range("conservative_linucb.keep", keep, 0.0, 1.0)
        in_range("conservative_linucb.confidence", confidence, 0.5, 1.0, open_high=True)
        one_of("conservative_linucb.baseline", baseline, BASELINES)
        if least is not None:
            in_range("conservative_linucb.least", least, -1e12, 1e12)
        self.keep, self.miss, self.least = keep, (1.0 - confidence) / 2.0, least
        self.baseline: SlatePolicy = BASELINES[baseline](task, rng).policy()
        self.explores = False
        """Whether the next pages are its own."""
        self.baseline_earned, self.own_earned = _Earned(), _Earned()

    def learn(self, batch: Interactions) -> Mapping[str, float]:
        """As :class:`.LinUCB`; then decides whose pages come next."""
        earned = self.own_earned if self.explores else self.baseline_earned
        earned.add(batch.reward.sum(axis=1))
        report = super().learn(batch)
        if len(batch):
            self.explores = self._is_safe(batch)
        pages = {"own pages": self.own_earned.pages, "baseline pages": self.baseline_earned.pages}
        return {**report, **{name: float(count) for name, count in pages.items()}}

    def policy(self) -> SlatePolicy:
        """Its own policy where that is safe, else the baseline's."""
        return super().policy() if self.explores else self.baseline

    def _is_safe(self, batch: Interactions) -> bool:
        n, own, base = len(batch), self.own_earned, self.baseline_earned
        if base.pages < FEWEST_PAGES:
            return False
        next_page = self._model_bound(batch) if self.least is None else self.least
        earned = own.bounds(self.miss)[0] + n * next_page
        pages = (1.0 - self.keep) * base.pages - self.keep * (own.pages + n)
        return min(earned + pages * total / base.pages for total in base.bounds(self.miss)) >= 0.0

    def _model_bound(self, batch: Interactions) -> float:
        """The regression's lower bound of a page's reward by its own policy, for the batch's requests."""
        decisions = super().policy().decide(batch.requests, self.rng)
        shown = Interactions(batch.requests, decisions, np.zeros(decisions.slates.shape))
        x, _ = self.task.regression_rows(shown)
        value = self.scale.item_scale[shown_items(shown)]
        features = (x * value[:, None]).sum(axis=0) / len(batch)
        mean, factor = self.posterior()
        width = normal_quantile(1.0 - 2.0 * self.miss) * float(np.linalg.norm(features @ factor))
        return float(features @ mean) - width
