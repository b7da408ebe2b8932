"""Intervals from the influence of each round and a normal or Student distribution."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ...core.statistics import normal_quantile
from ...core.types import F64
from .base import SymmetricInterval
from .statistic import Statistic


@dataclass(frozen=True)
class Delta(SymmetricInterval):
    """From the influence of each round (delta method): right for ratios, closed form.

    Normal for independent rounds, Student's with the degrees of freedom of :class:`.clusters.Clustered` for
    clusters.
    """

    name: str = "delta"

    def half_width(self, statistic: Statistic, level: float) -> float:
        """See :class:`.base.SymmetricInterval`."""
        return student_quantile(level, statistic.degrees_of_freedom) * statistic.standard_error


@dataclass(frozen=True)
class Student(SymmetricInterval):
    """As :class:`Delta`, with n - 1 degrees of freedom for n independent rounds."""

    name: str = "student"

    def half_width(self, statistic: Statistic, level: float) -> float:
        """See :class:`.base.SymmetricInterval`."""
        return (
            student_quantile(level, min(statistic.degrees_of_freedom, len(statistic) - 1))
            * statistic.standard_error
        )


def student_quantile(level: float, degrees: float) -> float:
    """t such that Student's variable of these degrees of freedom lies in [-t, t] with this probability."""
    if math.isinf(degrees):
        return normal_quantile(level)
    from scipy.special import stdtrit

    return float(stdtrit(degrees, (1.0 + level) / 2.0))


def student_interval(values: F64, level: float) -> tuple[float, float, float]:
    """(mean, low, high) of independent values (n,) by Student's t; without an interval where n < 2."""
    mean, n = float(values.mean()), len(values)
    if n < 2:
        return mean, float("nan"), float("nan")
    half = student_quantile(level, n - 1) * float(values.std(ddof=1)) / n**0.5
    return mean, mean - half, mean + half
