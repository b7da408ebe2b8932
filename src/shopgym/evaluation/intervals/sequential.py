"""Confidence sequences: intervals that stay valid however often, and whenever, one looks."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from ...core.errors import in_range
from ...core.statistics import sequence_half_width
from ...core.types import F64
from .base import Ends, SymmetricInterval, check, weighted_rewards
from .statistic import Statistic


@dataclass(frozen=True)
class Asymptotic(SymmetricInterval):
    """mean +- s sqrt(2 (n r^2 + 1) / (n^2 r^2) log(sqrt(n r^2 + 1) / a)), a = 1 - level.

    Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas 2021 (Time-uniform central limit theory and asymptotic
    confidence sequences), theorem 2.2, with r^2 = (-2 log a + log(-2 log a + 1)) / ``planned``, which is
    narrowest about ``planned`` rounds (appendix B.2). Look from a few hundred rounds on, as long as you like.

    Attributes:
        planned: rounds at which it should be narrowest; fix it before looking.
    """

    planned: int = 10_000
    name: str = "sequence"

    def __post_init__(self) -> None:
        in_range("planned", self.planned, 1, math.inf)

    def half_width(self, statistic: Statistic, level: float) -> float:
        """See :class:`.base.SymmetricInterval`."""
        n = len(statistic)
        return sequence_half_width(n, statistic.standard_error * math.sqrt(n), 1.0 - level, self.planned)


@dataclass(frozen=True)
class Betting:
    """Exact at every n, for rewards in [``lowest``, ``highest``] of one slot, whatever the weights' tail.

    The gamma-exponential mixture of bets against every value below the truth (Karampatziakis, Mineiro and
    Ramdas 2021, Off-policy confidence sequences; mixture of Howard, Ramdas, McAuliffe and Sekhon 2021). The
    upper end bets on what the rewards miss to ``highest``. Takes ips's rounds, in the log's order.
    """

    lowest: float = 0.0
    highest: float = 1.0
    name: str = "betting"

    def __call__(self, statistic: Statistic, level: float, rng: Generator | None = None) -> Ends:
        """See :class:`.base.Interval`; needs no generator.

        Raises:
            NotEstimable: rounds that are not weights times rewards in the bounds.
        """
        check(statistic, level)
        w, x = weighted_rewards(statistic, self.name, self.lowest, self.highest)
        span = self.highest - self.lowest
        gain, loss = (x - self.lowest * w) / span, (self.highest * w - x) / span
        miss = (1.0 - level) / 2.0
        return self.lowest + span * _least(gain, miss), self.highest - span * _least(loss, miss)


def _least(x: F64, miss: float) -> float:
    """Lower confidence bound in [0, 1] of the mean of ``x`` (n,) >= 0."""
    from scipy.optimize import brentq

    n, total = len(x), float(x.sum())
    before = np.concatenate([[0.0], np.cumsum(x)[:-1]])
    guess = (before + 0.5) / np.arange(1, n + 1)
    variation = float(np.square(x - guess).sum())

    def excess(value: float) -> float:
        return _log_wealth(total - n * value, variation) + math.log(miss)

    highest = min(1.0, total / n)
    if excess(0.0) <= 0:
        return 0.0
    if excess(highest) >= 0:
        return highest
    return float(brentq(excess, 0.0, highest, xtol=1e-15, rtol=1e-14))


def _log_wealth(gain: float, variation: float) -> float:
    """Log wealth of the gamma-exponential mixture with unit scale."""
    from scipy.special import gammainc, gammaln

    a, x = variation + 1.0, gain + variation + 1.0
    mixed = math.log(gammainc(a, x)) + gammaln(a)
    return float(gain + variation - a * math.log(x) + mixed - math.log(gammainc(1.0, 1.0)))
