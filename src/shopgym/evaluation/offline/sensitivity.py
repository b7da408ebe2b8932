"""How strong a hidden cause of the choice must be to overturn what a log without propensities says.

The marginal sensitivity model of Tan 2006 (A distributional approach for causal inference using propensity
scores): a hidden cause multiplies the odds of an action, among customers who are alike in all that was
recorded, by at most L and at least 1 / L. With e the propensity given what was recorded, the right inverse
propensity of a row then lies between

    1 + (1 / e - 1) / L   and   1 + (1 / e - 1) L

The sharp bounds are those of Dorn and Guo 2022 (Sharp sensitivity analysis for inverse propensity weighting
via quantile balancing): the weights may move within these ends only as far as they still balance the quantile
of the reward at L / (1 + L). By linear programming duality the largest value is

    V + min over Q of mean[ |d| (1 / e - 1) ((L - 1) u+ + (1 - 1 / L) u-) ]

V is the ordinary estimate; d the target's probability of the logged action, or the difference of two
targets'; u = sign(d) (reward - Q), u+ and u- its positive and negative part; the minimum is a weighted
quantile regression. Whatever Q is, this is a bound; with the right quantile it is the sharp one. Q here is
the reward model plus a constant in each of up to ``MOST_STRATA`` strata of its predictions. The least value
mirrors it.

With two actions the bounds of a difference are sharp. With more they hold, but both ends may not be reached
at once by one hidden cause, so they can be wider than need be.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...core.errors import InvalidInput, in_range
from ...core.types import F64, I64
from ..errors import NotEstimable
from ..intervals import interval_named
from ..intervals.base import check_level
from ..intervals.clusters import independent_draws
from ..intervals.statistic import Statistic, Terms
from .estimators import Estimator, estimator_named
from .inputs import OpeInputs

STRENGTHS = (1.0, 1.1, 1.25, 1.5, 2.0, 3.0, 5.0)
"""Odds ratios that are tabulated."""
STRONGEST = 100.0
"""Odds ratio beyond which no answer is sought."""
MOST_STRATA, ROWS_A_STRATUM = 10, 100
"""Strata of the predictions, as many as leave each so many rows."""


@dataclass(frozen=True)
class SensitivityBounds:
    """What is possible when a hidden cause multiplies the odds of an action by at most ``strength``.

    Attributes:
        strength: L >= 1; 1 is no hidden cause.
        lower, upper: sharp bounds of the value, without sampling error.
        low, high: the interval: an end leaves out the bound with probability (1 - level) / 2.
    """

    strength: float
    lower: float
    upper: float
    low: float
    high: float


@dataclass(frozen=True)
class Sensitivity:
    """How far a value, or a difference, depends on there being no hidden cause.

    Attributes:
        bounds: by rising strength; the first is the ordinary estimate with its interval.
        turning: least strength at which the interval includes ``reference``; 1: it does so without a hidden
            cause; infinite: it does not up to ``STRONGEST``.
        reference: 0 for a difference of two policies, the mean logged reward for one policy.
        difference: whether it is of two policies.
        estimator: of the ordinary estimate.
        level: of the intervals.
        unit: of the reward.
    """

    bounds: tuple[SensitivityBounds, ...]
    turning: float
    reference: float
    difference: bool
    estimator: str
    level: float
    unit: str

    @property
    def sentence(self) -> str:
        """The reading of ``turning``."""
        subject = "the difference" if self.difference else "the distance from what was earned"
        if self.turning == 1.0:
            return f"{subject} is not clear even if no hidden cause drove the choice"
        alike = "for customers that are otherwise alike"
        if math.isinf(self.turning):
            strongest = f"makes an action {STRONGEST:.0f} times as likely (odds) {alike}"
            return f"not even a hidden cause that {strongest} would be enough to turn the sign of {subject}"
        return (
            f"a hidden cause that makes an action {self.turning:.2g} times as likely (odds) {alike} would be "
            f"enough to turn the sign of {subject}"
        )

    def as_dict(self) -> dict[str, object]:
        """JSON-able; an infinite ``turning`` becomes None."""
        turning = self.turning if math.isfinite(self.turning) else None
        rows = [dict(vars(each)) for each in self.bounds]
        return {**vars(self), "bounds": rows, "turning": turning, "sentence": self.sentence}


def sensitivity(
    inputs_a: OpeInputs,
    inputs_b: OpeInputs | None = None,
    *,
    estimator: str | Estimator | None = None,
    level: float = 0.95,
    strengths: Sequence[float] = STRENGTHS,
) -> Sensitivity:
    """Bounds of V(a), or of V(a) - V(b), over hidden causes of the logged choice.

    Meant for logs whose propensities were estimated. Where they were logged, no hidden cause is possible.

    Args:
        inputs_a: rounds of one slot, weighed for policy a.
        inputs_b: the same rounds weighed for b; None: a is held against the mean logged reward.
        estimator: of the ordinary estimate; None: dr where both have a reward model, else snips.
        level: of the intervals.
        strengths: odds ratios >= 1 to tabulate; 1 is added.

    Raises:
        InvalidInput: rounds of several slots or without propensities, inputs that are not of one log, a
            strength below 1, or whatever the estimator refuses.
    """
    check_level(level)
    for strength in strengths:
        in_range("strengths", strength, 1.0, 1e6)
    model = _HiddenCause(inputs_a, inputs_b, estimator, level)
    reference = 0.0 if inputs_b is not None else inputs_a.logged_value
    return Sensitivity(
        bounds=tuple(model.bounds(strength) for strength in sorted({1.0, *strengths})),
        turning=_turning(model, reference),
        reference=reference,
        difference=inputs_b is not None,
        estimator=model.estimator,
        level=level,
        unit=inputs_a.unit,
    )


class _HiddenCause:
    """The bounds of one value at any strength."""

    def __init__(
        self, inputs_a: OpeInputs, inputs_b: OpeInputs | None, estimator: str | Estimator | None, level: float
    ) -> None:
        both = (inputs_a,) if inputs_b is None else (inputs_a, inputs_b)
        for inputs in both:
            _check(inputs, inputs_a)
        if estimator is None:
            estimator = "dr" if all(inputs.has_model for inputs in both) else "snips"
        named = estimator_named(estimator)
        fitted = [named.fitted(inputs).statistic(inputs) for inputs in both]
        self.ordinary = fitted[0] if len(fitted) == 1 else fitted[0] - fitted[1]
        self.estimator, self.level = named.name, level
        self.cluster, self.sample_weight = inputs_a.cluster, inputs_a.sample_weight
        assert inputs_a.propensity is not None  # checked
        propensity = inputs_a.propensity[:, 0]
        weight = inputs_a.weight[:, 0] - (0.0 if inputs_b is None else inputs_b.weight[:, 0])
        taken = weight * propensity
        self.room: F64 = np.abs(taken) * (1.0 / propensity - 1.0)
        self.up = taken > 0
        self.residual: F64 = inputs_a.reward[:, 0].copy()
        strata = self.up.astype(np.int64)
        if inputs_a.q_logged is not None:
            self.residual -= inputs_a.q_logged[:, 0]
            for side in (self.up, ~self.up & (self.room > 0)):
                strata[side] += 2 * _strata(inputs_a.q_logged[side, 0])
        self._order = np.lexsort((self.residual, strata))
        counted = self.room if self.sample_weight is None else self.room * self.sample_weight
        self._room_before = np.concatenate([[0.0], np.cumsum(counted[self._order])])
        edges = np.searchsorted(strata[self._order], np.arange(strata.max() + 2))
        self._first, self._last, self._stratum = edges[:-1], edges[1:], strata

    def bounds(self, strength: float) -> SensitivityBounds:
        """At one strength."""
        below, above = self._bound(strength, upper=False), self._bound(strength, upper=True)
        interval = interval_named("delta")
        low, high = interval(below, self.level, None)[0], interval(above, self.level, None)[1]
        return SensitivityBounds(strength, below.value, above.value, low, high)

    def _bound(self, strength: float, *, upper: bool) -> Statistic:
        """The least or largest value; a small change of Q does not move it, so Q counts as fixed."""
        above = self.up == upper  # whether a reward above Q is one to weigh more
        level = strength / (1.0 + strength)
        distance = self.residual - self._quantile(level, upper=upper)
        more = np.where(above, distance, -distance)
        loss = np.where(more > 0, (strength - 1.0) * more, (1.0 / strength - 1.0) * more)
        excess = self.room * loss
        inward = Terms((-excess if upper else excess)[:, None])
        return independent_draws(self.ordinary - inward, self.cluster, self.sample_weight)

    def _quantile(self, level: float, *, upper: bool) -> F64:
        """(n,) the weighted quantile of each row's stratum: at ``level`` where more reward moves the bound
        outwards, at 1 - level elsewhere."""
        outward = np.arange(len(self._first)) % 2 == int(upper)  # even strata: d <= 0
        start, end = self._room_before[self._first], self._room_before[self._last]
        target = start + np.where(outward, level, 1.0 - level) * (end - start)
        place = np.searchsorted(self._room_before[1:], target * (1.0 - 1e-12))
        place = np.clip(place, self._first, np.maximum(self._last - 1, self._first))
        place = np.minimum(place, len(self._order) - 1)
        quantile: F64 = self.residual[self._order[place]][self._stratum]
        return quantile


def _strata(prediction: F64) -> I64:
    """(r,) whole numbers: the stratum of each prediction, of about as many rows each."""
    count = max(1, min(MOST_STRATA, len(prediction) // ROWS_A_STRATUM))
    if count == 1:
        return np.zeros(len(prediction), dtype=np.int64)
    edges = np.unique(np.quantile(prediction, np.arange(1, count) / count))
    return np.asarray(np.searchsorted(edges, prediction, side="right"), dtype=np.int64)


def _turning(model: _HiddenCause, reference: float) -> float:
    """The least strength at which the interval includes the reference."""

    def includes(strength: float) -> bool:
        bounds = model.bounds(strength)
        return bounds.low <= reference <= bounds.high

    if includes(1.0):
        return 1.0
    if not includes(STRONGEST):
        return math.inf
    low, high = 0.0, math.log(STRONGEST)
    while high - low > 1e-3:
        middle = 0.5 * (low + high)
        low, high = (low, middle) if includes(math.exp(middle)) else (middle, high)
    return math.exp(high)


def _check(inputs: OpeInputs, first: OpeInputs) -> None:
    if inputs.slots > 1:
        raise NotEstimable(
            "inputs.reward", inputs.reward.shape, "hidden causes are bounded for one slot only"
        )
    if inputs.propensity is None:
        raise NotEstimable(
            "inputs.propensity", None, "bounds over hidden causes need (estimated) propensities"
        )
    if not np.array_equal(inputs.reward, first.reward):
        shapes = (first.reward.shape, inputs.reward.shape)
        raise InvalidInput("inputs.reward", shapes, "both inputs have to come from the same rows of one log")
