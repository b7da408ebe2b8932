"""What an interval is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Protocol

from numpy.random import Generator

from ...core.errors import InvalidInput, in_range
from ...core.types import F64
from ..errors import NotEstimable
from .statistic import Statistic

Ends = tuple[float, float]
"""(low, high) of an interval."""


class Interval(Protocol):
    """Makes a two-sided interval; its parameters are fields, its name is in the estimate."""

    @property
    def name(self) -> str:
        """Short name, e.g. ``delta``."""
        ...

    def __call__(self, statistic: Statistic, level: float, rng: Generator | None = None) -> Ends:
        """(low, high) that hold the true value with probability ``level``, each end missing half of the rest.

        Raises:
            InvalidInput: a level outside (0, 1), or fewer than two rounds.
            NotEstimable: the interval is not made for this statistic.
        """
        ...


class SymmetricInterval(ABC):
    """An interval of value +- half its width; needs no generator."""

    @abstractmethod
    def half_width(self, statistic: Statistic, level: float) -> float:
        """Half the width, of two rounds or more."""

    def __call__(self, statistic: Statistic, level: float, rng: Generator | None = None) -> Ends:
        """See :class:`Interval`."""
        check(statistic, level)
        half = self.half_width(statistic, level)
        return statistic.value - half, statistic.value + half


def check_level(level: float) -> None:
    """Refuse a nominal coverage outside (0, 1)."""
    in_range("level", level, 0.0, 1.0, open_low=True, open_high=True)


def check(statistic: Statistic, level: float) -> None:
    """Refuse a level outside (0, 1) and fewer than two rounds."""
    check_level(level)
    if len(statistic) < 2:
        raise InvalidInput("rounds", len(statistic), "an interval needs at least two rounds")


def weights_of(statistic: Statistic, name: str) -> F64:
    """(n,) the importance weights, for intervals that know of their mean."""
    if statistic.control is None:
        raise NotEstimable("interval", name, "it needs the importance weights of one policy: use delta")
    return statistic.control + 1.0


def weighted_rewards(statistic: Statistic, name: str, lowest: float, highest: float) -> tuple[F64, F64]:
    """(n,) weights and rounds, for intervals of rounds that are weights times rewards within bounds.

    Raises:
        NotEstimable: they are not, as those of a ratio, or of most predictions.
    """
    w, x = weights_of(statistic, name), statistic.columns[:, 0]
    least = min(float((x - lowest * w).min()), float((highest * w - x).min()))
    if statistic.columns.shape[1] > 1 or least < -1e-9 * (highest - lowest):
        bounds = f"[{lowest:g}, {highest:g}]"
        raise NotEstimable("interval", name, f"the rounds are not weights times rewards in {bounds}")
    return w, x
