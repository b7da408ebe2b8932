"""Interquartile means with stratified bootstrap intervals (Agarwal et al. 2021)."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from ....core.errors import InvalidInput, in_range
from ....core.types import F64


def iqm(runs: F64, axis: int = -1) -> F64:
    """Mean of the middle half of the runs along ``axis``: of m runs, floor(m / 4) are cut at each end."""
    m = runs.shape[axis]
    cut = m // 4
    middle = np.take(np.sort(runs, axis=axis), np.arange(cut, m - cut), axis=axis)
    mean: F64 = middle.mean(axis=axis)
    return mean


def stratified_interval(
    runs: F64, *, level: float, bootstrap: int, rng: Generator
) -> tuple[float, float, float]:
    """(IQM, low, high) of runs (strata, m): all of them together, runs resampled within each stratum.

    Agarwal et al. 2021, Deep reinforcement learning at the edge of the statistical precipice, sec. 4; the
    strata are environments, the interval is the percentile one.

    Raises:
        InvalidInput: fewer than two runs, or values that are not finite.
    """
    in_range("level", level, 0.5, 1.0, open_low=True, open_high=True)
    if runs.ndim != 2 or runs.shape[1] < 2:
        raise InvalidInput("runs", runs.shape, "give (strata, runs), two runs at the least")
    if not np.isfinite(runs).all():
        raise InvalidInput("runs", int((~np.isfinite(runs)).sum()), "remove NaN and infinity")
    strata, m = runs.shape
    picks = rng.integers(m, size=(bootstrap, strata, m))
    again = iqm(runs[np.arange(strata)[None, :, None], picks].reshape(bootstrap, -1))
    low, high = np.quantile(again, [(1 - level) / 2, (1 + level) / 2])
    return float(iqm(runs.reshape(-1))), float(low), float(high)
