"""The target's value with Q and the occupancy ratio linear in the state's features, solved exactly.

With phi(s, a) the features of the state in the block of the action, A = mean of sum phi (phi - gamma phi')'
and b = mean of sum phi r over episodes, Q = phi' A^-1 b is the fixed point of fitted Q evaluation (LSTDQ,
Lagoudakis and Parr 2003), and w = phi' A^-T nu, nu the mean of phi at the start under the target, is the
minimax weight of Uehara, Huang and Jiang 2020 (Minimax weight and Q-function learning, section 5) with
linear classes or a linear kernel. Both give the same value, which is right if either Q or the ratio is
linear. Counted states make both exact.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import Generator

from ....core.errors import InvalidInput, in_range
from ....core.types import F64
from ...intervals import Interval, interval_named
from ...intervals.statistic import Terms
from ..diagnostics import diagnose
from ..estimate import Estimate
from ..estimator import make_estimate
from ..weighted import Weighted
from .episodes import Episodes, Target
from .inputs import propensity_p, unsupported_share
from .transitions import Transitions, as_dense, scaled_rows

LINEAR = Weighted("linear", caveat="right if Q or the occupancy ratio is linear in the features")
"""Names an estimate that :class:`LinearValue` makes."""


@dataclass(frozen=True, eq=False)
class LinearValue:
    """The target's value, Q function and occupancy ratio.

    Attributes:
        q: (n, n_actions) Q at each logged state, with all the steps of the horizon to go.
        weight: (n,) occupancy ratio of each row: sum over steps of gamma^t times the probability under the
            target of its state and action, over the number of times an episode of the log is there. May be
            below 0, as a linear function may.
        totals: (N,) sum of ``weight`` over each episode's steps.
        influence: (N,) of each episode, the value included: their mean is the value.
        unsupported: share of the target's probability on actions never logged in their state.
        propensity_p: of the log's propensities.
        unit: unit of the reward.
    """

    q: F64
    weight: F64
    totals: F64
    influence: F64
    unsupported: float
    propensity_p: float
    unit: str

    def statistic(self) -> Terms:
        """The value as a mean over episodes."""
        return Terms(self.influence[:, None])

    def estimate(
        self, *, level: float = 0.95, interval: str | Interval = "delta", rng: Generator | None = None
    ) -> Estimate:
        """The value with its interval over episodes; ``rng`` is needed by intervals that resample."""
        mean = float(self.totals.mean())
        weight = (self.totals / mean if mean > 0 else self.totals)[:, None]
        columns = (self.influence[:, None], weight, None)
        diagnostics = diagnose(*columns, self.unsupported, self.propensity_p)
        options: dict[str, Any] = {"level": level, "interval": interval_named(interval), "rng": rng}
        return make_estimate(LINEAR, self.statistic(), diagnostics, unit=self.unit, notes=[], **options)


def linear_value(
    episodes: Episodes, target: Target, *, gamma: float, horizon: int | None = None, penalty: float = 1e-6
) -> LinearValue:
    """The value of the target from the first states of the log on, for dynamics that do not change.

    Rows without a known next state are left out, others weighed for it (:class:`.transitions.Transitions`).
    Takes (n_actions p)^2 numbers, p features of a state.

    Args:
        episodes: the log.
        target: the target policy; a function, or a table for states by index, to use final states too.
        gamma: discount a step; in [0, 1), or 1 with a horizon or where the world ends.
        horizon: steps; None: endless.
        penalty: as many rows of evidence that Q is 0; it costs the value a second-order error only.

    Raises:
        InvalidInput: no next state is known, a discount out of range, or equations without a solution.
    """
    in_range("gamma", gamma, 0.0, 1.0)
    in_range("penalty", penalty, 0.0, float("inf"))
    if horizon is not None:
        in_range("horizon", horizon, 1, float("inf"))
    elif gamma == 1 and not episodes.ended.any():
        raise InvalidInput("gamma", gamma, "without an end the sum is endless: discount, or give a horizon")
    steps = Transitions.from_episodes(episodes, target)
    row_weight = steps.row_weight(gamma)
    n, actions, width = len(episodes.action), episodes.n_actions, steps.features.shape[1]
    gram, moved, earned = _moments(episodes, steps, row_weight, width)
    gram[np.diag_indices_from(gram)] += penalty / len(episodes)
    starts = episodes.offsets[:-1]
    first, chance = steps.features[starts], steps.probability[starts]
    nu = np.concatenate([np.asarray(first.T @ chance[:, a]) for a in range(actions)]) / len(episodes)
    reached = steps.features[:n]
    q = np.zeros((n, actions))
    weight, correction = np.zeros(n), np.zeros(n)
    rows = np.arange(n)
    for theta, theta_next, u in _solutions(gram, moved, earned, nu, gamma, horizon):
        q = np.asarray(reached @ theta.reshape(actions, width).T)
        later = steps.next_value(np.asarray(steps.features @ theta_next.reshape(actions, width).T))
        error = episodes.reward + gamma * later - q[rows, episodes.action]
        part = np.asarray(reached @ u.reshape(actions, width).T)[rows, episodes.action]
        weight += row_weight * part
        correction += row_weight * part * error
    influence = np.einsum("na,na->n", chance, q[starts]) + episodes.sums(correction)
    return LinearValue(
        q=q,
        weight=weight,
        totals=episodes.sums(weight),
        influence=influence,
        unsupported=unsupported_share(episodes, steps.probability[:n]),
        propensity_p=propensity_p(episodes),
        unit=episodes.unit,
    )


def _moments(episodes: Episodes, steps: Transitions, row_weight: F64, width: int) -> tuple[F64, F64, F64]:
    """Means over episodes of the sums of phi phi', phi phi_next' and phi r."""
    actions = episodes.n_actions
    gram, moved = (np.zeros((actions * width, actions * width)) for _ in range(2))
    earned = np.zeros(actions * width)
    for a in range(actions):
        rows = np.flatnonzero((episodes.action == a) & (row_weight > 0))
        features, block = steps.features[rows], slice(a * width, (a + 1) * width)
        gram[block, block] = as_dense(features.T @ scaled_rows(features, row_weight[rows]))
        earned[block] = features.T @ (row_weight[rows] * episodes.reward[rows])
        rows = rows[~steps.ends[rows]]
        features, after = steps.features[rows], steps.features[steps.following[rows]]
        chance = steps.probability[steps.following[rows]]
        for b in range(actions):
            scaled = scaled_rows(features, chance[:, b])
            moved[block, b * width : (b + 1) * width] = as_dense(scaled.T @ after)
    n = len(episodes)
    return gram / n, moved / n, earned / n


def _solutions(
    gram: F64, moved: F64, earned: F64, nu: F64, gamma: float, horizon: int | None
) -> list[tuple[F64, F64, F64]]:
    """(Q now, Q next, weight) coefficients; with a horizon of each step, the first last."""
    if horizon is None:
        solve = _solver(gram - gamma * moved)
        theta = solve(earned, False)
        return [(theta, theta, solve(nu, True))]
    solve = _solver(gram)
    thetas = [np.zeros_like(earned)]
    for _ in range(horizon):
        thetas.append(solve(earned + gamma * (moved @ thetas[-1]), False))
    coefficients = []
    for left in range(horizon, 0, -1):
        u = solve(nu, True)
        coefficients.append((thetas[left], thetas[left - 1], u))
        nu = gamma * (moved.T @ u)
    return coefficients[::-1]


def _solver(matrix: F64) -> Callable[[F64, bool], F64]:
    """From a right-hand side and whether to transpose to the solution."""
    import warnings

    from scipy.linalg import LinAlgWarning, lu_factor, lu_solve

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LinAlgWarning)
        factors = lu_factor(matrix)
    if not np.isfinite(factors[0]).all() or (np.diag(factors[0]) == 0).any():
        raise InvalidInput("penalty", 0.0, "the equations have no single solution: give a penalty above 0")
    return lambda right, transposed: np.asarray(lu_solve(factors, right, trans=int(transposed)))
