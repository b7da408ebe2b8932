"""Two-sided intervals for every statistic, by name; rounds are independent."""

from __future__ import annotations

from collections.abc import Mapping

from ...core.errors import InvalidInput, one_of
from .base import Interval
from .bounded import ClopperPearson, EmpiricalBernstein, Hoeffding
from .likelihood import CressieRead
from .normal import Delta, Student
from .resampled import BiasCorrected, PercentileBootstrap
from .sequential import Asymptotic, Betting

INTERVALS: Mapping[str, Interval] = {
    interval.name: interval
    for interval in (
        Delta(),
        Student(),
        PercentileBootstrap(),
        BiasCorrected(),
        EmpiricalBernstein(),
        Hoeffding(),
        ClopperPearson(),
        CressieRead(),
        Asymptotic(),
        Betting(),
    )
}


def interval_named(interval: str | Interval) -> Interval:
    """The interval of that name, or the one that was given.

    Raises:
        InvalidInput: no interval has this name.
    """
    if not isinstance(interval, str):
        return interval
    one_of("interval", interval, INTERVALS)
    return INTERVALS[interval]


FOR_CLUSTERS = ("delta", "student", "bootstrap", "bca", "sequence")
"""Intervals that ask of the draws only that they are independent: sums over a user's rounds will do."""


def require_clusters(interval: Interval) -> None:
    """Refuse an interval that reasons about single rounds.

    Raises:
        InvalidInput: it is none of ``FOR_CLUSTERS``.
    """
    if interval.name not in FOR_CLUSTERS:
        raise InvalidInput("interval", interval.name, f"by user choose one of {', '.join(FOR_CLUSTERS)}")


__all__ = [
    "FOR_CLUSTERS",
    "INTERVALS",
    "Asymptotic",
    "Betting",
    "BiasCorrected",
    "ClopperPearson",
    "CressieRead",
    "Delta",
    "EmpiricalBernstein",
    "Hoeffding",
    "Interval",
    "PercentileBootstrap",
    "Student",
    "interval_named",
    "require_clusters",
]
