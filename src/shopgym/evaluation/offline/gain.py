"""What a policy would have earned, less what was earned: an interval with the error of both."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.random import Generator

from ...core.statistics import normal_quantile
from ..errors import NotEstimable
from ..intervals import interval_named
from ..intervals.base import Ends
from ..intervals.clusters import independent_draws
from ..intervals.statistic import Terms
from .estimate import Estimate
from .estimators import estimator_named
from .inputs import OpeInputs
from .streaming import SufficientStatistics

ROUNDING = 1e-9
"""A weight that is nearer to 1 is 1."""


def gain_over_log(
    rounds: OpeInputs | SufficientStatistics, estimate: Estimate, rng: Generator | None = None
) -> Estimate:
    """``estimate``, its value V(policy) less the mean reward that was logged, and the interval of that.

    The logged mean has an error, too: it is not enough that the interval of V leaves it out. Both errors come
    from the same rounds, so the interval is that of the difference, round by round. Where that cannot be had
    (a streamed log, an interval that is made for the weights of one policy), the half widths of both are
    added up: an interval of so much holds the difference whatever the two have in common.

    Args:
        rounds: of the log, weighed for the policy.
        estimate: of the policy, from these rounds.
        rng: of intervals that resample.
    """
    logged = rounds.logged_value
    if isinstance(rounds, OpeInputs) and float(np.abs(rounds.weight - 1.0).max()) <= ROUNDING:
        return replace(estimate, value=0.0, low=0.0, high=0.0)  # the policy chooses as the log did
    try:
        low, high = _paired(rounds, estimate, rng)
    except NotEstimable:
        half = normal_quantile(estimate.level) * rounds.logged_error
        low, high = estimate.low - logged - half, estimate.high - logged + half
    return replace(estimate, value=estimate.value - logged, low=low, high=high)


def _paired(rounds: OpeInputs | SufficientStatistics, estimate: Estimate, rng: Generator | None) -> Ends:
    if not isinstance(rounds, OpeInputs):
        raise NotEstimable("stream", True, "differences need the log in memory")
    estimator = estimator_named(estimate.estimator).fitted(rounds)
    difference = estimator.statistic(rounds) - Terms(rounds.reward.sum(axis=1, keepdims=True))
    draws = independent_draws(difference, rounds.cluster, rounds.sample_weight)
    return interval_named(estimate.interval)(draws, estimate.level, rng)
