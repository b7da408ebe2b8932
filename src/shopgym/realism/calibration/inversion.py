"""Where a monotone effect of a simulated shop is what was measured, and where that is not identified."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from ..responses.response import Response

FLAT = 1e-3
"""Change of an effect over the whole range, in half widths of the response, below which nothing moves it."""
FINE, COARSE = 1e-3, 1e-2
"""Tolerance of the value and of the ends of its interval, in shares of the range."""


@dataclass(frozen=True)
class Inverse:
    """The value at which a shop has a response.

    Attributes:
        value, low, high: with the values at which it has the ends of the response's interval.
        how: how the response was measured.
    """

    value: float
    low: float
    high: float
    how: str


def invert(
    effect: Callable[[float], float], response: Response, low: float, high: float, *, fine: float = FINE
) -> Inverse | str:
    """The value in [low, high] at which a monotone ``effect`` is the response; why not, if there is none.

    A response beyond what both ends of the range give is not identified: its value would be the boundary.
    ``fine`` is the tolerance of the value, a share of the range.
    """
    measured: dict[float, float] = {}

    def remembered(value: float) -> float:
        if value not in measured:
            measured[value] = effect(value)
        return measured[value]

    ends = remembered(low), remembered(high)
    if not np.isfinite(ends).all():
        return f"{response.name} does not occur in this shop"
    if abs(ends[1] - ends[0]) <= FLAT * max((response.high - response.low) / 2.0, 1e-9):
        return f"it does not move {response.name} in this shop"
    least, most = sorted(ends)
    if not least < response.value < most:
        return (
            f"{response.name} is {response.value:.4g} [{response.low:.4g}, {response.high:.4g}], "
            f"and the shop has {least:.4g} to {most:.4g} at any value: a boundary, not a fit"
        )
    value = _root(remembered, measured, response.value, fine * (high - low))
    goals = np.clip([response.low, response.high], least, most)
    edges = [_root(remembered, measured, float(goal), COARSE * (high - low)) for goal in goals]
    how = f"{response.name}: {response.how}"
    if not least < response.low <= response.high < most:
        how += "; its interval goes beyond what the shop can do"
    return Inverse(value, min(*edges, value), max(*edges, value), how)


def _root(
    effect: Callable[[float], float], measured: Mapping[float, float], goal: float, tolerance: float
) -> float:
    """Where the effect is ``goal``; ``measured`` has its values so far, both ends among them."""
    from scipy.optimize import brentq

    points = sorted(measured)
    misses = [measured[point] - goal for point in points]
    for left, right, below, above in zip(points, points[1:], misses, misses[1:], strict=False):
        if below == 0.0:
            return float(left)
        if below * above < 0.0:
            return float(brentq(lambda value: effect(float(value)) - goal, left, right, xtol=tolerance))
    return float(points[-1])
