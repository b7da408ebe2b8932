"""How often each action was logged and how often the target takes it, in sums that merge."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...core.types import F64, I64

SURE = 4.0
"""Standard errors that are taken off an excess."""
FEWEST = 10
"""An action logged less often is not tested: its mean is too far from normal."""


class Support:
    """How often each of A actions was logged, at which propensities, and how often the target takes it.

    ``features`` is the number of context columns whose balance is tested beside the actions' own.
    """

    def __init__(self, actions: int, features: int = 0) -> None:
        self.n = 0
        self.total = self._squares = 0.0
        self.logged = np.zeros(actions, dtype=np.int64)
        self.mass = np.zeros(actions)
        self._inverse, self._excess, self._size = np.zeros((3, 1 + features, actions))
        self._level, self._square, self._level_size = np.zeros((3, 1 + features))

    def add(
        self,
        action: I64,
        propensity: F64,
        mass: F64 | None,
        features: F64 | None = None,
        sample_weight: F64 | None = None,
    ) -> None:
        """Add rounds: action, propensity (r,), the target's probability of each action summed over rounds
        (A,), None if unknown, features (r, D), and how many rounds each row stands for (r,), None: one; the
        ``mass`` counts them so too."""
        actions = len(self.logged)
        one = np.ones(len(action))
        size = one if sample_weight is None else sample_weight
        self.n += len(action)
        self.total += float(size.sum())
        self._squares += float(size @ size)
        self.logged += np.bincount(action, minlength=actions)
        self.mass += math.nan if mass is None else mass
        inverse = size / propensity
        excess = inverse * (inverse - 2.0 * size)
        for i, column in enumerate([one] if features is None else [one, *features.T]):
            self._inverse[i] += np.bincount(action, inverse * column, actions)
            self._excess[i] += np.bincount(action, excess * column**2, actions)
            self._size[i] += np.bincount(action, inverse * np.abs(column), actions)
            self._level[i] += size @ column
            self._level_size[i] += size @ np.abs(column)
            self._square[i] += (size * column) @ (size * column)

    def merge(self, other: Support) -> None:
        """Add the rounds of ``other``."""
        for name, value in vars(other).items():
            setattr(self, name, getattr(self, name) + value)

    @property
    def unsupported(self) -> float:
        """Share of the target's probability on actions never logged; NaN if unknown."""
        return float(self.mass[self.logged == 0].sum() / self.total) if self.covers_all_actions else math.nan

    @property
    def covers_all_actions(self) -> bool:
        """Whether the target's probability of every action is known."""
        return not np.isnan(self.mass).any()

    def balance(self) -> tuple[F64, F64]:
        """(1 + D, A) means of f (1[a logged] / p - 1) and their standard errors, f = 1 and each feature.

        Fewer hits than expected would make the observed variance too small, none would make it almost 0: it
        is enlarged by how many times fewer they are, infinitely without any. With h hits where m are
        expected, the distance from m is then about (m - h) / sqrt(m), not / sqrt(h).
        """
        level = self._level[:, None] / self.total
        mean = self._inverse / self.total - level
        variance = (self._excess + self._square[:, None] - mean**2 * self._squares) / self.total
        variance[variance <= 1e-12 * self._square[:, None] / self.total] = 0.0
        expected = np.broadcast_to(self._level_size[:, None], self._size.shape)
        fewer = np.divide(expected, self._size, out=np.full(mean.shape, np.inf), where=self._size > 0)
        fewer[expected == 0] = 1.0
        defined = variance > 0
        variance[defined] *= np.maximum(1.0, fewer[defined])
        return mean, np.sqrt(variance / self.total)

    def p_value(self) -> float:
        """Smallest p-value of the means of :meth:`balance` times their number; NaN if no action was logged
        often enough."""
        from scipy.special import ndtr

        tested = self.logged >= FEWEST
        if not tested.any():
            return math.nan
        mean, error = (values[:, tested] for values in self.balance())
        defined = error > 0
        largest = float((np.abs(mean[defined]) / error[defined]).max(initial=0.0))
        return float(min(1.0, defined.sum() * 2.0 * ndtr(-largest))) if defined.any() else 1.0

    def calibration(self) -> dict[str, Any]:
        """``propensity_p`` and ``propensity_excess`` of :class:`.inputs.OpeInputs`."""
        return {"propensity_p": self.p_value(), "propensity_excess": self.excess()}

    def excess(self) -> float:
        """The share by which some action is logged more often than its propensities say, less 4 standard
        errors; 0 if none is, NaN if none was logged often enough.

        That an action is logged *less* often may be right: its propensity is 0 in contexts where it cannot be
        chosen, and the log does not say so.
        """
        tested = self.logged >= FEWEST
        if not tested.any():
            return math.nan
        mean, error = (values[0, tested] for values in self.balance())
        return max(0.0, float((mean - SURE * error).max()))


def calibration(
    action: I64,
    propensity: F64,
    n_actions: int,
    features: F64 | None = None,
    sample_weight: F64 | None = None,
) -> dict[str, Any]:
    """As :meth:`Support.calibration`, of rounds as in :meth:`Support.add`."""
    support = Support(n_actions, 0 if features is None else features.shape[1])
    support.add(action, propensity, None, features, sample_weight)
    return support.calibration()


def calibration_p(
    action: I64,
    propensity: F64,
    n_actions: int,
    features: F64 | None = None,
    sample_weight: F64 | None = None,
) -> float:
    """p-value of the propensities: for each action a and function f of the context, the mean of
    f (1[a logged] / p - 1) has to be 0.

    f is 1 and each column of ``features``. That is the balance condition of the propensity score (Imai and
    Ratkovic 2014, Covariate balancing propensity score). Each mean is tested with its own standard
    error, and the smallest p-value is multiplied by the number of tests (Bonferroni).

    Args:
        action: (n,) logged action in [0, n_actions).
        propensity: (n,) its logged probability.
        features: (n, D) of the context, or None.
        sample_weight: (n,) how many rounds each row stands for, or None.

    Returns:
        The p-value, in [0, 1]; NaN if no action was logged often enough. Small, too, when an action cannot be
        chosen in every context: then its propensities are 0 elsewhere, and the log does not say so.
    """
    return float(calibration(action, propensity, n_actions, features, sample_weight)["propensity_p"])
