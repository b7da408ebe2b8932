"""Choosing how much an estimator smooths, from the log itself."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from ...core.errors import InvalidInput, one_of
from ...core.types import F64
from ..intervals.statistic import Statistic
from .estimator import Estimator
from .influence import SURE
from .inputs import OpeInputs
from .smoothing import Smoothing
from .weighted import Weighted, require_model

RULES = ("slope", "mse", "mse-bound", "reward-bound")


@dataclass(frozen=True)
class Tuned(Estimator):
    """A :class:`Weighted` estimator that picks one of several smoothings.

    Attributes:
        base: the estimator without its smoothing; a plain mean.
        candidates: the smoothings.
        rule: ``slope``: see :func:`slope`.
            ``mse``: least variance plus squared bias, the bias being what smoothing takes away on the log
            (Su, Dimakopoulou, Krishnamurthy and Dudik 2020); ``mse-bound``: with an upper bound of that
            bias instead, from Bernstein's inequality (as Open Bandit Pipeline does); ``reward-bound``: with
            what it can be at most given how large rewards are, see :func:`reward_bound`: the rule of Wang,
            Agarwal and Dudik 2017 (Optimal and adaptive off-policy evaluation in contextual bandits).
        error: probability of error of the intervals and of Bernstein's bound.
    """

    name: str
    base: Weighted
    candidates: tuple[Smoothing, ...]
    rule: str = "slope"
    error: float = 0.1
    caveat: str = "the interval takes the tuned smoothing as given"

    def __post_init__(self) -> None:
        one_of("rule", self.rule, RULES)
        if not self.candidates or self.base.normalised:
            raise InvalidInput("base", self.base.name, "give a plain mean and at least one candidate")

    @property
    def needs_model(self) -> bool:  # type: ignore[override]
        """As the base."""
        return self.base.needs_model

    def fitted(self, inputs: OpeInputs) -> Weighted:
        """The base with the smoothing that the rule picks."""
        model, caveat = self.base.needs_model, self.caveat
        options = [Weighted(self.name, each, model, caveat=caveat) for each in self.candidates]
        if len(inputs) < 2:
            return options[0]
        if self.rule == "slope":
            return options[slope((option.statistic(inputs) for option in options), self.error)]
        return options[int(np.argmin(self.scores(inputs)))]

    def statistic(self, inputs: OpeInputs) -> Statistic:
        """See :class:`.estimator.Estimator`."""
        return self.fitted(inputs).statistic(inputs)

    def scores(self, inputs: OpeInputs) -> list[float]:
        """Estimated mean squared error of each candidate."""
        residual = inputs.reward - require_model(self.name, inputs)[0] if self.needs_model else inputs.reward
        return [self._mean_squared_error(smoothing, residual, inputs) for smoothing in self.candidates]

    def _mean_squared_error(self, smoothing: Smoothing, residual: F64, inputs: OpeInputs) -> float:
        psi = Weighted(self.name, smoothing, self.base.needs_model).statistic(inputs).influence()
        return float(psi @ psi) / len(inputs) ** 2 + self._bias(smoothing(inputs), residual, inputs) ** 2

    def _bias(self, smoothed: F64, residual: F64, inputs: OpeInputs) -> float:
        if self.rule == "reward-bound":
            return reward_bound(inputs.weight, smoothed, residual)
        n = len(inputs)
        bias = abs(float(((inputs.weight - smoothed) * residual).sum()) / n)
        if self.rule == "mse":
            return bias
        log = math.log(2.0 / self.error)
        second = float((inputs.weight**2).sum()) / n
        return bias + math.sqrt(2.0 * second * log / n) + 2.0 * inputs.max_weight * log / (3.0 * n)


def reward_bound(weight: F64, smoothed: F64, residual: F64) -> float:
    """An upper bound of what smoothing moves the value by, whatever the rewards of the smoothed actions are.

    The bias is the behaviour policy's mean of (w - g) (E[r] - q), w being the weight and g the smoothed one.
    So it is at most the share of the target that is moved, E|w - g|, times the largest |E[r] - q|, for which
    the largest |r - q| of the log stands. The share is a mean of the log; or, since E[w] = 1, it is
    1 - E[min(g, 2 w - g)], if that and two of its standard errors are less: a single round of great weight
    says much of w, and next to nothing of g.

    Args:
        weight, smoothed: (n, k) w and g.
        residual: (n, k) reward less prediction.
    """
    kept = np.minimum(smoothed, 2.0 * weight - smoothed)
    error = kept.std(axis=0) / math.sqrt(len(kept))
    moved = np.abs(weight - smoothed).mean(axis=0)
    share = np.minimum(moved, np.maximum(1.0 - kept.mean(axis=0), 0.0) + SURE * error)
    return float(share @ np.abs(residual).max(axis=0))


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
        halves.append(quantile * statistic.standard_error)
    order = np.lexsort((-np.array(halves), np.zeros(len(halves)) if levels is None else np.array(levels)))
    kept = [order[0]]
    for i in order[1:]:
        if any(abs(values[j] - values[i]) > halves[i] + (math.sqrt(6.0) - 1.0) * halves[j] for j in kept):
            break
        kept.append(i)
    return int(kept[-1])
