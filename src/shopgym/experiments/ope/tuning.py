"""Choosing how much an estimator smooths, from the log itself."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from ...core.errors import InvalidInput
from ...core.types import F64
from .inputs import OpeInputs
from .intervals.base import standard_error
from .smoothing import Smoothing
from .terms import Statistic, Terms
from .weighted import StatisticEstimator, Weighted, require_model

RULES = ("slope", "mse", "mse-bound")


@dataclass(frozen=True)
class Tuned(StatisticEstimator):
    """A :class:`Weighted` estimator that picks one of several smoothings.

    Attributes:
        base: the estimator without its smoothing; a plain mean.
        candidates: the smoothings.
        rule: ``slope``: see :func:`slope`.
            ``mse``: least variance plus squared bias, the bias being what smoothing takes away on the log
            (Su, Dimakopoulou, Krishnamurthy and Dudik 2020); ``mse-bound``: with an upper bound of that
            bias instead, from Bernstein's inequality (Wang, Agarwal and Dudik 2017).
        error: probability of error of the intervals and of the bound.
    """

    name: str
    base: Weighted
    candidates: tuple[Smoothing, ...]
    rule: str = "slope"
    error: float = 0.1
    caveat: str = "the interval takes the tuned smoothing as given"

    def __post_init__(self) -> None:
        if self.rule not in RULES:
            raise InvalidInput("rule", self.rule, f"choose one of {', '.join(RULES)}")
        if not self.candidates or self.base.normalised:
            raise InvalidInput("base", self.base.name, "give a plain mean and at least one candidate")

    @property
    def needs_model(self) -> bool:  # type: ignore[override]
        """As the base."""
        return self.base.needs_model

    def fitted(self, inputs: OpeInputs) -> Weighted:
        """The base with the smoothing that the rule picks."""
        options = [
            Weighted(self.name, each, self.base.needs_model, caveat=self.caveat) for each in self.candidates
        ]
        if len(inputs) < 2:
            return options[0]
        if self.rule == "slope":
            return options[slope((option.statistic(inputs) for option in options), self.error)]
        return options[int(np.argmin(self.scores(inputs)))]

    def statistic(self, inputs: OpeInputs) -> Statistic:
        """See :class:`.weighted.Estimator`."""
        return self.fitted(inputs).statistic(inputs)

    def scores(self, inputs: OpeInputs) -> list[float]:
        """Estimated mean squared error of each candidate."""
        residual = inputs.reward - require_model(self.name, inputs)[0] if self.needs_model else inputs.reward
        return [self._mean_squared_error(smoothing, residual, inputs) for smoothing in self.candidates]

    def _mean_squared_error(self, smoothing: Smoothing, residual: F64, inputs: OpeInputs) -> float:
        n = len(inputs)
        terms = Weighted(self.name, smoothing, self.base.needs_model).statistic(inputs)
        assert isinstance(terms, Terms)
        psi = terms.influence()
        bias = abs(float(((inputs.weight - smoothing(inputs)) * residual).sum()) / n)
        if self.rule == "mse-bound":
            log = math.log(2.0 / self.error)
            second = float((inputs.weight**2).sum()) / n
            bias += math.sqrt(2.0 * second * log / n) + 2.0 * inputs.max_weight * log / (3.0 * n)
        return float(psi @ psi) / n**2 + bias**2


def slope(statistics: Iterable[Statistic], error: float = 0.1, levels: Sequence[int] | None = None) -> int:
    """Which of several estimates of one value to take: SLOPE (Su, Srinath and Krishnamurthy
    2020, Adaptive estimator selection for off-policy evaluation), after Lepski.

    From the widest interval (least bias) to the narrowest, the last before an interval of half width h
    misses one of the wider ones, H, by more than h + (sqrt(6) - 1) H.

    Args:
        statistics: of one log and target; narrower should mean more biased.
        error: one-sided error of each Student interval.
        levels: of each statistic; low levels come first, and within a level the widest interval. None: one.
    """
    from scipy.special import stdtrit

    values, halves = [], []
    for statistic in statistics:  # one at a time: each may hold columns as long as the log
        values.append(statistic.value)
        quantile = float(stdtrit(len(statistic) - 1, 1.0 - error))
        halves.append(quantile * standard_error(statistic.influence()))
    order = np.lexsort((-np.array(halves), np.zeros(len(halves)) if levels is None else np.array(levels)))
    kept = [order[0]]
    for i in order[1:]:
        if any(abs(values[j] - values[i]) > halves[i] + (math.sqrt(6.0) - 1.0) * halves[j] for j in kept):
            break
        kept.append(i)
    return int(kept[-1])
