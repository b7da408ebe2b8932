"""Intervals for bounded rounds, without a normal approximation."""

from __future__ import annotations

import math
from dataclasses import dataclass

from numpy.random import Generator

from ...core.errors import InvalidInput
from ...core.types import F64
from ..errors import NotEstimable
from .base import Ends, SymmetricInterval, check, weights_of
from .statistic import Statistic


@dataclass(frozen=True)
class Hoeffding(SymmetricInterval):
    """mean +- range sqrt(log(2 / a) / (2 n)), a = 1 - level (Hoeffding 1963).

    The rounds are the value plus each one's influence; of a ratio that is its linear approximation.

    Attributes:
        lowest, highest: bounds of the rounds; for ips 0 and largest weight times largest reward. None takes
            those seen, which makes the guarantee approximate: rarer, heavier rounds may not have come yet.
    """

    lowest: float | None = None
    highest: float | None = None
    name: str = "hoeffding"

    def half_width(self, statistic: Statistic, level: float) -> float:
        """See :class:`.base.SymmetricInterval`.

        Raises:
            InvalidInput: a round out of bounds.
        """
        width = _width(statistic.value + statistic.influence(), self.lowest, self.highest)
        return width * math.sqrt(math.log(2.0 / (1.0 - level)) / (2.0 * len(statistic)))


@dataclass(frozen=True)
class EmpiricalBernstein(SymmetricInterval):
    """mean +- sqrt(2 s^2 log(2 / a) / n) + 7 range log(2 / a) / (3 (n - 1)), with a = (1 - level) / 2 an end.

    Maurer and Pontil 2009 (Empirical Bernstein bounds and sample variance penalization), theorem 4.

    Attributes:
        lowest, highest: as in :class:`Hoeffding`.
    """

    lowest: float | None = None
    highest: float | None = None
    name: str = "bernstein"

    def half_width(self, statistic: Statistic, level: float) -> float:
        """See :class:`.base.SymmetricInterval`.

        Raises:
            InvalidInput: a round out of bounds.
        """
        psi = statistic.influence()
        n = len(psi)
        width = _width(statistic.value + psi, self.lowest, self.highest)
        log = math.log(2.0 / ((1.0 - level) / 2.0))
        return math.sqrt(2.0 * float(psi @ psi) / (n - 1.0) * log / n) + 7.0 * width * log / (3.0 * (n - 1.0))


@dataclass(frozen=True)
class ClopperPearson:
    """Exact binomial interval (Clopper and Pearson 1934) of n / w trials, w the largest weight.

    n rounds of weight at most w say as much as n / w unweighted ones. A rule of thumb for rewards in
    [``lowest``, ``highest``]; conservative.
    """

    lowest: float = 0.0
    highest: float = 1.0
    name: str = "clopper-pearson"

    def __call__(self, statistic: Statistic, level: float, rng: Generator | None = None) -> Ends:
        """See :class:`.base.Interval`; needs no generator.

        Raises:
            NotEstimable: a statistic without importance weights, or a value out of bounds.
        """
        from scipy.special import betaincinv

        check(statistic, level)
        span = self.highest - self.lowest
        share = (statistic.value - self.lowest) / span
        if not 0.0 <= share <= 1.0:
            raise NotEstimable("value", statistic.value, f"it is not in [{self.lowest:g}, {self.highest:g}]")
        rounds = len(statistic) / float(weights_of(statistic, self.name).max())
        wins, miss = share * rounds, (1.0 - level) / 2.0
        low = float(betaincinv(wins, rounds - wins + 1.0, miss)) if wins > 0 else 0.0
        high = float(betaincinv(wins + 1.0, rounds - wins, 1.0 - miss)) if wins < rounds else 1.0
        return self.lowest + span * low, self.lowest + span * high


def _width(rounds: F64, lowest: float | None, highest: float | None) -> float:
    least, most = float(rounds.min()), float(rounds.max())
    slack = 1e-9 * max(1.0, abs(least), abs(most))
    if lowest is not None and least < lowest - slack:
        raise InvalidInput("interval.lowest", lowest, f"a round is {least:.4g}")
    if highest is not None and most > highest + slack:
        raise InvalidInput("interval.highest", highest, f"a round is {most:.4g}")
    return (most if highest is None else highest) - (least if lowest is None else lowest)
