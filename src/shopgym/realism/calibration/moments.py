"""The simulated method of moments: find the parameters at which simulated figures are nearest to real ones.

McFadden (1989) and Duffie & Singleton (1993): choose theta to minimise the sum of squares of
(m(theta) - target) / scale. Every simulation of m uses the same random numbers, so that m moves only because
theta does. The steps are damped Gauss-Newton steps (Levenberg 1944) in units of each parameter's ``step``.
Differences are taken over the same ``step``, which is wide enough that single shoppers do not matter. Later
slopes follow from the simulations of the steps themselves (Broyden 1965), so that a round costs one or two
simulations and not one per parameter.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from ...core.errors import InvalidInput
from ...core.types import F64, Bool

DAMPING, TRIES = 1.0, 4
LONGEST_STEP = 4.0
"""A step moves a parameter by so many of its own steps at most: beyond, slopes say little."""
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
        slopes: (m, p) change of each miss over one step of each parameter, at the end; a further search may
            begin with them.
        ranges: by name, the least and greatest value that was allowed.
    """

    values: Mapping[str, float]
    loss: float
    initial_loss: float
    moments: F64
    standard_errors: Mapping[str, float]
    simulations: int
    unidentified: tuple[str, ...]
    slopes: F64
    ranges: Mapping[str, tuple[float, float]]


def simulated_moments(
    simulate: Callable[[Mapping[str, float]], F64],
    target: F64,
    scale: F64,
    parameters: tuple[FreeParameter, ...],
    *,
    rounds: int = 6,
    tolerance: float = 1e-2,
    straight: float = np.inf,
    slopes: F64 | None = None,
    renew: bool = True,
    progress: Callable[[int, float], None] | None = None,
) -> Fit:
    """Fit ``parameters`` so that the simulated moments are near the targets.

    Args:
        simulate: from parameters by name to (m,) moments, with the same random numbers every time. A moment
            without a value (NaN) counts as missed by ten scales.
        target: (m,) real moments.
        scale: (m,) the size of a miss that counts as one.
        parameters: p of them, p <= m.
        rounds: steps that are accepted. Each takes up to four tries; before the first, and where no try is
            better with slopes that were carried along, p simulations give slopes.
        tolerance: the search stops if a step with new slopes moves every parameter by less than this share of
            its own step, or gains less than this share of the loss.
        straight: a miss counts as it is up to about so many scales, and beyond by its logarithm, so that a
            moment out of reach does not draw the others away: c asinh(miss / c).
        slopes: (m, p) to begin with, from an earlier search; None: they are simulated.
        renew: whether slopes are simulated again where no try is better; else the search ends there.
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
            if np.isfinite(straight):
                miss = straight * np.arcsinh(miss / straight)
            simulated[key] = (moments, miss)
            if progress is not None:
                progress(len(simulated), float(miss @ miss))
        return np.asarray(simulated[key][1])

    def differences(x: F64) -> F64:
        base, columns = misses(x), []
        for i, h in enumerate(step):
            move = np.zeros(len(x))
            move[i] = h if x[i] + h <= high[i] else -h
            columns.append((misses(x + move) - base) * (h / move[i]))
        return np.stack(columns, axis=1)

    initial_loss = loss = float(misses(x) @ misses(x))
    damping = DAMPING
    slope, fresh = (differences(x), True) if slopes is None else (slopes.copy(), False)
    turn = 0
    while turn < rounds:
        for _ in range(TRIES):
            proposal = _proposal(x, misses(x), slope, step, damping, low, high)
            proposed_loss = float(misses(proposal) @ misses(proposal))
            if not np.array_equal(proposal, x):  # Broyden's update: the slopes agree with what the step did
                went = (proposal - x) / step
                surprise = misses(proposal) - misses(x) - slope @ went
                slope = slope + np.outer(surprise, went) / (went @ went)
            if proposed_loss < loss:
                break
            damping *= 8.0
        else:
            if fresh or not renew:
                break
            slope, fresh, damping = differences(x), True, DAMPING
            continue
        moved, gained = np.abs((proposal - x) / step).max(), loss - proposed_loss
        little = moved < tolerance or gained < tolerance * loss
        x, loss, damping = proposal, proposed_loss, damping / 4.0
        turn += 1
        if little and (fresh or not renew):
            break
        slope, fresh = (differences(x), True) if little and turn < rounds else (slope, False)
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
        slope,
        {p.name: (p.low, p.high) for p in parameters},
    )


def _proposal(x: F64, miss: F64, slope: F64, step: F64, damping: float, low: F64, high: F64) -> F64:
    """(p,) the next point; parameters at a bound that would go beyond it stay where they are."""
    free: Bool = np.ones(len(x), np.bool_)
    while True:
        move = np.zeros(len(x))
        columns = slope[:, free]
        curvature = columns.T @ columns + damping * np.eye(int(free.sum()))
        move[free] = np.linalg.solve(curvature, -columns.T @ miss)
        beyond = free & (((x <= low) & (move < 0)) | ((x >= high) & (move > 0)))
        if not beyond.any() or beyond.sum() == free.sum():
            out: F64 = np.clip(x + step * np.clip(move, -LONGEST_STEP, LONGEST_STEP), low, high)
            return out
        free &= ~beyond
