"""A cross-fitted ridge regression of the reward, for the direct method and doubly robust estimates.

The prediction for features x in group g (a slot of a slate, or an action) is

    q_g(x) = (1, x) . (beta + delta_g)

beta is one ridge regression over all rows, its intercept free. delta_g is the ridge regression of what it
leaves over in group g, so a group departs from the common model only as far as its own rows insist: with
n_g rows and an intercept alone, by n_g / (n_g + penalty) of its mean residual.

Every row is predicted by a model of the other folds (cross-fitting, Chernozhukov et al. 2018), so that the
noise of a row's reward never enters its own prediction; the penalty of that model, unless given, is chosen by
how well those other folds predict one another. All that is kept of the rows are second moments,
one set per fold and group; a fold is left out by subtraction.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.random import Generator

from ...core.errors import InvalidInput, in_range
from ...core.types import F64, I64, AnyArray
from .checks import as_floats, check_finite

FOLDS = 5
PENALTIES = (1e5, 1e4, 1e3, 100.0, 10.0, 1.0)
"""Ridge penalties to choose from. They add to sums of squares: 10 weighs as much as ten rows with features of
size 1. Rare rewards, such as clicks, need large ones."""


def assign_folds(n: int, rng: Generator, folds: int = FOLDS, users: AnyArray | None = None) -> I64:
    """(n,) a random fold in [0, folds) for each row; rows of one user (``users``, (n,)) share theirs."""
    if users is None:
        units, unit = n, np.arange(n)
    else:
        if len(users) != n:
            raise InvalidInput("users", len(users), f"give one user per row ({n})")
        distinct, unit = np.unique(users, return_inverse=True)
        units = len(distinct)
    if not 2 <= folds <= units:
        noun = "rounds" if users is None else "users"
        raise InvalidInput(
            noun, units, f"the reward model has {folds} folds, 2 at least: give as many {noun} or more"
        )
    return np.asarray((rng.permutation(units) % folds)[unit], dtype=np.int64)


@dataclass(frozen=True, eq=False)
class CrossFitted:
    """The fitted models: ``coefficients`` (folds, groups, 1 + D), fold f fitted without the rows of f."""

    coefficients: F64

    def predict(self, x: AnyArray, fold: I64) -> F64:
        """(n, ..., groups) predictions for features x (n, ..., D) of rows in folds ``fold`` (n,)."""
        out = np.empty((*x.shape[:-1], self.coefficients.shape[1]))
        for f in np.unique(fold):
            rows = fold == f
            beta = self.coefficients[f].astype(x.dtype if x.dtype.kind == "f" else np.float64)
            out[rows] = x[rows] @ beta[:, 1:].T + beta[:, 0]
        return out


class Moments:
    """Second moments of (1, x) and the reward by fold and group, added up chunk by chunk."""

    def __init__(self, folds: int, groups: int, features: int) -> None:
        width = 1 + features
        self._gram = np.zeros((folds, groups, width, width))
        self._cross = np.zeros((folds, groups, width))

    def add(self, x: AnyArray, group: I64, reward: F64, fold: I64, importance: F64 | None = None) -> None:
        """Add rows: x (r, D), group, reward and fold (r,); ``importance`` (r,) multiplies squared errors.

        Raises:
            InvalidInput: a feature that is NaN or infinite.
        """
        check_finite("features", x)
        groups = self._cross.shape[1]
        cell = fold * groups + group
        order = np.argsort(cell, kind="stable")
        edges = np.searchsorted(cell[order], np.arange(self._cross.shape[0] * groups + 1))
        for filled_cell in np.unique(cell):
            rows = order[edges[filled_cell] : edges[filled_cell + 1]]
            design = np.ones((len(rows), 1 + x.shape[1]))
            design[:, 1:] = x[rows]
            f, g = divmod(int(filled_cell), groups)
            weighted = design if importance is None else design * importance[rows, None]
            self._gram[f, g] += weighted.T @ design
            self._cross[f, g] += weighted.T @ reward[rows]

    def merge(self, other: Moments) -> None:
        """Add the rows of ``other``, made for as many folds, groups and features."""
        self._gram += other._gram
        self._cross += other._cross

    def fit(self, penalty: float | None = None) -> CrossFitted:
        """Models for every fold, each from the rows of the other folds.

        Args:
            penalty: > 0; None chooses one of ``PENALTIES`` for each fold.
        """
        folds = len(self._gram)
        if penalty is None:
            penalties = self._choose()
        else:
            in_range("penalty", penalty, 0.0, 1e12, open_low=True)
            penalties = [penalty] * folds
        gram, cross = self._gram.sum(axis=0), self._cross.sum(axis=0)
        return CrossFitted(
            np.stack(
                [_solve(gram - self._gram[f], cross - self._cross[f], penalties[f]) for f in range(folds)]
            )
        )

    def _choose(self) -> list[float]:
        """For each fold the penalty with the least squared error when the others predict one another."""
        folds = len(self._gram)
        if folds < 3:
            raise InvalidInput("folds", folds, "choosing the penalty needs 3 folds or more: give a penalty")
        gram, cross = self._gram.sum(axis=0), self._cross.sum(axis=0)
        loss = np.zeros((folds, len(PENALTIES)))
        for f, g in combinations(range(folds), 2):
            training = gram - self._gram[f] - self._gram[g], cross - self._cross[f] - self._cross[g]
            for i, penalty in enumerate(PENALTIES):
                beta = _solve(*training, penalty)
                loss[f, i] += self._loss(g, beta)
                loss[g, i] += self._loss(f, beta)
        return [PENALTIES[i] for i in np.argmin(loss, axis=1)]

    def _loss(self, fold: int, beta: F64) -> float:
        """Squared error of ``beta`` (groups, 1 + D) on the rows of ``fold``, up to a constant."""
        fit = np.einsum("gi,gij,gj->", beta, self._gram[fold], beta)
        return float(fit - 2.0 * np.einsum("gi,gi->", beta, self._cross[fold]))


def _solve(gram: F64, cross: F64, penalty: float) -> F64:
    """(groups, 1 + D) the coefficients beta + delta_g from the moments of the training rows by group."""
    ridge = penalty * np.eye(gram.shape[-1])
    free = ridge.copy()
    free[0, 0] = 0.0
    common = np.linalg.solve(gram.sum(axis=0) + free, cross.sum(axis=0))
    own = np.linalg.solve(gram + ridge, (cross - gram @ common)[..., None])[..., 0]
    return np.asarray(common + own)


def fit_predict(
    x: AnyArray, group: AnyArray, reward: AnyArray, fold: I64, groups: int, penalty: float | None = None
) -> F64:
    """(n, groups) cross-fitted predictions for every row in every group.

    Args:
        x: (n, D) features of the rows, D may be 0; of size about 1, for the penalty's sake.
        group: (n,) the group that was logged, in [0, groups).
        reward: (n,) the logged reward.
        fold: (n,) from :func:`assign_folds`.
        groups: number of groups.
        penalty: of the ridge, > 0; None chooses one of ``PENALTIES`` for each fold.
    """
    moments = Moments(int(fold.max()) + 1, groups, x.shape[1])
    moments.add(x, np.asarray(group, dtype=np.int64), as_floats("reward", reward), fold)
    return moments.fit(penalty).predict(x, fold)
