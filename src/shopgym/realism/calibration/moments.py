"""The simulated method of moments: find the parameters at which simulated figures are nearest to real ones.

McFadden (1989) and Duffie & Singleton (1993): choose theta to minimise the sum of squares of
(m(theta) - target) / scale. Every simulation of m uses the same random numbers, so that m moves only because
theta does. The steps are damped Gauss-Newton steps (Levenberg 1944) in units of each parameter's ``step``.
Differences are taken over the same ``step``, which is wide enough that single shoppers do not matter.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from ...core.errors import InvalidInput
from ...core.types import F64

DAMPING, TRIES = 1.0, 4
LEAST_SLOPE = 0.1
"""A parameter is not identified if one step of it moves no moment by this many scales."""
NO_VALUE_MISS = 10.0
"""The miss, in scales, of a moment that a simulation could not measure."""


@dataclass(frozen=True)
class FreeParameter:
    """A parameter to fit.

    Attributes:
        name: dotted, as in :func:`shopgym.core.config.with_settings`.
        start, low, high: where the search begins, and the range it may use.
        step: over which differences are taken.
    """

    name: str
    start: float
    low: float
    high: float
    step: float

    def __post_init__(self) -> None:
        if not (self.low <= self.start <= self.high and self.step > 0):
            raise InvalidInput(
                f"free.{self.name}", (self.start, self.low, self.high), "start must lie in range"
            )


@dataclass(frozen=True)
class Fit:
    """The result of a search.

    Attributes:
        values: of the free parameters, by name.
        loss: at the end: sum over moments of squared misses, in their scales.
        initial_loss: the same at the start.
        moments: (m,) simulated at the end, in the order of the targets.
        standard_errors: by name, if ``scale`` is that of the misses; inf where not identified.
        simulations: how many were made.
        unidentified: names of the parameters that the moments hardly depend on, see ``LEAST_SLOPE``.
    """

    values: Mapping[str, float]
    loss: float
    initial_loss: float
    moments: F64
    standard_errors: Mapping[str, float]
    simulations: int
    unidentified: tuple[str, ...]


def simulated_moments(
    simulate: Callable[[Mapping[str, float]], F64],
    target: F64,
    scale: F64,
    parameters: tuple[FreeParameter, ...],
    *,
    rounds: int = 6,
    tolerance: float = 1e-2,
    progress: Callable[[int, float], None] | None = None,
) -> Fit:
    """Fit ``parameters`` so that the simulated moments are near the targets.

    Args:
        simulate: from parameters by name to (m,) moments, with the same random numbers every time. A moment
            without a value (NaN) counts as missed by ten scales.
        target: (m,) real moments.
        scale: (m,) the size of a miss that counts as one.
        parameters: p of them, p <= m.
        rounds: each takes p simulations for the slopes and up to four tries of a step.
        tolerance: the search stops if a round moves every parameter by less than this share of its step, or
            gains less than this share of the loss.
        progress: called after every simulation with its number and loss.

    Raises:
        InvalidInput: there are more parameters than moments, or no parameter.
    """
    if not parameters or len(parameters) > len(target):
        raise InvalidInput(
            "free", [p.name for p in parameters], f"give 1 to {len(target)} parameters, one moment each"
        )
    low, high, step, x = (
        np.array([getattr(p, name) for p in parameters]) for name in ("low", "high", "step", "start")
    )
    simulated: dict[bytes, tuple[F64, F64]] = {}  # moments and misses, by parameters

    def misses(x: F64) -> F64:
        key = x.tobytes()
        if key not in simulated:
            moments = simulate({p.name: float(v) for p, v in zip(parameters, x, strict=True)})
            miss = np.where(np.isfinite(moments), (moments - target) / scale, NO_VALUE_MISS)
            simulated[key] = (moments, miss)
            if progress is not None:
                progress(len(simulated), float(miss @ miss))
        return np.asarray(simulated[key][1])

    def slopes(x: F64) -> F64:
        base, columns = misses(x), []
        for i, h in enumerate(step):
            move = np.zeros(len(x))
            move[i] = h if x[i] + h <= high[i] else -h
            columns.append((misses(x + move) - base) * (h / move[i]))
        return np.stack(columns, axis=1)

    initial_loss = loss = float(misses(x) @ misses(x))
    damping = DAMPING
    slope = slopes(x)
    for turn in range(rounds):
        slope = slopes(x) if turn else slope
        for _ in range(TRIES):
            curvature = slope.T @ slope + damping * np.eye(len(x))
            move = np.linalg.solve(curvature, -slope.T @ misses(x))
            proposal = np.clip(x + step * move, low, high)
            proposed_loss = float(misses(proposal) @ misses(proposal))
            if proposed_loss < loss:
                break
            damping *= 8.0
        else:
            break
        moved, gained = np.abs((proposal - x) / step).max(), loss - proposed_loss
        x, loss, damping = proposal, proposed_loss, damping / 4.0
        if moved < tolerance or gained < tolerance * loss:
            break
    weak = np.abs(slope).max(axis=0) < LEAST_SLOPE
    identified = np.flatnonzero(~weak)
    error = np.full(len(x), np.inf)
    information = slope[:, identified].T @ slope[:, identified]
    error[identified] = step[identified] * np.sqrt(np.diag(np.linalg.pinv(information)))
    return Fit(
        {p.name: float(v) for p, v in zip(parameters, x, strict=True)},
        loss,
        initial_loss,
        simulated[x.tobytes()][0],
        {p.name: float(e) for p, e in zip(parameters, error, strict=True)},
        len(simulated),
        tuple(p.name for p, is_weak in zip(parameters, weak, strict=True) if is_weak),
    )
