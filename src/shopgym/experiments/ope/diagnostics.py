"""What tells how far an estimate can be trusted, and the verdict drawn from it."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import numpy as np

from ...core.types import F64
from .pareto import pareto_k

TAIL = 0.01
"""The share of rounds whose weight is the tail mass."""


@dataclass(frozen=True)
class Diagnostics:
    """Of the weights and the reward model of one log and target; over slots the worst.

    Attributes:
        ess: effective sample size (sum w)^2 / sum w^2 (Kish 1965).
        max_weight: largest importance weight.
        tail_mass: share of the weight that lies on the heaviest 1% of rounds.
        pareto_k: shape of the weights' tail (:func:`.pareto.pareto_k`); NaN when it has none.
        mean_weight: mean importance weight, over rounds and slots; 1 in expectation.
        weight_z: the mean weight less 1, in standard errors, of the slot where it is largest.
        unsupported: share of the target's probability on actions the log never shows; NaN if unknown.
        propensity_p: p-value of the logged propensities (:func:`.calibration.calibration_p`); NaN if unknown.
        model_error: root mean square of reward less prediction, in units of the reward; NaN without a model.
        model_z: mean(w (r - q)), the error that the weights see in the direct method, in standard errors.
    """

    ess: float
    max_weight: float
    tail_mass: float
    pareto_k: float
    mean_weight: float
    weight_z: float
    unsupported: float
    propensity_p: float
    model_error: float
    model_z: float

    def worse(self, other: Diagnostics) -> Diagnostics:
        """The worse of two, figure by figure; NaN gives way to a number."""
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
    "model_z": abs,
}


def diagnose(
    reward: F64, weight: F64, q_logged: F64 | None, unsupported: float, propensity_p: float
) -> Diagnostics:
    """Diagnostics of rewards, weights and predictions, each (n, k)."""
    mean = weight.mean(axis=0)
    square = np.einsum("nk,nk->k", weight, weight) / len(weight)
    error = np.sqrt(np.maximum(square - mean**2, 0.0) / len(weight))
    ess = len(weight) * np.divide(mean**2, square, out=np.zeros_like(mean), where=square > 0)
    away = np.abs(mean - 1.0) > 1e-6  # target rows sum to 1 within this much
    z = np.divide(
        mean - 1.0, error, out=np.where(away, np.copysign(np.inf, mean - 1.0), 0.0), where=away & (error > 0)
    )
    shapes = [pareto_k(column) for column in weight.T]
    known = [shape for shape in shapes if not math.isnan(shape)]
    model_error = model_z = math.nan
    if q_logged is not None:
        residual = reward - q_logged
        model_error = math.sqrt(float(np.einsum("nk,nk->", residual, residual)) / len(residual))
        residual *= weight
        correction = residual.sum(axis=1)
        spread = float(correction.std()) / math.sqrt(len(correction))
        model_z = float(correction.mean()) / spread if spread > 0 else 0.0
    return Diagnostics(
        ess=float(ess.min()),
        max_weight=float(weight.max()),
        tail_mass=max(_tail_mass(column) for column in weight.T),
        pareto_k=max(known, default=math.nan),
        mean_weight=float(mean.mean()),
        weight_z=float(z[np.argmax(np.abs(z))]),
        unsupported=unsupported,
        propensity_p=propensity_p,
        model_error=model_error,
        model_z=model_z,
    )


def _tail_mass(weight: F64) -> float:
    total = float(weight.sum())
    count = math.ceil(TAIL * len(weight))
    top = np.partition(weight, len(weight) - count)[len(weight) - count :]
    return float(top.sum()) / total if total > 0 else 0.0
