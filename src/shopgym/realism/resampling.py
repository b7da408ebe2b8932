"""Values with 95% bootstrap intervals; what is drawn is the unit that is independent: the user, if known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.random import Generator

from ..core.errors import InvalidInput, in_range
from ..core.types import F64, I64

LEVEL = 0.95
RESAMPLES = 200

Statistic = Callable[[F64], float]
"""A value as a function of how often each unit was drawn."""


@dataclass(frozen=True)
class Measured:
    """A value, its 95% interval, and the number of independent units behind it."""

    value: float
    low: float
    high: float
    n: int


@dataclass(frozen=True)
class Bootstrap:
    """Percentile intervals of the nonparametric bootstrap over units (Efron 1979), clusters included.

    Args:
        rng: draws the units.
        resamples: at least 20, or 0: values without intervals.
    """

    rng: Generator
    resamples: int = RESAMPLES

    def __post_init__(self) -> None:
        if self.resamples:
            in_range("resamples", self.resamples, 20, 100_000)

    def measure(self, statistic: Statistic, units: int) -> Measured:
        """The statistic with every unit once, and its interval over resamples; resamples without a value
        are left out."""
        if units < 1:
            raise InvalidInput("units", units, "there is nothing to measure")
        value = statistic(np.ones(units))
        drawn = np.empty(self.resamples)
        for i in range(self.resamples):
            times = np.bincount(self.rng.integers(units, size=units), minlength=units)
            drawn[i] = statistic(times.astype(np.float64))
        drawn = drawn[np.isfinite(drawn)]
        tail = (1.0 - LEVEL) / 2.0
        low, high = np.quantile(drawn, [tail, 1.0 - tail]) if len(drawn) else (np.nan, np.nan)
        return Measured(value, float(low), float(high), units)

    def ratio(self, above: Any, below: Any, unit: I64) -> Measured:
        """Sum of ``above`` over sum of ``below``; all (n,), ``unit`` in [0, units)."""
        a, b = np.bincount(unit, _floats(above)), np.bincount(unit, _floats(below))

        def statistic(times: F64) -> float:
            total = times @ b
            return float(times @ a / total) if total > 0 else float("nan")

        return self.measure(statistic, len(a))

    def mean(self, values: Any, unit: I64) -> Measured:
        """Mean of ``values`` (n,)."""
        return self.ratio(values, np.ones(len(unit)), unit)

    def ratio_of_means(self, values: Any, first: Any, unit: I64) -> Measured:
        """Mean of ``values`` where ``first`` is true over their mean where it is false."""
        v, yes = _floats(values), np.asarray(first, np.bool_)
        sums = np.stack([np.bincount(unit, x) for x in (v * yes, 1.0 * yes, v * ~yes, 1.0 * ~yes)])

        def statistic(times: F64) -> float:
            a, n, b, m = sums @ times
            return float(a / n / (b / m)) if n > 0 and b > 0 else float("nan")

        return self.measure(statistic, sums.shape[1])

    def median(self, values: Any, unit: I64) -> Measured:
        """Median of ``values`` (n,); midpoint of the middle two if n is even."""
        v = _floats(values)
        order = np.argsort(v, kind="stable")
        v, unit = v[order], unit[order]

        def statistic(times: F64) -> float:
            cumulated = np.cumsum(times[unit])
            total = cumulated[-1]
            if total == 0:
                return float("nan")
            middle = np.searchsorted(cumulated, [(total - 1) // 2, total // 2], side="right")
            return float(v[middle].mean())

        return self.measure(statistic, int(unit.max()) + 1)

    def sd(self, values: Any, unit: I64, *, relative: bool = False) -> Measured:
        """Standard deviation (divisor n) of ``values`` (n,), or that over their mean."""
        v = _floats(values)
        centre = v.mean()
        v = v - centre
        sums = np.stack([np.bincount(unit, x) for x in (np.ones(len(v)), v, v * v)])

        def statistic(times: F64) -> float:
            n, s, ss = sums @ times
            if n == 0:
                return float("nan")
            sd = float(np.sqrt(max(ss / n - (s / n) ** 2, 0.0)))
            return sd / (centre + s / n) if relative else sd

        return self.measure(statistic, sums.shape[1])

    def of_sorted(self, values: Any, statistic: Callable[[F64], float]) -> Measured:
        """A statistic of values sorted from the largest, each a unit of its own (Gini, Zipf, top share)."""
        v = np.sort(_floats(values))[::-1]
        return self.measure(lambda times: statistic(np.repeat(v, times.astype(np.int64))), len(v))


def units(*ids: pd.Series) -> I64:
    """(n,) codes of the first of ``ids`` that is known in every row; each row its own where none is."""
    for column in ids:
        if column.notna().all():
            return np.asarray(pd.factorize(column)[0], np.int64)
    return np.arange(len(ids[0]), dtype=np.int64)


def _floats(values: Any) -> F64:
    array = np.asarray(values, np.float64)
    if not array.size:
        raise InvalidInput("values", 0, "there is nothing to measure")
    if array.ndim != 1 or not np.isfinite(array).all():
        raise InvalidInput("values", array.shape, "give finite numbers, one per row")
    return array
