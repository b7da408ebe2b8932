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
    length = tail_length(len(weight))
    if length >= len(weight):
        return math.nan
    top = np.sort(np.partition(weight, len(weight) - length - 1)[len(weight) - length - 1 :])
    excess = top[1:] - top[0]
    excess = excess[excess > 0]  # ties with the cutoff are not beyond it
    if len(excess) < FEWEST or excess[0] == excess[-1]:
        return math.nan
    shape = generalised_pareto_shape(excess)
    n = len(excess)
    return float((n * shape + _PRIOR_ROUNDS * _PRIOR_SHAPE) / (n + _PRIOR_ROUNDS))


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
    profile = n * (np.log(-theta / shape) - shape - 1.0)
    posterior = np.exp(profile - profile.max())
    mean = float((theta * posterior).sum() / posterior.sum())
    return float(np.log1p(-mean * excess).mean())
