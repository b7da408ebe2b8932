"""Diagnostics of the weights and of the reward model: how far an estimate can be trusted."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import numpy as np

from ...core.types import F64, I64
from ..intervals.clusters import cluster_sums
from .pareto import pareto_k

TAIL = 0.01
"""The share of rounds whose weight is the tail mass."""


@dataclass(frozen=True)
class Diagnostics:
    """Diagnostics of one log and target; the worst slot counts where there are several.

    Attributes:
        ess: effective sample size (sum w)^2 / sum w^2 (Kish 1965).
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
        propensity_p: p-value of the logged propensities (:func:`.support.calibration_p`); NaN if unknown.
        model_error: root mean square of reward less prediction, in units of the reward; NaN without a model.
        model_z: mean(w (r - q)), the error that the weights see in the direct method, in standard errors.
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
) -> Diagnostics:
    """Diagnostics of rewards, weights and predictions, each (n, k); ``cluster`` (n,) as in
    :class:`.inputs.OpeInputs`: effective rounds are then of users, and standard errors over them."""
    draws = weight if cluster is None else cluster_sums(weight, cluster)
    mean, squares = draws.mean(axis=0), np.einsum("nk,nk->k", weight, weight)
    square = np.einsum("nk,nk->k", draws, draws) / len(draws)
    error = np.sqrt(np.maximum(square - mean**2, 0.0) / len(draws))
    ess = len(draws) * np.divide(mean**2, square, out=np.zeros_like(mean), where=square > 0)
    away = np.abs(mean - 1.0) > 1e-6  # target rows sum to 1 within this much
    z = np.where(away, np.copysign(np.inf, mean - 1.0), 0.0)
    np.divide(mean - 1.0, error, out=z, where=away & (error > 0))
    shapes = [pareto_k(column) for column in weight.T]
    fitted_shapes = [shape for shape in shapes if not math.isnan(shape)]
    one_slot, pairs = weight.shape[1] == 1, pair_products(weight)
    if cluster is not None:
        pairs = cluster_sums(pairs[:, None], cluster)[:, 0]
    model_error = model_z = math.nan
    if q_logged is not None:
        residual = reward - q_logged
        model_error = math.sqrt(float(np.einsum("nk,nk->", residual, residual)) / len(residual))
        residual *= weight
        correction = residual.sum(axis=1)
        if cluster is not None:
            correction = cluster_sums(correction[:, None], cluster)[:, 0]
        spread = float(correction.std()) / math.sqrt(len(correction))
        model_z = float(correction.mean()) / spread if spread > 0 else 0.0
    return Diagnostics(
        ess=float(ess.min()),
        max_weight=float(weight.max()),
        max_share=max_share(weight.max(axis=0), squares),
        tail_mass=max(_tail_mass(column) for column in weight.T),
        pareto_k=max(fitted_shapes, default=math.nan),
        mean_weight=float(mean.mean()),
        weight_z=float(z[np.argmax(np.abs(z))]),
        pair_z=math.nan if one_slot else pair_z(float(pairs.mean()), float(pairs.std()), len(pairs)),
        unsupported=unsupported,
        propensity_p=propensity_p,
        model_error=model_error,
        model_z=model_z,
    )


def pair_products(weight: F64) -> F64:
    """(n,) mean product of the weights (n, k) of two slots; 0 of one slot."""
    slots = weight.shape[1]
    total = weight.sum(axis=1) ** 2 - np.einsum("nk,nk->n", weight, weight)
    return np.asarray(total / max(1, slots * (slots - 1)))


def pair_z(mean: float, spread: float, n: int) -> float:
    """How far the mean of :func:`pair_products` is from 1, in standard errors."""
    away = mean - 1.0
    if spread > 0:
        return away / (spread / math.sqrt(n))
    return math.copysign(math.inf, away) if abs(away) > 1e-6 else 0.0


def max_share(heaviest: F64, squares: F64) -> float:
    """Of the worst slot, from the largest weight (k,) and the sum of squared weights (k,)."""
    return float(np.divide(heaviest**2, squares, out=np.zeros_like(squares), where=squares > 0).max())


def _tail_mass(weight: F64) -> float:
    total = float(weight.sum())
    count = math.ceil(TAIL * len(weight))
    top = np.partition(weight, len(weight) - count)[len(weight) - count :]
    return float(top.sum()) / total if total > 0 else 0.0
