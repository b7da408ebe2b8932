"""Small statistics that several rooms need, each said once."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np

from .types import F64, AnyArray


def normal_quantile(level: float) -> float:
    """z such that a standard normal variable lies in [-z, z] with probability ``level``."""
    return NormalDist().inv_cdf((1.0 + level) / 2.0)


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
