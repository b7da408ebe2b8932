"""A test of weights that are coarser than the action, against the weights of the actions themselves."""

from __future__ import annotations

import math

import numpy as np

from ....core.types import F64, I64
from ...intervals.statistic import Terms
from ..influence import Influence
from ..verdict import THRESHOLDS


def contradiction(left: F64, weight: F64, action: I64, behaviour: F64, target: F64) -> float:
    """How far the value by ``weight`` is from that by the actions' weights, in standard errors.

    Both have the same expectation if the assumption holds. NaN where the log cannot tell: the target takes
    actions that the behaviour policy never does, or the difference rests on too few rounds to be normal
    (:class:`..influence.Influence`), as it does where actions are so many that their weights are of no use.

    Args:
        left: (n,) reward, or what a model left of it.
        weight: (n,) the weights in question.
        action: (n,) in [0, A).
        behaviour, target: (n, A) probabilities of the two policies.
    """
    rows = np.arange(len(action))
    if ((behaviour == 0) & (target > 0)).any():
        return math.nan
    difference = Terms(((target[rows, action] / behaviour[rows, action] - weight) * left)[:, None])
    if Influence.from_statistic(difference).error_rounds < THRESHOLDS.error_caution:
        return math.nan
    return difference.value / difference.standard_error
