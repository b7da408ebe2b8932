"""Calibration of probabilities on pages held out, and the calibration error."""

from __future__ import annotations

import numpy as np
from scipy.optimize import isotonic_regression

from ...core.errors import InvalidInput, in_range
from ...core.types import F64
from .examination import fit

METHODS = ("none", "platt", "isotonic")


def fit_platt(scores: F64, y: F64, attention: F64) -> F64:
    """(2,) a and b of P = sigmoid(a x score + b), by maximum likelihood (Platt 1999).

    The targets are Platt's: (N1 + 1) / (N1 + 2) for outcomes that happened and 1 / (N0 + 2) for those that
    did not. They keep a finite if scores separate the outcomes.
    """
    happened = y > 0
    high, low = (happened.sum() + 1.0) / (happened.sum() + 2.0), 1.0 / ((~happened).sum() + 2.0)
    share = np.where(happened, high, low)
    spread = max(float(scores.std()), 1e-12)
    x = np.stack([(scores - scores.mean()) / spread, np.ones(len(scores))], axis=1)
    # a target between 0 and 1 is both outcomes, weighted
    x_twice, weight = np.concatenate([x, x]), np.concatenate([share, 1.0 - share])
    outcome = np.concatenate([np.ones(len(y)), np.zeros(len(y))])
    a, b = fit(x_twice, outcome, np.tile(attention, 2), np.zeros(2), np.zeros(2), weight)
    return np.array([a / spread, b - a * scores.mean() / spread])


def fit_isotonic(scores: F64, y: F64, attention: F64) -> F64:
    """(2, K) the monotone curve closest to y / attention, weighted by attention (Zadrozny & Elkan 2002)."""
    order = np.argsort(scores, kind="stable")
    levels, start = np.unique(scores[order], return_index=True)
    weight = np.add.reduceat(attention[order], start)
    happened = np.add.reduceat((y[order] > 0).astype(np.float64), start)
    fitted = isotonic_regression(happened / weight, weights=weight).x
    return np.stack([levels, np.clip(fitted, 0.0, 1.0)])


def calibration_error(p: F64, y: F64, bins: int = 15) -> float:
    """Expected calibration error: mean over bins of |share that happened - mean p|, weighted by size.

    Guo et al. (2017), eq. 3, with bins of equal size instead of equal width, because predicted probabilities
    of clicks and orders lie close together.

    Args:
        p: (r,) predicted probabilities.
        y: (r,) whether the outcome happened.
    """
    in_range("calibration.bins", bins, 1, 10_000)
    if len(p) != len(y) or not len(p):
        raise InvalidInput("calibration.p", len(p), "give one probability per outcome, and at least one")
    order = np.argsort(p, kind="stable")
    parts = np.array_split(order, min(bins, len(p)))
    return float(sum(abs(y[part].sum() - p[part].sum()) for part in parts) / len(p))
