"""Fitted Q evaluation: the target's Q function by regressions, one step to go, two steps to go, and so on.

Le, Voloshin and Yue 2019 (Batch policy learning under constraints), algorithm 3; the horizon is the number of
regressions. One regressor per action.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.random import Generator

from ....core.errors import InvalidInput, in_range
from ....core.types import F64, I64, AnyArray
from ..reward_model import assign_folds
from .episodes import Episodes, Target
from .transitions import Transitions, as_dense, scaled_rows, state_features


class Regressor(Protocol):
    """Anything with ``fit`` and ``predict``, such as scikit-learn's."""

    def fit(self, features: Any, value: F64, sample_weight: F64 | None = None) -> Any:
        """Learn ``value`` (r,) from ``features`` (r, p), one-hot in a sparse matrix for states by index.

        ``sample_weight`` (r,) is given only where rows count differently.
        """
        ...

    def predict(self, features: Any) -> AnyArray:
        """(r,) predictions."""
        ...


class RidgeRegressor:
    """Least squares with a penalty on the squared coefficients.

    Args:
        penalty: as many rows of evidence that every coefficient is 0.
    """

    def __init__(self, penalty: float = 1e-6) -> None:
        in_range("penalty", penalty, 0.0, float("inf"))
        self.penalty = penalty
        self.coefficient: F64 = np.zeros(0)

    def fit(self, features: Any, value: F64, sample_weight: F64 | None = None) -> RidgeRegressor:
        """See :class:`Regressor`."""
        scaled = features if sample_weight is None else scaled_rows(features, sample_weight)
        gram = as_dense(scaled.T @ features)
        gram[np.diag_indices_from(gram)] += self.penalty
        self.coefficient = np.linalg.lstsq(gram, scaled.T @ value, rcond=None)[0]
        return self

    def predict(self, features: Any) -> F64:
        """See :class:`Regressor`."""
        return np.asarray(features @ self.coefficient, dtype=np.float64)


@dataclass(frozen=True, eq=False)
class FittedQ:
    """Q functions by steps to go.

    Attributes:
        models: for 1, 2, ... steps to go the regressor of each action; None: never logged, predicts 0.
        stationary: use the last Q at every step: an approximation of the endless horizon.
    """

    models: tuple[tuple[Regressor | None, ...], ...]
    stationary: bool

    def predict(self, episodes: Episodes) -> F64:
        """(n, n_actions) at each row: of all its steps to go until the horizon, at least 1."""
        horizon = len(self.models)
        features = state_features(episodes, episodes.state)
        if self.stationary:
            return _predict(self.models[-1], features)
        out = np.zeros((len(episodes.action), episodes.n_actions))
        to_go = np.maximum(horizon - episodes.step, 1)
        for left in np.unique(to_go):
            rows = to_go == left
            out[rows] = _predict(self.models[left - 1], features[rows])
        return out


def fitted_q(
    episodes: Episodes,
    target: Target,
    *,
    gamma: float = 1.0,
    horizon: int | None = None,
    stationary: bool = False,
    make: Callable[[], Regressor] = RidgeRegressor,
) -> FittedQ:
    """The target's Q function, fitted to all steps of the log.

    Args:
        episodes: the log.
        target: the target policy.
        gamma: discount in [0, 1] a step.
        horizon: number of regressions; None: steps of the longest episode.
        stationary: see :class:`FittedQ`.
        make: makes a regressor; called once per action and step to go.

    Raises:
        InvalidInput: no next state is known, a horizon below 1, or a discount out of range.
    """
    in_range("gamma", gamma, 0.0, 1.0)
    horizon = episodes.longest if horizon is None else horizon
    in_range("horizon", horizon, 1, float("inf"))
    steps = Transitions.from_episodes(episodes, target)
    first, later = (_parts(episodes, steps, steps.row_weight(discount)) for discount in (0.0, gamma))
    models = [_fit(first, episodes.reward, make)]
    while len(models) < horizon:  # with one step to go the next state did not matter
        value = episodes.reward + gamma * steps.next_value(_predict(models[-1], steps.features))
        models.append(_fit(later, value, make))
    return FittedQ(tuple(models), stationary)


def _parts(episodes: Episodes, steps: Transitions, row_weight: F64) -> list[tuple[I64, Any, dict[str, F64]]]:
    """Of each action: its rows, their features, and their weights where they differ."""
    used = [np.flatnonzero((episodes.action == a) & (row_weight > 0)) for a in range(episodes.n_actions)]
    return [
        (rows, steps.features[rows], {} if (weight == 1).all() else {"sample_weight": weight})
        for rows, weight in ((rows, row_weight[rows]) for rows in used)
    ]


def _fit(
    parts: list[tuple[I64, Any, dict[str, F64]]], value: F64, make: Callable[[], Regressor]
) -> tuple[Regressor | None, ...]:
    """One regressor per action, None where it was never logged."""
    models = [make() if len(rows) else None for rows, _, _ in parts]
    for model, (rows, features, weight) in zip(models, parts):
        if model is not None:
            model.fit(features, value[rows], **weight)
    return tuple(models)


def cross_fitted_q(
    episodes: Episodes,
    target: Target,
    *,
    rng: Generator,
    folds: int = 2,
    gamma: float = 1.0,
    horizon: int | None = None,
    stationary: bool = False,
    make: Callable[[], Regressor] = RidgeRegressor,
) -> F64:
    """(n, n_actions) predictions at each row from the episodes of the other folds.

    So no episode is judged by a Q that saw it (Kallus and Uehara 2020, section 4).

    Args:
        rng: decides the folds.
        folds: at least 2.
        episodes, target, gamma, horizon, stationary, make: as in :func:`fitted_q`.

    Raises:
        InvalidInput: as there, and fewer episodes than folds.
    """
    if not 2 <= folds <= len(episodes):
        raise InvalidInput("folds", folds, f"give 2 to {len(episodes)}, the number of episodes")
    horizon = episodes.longest if horizon is None else horizon
    fold = assign_folds(len(episodes), rng, folds, None)
    out = np.zeros((len(episodes.action), episodes.n_actions))
    by_row = target if isinstance(target, np.ndarray) and episodes.state.ndim == 2 else None
    for k in range(folds):
        train, held_out = np.flatnonzero(fold != k), np.flatnonzero(fold == k)
        train_target = target if by_row is None else by_row[episodes.rows_of(train)]
        model = fitted_q(
            episodes.take(train), train_target, gamma=gamma, horizon=horizon, stationary=stationary, make=make
        )
        out[episodes.rows_of(held_out)] = model.predict(episodes.take(held_out))
    return out


def _predict(models: tuple[Regressor | None, ...], features: Any) -> F64:
    out = np.zeros((features.shape[0], len(models)))
    for a, regressor in enumerate(models):
        if regressor is not None:
            out[:, a] = regressor.predict(features)
    return out
