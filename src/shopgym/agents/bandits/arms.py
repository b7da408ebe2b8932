"""LinUCB and LinTS with a model for each item: disjoint, or hybrid with one that all items share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

import numpy as np

from ...core.batches import Interactions
from ...core.errors import in_range
from ...core.types import F64, I32, I64
from ...policies.explorers import PlackettLuceRanking
from ...policies.features import FeatureMap
from ...policies.scorers import ArmScorer
from ..task import Task
from .bandit import Bandit


class ArmModels:
    """Posterior of y = x . theta_arm + z . beta + noise (Li et al. 2010, alg. 2), as sums.

    Arm 0 is the prior and never learns; an arm is added when its first row comes. With D = 0 the arms are
    disjoint (alg. 1). Eliminating the arms leaves beta with precision A0 = ridge I + Z'Z - sum B'A^-1 B.

    Args:
        dim, wide: d numbers in x, D in z.
        ridge: prior precision of all coefficients.
    """

    def __init__(self, dim: int, wide: int, ridge: float) -> None:
        in_range("ridge", ridge, 0.0, 1e12, open_low=True)
        self.ridge = ridge
        self.a = ridge * np.eye(dim)[None]
        self.b = np.zeros((1, dim, wide))
        self.y = np.zeros((1, dim))
        self.a0, self.y0 = ridge * np.eye(wide), np.zeros(wide)
        self.squares, self.count = 0.0, 0

    def __len__(self) -> int:
        return len(self.a)

    def grow(self, more: int) -> None:
        """Arms at the end that know the prior only."""
        self.a = np.concatenate([self.a, np.repeat(self.a[:1], more, axis=0)])
        self.b = np.concatenate([self.b, np.repeat(self.b[:1], more, axis=0)])
        self.y = np.concatenate([self.y, np.repeat(self.y[:1], more, axis=0)])

    def add(self, arm: I32, x: F64, z: F64, y: F64) -> None:
        """Take in r rows: arm (r,), x (r, d), z (r, D), y (r,)."""
        for s in np.unique(arm):
            own = arm == s
            self.a[s] += x[own].T @ x[own]
            self.b[s] += x[own].T @ z[own]
            self.y[s] += x[own].T @ y[own]
        self.a0 += z.T @ z
        self.y0 += z.T @ y
        self.squares += float(y @ y)
        self.count += len(y)

    def correct(self, arm: I32, x: F64, z: F64, before: F64, after: F64) -> None:
        """Rows that were added with y = before have y = after."""
        np.add.at(self.y, arm, x * (after - before)[:, None])
        self.y0 += z.T @ (after - before)
        self.squares += float(after @ after - before @ before)

    def keep(self, arms: I64) -> None:
        """Only these arms stay (0 among them, first); what the others say of beta stays too."""
        gone = np.setdiff1d(np.arange(len(self)), arms)
        explained = np.linalg.solve(self.a[gone], self.b[gone])
        self.a0 -= np.einsum("sdk,sdl->kl", self.b[gone], explained)
        self.y0 -= np.einsum("sdk,sd->k", explained, self.y[gone])
        self.a, self.b, self.y = self.a[arms], self.b[arms], self.y[arms]

    def solve(self) -> tuple[F64, F64, F64, F64, F64, float]:
        """beta (D,), spread G (D, D), theta (S, d), factor F (S, d, d), cross C (S, d, D), sigma.

        G G' and F F' are inverse precisions and C = A^-1 B; see :class:`.ArmScorer`.
        """
        factor = np.linalg.inv(np.linalg.cholesky(self.a)).transpose(0, 2, 1)
        back = factor.transpose(0, 2, 1)
        cross = factor @ (back @ self.b)
        flat = (self.y.size, len(self.y0))
        flat_b, flat_c = self.b.reshape(flat), cross.reshape(flat)
        a0 = self.a0 - flat_b.T @ flat_c
        spread = np.linalg.inv(np.linalg.cholesky((a0 + a0.T) / 2)).T
        beta = spread @ (spread.T @ (self.y0 - flat_c.T @ self.y.ravel()))
        theta = (factor @ (back @ (self.y - self.b @ beta)[:, :, None]))[:, :, 0]
        fitted = float(beta @ self.y0 + (theta * self.y).sum())
        size = self.ridge * float(beta @ beta + (theta**2).sum())
        sigma = np.sqrt(max(self.squares - fitted - size, 0.0) / self.count) if self.count else 1.0
        return beta, spread, theta, factor, cross, float(sigma)


def request_features(task: Task) -> FeatureMap:
    """1 and the columns of user and context: what an item's own model sees."""
    names = [f"user.{name}" for name in task.user_names]
    names += [f"context.{name}" for name in task.context_names]
    return FeatureMap(((), *((name,) for name in names)), task.user_names, task.context_names)


class ArmAgent(Bandit):
    """A model per item over the request's columns; ``hybrid`` adds one over the task's features.

    Items come and go: one that was never shown is the prior, one that is no candidate costs nothing but its
    memory, and :meth:`move` to a catalogue without it gives that back.

    Args:
        alpha: width of exploration in posterior standard deviations.
        ridge: prior precision of the coefficients.
        noise: standard deviation of reward / value; None = that of the residuals.
        decay, floor: how the ranking is spread, see :class:`.PlackettLuceRanking`.
    """

    hybrid: ClassVar[bool] = False

    def __init__(
        self,
        task: Task,
        rng: np.random.Generator,
        *,
        alpha: float = 1.0,
        ridge: float = 1.0,
        noise: float | None = None,
        decay: float = 3.0,
        floor: float = 0.05,
    ) -> None:
        super().__init__(task, rng, PlackettLuceRanking(decay, floor))
        in_range(f"{self.name}.alpha", alpha, 0.0, 1e6)
        if noise is not None:
            in_range(f"{self.name}.noise", noise, 0.0, 1e12)
        self.alpha, self.noise = alpha, noise
        shared = task.features.terms[1:] if self.hybrid else ()
        self.features = request_features(task)
        self.shared = FeatureMap(shared, task.user_names, task.context_names)
        self.arm = np.zeros(len(task.items), np.int32)
        self.models = ArmModels(len(self.features), len(self.shared), ridge)

    def learn(self, batch: Interactions) -> Mapping[str, float]:
        """One exact update with the filled slots; items seen for the first time get a model."""
        item = batch.decisions.slates[batch.decisions.slates >= 0]
        x, z, y = self._rows(batch)
        new = np.unique(item[self.arm[item] == 0])
        self.arm[new] = np.arange(len(self.models), len(self.models) + len(new))
        self.models.grow(len(new))
        self.models.add(self.arm[item], x, z, y)
        return {"slots": float(self.models.count), "arms": float(len(self.models) - 1)}

    def correct(self, batch: Interactions, reward: F64) -> None:
        """``batch`` was learnt; its rewards turn out to be ``reward`` (n, k): as if learnt so at first."""
        item = batch.decisions.slates[batch.decisions.slates >= 0]
        x, z, before = self._rows(batch)
        after = self._rows(replace(batch, reward=reward))[2]
        self.models.correct(self.arm[item], x, z, before, after)

    def move(self, task: Task) -> None:
        """Go on with another catalogue; models follow their ``item_id``."""
        arm = {str(name): int(s) for name, s in zip(self.task.items.item_id, self.arm)}
        super().move(task)
        old = np.array([arm.get(str(name), 0) for name in task.items.item_id], np.int32)
        kept = np.union1d([0], old)
        self.models.keep(kept)
        self.arm = np.searchsorted(kept, old).astype(np.int32)

    def _rows(self, batch: Interactions) -> tuple[F64, F64, F64]:
        task = self.task
        x, y, attention = task.filled(batch, self.features, np.ones((len(task.items), len(self.features))))
        z = task.filled(batch, self.shared, self.shared.item_side(task.items))[0]
        return x * attention[:, None], z * attention[:, None], y

    def _scorer(self, arm: I32, theta: F64, beta: F64, *width: F64) -> ArmScorer:
        task = self.task
        return ArmScorer(self.features, self.shared, task.items, arm, theta, beta, task.item_value, *width)


class DisjointLinUCB(ArmAgent):
    """Mean plus alpha standard deviations, items apart (Li, Chu, Langford & Schapire 2010, alg. 1)."""

    name = "linucb_disjoint"

    def scorer(self) -> ArmScorer:
        """Mean and width."""
        beta, spread, theta, factor, cross, sigma = self.models.solve()
        width = self.alpha * (sigma if self.noise is None else self.noise)
        return self._scorer(self.arm.copy(), theta[None], beta[None], width * factor, cross, width * spread)


class HybridLinUCB(DisjointLinUCB):
    """Mean plus alpha standard deviations, with a shared part (Li et al. 2010, alg. 2)."""

    name = "linucb_hybrid"
    hybrid = True


class DisjointLinTS(ArmAgent):
    """Thompson sampling, items apart (Agrawal & Goyal 2013); the policy holds ``draws`` samples.

    Args:
        draws: posterior samples that the frozen policy holds; it follows one of them for each request.
        alpha, ridge, noise, decay, floor: see :class:`ArmAgent`.
    """

    name = "lints_disjoint"

    def __init__(
        self,
        task: Task,
        rng: np.random.Generator,
        *,
        draws: int = 8,
        alpha: float = 1.0,
        ridge: float = 1.0,
        noise: float | None = None,
        decay: float = 3.0,
        floor: float = 0.05,
    ) -> None:
        super().__init__(task, rng, alpha=alpha, ridge=ridge, noise=noise, decay=decay, floor=floor)
        in_range(f"{self.name}.draws", draws, 1, 1000)
        self.draws = draws

    def scorer(self) -> ArmScorer:
        """Draws of beta, then of each item's theta given beta; unknown items draw from the prior."""
        beta, spread, theta, factor, cross, sigma = self.models.solve()
        width = self.alpha * (sigma if self.noise is None else self.noise)
        off = width * self.rng.standard_normal((self.draws, len(beta))) @ spread.T
        noise = width * self.rng.standard_normal((self.draws, len(self.arm), theta.shape[1]))
        seen = np.flatnonzero(self.arm)
        s = self.arm[seen]
        drawn = noise / self.models.ridge**0.5
        drawn[:, seen] = (
            theta[s]
            - np.einsum("sdk,bk->bsd", cross[s], off)
            + np.einsum("sde,bse->bsd", factor[s], noise[:, seen])
        )
        return self._scorer(np.arange(len(self.arm), dtype=np.int32), drawn, beta + off)


class HybridLinTS(DisjointLinTS):
    """Thompson sampling with a shared part: the posterior of Li et al. 2010, alg. 2."""

    name = "lints_hybrid"
    hybrid = True
