"""Values with 95% bootstrap intervals. The bootstrap draws independent units: users if they are known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.random import Generator

from ..core.errors import InvalidInput, finite, in_range
from ..core.types import F64, I64

LEVEL = 0.95
TAILS = ((1.0 - LEVEL) / 2.0, (1.0 + LEVEL) / 2.0)
RESAMPLES = 200

Statistic = Callable[[F64], float]
"""A value as a function of how often each unit was drawn."""


@dataclass(frozen=True)
class Measurement:
    """A value, its 95% interval, and the number of independent units behind it."""

    value: float
    low: float
    high: float
    n: int


@dataclass(frozen=True)
class ClusterBootstrap:
    """Percentile intervals of the nonparametric bootstrap (Efron 1979); a unit's rows are drawn together.

    Args:
        rng: draws the units.
        resamples: at least 20, or 0: values without intervals.
    """

    rng: Generator
    resamples: int = RESAMPLES

    def __post_init__(self) -> None:
        if self.resamples:
            in_range("resamples", self.resamples, 20, 100_000)

    def measure(self, statistic: Statistic, units: int) -> Measurement:
        """The statistic of the units, and its interval over the resamples that have a value."""
        if units < 1:
            raise InvalidInput("units", units, "there is nothing to measure")
        value = statistic(np.ones(units))
        resampled = np.empty(self.resamples)
        for i in range(self.resamples):
            times = np.bincount(self.rng.integers(units, size=units), minlength=units)
            resampled[i] = statistic(times.astype(np.float64))
        resampled = resampled[np.isfinite(resampled)]
        low, high = np.quantile(resampled, TAILS) if len(resampled) else (np.nan, np.nan)
        return Measurement(value, float(low), float(high), units)

    def ratio(self, above: Any, below: Any, unit: I64) -> Measurement:
        """Sum of ``above`` over sum of ``below``; all (n,). ``unit`` is the unit of each row, from 0."""
        a, b = np.bincount(unit, _floats(above)), np.bincount(unit, _floats(below))

        def statistic(times: F64) -> float:
            total = times @ b
            return float(times @ a / total) if total > 0 else float("nan")

        return self.measure(statistic, len(a))

    def mean(self, values: Any, unit: I64) -> Measurement:
        """Mean of ``values`` (n,)."""
        return self.ratio(values, np.ones(len(unit)), unit)

    def ratio_of_means(self, values: Any, first: Any, unit: I64) -> Measurement:
        """Mean of ``values`` where ``first`` is true over their mean where it is false."""
        v, yes = _floats(values), np.asarray(first, np.bool_)
        return self.ratio_of_ratios((v * yes, yes), (v * ~yes, ~yes), unit)

    def ratio_of_ratios(self, first: tuple[Any, Any], second: tuple[Any, Any], unit: I64) -> Measurement:
        """Sum ratio of the pair ``first`` over that of ``second``; all columns (n,)."""
        sums = np.stack([np.bincount(unit, _floats(x)) for x in (*first, *second)])

        def statistic(times: F64) -> float:
            a, n, b, m = sums @ times
            return float(a / n / (b / m)) if n > 0 and b > 0 else float("nan")

        return self.measure(statistic, sums.shape[1])

    def median(self, values: Any, unit: I64) -> Measurement:
        """Median of ``values`` (n,); midpoint of the middle two if n is even."""
        return self._ranked(values, unit, _median)

    def quantile_over_median(self, values: Any, unit: I64, share: float) -> Measurement:
        """The value below which ``share`` of ``values`` (n,) lie, over their median."""

        def statistic(v: F64, cumulated: F64) -> float:
            row = np.searchsorted(cumulated, np.floor(share * (cumulated[-1] - 1)), side="right")
            middle = _median(v, cumulated)
            return float(v[row]) / middle if middle else float("nan")

        return self._ranked(values, unit, statistic)

    def _ranked(self, values: Any, unit: I64, statistic: Callable[[F64, F64], float]) -> Measurement:
        """A statistic of sorted values and of how many were drawn up to each."""
        v = _floats(values)
        order = np.argsort(v, kind="stable")
        v, unit = v[order], unit[order]

        def drawn(times: F64) -> float:
            cumulated = np.cumsum(times[unit])
            return statistic(v, cumulated) if cumulated[-1] else float("nan")

        return self.measure(drawn, int(unit.max()) + 1)

    def sd(self, values: Any, unit: I64, *, relative: bool = False) -> Measurement:
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

    def sorted_statistic(self, values: Any, statistic: Callable[[F64], float]) -> Measurement:
        """A statistic of values sorted from the largest (Gini, Zipf, top share). Each value is a unit."""
        v = np.sort(_floats(values))[::-1]
        return self.measure(lambda times: statistic(np.repeat(v, times.astype(np.int64))), len(v))


def units(*ids: pd.Series) -> I64:
    """(n,) unit of each row, from 0: by the first of ``ids`` that is complete, else every row is a unit."""
    for column in ids:
        if column.notna().all():
            return np.asarray(pd.factorize(column)[0], np.int64)
    return np.arange(len(ids[0]), dtype=np.int64)


def _median(v: F64, cumulated: F64) -> float:
    total = cumulated[-1]
    middle = np.searchsorted(cumulated, [(total - 1) // 2, total // 2], side="right")
    return float(v[middle].mean())


def _floats(values: Any) -> F64:
    array = np.asarray(values, np.float64)
    if not array.size:
        raise InvalidInput("values", 0, "there is nothing to measure")
    if array.ndim != 1:
        raise InvalidInput("values", array.shape, "give one number per row")
    finite("values", array)
    return array
