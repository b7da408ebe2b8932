"""Whether logged propensities agree with how often actions were logged, given the context."""

from __future__ import annotations

from ...core.types import F64, I64
from .support import Support


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
    support = Support(n_actions, 0 if features is None else features.shape[1])
    support.add(action, propensity, None, features)
    return support.p_value()
