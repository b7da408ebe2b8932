"""Rounds that belong together, such as those of one user, and are then one draw."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ...core.types import F64, I64, AnyArray
from .statistic import Statistic


def cluster_codes(users: AnyArray) -> I64:
    """(n,) integers in [0, number of users), from one label per round."""
    return np.asarray(np.unique(users, return_inverse=True)[1], dtype=np.int64)


def cluster_sums(columns: F64, cluster: I64) -> F64:
    """(clusters, p) sums of ``columns`` (n, p) over the rounds of each cluster."""
    return np.asarray(np.stack([np.bincount(cluster, column) for column in columns.T]).T, dtype=np.float64)


def independent_draws(base: Statistic, cluster: I64 | None, sample_weight: F64 | None) -> Statistic:
    """``base`` itself where its rounds are independent and count once each, else :class:`Clustered`."""
    return base if cluster is None and sample_weight is None else Clustered(base, cluster, sample_weight)


@dataclass(frozen=True, eq=False)
class Clustered(Statistic):
    """``base`` where clusters, not rounds, are the independent draws, and a row may stand for several rounds.

    The value is that of ``base`` at the means over all rounds, each row counted ``sample_weight`` times. How
    many rounds a cluster has is left to chance: a mean is the ratio of two sums over clusters (Liang and
    Zeger 1986, Longitudinal data analysis using generalized linear models; Cochran 1977, section 9A.1).

    With few clusters two corrections count. Each squared influence is divided by 1 - h, h being the
    cluster's share of the rounds: CR2 of the linearised statistic, the bias-reduced linearisation of Bell
    and McCaffrey 2002 (Bias reduction in standard errors for linear regression with multi-stage samples;
    Pustejovsky and Tipton 2018, Small-sample methods for cluster-robust variance estimation). And the
    variance has Satterthwaite's degrees of freedom: those of a chi-squared variable with the same
    coefficient of variation, from the fourth moment of the clusters' influences, at most the clusters less
    one (Pan and Wall 2002, Small-sample adjustments in using the sandwich variance estimator in generalized
    estimating equations).

    Attributes:
        base: of n rounds.
        cluster: (n,) integers in [0, clusters), each of them there; None: every row is its own.
        sample_weight: (n,) > 0, or None for ones.
    """

    base: Statistic
    cluster: I64 | None = None
    sample_weight: F64 | None = None

    @cached_property
    def columns(self) -> F64:
        """(clusters, p + 1) sums over each cluster of the columns and of the sample weights, mean 1."""
        columns = self.base.columns
        weight = np.ones(len(columns)) if self.sample_weight is None else self.sample_weight
        sums = self._sums(np.concatenate([(columns * weight[:, None]).T, [weight]]).T)
        return np.asarray(sums / sums[:, -1].mean())

    @cached_property
    def control(self) -> F64 | None:  # type: ignore[override]
        """(clusters,) as in :class:`Statistic`."""
        control = self.base.control
        if control is None:
            return None
        weighted = control if self.sample_weight is None else control * self.sample_weight
        sums = self._sums(weighted[:, None])[:, 0]
        total = len(control) if self.sample_weight is None else float(self.sample_weight.sum())
        return np.asarray(sums * (len(sums) / total))

    def of_means(self, means: AnyArray) -> AnyArray:
        """See :class:`Statistic`."""
        return self.base.of_means(means[..., :-1] / means[..., -1:])

    @property
    def standard_error(self) -> float:
        """CR2; see the class."""
        return math.sqrt(float(self._squares.sum())) / len(self)

    @property
    def degrees_of_freedom(self) -> float:
        """Satterthwaite's; see the class."""
        clusters, total = len(self), float(self._squares.sum())
        if total == 0:
            return clusters - 1.0
        uncertainty = float(np.square(self._squares / total).sum()) - 1.0 / clusters
        return min(clusters - 1.0, 2.0 / uncertainty) if uncertainty > 0 else clusters - 1.0

    @cached_property
    def _squares(self) -> F64:
        """(clusters,) squared influences over 1 - h."""
        share = self.columns[:, -1] / len(self)
        return np.square(self.influence()) / (1.0 - share)

    def _sums(self, columns: F64) -> F64:
        return columns if self.cluster is None else cluster_sums(columns, self.cluster)
