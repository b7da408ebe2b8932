"""The estimators by name.

What a setting needs beside these (several loggers, continuous or embedded actions, balancing weights,
slates) is a matter of how its inputs are built: :mod:`.bandit` and :mod:`.slate`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any
from warnings import warn

from ...core.errors import one_of
from .empirical_likelihood import EmpiricalLikelihood
from .estimator import Estimator
from .loggers import ByLogger
from .slate.estimators import CascadeDR, PseudoInverse
from .smoothing import Clipped, Exponential, Logarithmic, Optimistic, SubGaussian, Switched
from .tuning import Tuned
from .weighted import DR, IPS, SNIPS, Direct, Weighted

LEVELS = (1.0, 5.0, 10.0, 50.0, 100.0, 500.0, 1000.0, 5000.0)
"""Weights and shrinkages to choose from."""
POWERS = (1.0, 0.9, 0.75, 0.5)
"""Powers of the propensity to choose from."""

DEFAULT_ESTIMATORS: Mapping[str, Estimator] = {
    estimator.name: estimator
    for estimator in (
        IPS,
        SNIPS,
        Direct(),
        DR,
    )
}
"""Those that are shown unless others are asked for."""

ESTIMATORS: Mapping[str, Estimator] = {
    estimator.name: estimator
    for estimator in (
        *DEFAULT_ESTIMATORS.values(),
        Weighted("clipped-ips", Clipped()),
        Weighted("clipped-dr", Clipped(), needs_model=True),
        Weighted("sndr", needs_model=True, normalised=True),  # Robins et al. 2007, normalised weights
        Tuned("switch-dr", DR, tuple(map(Switched, (*LEVELS, math.inf))), "reward-bound"),
        Tuned("dr-os", DR, tuple(map(Optimistic, LEVELS))),
        Weighted("sg-ips", SubGaussian()),
        Weighted("sg-dr", SubGaussian(), needs_model=True),
        Weighted("log-smoothing", Logarithmic()),
        Tuned("exp-smoothing", IPS, tuple(map(Exponential, POWERS))),
        Weighted("replay", SubGaussian(1.0), normalised=True),  # Li, Chu, Langford and Wang 2011
        EmpiricalLikelihood(),
        ByLogger("ips-by-logger", IPS),
        ByLogger("dr-by-logger", DR),
        CascadeDR(),
        PseudoInverse(),
        PseudoInverse("snpi", normalised=True),
    )
}
"""All of them."""


def estimator_named(estimator: str | Estimator) -> Estimator:
    """The estimator of that name, or the one that was given.

    Raises:
        InvalidInput: no estimator has this name.
    """
    if not isinstance(estimator, str):
        return estimator
    one_of("estimator", estimator, ESTIMATORS)
    return ESTIMATORS[estimator]


__all__ = ["ESTIMATORS", "LEVELS", "POWERS", "Estimator", "estimator_named"]


def __getattr__(name: str) -> Any:
    if name == "ZOO":
        warn("ZOO was renamed: use ESTIMATORS", DeprecationWarning, stacklevel=2)
        return ESTIMATORS
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
