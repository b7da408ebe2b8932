"""A value with its interval and the diagnostics that say how far to trust it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Estimate:
    """What an estimator says of a target policy (or of a difference of two).

    Attributes:
        value: mean reward of a round (a request: the sum over its slots), in ``unit``.
        low, high: two-sided interval at ``level``; ``low`` alone is a lower bound at (1 + level) / 2.
        level: nominal coverage, e.g. 0.95.
        interval: how it was made, e.g. ``delta`` or ``bootstrap``.
        estimator: short name, e.g. ``snips``.
        n: rounds.
        ess, max_weight, max_share, mean_weight, unsupported, tail_mass, pareto_k, weight_z, pair_z,
        propensity_p, model_error, model_z, clusters, effective_clusters,
        propensity_excess: see :class:`.diagnostics.Diagnostics`.
        skewness, error_rounds, shift: of this estimator (:class:`.influence.Influence`); NaN if not known.
        unit: unit of ``value``, e.g. ``click``.
        note: what the reader has to know beside the numbers; may be empty.
        verdict: ``trust``, ``caution`` or ``refuse`` (:mod:`.verdict`).
        reason: why not trust, in words; empty for ``trust``.
    """

    value: float
    low: float
    high: float
    level: float
    interval: str
    estimator: str
    n: int
    ess: float
    max_weight: float
    mean_weight: float
    unsupported: float
    unit: str
    note: str = ""
    max_share: float = math.nan
    tail_mass: float = math.nan
    pareto_k: float = math.nan
    weight_z: float = math.nan
    pair_z: float = math.nan
    propensity_p: float = math.nan
    model_error: float = math.nan
    model_z: float = math.nan
    clusters: float = math.nan
    effective_clusters: float = math.nan
    propensity_excess: float = math.nan
    skewness: float = math.nan
    error_rounds: float = math.nan
    shift: float = math.nan
    verdict: str = ""
    reason: str = ""

    def as_dict(self) -> dict[str, Any]:
        """JSON-able columns by name; what is not finite becomes None."""
        return without_infinity(asdict(self))


def without_infinity(row: Mapping[str, Any]) -> dict[str, Any]:
    """The row with None in place of infinity and NaN, which JSON does not know."""
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in row.items()
    }
