"""A bandit that keeps a share of the baseline's return at all times while it explores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...core.batches import Interactions
from ...core.errors import in_range, one_of
from ...core.statistics import normal_quantile
from ...core.types import F64
from ...policies.policy import SlatePolicy
from ..bandits.linear import LinUCB
from ..baselines import PopularityAgent, RandomAgent
from ..task import Task

BASELINES = {"popularity": PopularityAgent, "random": RandomAgent}
FEWEST_PAGES = 100
"""Pages of the baseline that are seen before anything else is shown."""


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

    @property
    def mean(self) -> float:
        return self.total / max(self.pages, 1)

    def half_width(self, z: float) -> float:
        """Of an interval for the sum."""
        variance = self.squares - self.pages * self.mean**2
        return z * float(np.sqrt(max(variance, 0.0)))


class ConservativeLinUCB(LinUCB):
    """LinUCB that shows its own pages only while the baseline's return is safe (Wu et al. 2016; Kazerouni et
    al. 2017, CLUCB2: a baseline whose mean is not known).

    With mu the baseline's mean reward of a page, n_b pages of the baseline and n_o own ones with the sum R_o,
    the next n pages are its own if, at the confidence asked for,

        R_o + n (least mean of the own policy) + n_b mu >= keep (n_o + n_b + n) mu.

    The least mean of the own policy is that of the regression for the mean features of the pages which it
    would have shown to the last batch of requests. So the guarantee holds for the expected return as far as
    rewards are linear in the features and requests do not change their kind from one batch to the next.

    Args:
        keep: share of the baseline's return that is kept, 1 - alpha in the papers.
        confidence: of each of the three bounds.
        baseline: ``popularity`` or ``random``, as they are before they learn.
        options: see :class:`.LinUCB`.
    """

    name = "conservative_linucb"

    def __init__(
        self,
        task: Task,
        rng: np.random.Generator,
        *,
        keep: float = 0.9,
        confidence: float = 0.99,
        baseline: str = "popularity",
        **options: Any,
    ) -> None:
        super().__init__(task, rng, **options)
        in_range("conservative_linucb.keep", keep, 0.0, 1.0)
        in_range("conservative_linucb.confidence", confidence, 0.5, 1.0, open_high=True)
        one_of("conservative_linucb.baseline", baseline, BASELINES)
        self.keep, self.z = keep, normal_quantile(2.0 * confidence - 1.0)
        self.baseline: SlatePolicy = BASELINES[baseline](task, rng).policy()
        self.explores = False
        """Whether the next pages are its own."""
        self.of_baseline, self.own = _Earned(), _Earned()

    def learn(self, batch: Interactions) -> Mapping[str, float]:
        """As :class:`.LinUCB`; then decides whose pages come next."""
        earned = self.own if self.explores else self.of_baseline
        earned.add(batch.reward.sum(axis=1))
        report = super().learn(batch)
        if len(batch):
            self.explores = self._is_safe(batch)
        return {**report, "own pages": float(self.own.pages), "baseline pages": float(self.of_baseline.pages)}

    def policy(self) -> SlatePolicy:
        """Its own policy where that is safe, else the baseline's."""
        return super().policy() if self.explores else self.baseline

    def _is_safe(self, batch: Interactions) -> bool:
        if self.of_baseline.pages < FEWEST_PAGES:
            return False
        n, own, base = len(batch), self.own, self.of_baseline
        least = own.total - own.half_width(self.z) + n * self._least_mean(batch)
        half = base.half_width(self.z) / base.pages
        spared = (1.0 - self.keep) * base.pages - self.keep * (own.pages + n)
        return min(least + spared * (base.mean + sign * half) for sign in (-1.0, 1.0)) >= 0.0

    def _least_mean(self, batch: Interactions) -> float:
        """The lower confidence bound of a page's reward by its own policy, for the batch's requests."""
        decisions = super().policy().decide(batch.requests, self.rng)
        shown = Interactions(batch.requests, decisions, np.zeros(decisions.slates.shape))
        x, _ = self.task.regression_rows(shown)
        value = self.task.item_value[decisions.slates[decisions.slates >= 0]]
        features = (x * value[:, None]).sum(axis=0) / len(batch)
        mean, factor = self.posterior()
        return float(features @ mean) - self.z * float(np.linalg.norm(features @ factor))
