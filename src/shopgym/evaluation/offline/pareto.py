"""The shape of the upper tail of positive numbers: Pareto-k."""

from __future__ import annotations

import math

import numpy as np

from ...core.types import F64

FEWEST = 5
"""Exceedances below which no tail is fitted (Vehtari et al. 2024, appendix)."""
_PRIOR_SHAPE, _PRIOR_ROUNDS = 0.5, 10.0


def tail_length(n: int) -> int:
    """How many of n weights are the tail: min(n / 5, 3 sqrt(n)) (Vehtari et al. 2024, section 2.2)."""
    return math.ceil(min(0.2 * n, 3.0 * math.sqrt(n)))


def pareto_k(weight: F64) -> float:
    """Shape k of a generalised Pareto distribution fitted to the largest of ``weight`` (n,).

    The weights have 1 / k finite moments. Vehtari, Simpson, Gelman, Yao and Gabry 2024 (Pareto smoothed
    importance sampling): below 0.7 importance sampling is practical, from 1 on the mean does not exist.

    Returns:
        NaN when no tail can be fitted: fewer than 5 weights above the cutoff, or all of them equal.
    """
    kept = min(len(weight), tail_length(len(weight)) + 1)
    return tail_shape(np.sort(np.partition(weight, len(weight) - kept)[len(weight) - kept :]), len(weight))


def tail_shape(top: F64, n: int) -> float:
    """:func:`pareto_k` of n weights of which ``top`` are the largest, smallest first.

    Returns:
        NaN also when ``top`` holds fewer than the tail and its cutoff.
    """
    length = tail_length(n)
    if length >= len(top):
        return math.nan
    excess = top[-length:] - top[-length - 1]
    excess = excess[excess > 0]  # ties with the cutoff are not beyond it
    m = len(excess)
    if m < FEWEST or excess[0] == excess[-1]:
        return math.nan
    shape = generalised_pareto_shape(excess)
    return float((m * shape + _PRIOR_ROUNDS * _PRIOR_SHAPE) / (m + _PRIOR_ROUNDS))


def generalised_pareto_shape(excess: F64) -> float:
    """Shape of the generalised Pareto distribution of sorted positive ``excess`` (n,), location 0.

    The quasi-Bayesian estimator of Zhang and Stephens 2009 (A new and efficient estimation method for the
    generalized Pareto distribution), with k > 0 for heavy tails (the sign of Vehtari et al.).
    """
    n = len(excess)
    grid = 30 + math.isqrt(n)
    quartile = excess[int(n / 4 + 0.5) - 1]
    place = np.arange(1, grid + 1)
    theta = 1.0 / excess[-1] + (1.0 - np.sqrt(grid / (place - 0.5))) / (3.0 * quartile)
    shape = np.log1p(-theta[:, None] * excess).mean(axis=1)
    # theta = 0 is the exponential distribution: its shape is 0 and the rate -theta / shape that of the mean
    rate = np.divide(-theta, shape, out=np.full(grid, 1.0 / excess.mean()), where=shape != 0)
    profile = n * (np.log(rate) - shape - 1.0)
    posterior = np.exp(profile - profile.max())
    mean = float((theta * posterior).sum() / posterior.sum())
    return float(np.log1p(-mean * excess).mean())
