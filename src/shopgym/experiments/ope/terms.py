"""A point value as a sum of ratios of means, so that every interval is made the same way."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...core.types import F64


@dataclass(frozen=True, eq=False)
class Terms:
    """value = sum over columns p of mean(numerator_p) / mean(denominator_p).

    Attributes:
        numerator: (n, p) float64, one row per round.
        denominator: (n, p) float64 with positive column means, or None for all ones (plain means).
    """

    numerator: F64
    denominator: F64 | None = None

    @property
    def value(self) -> float:
        """The point value."""
        return float(self.ratios().sum())

    def ratios(self) -> F64:
        """(p,) the ratio of means of each column."""
        means: F64 = self.numerator.mean(axis=0)
        return means if self.denominator is None else means / self.denominator.mean(axis=0)

    def influence(self) -> F64:
        """(n,) each round's influence on the value; mean 0.

        For a ratio R = mean(a) / mean(b) it is (a_i - R b_i) / mean(b) (delta method; Owen 2013, Monte
        Carlo theory, methods and examples, chapter 9), so the denominator is not taken as known.
        """
        if self.denominator is None:
            total = self.numerator.sum(axis=1)
            return np.asarray(total - total.mean())
        scale = self.denominator.mean(axis=0)
        centred = self.numerator - (self.numerator.mean(axis=0) / scale) * self.denominator
        return np.asarray(centred @ (1.0 / scale))

    def __sub__(self, other: Terms) -> Terms:
        """The terms of this value less the other's, round by round on the same log."""
        numerator = np.hstack([self.numerator, -other.numerator])
        if self.denominator is None and other.denominator is None:
            return Terms(numerator)
        return Terms(numerator, np.hstack([self._denominator(), other._denominator()]))

    def _denominator(self) -> F64:
        return np.ones_like(self.numerator) if self.denominator is None else self.denominator
