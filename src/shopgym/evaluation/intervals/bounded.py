"""Intervals for bounded rounds, without a normal approximation."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from ...core.errors import InvalidInput
from ...core.types import F64
from ..errors import NotEstimable
from .base import Ends, SymmetricInterval, check
from .statistic import Statistic, Terms

ONE_MEAN = (
    "it is for a mean v normalised by its weights (at most W), with variance W v (1 - v) / n; otherwise that "
    "is v (W - v) / n, which is more: use snips, or the interval delta"
)
SEEN = "the bounds of the rounds are those seen in the log, which makes {} an approximation"


@dataclass(frozen=True)
class BoundedRounds(SymmetricInterval):
    """What intervals for bounded rounds share.

    Attributes:
        lowest, highest: bounds of the rounds; for ips 0 and largest weight times largest reward. None takes
            those seen, which makes the guarantee approximate: rarer, heavier rounds may not have come yet.
    """

    lowest: float | None = None
    highest: float | None = None
    name: str = "bounded"

    @property
    def caveat(self) -> str:
        """What the reader of an estimate has to know."""
        return SEEN.format(self.name) if None in (self.lowest, self.highest) else ""


@dataclass(frozen=True)
class Hoeffding(BoundedRounds):
    """mean +- range sqrt(log(2 / a) / (2 n)), a = 1 - level (Hoeffding 1963).

    The rounds are the value plus each one's influence; of a ratio that is its linear approximation.

    Attributes:
        lowest, highest: see :class:`BoundedRounds`.
    """

    name: str = "hoeffding"

    def half_width(self, statistic: Statistic, level: float) -> float:
        """See :class:`.base.SymmetricInterval`.

        Raises:
            InvalidInput: a round out of bounds.
        """
        width = _width(statistic.value + statistic.influence(), self.lowest, self.highest)
        return width * math.sqrt(math.log(2.0 / (1.0 - level)) / (2.0 * len(statistic)))


@dataclass(frozen=True)
class EmpiricalBernstein(BoundedRounds):
    """mean +- sqrt(2 s^2 log(2 / a) / n) + 7 range log(2 / a) / (3 (n - 1)), with a = (1 - level) / 2 an end.

    Maurer and Pontil 2009 (Empirical Bernstein bounds and sample variance penalization), theorem 4.

    Attributes:
        lowest, highest: see :class:`BoundedRounds`.
    """

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
    """Exact binomial interval (Clopper and Pearson 1934) of sum w / max w trials, for snips.

    n rounds of weight at most max w say at least as much as n / max w unweighted ones: a mean of rewards in
    [0, 1] that is normalised by its weights has a variance of at most max w V (1 - V) / n in large logs. A
    mean that is not, such as ips, has up to V (max w - V) / n, which is more: it is refused, as is dr.

    Attributes:
        lowest, highest: of the rewards.
    """

    lowest: float = 0.0
    highest: float = 1.0
    name: str = "clopper-pearson"

    def __call__(self, statistic: Statistic, level: float, rng: Generator | None = None) -> Ends:
        """See :class:`.base.Interval`; needs no generator.

        Raises:
            NotEstimable: a mean that is not normalised by its weights, or of rewards out of bounds.
        """
        from scipy.special import betaincinv

        check(statistic, level)
        weight, reward = self._rounds(statistic)
        span = self.highest - self.lowest
        slack = 1e-9 * span
        outside = (reward < self.lowest - slack) | (reward > self.highest + slack)
        if outside.any():
            bounds = f"this interval needs rewards in [{self.lowest:g}, {self.highest:g}]"
            raise NotEstimable("reward", float(reward[outside][0]), bounds)
        trials = float(weight.sum() / weight.max())
        share = min(1.0, max(0.0, (statistic.value - self.lowest) / span))
        wins, miss = share * trials, (1.0 - level) / 2.0
        low = float(betaincinv(wins, trials - wins + 1.0, miss)) if wins > 0 else 0.0
        high = float(betaincinv(wins + 1.0, trials - wins, 1.0 - miss)) if wins < trials else 1.0
        return self.lowest + span * low, self.lowest + span * high

    def _rounds(self, statistic: Statistic) -> tuple[F64, F64]:
        """Weight and reward of the rounds with a weight."""
        if not isinstance(statistic, Terms) or statistic.numerator.shape[1] > 1:
            raise NotEstimable("interval", self.name, ONE_MEAN)
        weight = statistic.denominator
        if weight is None and statistic.control is not None and not statistic.control.any():
            weight = np.ones_like(statistic.numerator)  # equal weights need no normalising
        if weight is None or (weight < 0).any():
            raise NotEstimable("interval", self.name, ONE_MEAN)
        counted = weight[:, 0] > 0
        return weight[counted, 0], statistic.numerator[counted, 0] / weight[counted, 0]


def _width(rounds: F64, lowest: float | None, highest: float | None) -> float:
    least, most = float(rounds.min()), float(rounds.max())
    slack = 1e-9 * max(1.0, abs(least), abs(most))
    if lowest is not None and least < lowest - slack:
        raise InvalidInput("interval.lowest", lowest, f"a round is {least:.4g}")
    if highest is not None and most > highest + slack:
        raise InvalidInput("interval.highest", highest, f"a round is {most:.4g}")
    return (most if highest is None else highest) - (least if lowest is None else lowest)
