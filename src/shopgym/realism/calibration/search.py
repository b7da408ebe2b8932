"""Find the numbers at which a simulated season has the facts of a record."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from ...core.statistics import normal_quantile
from ...core.types import F64
from ..resampling import LEVEL
from .free import Free
from .moments import NO_VALUE_MISS, Fit, simulated_moments
from .parts import Part
from .scales import RANGE_STEPS
from .simulated_shop import SimulatedShop

STRAIGHT = 2.0
"""A miss of more tolerances counts by its logarithm."""
DIGITS = 4
"""Significant digits of fitted numbers: of the config that is written, and so of all that is simulated."""
Z = normal_quantile(LEVEL)
LEAST_ERROR = 0.1
"""Standard error of a fact, in tolerances, at the least."""


@dataclass(frozen=True, eq=False)
class FactSearch:
    """A search of the parameters of a shop, by the facts of one part of a record.

    Attributes:
        free: the parameters.
        part: whose facts are met.
        renew: whether slopes are simulated again where no step is better: see :func:`simulated_moments`.
    """

    free: tuple[Free, ...]
    part: Part
    renew: bool = False

    def run(
        self,
        shop: SimulatedShop,
        simulated: Callable[[SimulatedShop], F64],
        *,
        rounds: int,
        slopes: F64 | None = None,
        progress: Callable[[int, float], None] | None = None,
    ) -> Fit:
        """Search, beginning at the numbers of ``shop``; ``simulated`` gives (m,) the facts of a shop."""
        facts = self.part.facts
        target = np.array([fact.value for fact in facts])

        def simulate(scaled: Mapping[str, float]) -> F64:
            return simulated(shop.with_values(self.values(scaled)))

        free = tuple(f.free(shop.value(f.scaled.name)) for f in self.free)
        return simulated_moments(
            simulate,
            target,
            self.part.tolerance,
            free[: len(facts)],
            rounds=rounds,
            straight=STRAIGHT,
            slopes=slopes,
            renew=self.renew,
            progress=progress,
        )

    def values(self, scaled: Mapping[str, float]) -> dict[str, float]:
        """The numbers, rounded as they are written, from their places on the scales."""
        return {
            f.scaled.name: float(f"{f.scaled.value(scaled[f.scaled.name]):.{DIGITS}g}")
            for f in self.free
            if f.scaled.name in scaled
        }

    def loss(self, values: F64) -> float:
        """What the search makes small, of (m,) figures."""
        return float((capped_misses(values, self.part) ** 2).sum())

    def intervals(self, fit: Fit) -> dict[str, tuple[float, float, str]]:
        """By name of a parameter: low, high, and why it is not identified ("" if it is).

        The interval is that of the method of moments (Hansen 1982), from the intervals of the record's facts:
        the parameters move with the facts as the slopes say. Where the facts are missed by more than their
        errors explain, errors are larger by the root of that ratio (Birge 1932). A parameter is not
        identified if the facts hardly move with it, if its interval is as wide as the range that was
        searched, or if the search ended at a bound of that range.
        """
        facts = self.part.facts
        sampling = np.array([(fact.high - fact.low) / 2 / Z for fact in facts]) / self.part.tolerance
        # the season has an error too, about as large; a median with an interval of width 0 is not exact
        variance = 2.0 * np.maximum(sampling, LEAST_ERROR) ** 2
        information = (fit.slopes.T / variance) @ fit.slopes + np.eye(fit.slopes.shape[1]) / (
            2 * RANGE_STEPS
        ) ** 2
        error = np.sqrt(np.diag(np.linalg.inv(information)) * _misfit(fit, self.part, variance))
        out = {}
        for at, f in enumerate(self.free[: fit.slopes.shape[1]]):
            scaled, name = f.scaled, f.scaled.name
            here, half = fit.values[name], Z * error[at] * f.scaled.step
            free, why = fit.ranges[name], ""
            if name in fit.unidentified:
                why = "the facts of the record hardly move with it"
            elif here <= free[0] or here >= free[1]:
                why = f"the search ended at a bound of its range, {scaled.value(here):.3g}"
            elif half > RANGE_STEPS * scaled.step:
                why = "the facts leave it open by more than the range that was searched"
            out[name] = (scaled.value(here - half), scaled.value(here + half), why)
        return out


def _misfit(fit: Fit, part: Part, variance: F64) -> float:
    """Squared misses over their variances (m,), for each fact that is left over; 1 at the least."""
    left_over = max(len(variance) - fit.slopes.shape[1], 1)
    squares: F64 = capped_misses(fit.moments, part) ** 2 / variance
    return float(max(1.0, np.sum(squares) / left_over))


def capped_misses(values: F64, part: Part) -> F64:
    """(m,) misses of figures in tolerances, as the search counts them."""
    target = np.array([fact.value for fact in part.facts])
    miss = np.where(np.isfinite(values), (values - target) / part.tolerance, NO_VALUE_MISS)
    return np.asarray(STRAIGHT * np.arcsinh(miss / STRAIGHT))
