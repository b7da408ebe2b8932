"""Intervals of the bootstrap: every ratio is computed anew in every resample."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.random import Generator

from ...core.errors import InvalidInput
from ...core.types import F64
from .base import Ends, check
from .statistic import Statistic

RESAMPLES = 1000


@dataclass(frozen=True)
class Resampled:
    """What both intervals share: ``resamples``, the number of resamples, and their values."""

    resamples: int = RESAMPLES

    def __post_init__(self) -> None:
        if self.resamples < 1:
            raise InvalidInput("resamples", self.resamples, "draw at least one resample")

    def resampled(self, statistic: Statistic, level: float, rng: Generator | None) -> F64:
        """(resamples,) the values of resamples, NaN where there is none."""
        from .resample import resampled_sums

        check(statistic, level)
        if rng is None:
            raise InvalidInput("rng", None, "the bootstrap needs a numpy Generator")
        means = resampled_sums(statistic.columns, self.resamples, rng) / len(statistic)
        return np.asarray(statistic.of_means(means), dtype=np.float64)


@dataclass(frozen=True)
class PercentileBootstrap(Resampled):
    """Percentile interval of the multinomial bootstrap (Efron 1979) over rounds.

    A resample that has no value, such as one whose rounds all have a zero denominator at some slot, is
    counted against both ends, so the interval may become infinite.
    """

    name: str = "bootstrap"

    def __call__(self, statistic: Statistic, level: float, rng: Generator | None = None) -> Ends:
        """See :class:`.base.Interval`; needs a generator."""
        values = self.resampled(statistic, level, rng)
        return ends(values, (1.0 - level) / 2.0, (1.0 + level) / 2.0)


@dataclass(frozen=True)
class BiasCorrected(Resampled):
    """As :class:`PercentileBootstrap`, corrected for bias and acceleration: BCa (Efron 1987, Better bootstrap
    confidence intervals). The acceleration is that of the influences (equation 7.3 there)."""

    name: str = "bca"

    def __call__(self, statistic: Statistic, level: float, rng: Generator | None = None) -> Ends:
        """See :class:`.base.Interval`; needs a generator."""
        values = self.resampled(statistic, level, rng)
        normal = NormalDist()
        below = (values < statistic.value).mean() + 0.5 * (values == statistic.value).mean()
        shift = normal.inv_cdf(float(np.clip(below, 0.5 / self.resamples, 1.0 - 0.5 / self.resamples)))
        psi = statistic.influence()
        square = float(psi @ psi)
        if square == 0:
            return statistic.value, statistic.value
        acceleration = float(np.einsum("n,n,n->", psi, psi, psi)) / (6.0 * square**1.5)
        z = [shift + normal.inv_cdf(share) for share in ((1.0 - level) / 2.0, (1.0 + level) / 2.0)]
        return ends(values, *(normal.cdf(shift + each / (1.0 - acceleration * each)) for each in z))


def ends(values: F64, low: float, high: float) -> Ends:
    """The quantiles ``low`` and ``high`` of resampled values; a NaN is counted against both ends."""
    undefined = np.isnan(values)
    # an order statistic, not an interpolation: that would turn -inf and inf neighbours into NaN
    return (
        float(np.quantile(np.where(undefined, -np.inf, values), low, method="inverted_cdf")),
        float(np.quantile(np.where(undefined, np.inf, values), high, method="inverted_cdf")),
    )
