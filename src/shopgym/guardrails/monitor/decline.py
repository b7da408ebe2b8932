"""A sequential test of a decline: has the mean of a series of batches ever fallen?"""

from __future__ import annotations

from functools import cache

import numpy as np

from ...core.errors import in_range
from ...core.types import F64

SIMULATIONS = 4000
"""Runs without a decline that a threshold is found from; at 5% its error rate is then within 0.7 points."""


class DeclineTest:
    """Compares the latest w batches with the best w batches in a row before them, w = 1, 2, 4, 8, ...

    z = (best earlier mean - latest mean) / its standard error. The alarm is raised when the largest z of all
    windows and moments passes a threshold that a run whose mean never changes passes with probability
    ``error`` (found by simulation of normal batch means). A mean that only rises passes it no more often:
    every earlier window has then a mean at most that of the latest.

    Args:
        batches: planned for the run; afterwards the test stays silent.
        error: probability of a false alarm in a run.
    """

    def __init__(self, batches: int, error: float) -> None:
        in_range("monitor.batches", batches, 2, 100_000)
        in_range("monitor.error", error, 0.0, 1.0, open_low=True, open_high=True)
        self.batches, self.threshold = batches, threshold(batches, error)
        self.statistic = 0.0
        """The largest z so far."""
        self._means: list[float] = []
        self._variances: list[float] = []

    def add(self, mean: float, standard_error: float) -> bool:
        """Take in a batch; whether a decline is shown by now."""
        if len(self._means) < self.batches:
            self._means.append(mean)
            self._variances.append(standard_error**2)
            self.statistic = max(self.statistic, self._latest())
        return self.statistic > self.threshold

    def _latest(self) -> float:
        """The largest z of the windows that end with the latest batch."""
        means = np.concatenate([[0.0], np.cumsum(self._means)])
        variances = np.concatenate([[0.0], np.cumsum(self._variances)])
        largest = 0.0
        for width in windows(len(self._means)):
            mean = (means[width:] - means[:-width]) / width
            variance = (variances[width:] - variances[:-width]) / width**2
            scale = np.sqrt(variance[:-width] + variance[-1])
            fall = mean[:-width] - mean[-1]
            z = np.divide(fall, scale, out=np.zeros_like(fall), where=scale > 0)
            largest = max(largest, float(z.max()))
        return largest


def windows(batches: int) -> list[int]:
    """The widths that fit twice into ``batches``."""
    return [2**power for power in range(batches.bit_length()) if 2 * 2**power <= batches]


@cache
def threshold(batches: int, error: float) -> float:
    """What the largest z of ``batches`` normal means without a decline passes with probability ``error``."""
    rng = np.random.default_rng(0)
    sums = np.zeros((SIMULATIONS, batches + 1))
    np.cumsum(rng.standard_normal((SIMULATIONS, batches)), axis=1, out=sums[:, 1:])
    largest: F64 = np.zeros(SIMULATIONS)
    for width in windows(batches):
        mean = (sums[:, width:] - sums[:, :-width]) / width
        best = np.maximum.accumulate(mean[:, :-width], axis=1)
        z = (best - mean[:, width:]) / np.sqrt(2.0 / width)
        np.maximum(largest, z.max(axis=1), out=largest)
    return float(np.quantile(largest, 1.0 - error))
