"""Intervals from the influence of each round and a normal or Student distribution."""

from __future__ import annotations

from dataclasses import dataclass

from numpy.random import Generator

from ...core.statistics import normal_quantile
from .base import check, standard_error
from .statistic import Statistic


@dataclass(frozen=True)
class Delta:
    """Normal interval from the influence of each round (delta method): right for ratios, closed form."""

    name: str = "delta"

    def __call__(
        self, statistic: Statistic, level: float, rng: Generator | None = None
    ) -> tuple[float, float]:
        """See :class:`.base.Interval`; needs no generator."""
        check(statistic, level)
        half = normal_quantile(level) * standard_error(statistic.influence())
        return statistic.value - half, statistic.value + half


@dataclass(frozen=True)
class Student:
    """As :class:`Delta`, with the quantiles of Student's t with n - 1 degrees of freedom."""

    name: str = "student"

    def __call__(
        self, statistic: Statistic, level: float, rng: Generator | None = None
    ) -> tuple[float, float]:
        """See :class:`.base.Interval`; needs no generator."""
        from scipy.special import stdtrit

        check(statistic, level)
        half = float(stdtrit(len(statistic) - 1, (1.0 + level) / 2.0)) * standard_error(statistic.influence())
        return statistic.value - half, statistic.value + half
