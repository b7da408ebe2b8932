"""LinUCB and LinTS with a model for each item: disjoint, or hybrid with a model that all items share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np

from ...core.batches import Interactions
from ...core.errors import in_range
from ...core.types import F64, I32, I64
from ...policies.features import FeatureMap
from ...policies.scorers import ArmScorer
from ..task import Task
from .bandit import Bandit
from .reward_scale import shown_items, with_noise
from .ridge import by_scale


class PerArmRidge:
    """Posterior of y = x . theta_arm + z . beta + noise (Li et al. 2010, alg. 2), kept as sums.

    Arm 0 is the prior and never learns. An arm is added with its first row. With D = 0 the arms are disjoint
    (alg. 1). Eliminating the arms leaves beta with precision A0 = ridge I + Z'Z - sum B'A^-1 B.

    Args:
        dim, shared_dim: d numbers in x, D numbers in z.
        ridge: prior precision of all coefficients.
        scales: K, columns of y, of which :meth:`solve` takes one.
    """

    def __init__(self, dim: int, shared_dim: int, ridge: float, scales: int = 1) -> None:
        in_range("ridge", ridge, 0.0, 1e12, open_low=True)
        self.ridge = ridge
        self.a = ridge * np.eye(dim)[None]
        self.b = np.zeros((1, dim, shared_dim))
        self.y = np.zeros((1, dim, scales))
        self.a0, self.y0 = ridge * np.eye(shared_dim), np.zeros((shared_dim, scales))
        self.squares, self.count = np.zeros(scales), 0

    def __len__(self) -> int:
        return len(self.a)

    def grow(self, count: int) -> None:
        """Append ``count`` arms that start from the prior."""
        self.a = np.concatenate([self.a, np.repeat(self.a[:1], count, axis=0)])
        self.b = np.concatenate([self.b, np.repeat(self.b[:1], count, axis=0)])
        self.y = np.concatenate([self.y, np.repeat(self.y[:1], count, axis=0)])

    def add(self, arm: I32, x: F64, z: F64, y: F64) -> None:
        """Add r rows: arm (r,), x (r, d), z (r, D), y (r, K), or (r,) if there is one scale."""
        y = by_scale(y)
        for s in np.unique(arm):
            own = arm == s
            self.a[s] += x[own].T @ x[own]
            self.b[s] += x[own].T @ z[own]
            self.y[s] += x[own].T @ y[own]
        self.a0 += z.T @ z
        self.y0 += z.T @ y
        self.squares += (y**2).sum(axis=0)
        self.count += len(y)

    def correct(self, arm: I32, x: F64, z: F64, old: F64, new: F64) -> None:
        """Rows that were added with y = old get y = new."""
        old, new = by_scale(old), by_scale(new)
        np.add.at(self.y, arm, x[:, :, None] * (new - old)[:, None, :])
        self.y0 += z.T @ (new - old)
        self.squares += (new**2).sum(axis=0) - (old**2).sum(axis=0)

    def keep(self, arms: I64) -> None:
        """Keep these arms only, arm 0 first. What the removed arms say about beta is kept."""
        removed = np.setdiff1d(np.arange(len(self)), arms)
        explained = np.linalg.solve(self.a[removed], self.b[removed])
        self.a0 -= np.einsum("sdk,sdl->kl", self.b[removed], explained)
        self.y0 -= np.einsum("sdk,sdc->kc", explained, self.y[removed])
        self.a, self.b, self.y = self.a[arms], self.b[arms], self.y[arms]

    def solve(self, scale: int = 0) -> tuple[F64, F64, F64, F64, F64, float]:
        """beta (D,), spread G (D, D), theta (S, d), factor F (S, d, d), cross C (S, d, D), sigma.

        On one of the scales. G G' and F F' are inverse precisions, C = A^-1 B; see :class:`.ArmScorer`.
        """
        y, y0 = self.y[:, :, scale], self.y0[:, scale]
        factor = np.linalg.inv(np.linalg.cholesky(self.a)).transpose(0, 2, 1)
        transposed = factor.transpose(0, 2, 1)
        cross = factor @ (transposed @ self.b)
        flat = (y.size, len(y0))
        flat_b, flat_c = self.b.reshape(flat), cross.reshape(flat)
        a0 = self.a0 - flat_b.T @ flat_c
        spread = np.linalg.inv(np.linalg.cholesky((a0 + a0.T) / 2)).T
        beta = spread @ (spread.T @ (y0 - flat_c.T @ y.ravel()))
        theta = (factor @ (transposed @ (y - self.b @ beta)[:, :, None]))[:, :, 0]
        fitted = float(beta @ y0 + (theta * y).sum())
        size = self.ridge * float(beta @ beta + (theta**2).sum())
        sigma = (
            np.sqrt(max(float(self.squares[scale]) - fitted - size, 0.0) / self.count) if self.count else 1.0
        )
        return beta, spread, theta, factor, cross, float(sigma)


class DisjointLinearAgent(Bandit):
    """A model per item over the request's columns; ``hybrid`` adds one over the task's features.

    An item that was never shown has the prior. :meth:`move` to a catalogue without an item frees its model.

    Args:
        alpha: width of exploration in posterior standard deviations.
        ridge: prior precision of the coefficients.
        noise: standard deviation of reward / value; None = that of the residuals, see :class:`.RewardScale`.
        options: see :class:`.Bandit`.
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
        **options: Any,
    ) -> None:
        super().__init__(task, rng, **with_noise(self.name, noise, options))
        in_range(f"{self.name}.alpha", alpha, 0.0, 1e6)
        self.alpha, self.noise = alpha, noise
        shared = task.features.terms[1:] if self.hybrid else ()
        self.features = task.request_features
        self.shared = FeatureMap(shared, task.user_names, task.context_names)
        self.arm = np.zeros(len(task.items), np.int32)
        self.models = PerArmRidge(len(self.features), len(self.shared), ridge, len(self.scale))

    def learn(self, batch: Interactions) -> Mapping[str, float]:
        """One exact update with the filled slots; items shown for the first time get a model."""
        item = shown_items(batch)
        x, z, y = self._rows(batch)
        unseen = np.unique(item[self.arm[item] == 0])
        self.arm[unseen] = np.arange(len(self.models), len(self.models) + len(unseen))
        self.models.grow(len(unseen))
        self.models.add(self.arm[item], x, z, self.scale.add(y, item))
        return {"slots": float(self.models.count), "arms": float(len(self.models) - 1)}

    def correct(self, batch: Interactions, reward: F64) -> None:
        """Give a batch that was learnt the rewards ``reward`` (n, k), as if it had been learnt so."""
        item = shown_items(batch)
        x, z, old = self._rows(batch)
        new = self._rows(replace(batch, reward=reward))[2]
        self.models.correct(self.arm[item], x, z, *self.scale.correct(old, new, item))

    def move(self, task: Task) -> None:
        """Continue with another catalogue; models follow their ``item_id``."""
        arm = {str(name): int(s) for name, s in zip(self.task.items.item_id, self.arm)}
        super().move(task)
        old = np.array([arm.get(str(name), 0) for name in task.items.item_id], np.int32)
        kept = np.union1d([0], old)
        self.models.keep(kept)
        self.arm = np.searchsorted(kept, old).astype(np.int32)

    def _rows(self, batch: Interactions) -> tuple[F64, F64, F64]:
        task = self.task
        x, y, attention = task.slot_rows(batch, self.features, np.ones((len(task.items), len(self.features))))
        z = task.slot_rows(batch, self.shared, self.shared.item_side(task.items))[0]
        return x * attention[:, None], z * attention[:, None], y

    def _scorer(self, arm: I32, theta: F64, beta: F64, *width: F64) -> ArmScorer:
        task = self.task
        return ArmScorer(
            self.features, self.shared, task.items, arm, theta, beta, self.scale.item_scale, *width
        )


class DisjointLinUCB(DisjointLinearAgent):
    """Mean plus alpha standard deviations, a model per item (Li, Chu, Langford & Schapire 2010, alg. 1)."""

    name = "linucb_disjoint"

    def scorer(self) -> ArmScorer:
        """Posterior mean and width."""
        beta, spread, theta, factor, cross, sigma = self.models.solve(self.scale.column)
        width = self.alpha * (sigma if self.noise is None else self.noise)
        return self._scorer(self.arm.copy(), theta[None], beta[None], width * factor, cross, width * spread)


class HybridLinUCB(DisjointLinUCB):
    """Mean plus alpha standard deviations, with a shared model (Li et al. 2010, alg. 2)."""

    name = "linucb_hybrid"
    hybrid = True


class DisjointLinTS(DisjointLinearAgent):
    """Thompson sampling with a model per item (Agrawal & Goyal 2013); the policy holds ``draws`` samples.

    Args:
        draws: posterior samples that the frozen policy holds; it follows one of them for each request.
        options: see :class:`DisjointLinearAgent`.
    """

    name = "lints_disjoint"

    def __init__(self, task: Task, rng: np.random.Generator, *, draws: int = 8, **options: Any) -> None:
        super().__init__(task, rng, **options)
        in_range(f"{self.name}.draws", draws, 1, 1000)
        self.draws = draws

    def scorer(self) -> ArmScorer:
        """Samples of beta, then of each item's theta given beta; items never shown have the prior."""
        beta, spread, theta, factor, cross, sigma = self.models.solve(self.scale.column)
        width = self.alpha * (sigma if self.noise is None else self.noise)
        beta_noise = width * self.rng.standard_normal((self.draws, len(beta))) @ spread.T
        noise = width * self.rng.standard_normal((self.draws, len(self.arm), theta.shape[1]))
        seen = np.flatnonzero(self.arm)
        s = self.arm[seen]
        drawn = noise / self.models.ridge**0.5
        drawn[:, seen] = (
            theta[s]
            - np.einsum("sdk,bk->bsd", cross[s], beta_noise)
            + np.einsum("sde,bse->bsd", factor[s], noise[:, seen])
        )
        return self._scorer(np.arange(len(self.arm), dtype=np.int32), drawn, beta + beta_noise)


class HybridLinTS(DisjointLinTS):
    """Thompson sampling with a shared model: the posterior of Li et al. 2010, alg. 2."""

    name = "lints_hybrid"
    hybrid = True
