"""Two-sided intervals for any estimator that is a sum of ratios of means; rounds are independent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from statistics import NormalDist

import numpy as np
from numpy.random import Generator

from ...core.errors import InvalidInput
from ...core.types import F64, Bool
from .terms import Terms

Interval = Callable[[Terms, float, Generator | None], tuple[float, float]]
"""(terms, level, rng) -> (low, high)."""

RESAMPLES = 1000


def delta(terms: Terms, level: float, rng: Generator | None = None) -> tuple[float, float]:
    """Normal interval from the influence of each round (delta method); needs no generator."""
    _check(terms, level)
    psi = terms.influence()
    n = len(psi)
    error = float(np.sqrt(psi @ psi / (n * (n - 1.0))))
    half = NormalDist().inv_cdf((1.0 + level) / 2.0) * error
    return terms.value - half, terms.value + half


def bootstrap(
    terms: Terms, level: float, rng: Generator | None, resamples: int = RESAMPLES
) -> tuple[float, float]:
    """Percentile interval of the multinomial bootstrap (Efron 1979) over rounds.

    The ratios are computed anew in every resample. A resample whose rounds all have a zero denominator
    at some slot has no value; it is counted against both ends, so the interval may become infinite.
    """
    from .resample import resampled_sums

    _check(terms, level)
    if rng is None:
        raise InvalidInput("rng", None, "the bootstrap needs a numpy Generator")
    if resamples < 1:
        raise InvalidInput("resamples", resamples, "draw at least one resample")
    width = terms.numerator.shape[1]
    if terms.denominator is None:
        values = resampled_sums(terms.numerator.sum(axis=1, keepdims=True), resamples, rng)[:, 0]
        values = values / len(terms.numerator)
        undefined: Bool = np.zeros(resamples, dtype=bool)
    else:
        sums = resampled_sums(np.hstack([terms.numerator, terms.denominator]), resamples, rng)
        above, below = sums[:, :width], sums[:, width:]
        undefined = np.asarray((below <= 0).any(axis=1))
        values = np.divide(above, below, out=np.zeros_like(above), where=below > 0).sum(axis=1)
    return (
        _order_statistic(np.where(undefined, -np.inf, values), (1.0 - level) / 2.0),
        _order_statistic(np.where(undefined, np.inf, values), (1.0 + level) / 2.0),
    )


INTERVALS: Mapping[str, Interval] = {"delta": delta, "bootstrap": bootstrap}


def _order_statistic(values: F64, share: float) -> float:
    # an order statistic, not an interpolation: that would turn -inf and inf neighbours into NaN
    return float(np.quantile(values, share, method="inverted_cdf"))


def _check(terms: Terms, level: float) -> None:
    if not 0.0 < level < 1.0:
        raise InvalidInput("level", level, "give a coverage between 0 and 1, e.g. 0.95")
    if len(terms.numerator) < 2:
        raise InvalidInput("rounds", len(terms.numerator), "an interval needs at least two rounds")
