"""Figures of the rounds' influences on an estimate: whether a normal interval can be right."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..intervals.statistic import Statistic

ROUNDING = 1e-12
"""Share of the value below which a difference of rounds is one of rounding."""
SURE = 2.0
"""Standard errors that are added to what smoothing moved the estimate by."""


@dataclass(frozen=True)
class Influence:
    """The figures of one estimate; psi are the influences, with mean 0.

    Attributes:
        skewness: g^2 / n, g the skewness of psi. By the Edgeworth expansion of Student's statistic a
            two-sided 95% interval loses about 0.25 g^2 / n of its coverage (Hall 1992, The bootstrap and
            Edgeworth expansion; less the terms in kurtosis).
        error_rounds: (sum psi^2)^2 / sum psi^4, how many rounds of equal size would make the standard error
            as uncertain as it is: the variance of s^2 is about s^4 (1 / error_rounds - 1 / n). By Cauchy and
            Schwarz it is at most 1 / skewness, and at most the number of rounds.
        shift: what smoothing the weights moved the estimate by and ``SURE`` times the standard error of
            that, in standard errors of the estimate: a bound of the bias; 0 where nothing is smoothed.
    """

    skewness: float
    error_rounds: float
    shift: float = 0.0

    @classmethod
    def from_statistic(cls, statistic: Statistic, raw: Statistic | None = None) -> Influence:
        """From ``statistic``; ``raw`` is the same without smoothing, None if nothing is smoothed."""
        psi = statistic.influence()
        square = psi * psi
        sums = (float(square.sum()), float(square @ psi), float(square @ square))
        if raw is None:
            return cls.from_sums(len(psi), statistic.value, *sums)
        moved = statistic - raw
        moved_second = float(np.square(moved.influence()).sum())
        return cls.from_sums(len(psi), statistic.value, *sums, moved.value, moved_second)

    @classmethod
    def from_sums(
        cls,
        n: int,
        value: float,
        second: float,
        third: float,
        fourth: float,
        moved: float = 0.0,
        moved_second: float = 0.0,
    ) -> Influence:
        """From the sums of psi^2, psi^3 and psi^4, what smoothing moved and its sum of psi^2."""
        bound = abs(moved) + SURE * math.sqrt(moved_second) / n
        # where all rounds are equal they do not tell the error
        if second <= n * (ROUNDING * value) ** 2 or fourth == 0:
            return cls(math.inf, 0.0, math.inf if bound > ROUNDING * abs(value) else 0.0)
        return cls(third**2 / second**3, second**2 / fourth, bound * n / math.sqrt(second))

    def worse(self, other: Influence) -> Influence:
        """The worse of two, field by field."""
        return Influence(
            max(self.skewness, other.skewness),
            min(self.error_rounds, other.error_rounds),
            max(self.shift, other.shift),
        )
