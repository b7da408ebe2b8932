"""Whether logged propensities agree with how often actions were logged, given the context."""

from __future__ import annotations

import numpy as np

from ...core.types import F64, I64

FEWEST = 10
"""An action logged less often than this is not tested: its mean is too far from normal."""


def calibration_p(action: I64, propensity: F64, n_actions: int, features: F64 | None = None) -> float:
    """p-value of the propensities: for each action a and function f of the context, the mean of
    f (1[a logged] / p - 1) has to be 0.

    f is 1 and each column of ``features``. That is the balance condition of the propensity score (Imai and
    Ratkovic 2014, Covariate balancing propensity score). Each mean is tested with its own standard
    error, and the smallest p-value is multiplied by the number of tests (Bonferroni).

    Args:
        action: (n,) logged action in [0, n_actions).
        propensity: (n,) its logged probability.
        features: (n, D) of the context, or None.

    Returns:
        The p-value, in [0, 1]; NaN if no action was logged often enough. Small, too, when an action cannot be
        chosen in every context: then its propensities are 0 elsewhere, and the log does not say so.
    """
    n = len(action)
    tested = np.bincount(action, minlength=n_actions) >= FEWEST
    if not tested.any():
        return float("nan")
    inverse = 1.0 / propensity
    excess = np.square(inverse)
    excess -= 2.0 * inverse
    largest, tests = 0.0, 0
    for column in (None,) if features is None else (None, *features.T):
        first = inverse if column is None else inverse * column
        second = excess if column is None else excess * column**2
        level, square = (1.0, 1.0) if column is None else (float(column.mean()), float((column**2).mean()))
        mean = np.bincount(action, first, n_actions)[tested] / n - level
        variance = np.bincount(action, second, n_actions)[tested] / n + square - mean**2
        known = variance > 1e-12 * square
        z = np.abs(mean[known]) / np.sqrt(variance[known] / n)
        largest, tests = max(largest, float(z.max(initial=0.0))), tests + len(z)
    if not tests:
        return 1.0
    from scipy.special import ndtr

    return float(min(1.0, tests * 2.0 * ndtr(-largest)))
