"""Diagnostics of the weights and of the reward model: how far an estimate can be trusted."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import numpy as np

from ...core.types import F64, I64
from ..intervals.clusters import cluster_sums
from .pareto import pareto_k

HARMLESS = 1e-4
"""A mean weight that is nearer to 1 than this does no harm, however sure it is; rounding may do as much."""
TAIL = 0.01
"""The share of rounds whose weight is the tail mass."""


@dataclass(frozen=True)
class Diagnostics:
    """Diagnostics of one log and target; the worst slot counts where there are several.

    Attributes:
        ess: effective sample size (sum w)^2 / sum w^2 of the rounds (Kish 1965); like all here but
            ``max_weight``, with w times the round's sample weight where there is one.
        max_weight: largest importance weight.
        max_share: share of the heaviest round in sum w^2. Where w has a tail of Pareto-k > 1/2 it does not
            vanish, however long the log (O'Brien 1980, A limit theorem for sample maxima and heavy branches).
        tail_mass: share of the weight that lies on the heaviest 1% of rounds.
        pareto_k: shape of the weights' tail (:func:`.pareto.pareto_k`); NaN when it has none.
        mean_weight: mean importance weight, over rounds and slots; 1 in expectation.
        weight_z: the mean weight less 1, in standard errors, of the slot where it is largest.
        pair_z: of several slots, the mean product of two slots' weights less 1, in standard errors: 0 in
            expectation if the behaviour policy draws the slots independently; NaN of one slot.
        unsupported: share of the target's probability on actions the log never shows; NaN if unknown.
        propensity_p: p-value of the logged propensities (:meth:`.support.Support.p_value`); NaN if unknown.
        model_error: root mean square of reward less prediction, in units of the reward; NaN without a model.
        model_z: mean(w (r - q)), the error that the weights see in the direct method, in standard errors.
        clusters: number of clusters, such as users; NaN where rounds are independent.
        effective_clusters: (sum W)^2 / sum W^2 of each cluster's sum of w; NaN likewise.
        propensity_excess: the share by which some action is logged more often than its propensities say, at
            least (:meth:`.support.Support.excess`); NaN if unknown.
    """

    ess: float
    max_weight: float
    max_share: float
    tail_mass: float
    pareto_k: float
    mean_weight: float
    weight_z: float
    pair_z: float
    unsupported: float
    propensity_p: float
    model_error: float
    model_z: float
    clusters: float = math.nan
    effective_clusters: float = math.nan
    propensity_excess: float = math.nan

    def worse(self, other: Diagnostics) -> Diagnostics:
        """The worse of two, field by field; a number is worse than NaN."""
        worst = {}
        for field in fields(self):
            one, two = getattr(self, field.name), getattr(other, field.name)
            bad = _BADNESS.get(field.name, lambda value: value)
            worst[field.name] = two if math.isnan(one) or bad(two) > bad(one) else one
        return Diagnostics(**worst)


_BADNESS = {
    "ess": lambda value: -value,
    "clusters": lambda value: -value,
    "effective_clusters": lambda value: -value,
    "propensity_p": lambda value: -value,
    "mean_weight": lambda value: abs(value - 1.0),
    "weight_z": abs,
    "pair_z": abs,
    "model_z": abs,
}


def diagnose(
    reward: F64,
    weight: F64,
    q_logged: F64 | None,
    unsupported: float,
    propensity_p: float,
    cluster: I64 | None = None,
    sample_weight: F64 | None = None,
) -> Diagnostics:
    """Diagnostics of rewards, weights and predictions, each (n, k).

    ``cluster`` and ``sample_weight`` (n,) as in :class:`.inputs.OpeInputs`: a round counts its sample weight
    times, and standard errors are those over clusters.
    """
    counted = weight if sample_weight is None else weight * (sample_weight / sample_weight.mean())[:, None]
    squares = np.einsum("nk,nk->k", counted, counted)
    by_cluster = None if cluster is None else cluster_sums(counted, cluster)
    mean, error = _mean_and_error(weight, cluster, sample_weight)
    away = np.abs(mean - 1.0) > HARMLESS
    z = np.where(away, np.copysign(np.inf, mean - 1.0), 0.0)
    np.divide(mean - 1.0, error, out=z, where=away & (error > 0))
    shapes = [pareto_k(column) for column in counted.T]
    fitted_shapes = [shape for shape in shapes if not math.isnan(shape)]
    pairs_z = model_error = model_z = math.nan
    if weight.shape[1] > 1:
        pairs_z = pair_z(*_mean_and_error(pair_products(weight)[:, None], cluster, sample_weight))
    if q_logged is not None:
        residual = reward - q_logged
        square = np.einsum("nk,nk->n", residual, residual)
        model_error = math.sqrt(float(np.average(square, weights=sample_weight)))
        residual *= weight
        value, spread = _mean_and_error(residual.sum(axis=1, keepdims=True), cluster, sample_weight)
        model_z = float(value[0] / spread[0]) if spread[0] > 0 else 0.0
    return Diagnostics(
        ess=float(kish(counted).min()),
        max_weight=float(weight.max()),
        max_share=max_share(counted.max(axis=0), squares),
        tail_mass=max(_tail_mass(column) for column in counted.T),
        pareto_k=max(fitted_shapes, default=math.nan),
        mean_weight=float(mean.mean()),
        weight_z=float(z[np.argmax(np.abs(z))]),
        pair_z=pairs_z,
        unsupported=unsupported,
        propensity_p=propensity_p,
        model_error=model_error,
        model_z=model_z,
        clusters=math.nan if by_cluster is None else float(len(by_cluster)),
        effective_clusters=math.nan if by_cluster is None else float(kish(by_cluster).min()),
    )


def kish(weight: F64) -> F64:
    """(k,) the effective number (sum w)^2 / sum w^2 of rows of weights (n, k) (Kish 1965)."""
    squares = np.einsum("nk,nk->k", weight, weight)
    total = weight.sum(axis=0)
    return np.asarray(np.divide(total**2, squares, out=np.zeros_like(squares), where=squares > 0))


def _mean_and_error(columns: F64, cluster: I64 | None, sample_weight: F64 | None) -> tuple[F64, F64]:
    """Means (k,) of columns (n, k) and their standard errors, without small-sample corrections."""
    size = np.ones(len(columns)) if sample_weight is None else sample_weight
    total = float(size.sum())
    mean = size @ columns / total
    away = (columns - mean) * size[:, None]
    if cluster is not None:
        away = cluster_sums(away, cluster)
    return mean, np.sqrt(np.einsum("nk,nk->k", away, away)) / total


def pair_products(weight: F64) -> F64:
    """(n,) mean product of the weights (n, k) of two slots; 0 of one slot."""
    slots = weight.shape[1]
    total = weight.sum(axis=1) ** 2 - np.einsum("nk,nk->n", weight, weight)
    return np.asarray(total / max(1, slots * (slots - 1)))


def pair_z(mean: F64, error: F64) -> float:
    """How far the mean (1,) of :func:`pair_products` is from 1, in standard errors (1,)."""
    away = float(mean[0]) - 1.0
    if error[0] > 0:
        return away / float(error[0])
    return math.copysign(math.inf, away) if abs(away) > 1e-6 else 0.0


def max_share(heaviest: F64, squares: F64) -> float:
    """Of the worst slot, from the largest weight (k,) and the sum of squared weights (k,)."""
    return float(np.divide(heaviest**2, squares, out=np.zeros_like(squares), where=squares > 0).max())


def _tail_mass(weight: F64) -> float:
    total = float(weight.sum())
    count = math.ceil(TAIL * len(weight))
    top = np.partition(weight, len(weight) - count)[len(weight) - count :]
    return float(top.sum()) / total if total > 0 else 0.0
