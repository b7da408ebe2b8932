"""Estimators that see a slate as a whole."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..inputs import OpeInputs
from ..terms import Terms
from ..weighted import StatisticEstimator, require_model, require_overlap


@dataclass(frozen=True)
class CascadeDR(StatisticEstimator):
    """mean of sum_j w_j (r_j - q_j) + w_{j-1} v_j, with weights of the cascade model and w_0 = 1.

    Kiyohara, Saito, Matsuhiro, Narita, Shimizu and Yamamoto 2022 (Doubly robust off-policy evaluation for
    ranking policies under the cascade behavior model). With one slot it is dr. v_j is the target's mean
    prediction at slot j given what the log shows before it. Right whatever the predictions are; narrowest
    when those of slot j are of the rewards from j on.
    """

    name: str = "cascade-dr"
    needs_model: bool = True

    def statistic(self, inputs: OpeInputs) -> Terms:
        """See :class:`..weighted.Estimator`."""
        require_overlap(inputs)
        q_logged, v_target = require_model(self.name, inputs)
        total = np.einsum("nk,nk->n", inputs.weight, inputs.reward - q_logged) + v_target[:, 0]
        total += np.einsum("nk,nk->n", inputs.weight[:, :-1], v_target[:, 1:])
        return Terms(total[:, None], None, inputs.control)


@dataclass(frozen=True)
class PseudoInverse(StatisticEstimator):
    """mean of R (1 + sum_j (w_j - 1)), R the slate's reward and w_j the slot's marginal ratio.

    The pseudo-inverse estimator for behaviour policies that draw slots independently (Swaminathan et al.
    2017, example 4): right when the slate's expected reward is a sum over slots, also when only R is known.
    ``normalised`` divides by the mean of the second factor (their wPI). With one slot they are ips and snips.
    """

    name: str = "pi"
    normalised: bool = False

    def statistic(self, inputs: OpeInputs) -> Terms:
        """See :class:`..weighted.Estimator`."""
        require_overlap(inputs)
        slots = inputs.weight.shape[1]
        factor = slots * inputs.control[:, None] + 1.0
        product = factor * inputs.reward.sum(axis=1, keepdims=True)
        return Terms(product, factor if self.normalised else None, inputs.control)
