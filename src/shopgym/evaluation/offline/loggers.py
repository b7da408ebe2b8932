"""Estimators for logs of several behaviour policies."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ...core.errors import InvalidInput
from ..errors import NotEstimable
from ..intervals.statistic import Statistic, Terms
from .estimator import Estimator
from .inputs import OpeInputs
from .weighted import UNCHANGED, Weighted


@dataclass(frozen=True)
class ByLogger(Estimator):
    """sum over loggers of the mean of their rounds, in proportion to n_l / s_l^2.

    s_l^2 is the variance of logger l's rounds: the weighted estimator of Agarwal, Basu, Schnabel and Joachims
    2017 (Effective evaluation using logged bandit feedback from multiple loggers), with the variance
    estimated. Each mean is unbiased with the logger's own propensities in the weights.

    Attributes:
        base: gives the rounds; a plain mean, such as ips or dr.
    """

    name: str
    base: Weighted
    caveat: str = "the interval takes the loggers' variances as known"

    @property
    def needs_model(self) -> bool:  # type: ignore[override]
        """As the base."""
        return self.base.needs_model

    def raw(self, inputs: OpeInputs) -> Statistic | None:
        """See :class:`.estimator.Estimator`."""
        if self.base.smoothing == UNCHANGED:
            return None
        return replace(self, base=replace(self.base, smoothing=UNCHANGED)).statistic(inputs)

    def statistic(self, inputs: OpeInputs) -> Statistic:
        """See :class:`.estimator.Estimator`.

        Raises:
            NotEstimable: also inputs that do not say who logged, or a logger with fewer than two rounds.
        """
        if inputs.logger is None:
            raise NotEstimable("inputs.logger", None, "say which behaviour policy logged each round")
        rounds = self.base.statistic(inputs).columns
        counts = np.bincount(inputs.logger)
        if rounds.shape[1] > 1:
            raise InvalidInput("base", self.base.name, "take an estimator that is a plain mean")
        if (counts == 1).any():
            logger = int(np.argmax(counts == 1))
            raise NotEstimable("inputs.logger", logger, "a logger needs two rounds or none")
        x = rounds[:, 0]
        divisor = np.maximum(counts, 1)
        mean = np.bincount(inputs.logger, x) / divisor
        variance = np.bincount(inputs.logger, (x - mean[inputs.logger]) ** 2) / np.maximum(counts - 1, 1)
        # a logger whose rounds do not vary has variance 0; a tiny variance gives it nearly all weight
        floor = max(float(variance.max(initial=0.0)) * 1e-12, np.finfo(float).tiny)
        share = (1.0 / np.maximum(variance, floor))[inputs.logger][:, None]
        share /= share.mean()
        return Terms(share * rounds, share, inputs.control)
