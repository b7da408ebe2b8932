"""Poisson regression of counts with two fixed effects, and its bootstrap over clusters.

Counts of sales have many zeros, so log counts lose rows or are biased. The Poisson pseudo-likelihood needs
only that the mean is right (Santos Silva & Tenreyro 2006, Rev. Econ. Stat. 88). Fixed effects are removed by
alternating weighted means inside each reweighting (Correia, Guimaraes & Zylkin 2020, Stata J. 20).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from ...core.types import F64, I64, Bool

MOST_STEPS, MOST_SWEEPS = 60, 200
TOLERANCE = 1e-12
"""Mean squared step of log means, weighted by the means."""
TAILS = (0.025, 0.975)


@dataclass(frozen=True, eq=False)
class Counts:
    """Counts of units in weeks.

    Attributes:
        y: (r,) counts >= 0.
        x: (r, k) what moves them.
        unit, week: (r,) the two fixed effects, from 0.
        exposure: (r,) > 0, to which counts are proportional.
    """

    y: F64
    x: F64
    unit: I64
    week: I64
    exposure: F64

    def sells(self, rows: Bool) -> Bool:
        """The ``rows`` (r,) without units and weeks that sold nothing: their effect is minus infinity."""
        while True:
            keep = rows.copy()
            for group in (self.unit, self.week):
                keep &= np.bincount(group, self.y * rows)[group] > 0
            if (keep == rows).all():
                return keep
            rows = keep

    def take(self, rows: Bool) -> Counts:
        """The rows (r,) bool, with units and weeks counted anew."""
        unit, week = (np.unique(group[rows], return_inverse=True)[1] for group in (self.unit, self.week))
        return Counts(self.y[rows], self.x[rows], unit, week, self.exposure[rows])


@dataclass(frozen=True, eq=False)
class PoissonFit:
    """A fit.

    Attributes:
        slope: (k,).
        mean: (r,) expected counts.
        moved: (r, k) what is left of ``x`` without the fixed effects: this alone identifies the slope.
    """

    slope: F64
    mean: F64
    moved: F64


def fit_poisson(counts: Counts) -> PoissonFit:
    """Maximum of the Poisson pseudo-likelihood; all units and weeks must have sold something."""
    y, x = counts.y, counts.x
    eta = np.log((y + y.mean()) / 2.0)
    slope = np.zeros(x.shape[1])
    for _ in range(MOST_STEPS):
        mean = np.exp(eta)
        response = eta - np.log(counts.exposure) + (y - mean) / mean
        moved = _demeaned(np.column_stack([response, x]), mean, counts)
        slope = _least_squares(moved, mean)
        residual = moved[:, 0] - moved[:, 1:] @ slope
        previous, eta = eta, np.clip(response - residual + np.log(counts.exposure), -30.0, 30.0)
        if (mean * np.square(eta - previous)).sum() < TOLERANCE * mean.sum():
            break
    mean = np.exp(eta)
    return PoissonFit(slope, mean, _demeaned(x, mean, counts))


def bootstrap_poisson(counts: Counts, fit: PoissonFit, cluster: I64, rng: Generator, resamples: int) -> F64:
    """(resamples, k) slopes of resampled clusters (r,): one step of reweighting from the fit each."""
    response = np.log(fit.mean / counts.exposure) + (counts.y - fit.mean) / fit.mean
    columns = np.column_stack([response, counts.x])
    slopes = np.empty((resamples, counts.x.shape[1]))
    number = int(cluster.max()) + 1
    for i in range(resamples):
        times = np.bincount(rng.integers(number, size=number), minlength=number)
        weight = fit.mean * times[cluster]
        slopes[i] = _least_squares(_demeaned(columns, weight, counts), weight)
    return slopes


def interval(slopes: F64) -> tuple[float, float]:
    """The percentile interval of resampled slopes (resamples,)."""
    low, high = np.nanquantile(slopes, TAILS)
    return float(low), float(high)


def _least_squares(moved: F64, weight: F64) -> F64:
    """Slopes of the first column on the others."""
    weighted = moved[:, 1:] * weight[:, None]
    solution = np.linalg.lstsq(weighted.T @ moved[:, 1:], weighted.T @ moved[:, 0], rcond=1e-12)[0]
    return np.asarray(solution, np.float64)


def _demeaned(columns: F64, weight: F64, counts: Counts) -> F64:
    """Columns (r, c) less the weighted means of their units and of their weeks."""
    columns = columns.astype(np.float64, copy=True)
    groups = []
    for group in (counts.unit, counts.week):
        total = np.bincount(group, weight)
        groups.append((group, np.divide(1.0, total, out=np.zeros_like(total), where=total > 0)))
    for c in range(columns.shape[1]):
        column = columns[:, c]
        scale = np.abs(column).max() + 1e-300
        for _ in range(MOST_SWEEPS):
            largest = 0.0
            for group, per_weight in groups:
                mean = np.bincount(group, weight * column) * per_weight
                column -= mean[group]
                largest = max(largest, float(np.abs(mean).max()))
            if largest < 1e-9 * scale:
                break
    return columns
