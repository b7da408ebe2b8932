"""Intervals of the bootstrap: every ratio is computed anew in every resample."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.random import Generator

from ...core.errors import InvalidInput
from ...core.types import F64
from .base import check
from .statistic import Statistic

RESAMPLES = 1000


@dataclass(frozen=True)
class PercentileBootstrap:
    """Percentile interval of the multinomial bootstrap (Efron 1979) over rounds.

    A resample that has no value, such as one whose rounds all have a zero denominator at some slot, is
    counted against both ends, so the interval may become infinite.
    """

    resamples: int = RESAMPLES
    name: str = "bootstrap"

    def __post_init__(self) -> None:
        _check_resamples(self.resamples)

    def __call__(
        self, statistic: Statistic, level: float, rng: Generator | None = None
    ) -> tuple[float, float]:
        """See :class:`.base.Interval`; needs a generator."""
        values = resampled_values(statistic, level, self.resamples, rng)
        return _ends(values, (1.0 - level) / 2.0, (1.0 + level) / 2.0)


@dataclass(frozen=True)
class BiasCorrected:
    """As :class:`PercentileBootstrap`, corrected for bias and acceleration: BCa (Efron 1987, Better bootstrap
    confidence intervals). The acceleration is that of the influences (equation 7.3 there)."""

    resamples: int = RESAMPLES
    name: str = "bca"

    def __post_init__(self) -> None:
        _check_resamples(self.resamples)

    def __call__(
        self, statistic: Statistic, level: float, rng: Generator | None = None
    ) -> tuple[float, float]:
        """See :class:`.base.Interval`; needs a generator."""
        values = resampled_values(statistic, level, self.resamples, rng)
        normal = NormalDist()
        below = (values < statistic.value).mean() + 0.5 * (values == statistic.value).mean()
        shift = normal.inv_cdf(float(np.clip(below, 0.5 / self.resamples, 1.0 - 0.5 / self.resamples)))
        psi = statistic.influence()
        square = float(psi @ psi)
        if square == 0:
            return statistic.value, statistic.value
        acceleration = float(np.einsum("n,n,n->", psi, psi, psi)) / (6.0 * square**1.5)
        shares = []
        for share in ((1.0 - level) / 2.0, (1.0 + level) / 2.0):
            z = shift + normal.inv_cdf(share)
            shares.append(normal.cdf(shift + z / (1.0 - acceleration * z)))
        return _ends(values, *shares)


def resampled_values(statistic: Statistic, level: float, resamples: int, rng: Generator | None) -> F64:
    """(resamples,) the values of resamples, NaN where there is none."""
    from .resample import resampled_sums

    check(statistic, level)
    if rng is None:
        raise InvalidInput("rng", None, "the bootstrap needs a numpy Generator")
    means = resampled_sums(statistic.columns, resamples, rng) / len(statistic)
    return np.asarray(statistic.of_means(means), dtype=np.float64)


def _ends(values: F64, low: float, high: float) -> tuple[float, float]:
    undefined = np.isnan(values)
    return (
        _order_statistic(np.where(undefined, -np.inf, values), low),
        _order_statistic(np.where(undefined, np.inf, values), high),
    )


def _order_statistic(values: F64, share: float) -> float:
    # an order statistic, not an interpolation: that would turn -inf and inf neighbours into NaN
    return float(np.quantile(values, share, method="inverted_cdf"))


def _check_resamples(resamples: int) -> None:
    if resamples < 1:
        raise InvalidInput("resamples", resamples, "draw at least one resample")
