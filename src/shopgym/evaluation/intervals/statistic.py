"""A point value as a function of column means, so that every interval is made the same way."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ...core.types import F64, AnyArray

_STEP = 1e-30
"""Imaginary step of the derivative; its square is far below the last digit of any mean."""


class Statistic(ABC):
    """A smooth function of the means of columns with one row per round.

    ``control`` is a column (n,) of mean 0 in expectation, such as the importance weight less 1, or None.
    """

    control: F64 | None

    @property
    @abstractmethod
    def columns(self) -> F64:
        """(n, p) one row per round."""

    @abstractmethod
    def of_means(self, means: AnyArray) -> AnyArray:
        """(...) the value at column means (..., p), NaN where there is none; works for complex means."""

    def __len__(self) -> int:
        return len(self.columns)

    @cached_property
    def value(self) -> float:
        """The point value."""
        return float(self.of_means(self.columns.mean(axis=0)))

    @cached_property
    def _psi(self) -> F64:
        psi: F64 = self.columns @ gradient_at(self, self.columns.mean(axis=0))
        psi -= psi.mean()
        psi.flags.writeable = False
        return psi

    def influence(self) -> F64:
        """(n,) each round's influence on the value; mean 0. Read-only.

        The columns, centred, times the gradient of the function (delta method; Owen 2013, Monte Carlo
        theory, methods and examples, chapter 9). The gradient is a complex step's (Squire and Trapp
        1998), exact to rounding. Denominators are thus not taken as known.
        """
        return self._psi

    @property
    def standard_error(self) -> float:
        """Of the value, from the influences; infinite for one round, which tells nothing of it."""
        psi, n = self.influence(), len(self)
        if n < 2:
            return math.inf
        return float((psi @ psi / (n * (n - 1.0))) ** 0.5)

    @property
    def degrees_of_freedom(self) -> float:
        """Of the standard error; infinite where it is taken as known (many rounds)."""
        return math.inf

    def __sub__(self, other: Statistic) -> Statistic:
        """The difference of two values, round by round on the same log."""
        return Difference(self, other)


def gradient_at(statistic: Statistic, means: F64) -> F64:
    """(p,) the gradient of the value at column means (p,)."""
    return np.asarray(statistic.of_means(means + 1j * _STEP * np.eye(len(means))).imag / _STEP)


@dataclass(frozen=True, eq=False)
class Terms(Statistic):
    """value = sum over columns p of mean(numerator_p) / mean(denominator_p).

    Attributes:
        numerator: (n, p) float64, one row per round.
        denominator: (n, p) float64 with positive column means, or None for all ones (plain means).
        control: (n,) as in :class:`Statistic`.
    """

    numerator: F64
    denominator: F64 | None = None
    control: F64 | None = None

    @cached_property
    def columns(self) -> F64:
        """(n, 1) the sum of the numerators, or (n, 2 p) with denominators."""
        if self.denominator is None:
            one = self.numerator.shape[1] == 1
            return self.numerator if one else self.numerator.sum(axis=1, keepdims=True)
        return np.concatenate([self.numerator.T, self.denominator.T]).T  # each column contiguous

    def of_means(self, means: AnyArray) -> AnyArray:
        """See :class:`Statistic`."""
        if self.denominator is None:
            return np.asarray(means[..., 0])
        width = self.numerator.shape[1]
        above, below = means[..., :width], means[..., width:]
        defined = below.real > 0
        ratios = np.where(defined, above / np.where(defined, below, 1.0), np.nan)
        return np.asarray(ratios.sum(axis=-1))


@dataclass(frozen=True, eq=False)
class Smooth(Statistic):
    """Any other smooth function of the means of ``data`` (n, p); ``function`` is its ``of_means``."""

    data: F64
    function: Callable[[AnyArray], AnyArray]
    control: F64 | None = None

    @property
    def columns(self) -> F64:
        """See :class:`Statistic`."""
        return self.data

    def of_means(self, means: AnyArray) -> AnyArray:
        """See :class:`Statistic`."""
        return self.function(means)


@dataclass(frozen=True, eq=False)
class Difference(Statistic):
    """``first`` less ``second``."""

    first: Statistic
    second: Statistic
    control: F64 | None = None

    @cached_property
    def columns(self) -> F64:
        """(n, p + q) the columns of both."""
        return np.concatenate([self.first.columns.T, self.second.columns.T]).T

    def of_means(self, means: AnyArray) -> AnyArray:
        """See :class:`Statistic`."""
        width = self.first.columns.shape[1]
        return np.asarray(self.first.of_means(means[..., :width]) - self.second.of_means(means[..., width:]))


@dataclass(frozen=True, eq=False)
class Ratio(Difference):
    """``first`` over ``second``; NaN where the second is not above 0.

    The interval of such a ratio is that of its linear part (delta method; Deng, Knoblich and Lu 2018,
    Applying the delta method in metric analytics, section 3.1): right while the second is many standard
    errors from 0.
    """

    def of_means(self, means: AnyArray) -> AnyArray:
        """See :class:`Statistic`."""
        width = self.first.columns.shape[1]
        above, below = self.first.of_means(means[..., :width]), self.second.of_means(means[..., width:])
        defined = below.real > 0
        return np.where(defined, above / np.where(defined, below, 1.0), np.nan)


@dataclass(frozen=True, eq=False)
class Lift(Ratio):
    """``first`` over ``second``, less 1: see :class:`Ratio`."""

    def of_means(self, means: AnyArray) -> AnyArray:
        """See :class:`Statistic`."""
        return super().of_means(means) - 1.0
