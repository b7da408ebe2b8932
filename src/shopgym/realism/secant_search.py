"""A search for parameters whose simulated misses are small, with few large simulations.

The slopes are taken once, as differences over each parameter's step between *small* simulations, in which
what their size alone does cancels. Every move is judged by a *large* simulation, and what it shows corrects
the slopes (Broyden 1965, the good method). Moves are damped as in Levenberg (1944), in units of the steps.
All simulations have the same random numbers, so that misses differ only because the parameters do.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..core.types import F64
from .calibration.moments import LEAST_SLOPE, FreeParameter

DAMPING, HARDER, EASIER = 1.0, 4.0, 3.0
LONGEST_MOVE = 3.0
"""Steps that one move may change a parameter by: beyond that, differences say little."""

Misses = Callable[[F64], F64]


@dataclass(frozen=True, eq=False)
class SearchState:
    """Where a search stands; it can be continued from here.

    Attributes:
        x: (p,) parameters on their scales.
        misses: (m,) of the large simulation at ``x``.
        slopes: (m, p) change of the misses over one step of each parameter.
        damping: of the next move.
    """

    x: F64
    misses: F64
    slopes: F64
    damping: float = DAMPING

    @property
    def loss(self) -> float:
        """Sum of squared misses."""
        return float(self.misses @ self.misses)

    def unidentified(self, parameters: tuple[FreeParameter, ...]) -> tuple[str, ...]:
        """Names of the parameters one step of which moves no miss by ``LEAST_SLOPE``."""
        weak = np.abs(self.slopes).max(axis=0) < LEAST_SLOPE
        return tuple(p.name for p, is_weak in zip(parameters, weak, strict=True) if is_weak)


def begin(parameters: tuple[FreeParameter, ...], large: Misses, small: Misses) -> SearchState:
    """The state at the start: one large simulation, and one small one for each parameter and one more.

    Args:
        parameters: to search, p of them.
        large, small: from x (p,) to misses (m,).
    """
    start = np.array([p.start for p in parameters])
    base, columns = small(start), []
    for i, parameter in enumerate(parameters):
        move = parameter.step if parameter.start + parameter.step <= parameter.high else -parameter.step
        x = start.copy()
        x[i] += move
        columns.append((small(x) - base) * (parameter.step / move))
    return SearchState(start, large(start), np.stack(columns, axis=1))


def advance(state: SearchState, parameters: tuple[FreeParameter, ...], large: Misses) -> SearchState:
    """One damped move, judged by one large simulation. Where it is worse, only slopes and damping change."""
    low, high, step = (np.array([getattr(p, name) for p in parameters]) for name in ("low", "high", "step"))
    curvature = state.slopes.T @ state.slopes + state.damping * np.eye(len(step))
    move = np.linalg.solve(curvature, -state.slopes.T @ state.misses)
    move *= min(1.0, LONGEST_MOVE / max(float(np.abs(move).max()), 1e-12))
    x = np.clip(state.x + step * move, low, high)
    moved = (x - state.x) / step
    size = float(moved @ moved)
    if size == 0.0:
        return state
    misses = large(x)
    surprise = misses - state.misses - state.slopes @ moved
    slopes = state.slopes + np.outer(surprise, moved) / size
    if float(misses @ misses) < state.loss:
        return SearchState(x, misses, slopes, state.damping / EASIER)
    return SearchState(state.x, state.misses, slopes, state.damping * HARDER)
