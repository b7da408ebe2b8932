"""Scales on which parameters are searched: as they are, their logarithm, or the logit of a share."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ...core.statistics import sigmoid
from .moments import FreeParameter

SCALES: Mapping[str, tuple[Callable[[float], float], Callable[[float], float]]] = {
    "plain": (float, float),
    "log": (math.log, math.exp),
    "logit": (lambda share: math.log(share / (1.0 - share)), lambda x: float(sigmoid(x))),
}
"""By name of the scale: from a value to the scale, and back."""
RANGE_STEPS = 10
"""A search may move a parameter by so many steps either way."""


@dataclass(frozen=True)
class ScaledParameter:
    """A parameter to fit, and the scale on which it is searched.

    Attributes:
        name: dotted, as in the profile's table.
        scale: ``plain``, ``log`` or ``logit`` (of a share).
        step: on that scale; differences are taken over it, and steps of the search are hardly longer.
    """

    name: str
    scale: str
    step: float

    def free(self, value: float, most: float = math.inf, lowest: float = -math.inf) -> FreeParameter:
        """The parameter on its scale, free to move by ten steps: at most ``most``, at least ``lowest``."""
        to_scale = SCALES[self.scale][0]
        start, reach = to_scale(value), RANGE_STEPS * self.step
        high = min(start + reach, to_scale(most)) if math.isfinite(most) else start + reach
        low = max(start - reach, to_scale(lowest)) if math.isfinite(lowest) else start - reach
        return FreeParameter(self.name, start, low, high, self.step)

    def value(self, scaled: float) -> float:
        """The value, from its place on the scale."""
        return SCALES[self.scale][1](scaled)
