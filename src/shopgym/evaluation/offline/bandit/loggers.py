"""Inputs from logs of several behaviour policies."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ....core.errors import InvalidInput
from ....core.types import AnyArray
from ..checks import as_floats, refuse
from ..inputs import OpeInputs


def logger_inputs(
    reward: AnyArray,
    action: AnyArray,
    logger: AnyArray,
    propensities: AnyArray,
    target: AnyArray,
    q: AnyArray | None = None,
    *,
    balanced: bool = True,
    unit: str = "reward",
) -> OpeInputs:
    """Inputs from the pooled logs of L behaviour policies (Agarwal, Basu, Schnabel and Joachims 2017).

    Args:
        reward, action, target, q: as in :meth:`OpeInputs.from_actions`.
        logger: (n,) integers in [0, L), who logged the round.
        propensities: (n, L) each policy's probability of the logged action in this context, in [0, 1].
        balanced: weigh by the mixture of all policies, in proportion to their rounds: ``ips`` is then their
            balanced estimator, never worse than with each policy's own propensity. False takes the latter:
            ``ips`` is then the naive estimator and ``ips-by-logger`` their weighted one.
        unit: unit of the reward.

    Raises:
        InvalidInput: anything that is not as above, with row numbers.
    """
    logger, propensities = np.asarray(logger), as_floats("propensities", propensities)
    if logger.ndim != 1 or logger.dtype.kind not in "iu":
        raise InvalidInput("logger", (logger.shape, str(logger.dtype)), "give one whole number per round")
    if propensities.ndim != 2 or len(propensities) != len(logger):
        raise InvalidInput("propensities", propensities.shape, "give shape (rounds, loggers)")
    loggers = propensities.shape[1]
    refuse("logger", logger, (logger < 0) | (logger >= loggers), f"give 0 to {loggers - 1}")
    refuse("propensities", propensities, ~((propensities >= 0) & (propensities <= 1)), "give probabilities")
    logger = logger.astype(np.int64)
    own = propensities[np.arange(len(logger)), logger]
    fix = "the policy that logged an action gave it more than probability 0"
    refuse("propensities", propensities, own == 0, fix)
    mixture = propensities @ (np.bincount(logger, minlength=loggers) / len(logger))
    inputs = OpeInputs.from_actions(reward, action, mixture if balanced else own, target, q, unit=unit)
    return replace(inputs, logger=logger)
