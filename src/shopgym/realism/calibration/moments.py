"""The simulated method of moments: parameters at which simulated figures are nearest to real ones.

McFadden (1989) and Duffie & Singleton (1993): choose theta to minimise the sum of squares of
(m(theta) - target) / scale, where m is simulated with the same random numbers at every theta, so that m moves
only because theta does. Steps are Levenberg's (1944): damped Gauss-Newton, in units of each parameter's
``step``, over which the differences are taken too: wide enough that single shoppers do not matter.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from ...core.errors import InvalidInput
from ...core.types import F64

DAMPING, TRIES = 1.0, 4
WEAK = 0.1
"""A parameter is not identified if a step of it moves no moment by this many scales."""


@dataclass(frozen=True)
class Free:
    """A parameter to fit.

    Attributes:
        name: dotted, as in :func:`shopgym.core.config.with_settings`.
        start, low, high: where the search begins and may go.
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
    """What the search found.

    Attributes:
        values: of the free parameters, by name.
        loss: sum over moments of squared misses in their scales; ``before`` at the start.
        moments: simulated at the end, in the order of the targets.
        errors: standard errors by name, if ``scale`` is that of the misses; inf where not identified.
        runs: simulations made.
        weak: parameters on which no moment depends by a tenth of its scale per ``step``: not identified.
    """

    values: Mapping[str, float]
    loss: float
    before: float
    moments: F64
    errors: Mapping[str, float]
    runs: int
    weak: tuple[str, ...]


def simulated_moments(
    simulate: Callable[[Mapping[str, float]], F64],
    target: F64,
    scale: F64,
    free: tuple[Free, ...],
    *,
    rounds: int = 6,
    tolerance: float = 1e-2,
    told: Callable[[int, float], None] | None = None,
) -> Fit:
    """Fit by Gauss-Newton.

    Args:
        simulate: the moments at given parameters; must use the same random numbers every time. A moment
            that has no value (NaN) counts as missed by ten scales.
        target, scale: (m,) real moments and what a miss by one counts as.
        free: p parameters, p <= m.
        rounds: of p simulations for the slopes and up to four tries of a step.
        tolerance: stop when a round moves every parameter by less than this share of its step, or gains less
            than this share of the loss.
        told: called after every simulation with its number and loss.

    Raises:
        InvalidInput: more parameters than moments, or nothing to fit.
    """
    if not free or len(free) > len(target):
        raise InvalidInput(
            "free", [f.name for f in free], f"give 1 to {len(target)} parameters, one moment each"
        )
    low, high = np.array([f.low for f in free]), np.array([f.high for f in free])
    step = np.array([f.step for f in free])
    runs = 0
    seen: dict[bytes, tuple[F64, F64]] = {}

    def misses(x: F64) -> F64:
        nonlocal runs
        key = x.tobytes()
        if key not in seen:
            found = simulate({f.name: float(v) for f, v in zip(free, x, strict=True)})
            miss = np.where(np.isfinite(found), (found - target) / scale, 10.0)
            seen[key] = (found, miss)
            runs += 1
            if told is not None:
                told(runs, float(miss @ miss))
        return np.asarray(seen[key][1])

    def slopes(x: F64) -> F64:
        base, columns = misses(x), []
        for i, h in enumerate(step):
            move = np.zeros(len(x))
            move[i] = h if x[i] + h <= high[i] else -h
            columns.append((misses(x + move) - base) * (h / move[i]))
        return np.stack(columns, axis=1)

    x = np.array([f.start for f in free])
    before = loss = float(misses(x) @ misses(x))
    damping = DAMPING
    slope = slopes(x)
    for turn in range(rounds):
        slope = slopes(x) if turn else slope
        for _ in range(TRIES):
            bend = slope.T @ slope + damping * np.eye(len(x))
            move = np.linalg.solve(bend, -slope.T @ misses(x))
            there = np.clip(x + step * move, low, high)
            found = float(misses(there) @ misses(there))
            if found < loss:
                break
            damping *= 8.0
        else:
            break
        moved, gained = np.abs((there - x) / step).max(), loss - found
        x, loss, damping = there, found, damping / 4.0
        if moved < tolerance or gained < tolerance * loss:
            break
    weak = np.abs(slope).max(axis=0) < WEAK
    known = np.flatnonzero(~weak)
    spread = np.full(len(x), np.inf)
    spread[known] = step[known] * np.sqrt(np.diag(np.linalg.pinv(slope[:, known].T @ slope[:, known])))
    return Fit(
        {f.name: float(v) for f, v in zip(free, x, strict=True)},
        loss,
        before,
        seen[x.tobytes()][0],
        {f.name: float(e) for f, e in zip(free, spread, strict=True)},
        runs,
        tuple(f.name for f, is_weak in zip(free, weak, strict=True) if is_weak),
    )
