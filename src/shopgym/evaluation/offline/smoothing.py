"""How an estimator clips or shrinks the importance weights.

Each is a frozen dataclass that maps inputs of n rounds and k slots to weights (n, k). w is the importance
weight, p the behaviour policy's probability, r the reward.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ...core.errors import in_range
from ...core.types import F64
from ..errors import NotEstimable
from .checks import refuse
from .inputs import OpeInputs


class Smoothing(Protocol):
    """From inputs to the weights (n, k) that an estimator multiplies with."""

    def __call__(self, inputs: OpeInputs) -> F64:
        """(n, k) weights, none negative."""
        ...


@dataclass(frozen=True)
class Unchanged:
    """w."""

    def __call__(self, inputs: OpeInputs) -> F64:
        """See :class:`Smoothing`."""
        return inputs.weight


@dataclass(frozen=True)
class Clipped:
    """min(w, most); None takes sqrt(n), the truncation of Ionides 2008 (Truncated importance sampling)."""

    most: float | None = None

    def __post_init__(self) -> None:
        _in_range_or_none("most", self.most, 0.0, math.inf, open_low=True)

    def __call__(self, inputs: OpeInputs) -> F64:
        """See :class:`Smoothing`."""
        return np.minimum(inputs.weight, math.sqrt(len(inputs)) if self.most is None else self.most)


@dataclass(frozen=True)
class Switched:
    """w where w <= most, else 0 (Wang, Agarwal and Dudik 2017, SWITCH)."""

    most: float

    def __post_init__(self) -> None:
        in_range("most", self.most, 0.0, math.inf)

    def __call__(self, inputs: OpeInputs) -> F64:
        """See :class:`Smoothing`."""
        return np.where(inputs.weight <= self.most, inputs.weight, 0.0)


@dataclass(frozen=True)
class Optimistic:
    """c w / (w^2 + c), optimistic shrinkage (Su, Dimakopoulou, Krishnamurthy and Dudik 2020).

    It is 0 everywhere at ``amount`` c = 0, also where w = 0, and w in the limit of large c.
    """

    amount: float

    def __post_init__(self) -> None:
        in_range("amount", self.amount, 0.0, math.inf)

    def __call__(self, inputs: OpeInputs) -> F64:
        """See :class:`Smoothing`."""
        if math.isinf(self.amount):
            return inputs.weight
        if self.amount == 0:
            return np.zeros_like(inputs.weight)
        below = np.square(inputs.weight)
        below += self.amount
        np.divide(inputs.weight, below, out=below)
        below *= self.amount
        return below


@dataclass(frozen=True)
class SubGaussian:
    """w / (1 - a + a w) (Metelli, Russo and Restelli 2021, with s = -1).

    ``amount`` a in [0, 1]; 0 leaves w as it is and 1 counts every w > 0 as 1: the limit of a to 1 where
    w = 0 is 0. None takes sqrt(log(20) / (1.5 n mean(w^2))), their optimum at confidence 95%.
    """

    amount: float | None = None

    def __post_init__(self) -> None:
        _in_range_or_none("amount", self.amount, 0.0, 1.0)

    def __call__(self, inputs: OpeInputs) -> F64:
        """See :class:`Smoothing`."""
        weight, amount = inputs.weight, self.amount
        if amount is None:
            second = max(1.0, float(np.einsum("nk,nk->", weight, weight)) / weight.size)
            amount = min(1.0, math.sqrt(math.log(20.0) / (1.5 * len(inputs) * second)))
        below = amount * weight
        below += 1.0 - amount
        return np.divide(weight, below, out=np.zeros_like(weight), where=weight > 0)


@dataclass(frozen=True)
class Logarithmic:
    """log(1 + a w r) / (a r), so that times r it is the logarithmic smoothing of Sakhi, Alquier and Chopin
    2024 (Logarithmic smoothing for pessimistic off-policy evaluation), for rewards r >= 0.

    ``amount`` a >= 0; 0 leaves w as it is. None takes 1 / sqrt(n), its rate there.
    """

    amount: float | None = None

    def __post_init__(self) -> None:
        _in_range_or_none("amount", self.amount, 0.0, math.inf, open_high=True)

    def __call__(self, inputs: OpeInputs) -> F64:
        """See :class:`Smoothing`.

        Raises:
            NotEstimable: a negative reward.
        """
        reward = inputs.reward
        fix = "logarithmic smoothing needs rewards >= 0: add a constant"
        refuse("inputs.reward", reward, reward < 0, fix, NotEstimable)
        amount = 1.0 / math.sqrt(len(inputs)) if self.amount is None else self.amount
        scaled = amount * reward
        logged = np.log1p(scaled * inputs.weight)
        return np.divide(logged, scaled, out=inputs.weight.copy(), where=scaled > 0)


@dataclass(frozen=True)
class Exponential:
    """target probability / p^power = w p^(1 - power) (Aouali, Brunel, Rohde and Korba 2023).

    ``power`` in [0, 1]; 1 leaves w as it is.
    """

    power: float

    def __post_init__(self) -> None:
        in_range("power", self.power, 0.0, 1.0)

    def __call__(self, inputs: OpeInputs) -> F64:
        """See :class:`Smoothing`.

        Raises:
            NotEstimable: the inputs carry no behaviour probabilities.
        """
        if inputs.propensity is None:
            raise NotEstimable("inputs.propensity", None, "smoothing needs logged probabilities")
        return np.asarray(inputs.weight * inputs.propensity ** (1.0 - self.power))


def _in_range_or_none(name: str, value: float | None, low: float, high: float, **ends: bool) -> None:
    if value is not None:
        in_range(name, value, low, high, **ends)
