"""The distribution of an episode's return under the target, and what can be read off it.

Chandak et al. 2021 (Universal off-policy evaluation) and Huang, Leqi, Lipton and Azizzadenesheli 2021
(Off-policy risk assessment in contextual bandits): F(x) is the weighted share of returns that are at most x,
plain, self-normalised, or doubly robust with predicted returns. F is kept as a step at every return, not on
a grid, so nothing is rounded.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.random import Generator

from ....core.errors import InvalidInput, in_range
from ....core.types import F64, I64, Bool
from ...intervals.base import check_level
from ...intervals.resampled import ends
from ..checks import check_finite, check_target
from ..diagnostics import Diagnostics, diagnose
from ..estimate import Estimate
from ..verdict import judge
from .episodes import Episodes, Target
from .inputs import cut_note, propensity_p
from .weightings import Trajectory

RESAMPLES = 400


@dataclass(frozen=True, eq=False)
class Distribution:
    """Steps of a distribution function.

    Attributes:
        support: (m,) returns, rising.
        mass: (m,) the step at each; without normalisation they need not sum to 1, and where predictions
            correct them some may be negative.
    """

    support: F64
    mass: F64

    @cached_property
    def levels(self) -> F64:
        """(m,) F at each return, made to rise within [0, 1]; what is missing at the top is put there."""
        rising = np.cumsum(self.mass)
        if (self.mass < 0).any():
            np.maximum.accumulate(rising, out=rising)
        np.clip(rising, 0.0, 1.0, out=rising)
        rising[-1] = 1.0
        return rising

    def cdf(self, x: F64) -> F64:
        """F at ``x`` (any shape), as estimated: neither made to rise nor kept within [0, 1]."""
        total = np.concatenate([[0.0], np.cumsum(self.mass)])
        return np.asarray(total[np.searchsorted(self.support, x, side="right")])

    def mean(self) -> float:
        """Mean return; unbiased without normalisation."""
        return _dot(self.mass, self.support)

    def variance(self) -> float:
        """Mean squared distance from the mean."""
        return _dot(self.mass, np.square(self.support - self.mean()))

    def quantile(self, share: float) -> float:
        """The least return that at least ``share`` of the episodes do not exceed."""
        in_range("share", share, 0.0, 1.0)
        reached = int(np.searchsorted(self.levels, share - 1e-12))  # a share may miss its step by rounding
        return float(self.support[min(reached, len(self.support) - 1)])

    def cvar(self, share: float) -> float:
        """Conditional value at risk: mean return of the ``share`` of episodes with the least returns.

        (1 / share) times the integral of the quantile function up to ``share`` (Acerbi and Tasche 2002).
        """
        in_range("share", share, 0.0, 1.0, open_low=True)
        below = int(np.searchsorted(self.levels, share))  # the return at which the share is full
        steps = np.diff(self.levels[:below], prepend=0.0)
        last = share - float(self.levels[below - 1]) if below else share
        return (_dot(steps, self.support[:below]) + last * float(self.support[below])) / share


def _dot(one: F64, other: F64) -> float:
    # not BLAS, whose threads cost more than so short a product is worth
    return float(np.einsum("m,m->", one, other))


@dataclass(frozen=True, eq=False)
class PredictedReturns:
    """Predicted distribution of the return under the target from each episode's first state on.

    Attributes:
        atoms: (N, m) predicted returns; with m = n_actions e.g. Q of each first action.
        probability: (N, m) how likely each is; rows sum to 1 within 1e-6.
    """

    atoms: F64
    probability: F64

    def __post_init__(self) -> None:
        if self.atoms.ndim != 2 or self.atoms.shape != self.probability.shape:
            raise InvalidInput("atoms", self.atoms.shape, "give (N, m) atoms and as many probabilities")
        check_finite("atoms", self.atoms)
        check_target(self.probability, len(self.probability))


@dataclass(frozen=True, eq=False)
class ReturnDistribution:
    """Steps of F by the episode that they come from, so that episodes can be resampled.

    Attributes:
        support: (m,) returns, rising.
        mass: (m,) times the number of episodes.
        owner: (m,) the episode of each step.
        weighted: (m,) whether the step bears the episode's weight, so that normalising divides it.
        weight: (N,) the episodes' weights.
        normalised: divide weights by their mean.
        diagnostics: of the weights.
        unit: unit of the return.
        note: what to know beside the numbers.
    """

    support: F64
    mass: F64
    owner: I64
    weighted: Bool
    weight: F64
    normalised: bool
    diagnostics: Diagnostics
    unit: str
    note: str

    @cached_property
    def distribution(self) -> Distribution:
        """The estimated distribution."""
        return self._of(np.ones(len(self.weight)))

    def _of(self, count: F64) -> Distribution:
        mass = self.mass * count[self.owner] / len(count)
        if self.normalised:
            over = _dot(count, self.weight) / len(count)
            mass *= np.where(self.weighted, 1.0 / over, 1.0)
        return Distribution(self.support, mass)

    def estimate(
        self,
        statistic: Callable[[Distribution], float],
        *,
        rng: Generator,
        name: str = "distribution",
        level: float = 0.95,
        resamples: int = RESAMPLES,
    ) -> Estimate:
        """A number read off the distribution, with the percentile bootstrap's interval over episodes.

        Args:
            statistic: e.g. ``lambda returns: returns.cvar(0.1)``.
            rng: decides the resamples.
            name: of the estimate.
            level: nominal coverage.
            resamples: how many; each takes time for N episodes.

        Raises:
            InvalidInput: a level outside (0, 1), no resamples, or fewer than two episodes.
        """
        check_level(level)
        in_range("resamples", resamples, 1, math.inf)
        n = len(self.weight)
        if n < 2:
            raise InvalidInput("episodes", n, "an interval needs at least two")
        values = np.empty(resamples)
        for b in range(resamples):
            count = np.bincount(rng.integers(n, size=n), minlength=n).astype(np.float64)
            empty = self.normalised and not _dot(count, self.weight) > 0
            values[b] = np.nan if empty else statistic(self._of(count))
        low, high = ends(values, (1.0 - level) / 2.0, (1.0 + level) / 2.0)
        verdict, reason = judge(self.diagnostics, weighted=True)
        return Estimate(
            value=statistic(self.distribution),
            low=low,
            high=high,
            level=level,
            interval="bootstrap",
            estimator=name,
            n=n,
            unit=self.unit,
            note=self.note,
            verdict=verdict,
            reason=reason,
            **vars(self.diagnostics),
        )


def return_distribution(
    episodes: Episodes,
    target: Target,
    *,
    gamma: float = 1.0,
    normalised: bool = True,
    predicted: PredictedReturns | None = None,
) -> ReturnDistribution:
    """The distribution of the discounted return of an episode under the target.

    F(x) = mean(w 1[G <= x]), over mean(w) if normalised; with predictions of distribution function p,
    mean(w (1[G <= x] - p(x)) + p(x)), the first part over mean(w) if normalised.

    Args:
        episodes: the log.
        target: the target policy.
        gamma: discount in [0, 1] a step.
        normalised: biased by order 1 / N, usually much less variable, and F reaches 1.
        predicted: from a model not fitted to these episodes.

    Raises:
        InvalidInput: a wrong value or shape, or a target that could have made no episode.
    """
    in_range("gamma", gamma, 0.0, 1.0)
    chosen = episodes.probabilities(target)[np.arange(len(episodes.action)), episodes.action]
    weight = Trajectory()(episodes, chosen / episodes.propensity)[:, 0]
    if not weight.any():
        raise InvalidInput("target", 0.0, f"it could have made none of the {len(weight)} episodes")
    returns, n = episodes.returns(gamma), len(episodes)
    support, mass, owner = [returns], [weight], [np.arange(n)]
    weighted = [np.ones(n, dtype=bool)]
    if predicted is not None:
        if len(predicted.atoms) != n:
            raise InvalidInput("predicted.atoms", predicted.atoms.shape, f"give one row per episode ({n})")
        size, width = predicted.atoms.size, predicted.atoms.shape[1]
        by = np.repeat(np.arange(n), width)
        atoms, share = predicted.atoms.reshape(-1), predicted.probability.reshape(-1)
        support += [atoms, atoms]
        mass += [-share * weight[by], share]
        owner += [by, by]
        weighted += [np.ones(size, dtype=bool), np.zeros(size, dtype=bool)]
    every = np.concatenate(support)
    order = np.argsort(every, kind="stable")
    return ReturnDistribution(
        support=every[order],
        mass=np.concatenate(mass)[order],
        owner=np.concatenate(owner)[order],
        weighted=np.concatenate(weighted)[order],
        weight=weight,
        normalised=normalised,
        diagnostics=diagnose(returns[:, None], weight[:, None], None, math.nan, propensity_p(episodes)),
        unit=episodes.unit,
        note=cut_note(episodes),
    )
