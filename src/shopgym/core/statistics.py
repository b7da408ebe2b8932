"""Small statistics that several rooms need, each said once."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np

from .types import F64, AnyArray


def normal_quantile(level: float) -> float:
    """z such that a standard normal variable lies in [-z, z] with probability ``level``."""
    return NormalDist().inv_cdf((1.0 + level) / 2.0)


def sequence_half_width(n: int, spread: float, miss: float, planned: float) -> float:
    """Half width of an interval for the mean of n values which holds at all n at once.

    An asymptotic confidence sequence: Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas 2021 (Time-uniform
    central limit theory and asymptotic confidence sequences), theorem 2.2 and appendix B.2.

    Args:
        spread: standard deviation of the values.
        miss: probability that the mean is ever left out.
        planned: number of values at which it is narrowest; fix it before looking.
    """
    mixture = sequence_mixture(n, miss, planned)
    log = math.log(math.sqrt(mixture + 1.0) / miss)
    return spread * math.sqrt(2.0 * (mixture + 1.0) / (n * mixture) * log)


def sequence_mixture(n: int, miss: float, planned: float) -> float:
    """n times the variance of the mixture that makes such a sequence narrowest at ``planned`` values."""
    return n * (-2.0 * math.log(miss) + math.log(1.0 - 2.0 * math.log(miss))) / planned


def mean_interval(values: AnyArray, level: float) -> tuple[float, float, float]:
    """(mean, low, high) of independent values (n,), n >= 2, by the central limit theorem."""
    mean = float(values.mean())
    half = normal_quantile(level) * float(values.std(ddof=1)) / len(values) ** 0.5
    return mean, mean - half, mean + half


def sigmoid(x: AnyArray | float) -> F64:
    """1 / (1 + exp(-x)), without overflow."""
    out: F64 = 1.0 / (1.0 + np.exp(-np.clip(x, -700.0, 700.0)))
    return out


def gini(counts: AnyArray) -> float:
    """Gini coefficient (Gini 1912) of counts or shares (n,) >= 0: 0 = all equal, near 1 = one has all."""
    n = len(counts)
    rank = np.arange(1, n + 1)
    return float((2 * rank - n - 1) @ np.sort(counts) / (n * counts.sum()))
