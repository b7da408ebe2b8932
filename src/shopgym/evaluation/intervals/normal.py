"""Intervals from the influence of each round and a normal or Student distribution."""

from __future__ import annotations

from dataclasses import dataclass

from ...core.statistics import normal_quantile
from .base import SymmetricInterval, standard_error
from .statistic import Statistic


@dataclass(frozen=True)
class Delta(SymmetricInterval):
    """Normal interval from the influence of each round (delta method): right for ratios, closed form."""

    name: str = "delta"

    def half_width(self, statistic: Statistic, level: float) -> float:
        """See :class:`.base.SymmetricInterval`."""
        return normal_quantile(level) * standard_error(statistic.influence())


@dataclass(frozen=True)
class Student(SymmetricInterval):
    """As :class:`Delta`, with the quantiles of Student's t with n - 1 degrees of freedom."""

    name: str = "student"

    def half_width(self, statistic: Statistic, level: float) -> float:
        """See :class:`.base.SymmetricInterval`."""
        return student_quantile(level, len(statistic)) * standard_error(statistic.influence())


def student_quantile(level: float, n: int) -> float:
    """t such that Student's variable with n - 1 degrees of freedom lies in [-t, t] with this probability."""
    from scipy.special import stdtrit

    return float(stdtrit(n - 1, (1.0 + level) / 2.0))
