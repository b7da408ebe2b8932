"""LinUCB and LinTS one decision at a time, compiled: the closed form with rank-one updates."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from ...core.errors import InvalidInput, in_range, one_of
from ...core.types import F64
from ...policies.explorers import PlackettLuceRanking
from ...policies.features import FeatureMap
from ...policies.policy import SlatePolicy
from ...policies.scorers import ArmScorer
from ..task import Task

BLOCK = 256
"""Decisions whose normal draws are made at a time."""


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract"})  # sums in any order use all SIMD lanes
def _choose(x: F64, mean: F64, inverse: F64, z: F64, width: float) -> tuple[int, float]:
    """(best arm, its score) where score = mean_a . x + width x z_a x |x| in the norm of A_a^-1."""
    arms, dim = mean.shape
    blocked = dim - dim % 4
    best, top = 0, -np.inf
    for a in range(arms):
        middle, norm = 0.0, 0.0
        for i in range(0, blocked, 4):  # four rows at a time keep four sums running
            r0, r1, r2, r3 = 0.0, 0.0, 0.0, 0.0
            for j in range(dim):
                r0 += x[j] * inverse[a, i, j]
                r1 += x[j] * inverse[a, i + 1, j]
                r2 += x[j] * inverse[a, i + 2, j]
                r3 += x[j] * inverse[a, i + 3, j]
            norm += r0 * x[i] + r1 * x[i + 1] + r2 * x[i + 2] + r3 * x[i + 3]
        for i in range(blocked, dim):
            row = 0.0
            for j in range(dim):
                row += x[j] * inverse[a, i, j]
            norm += row * x[i]
        for i in range(dim):
            middle += mean[a, i] * x[i]
        score = middle + width * z[a] * np.sqrt(max(norm, 0.0))
        if score > top:
            best, top = a, score
    return best, top


@njit(cache=True, nogil=True)
def _update(x: F64, y: float, mean: F64, inverse: F64, ax: F64) -> bool:
    """A + x x' and b + y x for one arm (Sherman & Morrison 1950); False and no change if not finite."""
    dim = len(x)
    ax[:] = 0.0
    for i in range(dim):
        for j in range(dim):
            ax[j] += x[i] * inverse[i, j]
    norm, error = 1.0, y
    for i in range(dim):
        norm += ax[i] * x[i]
        error -= mean[i] * x[i]
    if not np.isfinite(norm + error):
        return False
    for i in range(dim):
        mean[i] += ax[i] * (error / norm)
        share = ax[i] / norm
        for j in range(dim):
            inverse[i, j] -= share * ax[j]
    return True


class OnlineArms:
    """A ridge regression for each arm on one context; decides and learns one context at a time.

    ``ts`` draws the score of each arm instead of its coefficients. With theta ~ N(mean, width^2 A^-1) for an
    arm its score x . theta is N(mean . x, width^2 x'A^-1 x). Arms are independent, so one normal number for
    each arm has the same distribution.

    Args:
        arms, dim: S arms; d numbers in a context.
        kind: ``ucb`` (Li et al. 2010, alg. 1) or ``ts`` (Agrawal & Goyal 2013).
        alpha: width of exploration in units of the reward's standard deviation.
        ridge: prior precision.
        rng: of the normal numbers.
    """

    def __init__(
        self,
        arms: int,
        dim: int,
        rng: np.random.Generator,
        *,
        kind: str = "ucb",
        alpha: float = 1.0,
        ridge: float = 1.0,
    ) -> None:
        one_of("online.kind", kind, ("ucb", "ts"))
        in_range("online.arms", arms, 1, 1e7)
        in_range("online.alpha", alpha, 0.0, 1e6)
        in_range("online.ridge", ridge, 0.0, 1e12, open_low=True)
        self.mean = np.zeros((arms, dim))
        self.inverse = np.repeat(np.eye(dim)[None] / ridge, arms, axis=0)
        self.rng, self.kind, self.alpha, self.ridge = rng, kind, alpha, ridge
        self._z = np.ones((1, arms))
        self._step = 0
        self._scratch = np.empty(dim)

    def add(self, arms: int = 1) -> None:
        """Append arms that start from the prior; the indices of the others stay."""
        dim = self.mean.shape[1]
        self.mean = np.concatenate([self.mean, np.zeros((arms, dim))])
        self.inverse = np.concatenate([self.inverse, np.repeat(np.eye(dim)[None] / self.ridge, arms, axis=0)])
        self._z, self._step = np.ones((1, len(self.mean))), 0

    def policy(self, task: Task, *, draws: int = 8, decay: float = 3.0, floor: float = 0.05) -> SlatePolicy:
        """The present model, frozen: arm i is item i, x is 1 and the columns of user and context.

        Args:
            task: of S items and d - 1 columns; rewards were given as reward / value.
            draws: posterior samples that the policy holds, for ``ts``.
            decay, floor: of :class:`.PlackettLuceRanking`.
        """
        features, arms = task.request_features, np.arange(len(task.items), dtype=np.int32)
        factor = self.alpha * np.linalg.cholesky(self.inverse)
        no_cross = np.zeros((len(arms), len(features), 0))
        theta: F64 = self.mean[None]
        width: tuple[Any, ...] = (factor, no_cross, np.zeros((0, 0)))
        if self.kind == "ts":
            z = self.rng.standard_normal((draws, *self.mean.shape))
            theta, width = self.mean + np.einsum("sde,bse->bsd", factor, z), ()
        shared = FeatureMap((), task.user_names, task.context_names)
        beta = np.zeros((len(theta), 0))
        scorer = ArmScorer(features, shared, task.items, arms, theta, beta, task.item_value, *width)
        name, explorer = f"online_{self.kind}", PlackettLuceRanking(decay, floor)
        return task.policy(name, scorer, explorer)

    def decide(self, x: F64) -> int:
        """The arm for a context x (d,).

        Raises:
            InvalidInput: x is not finite.
        """
        z = self._z[0]
        if self.kind == "ts":
            if self._step % BLOCK == 0:
                self._z = self.rng.standard_normal((BLOCK, len(self.mean)))
            z = self._z[self._step % BLOCK]
            self._step += 1
        arm, score = _choose(x, self.mean, self.inverse, z, self.alpha)
        if not score > -np.inf:
            fix = "remove NaN and infinity from the context"
            raise InvalidInput("online.context", "no score is finite", fix)
        return arm

    def learn(self, arm: int, x: F64, reward: float) -> None:
        """The reward of an arm in a context.

        Raises:
            InvalidInput: there is no such arm, or a number is not finite; then nothing is learnt.
        """
        if not 0 <= arm < len(self.mean):
            raise InvalidInput("online.arm", arm, f"there are {len(self.mean)} arms")
        if not _update(x, reward, self.mean[arm], self.inverse[arm], self._scratch):
            raise InvalidInput("online.reward", reward, "remove NaN and infinity from context and reward")
