"""The likelihood of the outcome of a slot that may not have been looked at.

Position-based model (Richardson et al. 2007; Craswell et al. 2008): P(y = 1) = a sigmoid(z), with a the
attention that the slot gets. So log P(1) = log a + log sigmoid(z) and P(0) = (1 - a) + a sigmoid(-z).
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

from ...core.types import F64

TOLERANCE = 1e-8
"""Largest slope, per row, where a fit ends."""


def nll(z: F64, y: F64, attention: F64) -> tuple[F64, F64]:
    """(r,) negative log-likelihood without its constant log a, and its slope in z (r,)."""
    p, q = expit(z), expit(-z)  # 1 - p would lose precision
    no_outcome = (1.0 - attention) + attention * q
    loss = np.where(y > 0, np.logaddexp(0.0, -z), -np.log(no_outcome))
    slope = np.where(y > 0, -q, attention * p * q / no_outcome)
    return loss, slope


def fit(x: F64, y: F64, attention: F64, penalty: F64, start: F64, weight: F64 | None = None) -> F64:
    """(D,) theta that minimises sum of weight x nll(x . theta) + sum of penalty x theta^2 / 2, by L-BFGS.

    Args:
        x: (r, D).
        y: (r,) whether it happened.
        attention: (r,) in (0, 1].
        penalty: (D,) >= 0.
        start: (D,).
        weight: (r,); None = 1.
    """
    times = np.ones(len(y)) if weight is None else weight

    def objective(theta: F64) -> tuple[float, F64]:
        loss, slope = nll(x @ theta, y, attention)
        shrink = penalty * theta
        return float(times @ loss + 0.5 * shrink @ theta) / len(y), (x.T @ (times * slope) + shrink) / len(y)

    options = {"maxiter": 1000, "gtol": TOLERANCE, "ftol": 1e-15}
    theta: F64 = minimize(objective, start, jac=True, method="L-BFGS-B", options=options).x
    return theta
