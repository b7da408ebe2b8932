"""Two-sided intervals for every statistic, by name; rounds are independent."""

from __future__ import annotations

from collections.abc import Mapping

from ....core.errors import InvalidInput
from .base import Interval
from .bounded import ClopperPearson, EmpiricalBernstein, Hoeffding
from .likelihood import CressieRead
from .normal import Delta, Student
from .resampled import BiasCorrected, Bootstrap
from .sequential import Asymptotic, Betting

INTERVALS: Mapping[str, Interval] = {
    interval.name: interval
    for interval in (
        Delta(),
        Student(),
        Bootstrap(),
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
    if interval not in INTERVALS:
        raise InvalidInput("interval", interval, f"choose one of {', '.join(INTERVALS)}")
    return INTERVALS[interval]


__all__ = [
    "INTERVALS",
    "Asymptotic",
    "Betting",
    "BiasCorrected",
    "Bootstrap",
    "ClopperPearson",
    "CressieRead",
    "Delta",
    "EmpiricalBernstein",
    "Hoeffding",
    "Interval",
    "Student",
    "interval_named",
]
