"""A value with its interval and the diagnostics that say how far to trust it."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Estimate:
    """What an estimator says of a target policy (or of a difference of two).

    Attributes:
        value: mean reward of a round (a request: the sum over its slots), in ``unit``.
        low, high: two-sided interval at ``level``; ``low`` alone is a lower bound at (1 + level) / 2.
        level: nominal coverage, e.g. 0.95.
        interval: how it was made, ``delta`` or ``bootstrap``.
        estimator: short name, e.g. ``snips``.
        n: rounds.
        ess: effective sample size (sum w)^2 / sum w^2 of the slot where it is smallest.
        max_weight: largest importance weight.
        mean_weight: mean importance weight; 1 in expectation when the log's propensities are right and
            the behaviour policy could show all that the target shows.
        unsupported: share of the target's probability on actions that the log never shows; NaN when the
            source cannot tell.
        unit: unit of ``value``, e.g. ``click``.
        note: what the reader has to know beside the numbers; may be empty.
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

    def as_dict(self) -> dict[str, Any]:
        """JSON-able columns by name; what is not finite becomes None."""
        return {
            name: None if isinstance(value, float) and not math.isfinite(value) else value
            for name, value in asdict(self).items()
        }
