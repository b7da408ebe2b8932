"""Estimators that see a slate as a whole."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...intervals.statistic import Terms
from ..diagnostics import Diagnostics
from ..estimator import Estimator
from ..inputs import OpeInputs
from ..verdict import CAUTION, REFUSE, THRESHOLDS, Reason, off
from ..weighted import require_model, require_overlap


@dataclass(frozen=True)
class CascadeDR(Estimator):
    """mean of sum_j w_j (r_j - q_j) + w_{j-1} v_j, with weights of the cascade model and w_0 = 1.

    Kiyohara, Saito, Matsuhiro, Narita, Shimizu and Yamamoto 2022 (Doubly robust off-policy evaluation for
    ranking policies under the cascade behavior model). With one slot it is dr. v_j is the target's mean
    prediction at slot j given what the log shows before it. Right whatever the predictions are; narrowest
    when those of slot j are of the rewards from j on.
    """

    name: str = "cascade-dr"
    needs_model: bool = True

    def misfits(self, inputs: OpeInputs, diagnostics: Diagnostics) -> tuple[Reason, ...]:
        """See :class:`..estimator.Estimator`; predictions given the slots before are what it is for."""
        return tuple(inputs.assumption_reasons())

    def statistic(self, inputs: OpeInputs) -> Terms:
        """See :class:`..estimator.Estimator`."""
        require_overlap(inputs)
        q_logged, v_target = require_model(self.name, inputs)
        total = np.einsum("nk,nk->n", inputs.weight, inputs.reward - q_logged) + v_target[:, 0]
        total += np.einsum("nk,nk->n", inputs.weight[:, :-1], v_target[:, 1:])
        return Terms(total[:, None], None, inputs.control)


@dataclass(frozen=True)
class PseudoInverse(Estimator):
    """mean of R times the slate's weight: the pseudo-inverse estimator (Swaminathan et al. 2017, Off-policy
    evaluation for slate recommendation), right when the expected reward R of a slate is a sum over its slots,
    also when only R is known.

    The weight is that of the inputs (``slate_weight``, from :mod:`.weights`), exact for how the slots were
    drawn. Without it, it is 1 + sum_j (w_j - 1), w_j the slot's marginal ratio, which holds if the behaviour
    policy draws the slots independently of one another (their example 4) and not if it draws them without
    replacement; the verdict says so. ``normalised`` divides by the mean of the weights (their wPI). With one
    slot they are ips and snips.
    """

    name: str = "pi"
    normalised: bool = False

    def misfits(self, inputs: OpeInputs, diagnostics: Diagnostics) -> tuple[Reason, ...]:
        """See :class:`..estimator.Estimator`."""
        if inputs.weight.shape[1] == 1 or inputs.slate_weight is not None:
            return tuple(inputs.assumption_reasons())
        if inputs.chained:
            return ((REFUSE, "it needs each slot's own ratio, and the log has only products over slots"),)
        if abs(diagnostics.pair_z) > THRESHOLDS.z:
            return (
                (
                    REFUSE,
                    "it takes the slots as drawn independently, but the product of two slots' weights "
                    f"does not average 1 ({off(diagnostics.pair_z)}), as without replacement",
                ),
            )
        return ((CAUTION, "it takes the slots as drawn independently, which the log does not say"),)

    def statistic(self, inputs: OpeInputs) -> Terms:
        """See :class:`..estimator.Estimator`."""
        require_overlap(inputs)
        if inputs.slate_weight is None:
            factor = inputs.weight.shape[1] * inputs.control[:, None] + 1.0
        else:
            factor = inputs.slate_weight[:, None]
        product = factor * inputs.reward.sum(axis=1, keepdims=True)
        return Terms(product, factor if self.normalised else None, inputs.control)
