"""Importance weighting, the direct method and doubly robust: one class makes all but dm.

:mod:`.estimators` registers the objects: ``ips``, ``snips``, ``dr``, ``sndr``, ``replay`` and those with
smoothed weights (``clipped-ips``, ``sg-dr`` ...) are :class:`Weighted`; ``dm`` is :class:`Direct`. They
return the terms of each round; their means are taken in :mod:`shopgym.evaluation.intervals.statistic`.

Notation, for round i and slot j of k: reward r; importance weight w, the target's over the logged
probability of what was shown; g, the smoothed weight (g = w where nothing is smoothed); q, the predicted
reward of what was shown; v, the predicted reward under the target policy. With one slot these are the
textbook forms::

    ips      V = 1/n sum_i sum_j g_ij r_ij
    snips    V = sum_j (sum_i g_ij r_ij) / (sum_i g_ij)
    dm       V = 1/n sum_i sum_j v_ij
    dr       V = 1/n sum_i sum_j [ v_ij + g_ij (r_ij - q_ij) ]
    sndr     V = 1/n sum_i sum_j v_ij + sum_j (sum_i g_ij (r_ij - q_ij)) / (sum_i g_ij)

Sources: ips, Horvitz and Thompson 1952; snips, Swaminathan and Joachims 2015 (The self-normalized estimator
for counterfactual learning); dm and dr, Dudik, Langford and Li 2011 (Doubly robust policy evaluation and
learning); sndr, Robins, Sued, Lei-Gomez and Rotnitzky 2007, with normalised weights.

dr is unbiased if the propensities are right, whatever the model says; it is also right if the model is
right, whatever the propensities are. q and v come from the cross-fitted model of :mod:`.reward_model`.

With k > 1 slots each slot has its own weight, and the slots are added up. This is the item-position model
of Li et al. 2018 (Offline evaluation of ranking policies with click models). It is unbiased when the reward
of a slot depends on the request and on that slot's item only. A setting such as several loggers or embedded
actions changes the weights of the inputs, not the estimator: see the builders in :mod:`.bandit` and
:mod:`.slate`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ...core.types import F64
from ..errors import NoOverlap, NotEstimable
from ..intervals.statistic import Statistic, Terms
from .agreement import unchecked_model
from .estimator import Estimator
from .inputs import OpeInputs
from .smoothing import Smoothing, Unchanged
from .verdict import REFUSE, Reason

UNCHANGED = Unchanged()


@dataclass(frozen=True)
class Weighted(Estimator):
    """ips, snips, dr and sndr, with or without smoothed weights; the equations are at the top of this file.

    Attributes:
        name: short name.
        smoothing: from inputs to the weights g.
        needs_model: whether the model's predictions are used (doubly robust).
        normalised: divide the second mean by mean(g), slot by slot.
        caveat: what the interval leaves out.
    """

    name: str
    smoothing: Smoothing = UNCHANGED
    needs_model: bool = False
    normalised: bool = False
    caveat: str = ""

    def statistic(self, inputs: OpeInputs) -> Statistic:
        """See :class:`.estimator.Estimator`."""
        require_overlap(inputs)
        weight = self.smoothing(inputs)
        if not self.needs_model:
            product = weight * inputs.reward
            if self.normalised:
                require_weight(weight, len(inputs))
                return Terms(product, weight, inputs.control)
            return Terms(product, None, inputs.control)
        q_logged, v_target = require_model(self.name, inputs)
        product = inputs.reward - q_logged
        product *= weight
        if self.normalised:
            require_weight(weight, len(inputs))
            base = v_target.sum(axis=1, keepdims=True)
            numerator = np.concatenate([base.T, product.T]).T
            denominator = np.concatenate([np.ones_like(base.T), weight.T]).T
            return Terms(numerator, denominator, inputs.control)
        product += v_target
        return Terms(product, None, inputs.control)

    def raw(self, inputs: OpeInputs) -> Statistic | None:
        """See :class:`.estimator.Estimator`."""
        return None if self.smoothing == UNCHANGED else replace(self, smoothing=UNCHANGED).statistic(inputs)


@dataclass(frozen=True)
class Direct(Estimator):
    """mean(v), the direct method (Dudik, Langford and Li 2011)."""

    name: str = "dm"
    needs_model: bool = True
    weighted: bool = False

    def statistic(self, inputs: OpeInputs) -> Statistic:
        """See :class:`.estimator.Estimator`."""
        _, v_target = require_model(self.name, inputs)
        return Terms(v_target, None, inputs.control)

    def checks(self, inputs: OpeInputs) -> tuple[Reason, ...]:
        """See :class:`.estimator.Estimator`; where the weights say nothing, nothing checks the model."""
        unchecked = unchecked_model(_verdict(each, inputs) for each in (SNIPS, IPS, DR))
        return (*unchecked, *super().checks(inputs))


IPS = Weighted("ips")
"""Horvitz and Thompson 1952; Strehl et al. 2010."""
SNIPS = Weighted("snips", normalised=True)
"""Swaminathan and Joachims 2015."""
DR = Weighted("dr", needs_model=True)
"""Dudik, Langford and Li 2011."""


def _verdict(estimator: Estimator, inputs: OpeInputs) -> str:
    try:
        return estimator.estimate(inputs).verdict
    except NotEstimable:
        return REFUSE


def require_overlap(inputs: OpeInputs) -> None:
    """Refuse a slot without any weight: a weighted mean would be 0 whatever the truth is."""
    if inputs.ess > 0:
        return
    slot = np.flatnonzero(~(inputs.weight > 0).any(axis=0))[0]
    place = f" at slot {slot + 1} of {inputs.slots}" if inputs.slots > 1 else ""
    reason = f"the target never shows what was logged{place} in any of {len(inputs):,} rounds"
    fix = "this log cannot weigh it; evaluate a target that overlaps with the log"
    raise NoOverlap("inputs.weight", 0.0, f"{reason}: {fix}")


def require_weight(weight: F64, n: int) -> None:
    """Refuse to normalise smoothed weights that are all 0 at a slot."""
    if not (weight.sum(axis=0) > 0).all():
        raise NotEstimable("smoothing", 0.0, f"it leaves no weight in any of {n} rounds: smooth less")


def require_model(name: str, inputs: OpeInputs) -> tuple[F64, F64]:
    """Predictions for the logged action and for the target policy, each (n, k)."""
    if inputs.q_logged is None or inputs.v_target is None:
        raise NotEstimable("estimator", name, "it needs a reward model: use ips or snips for this input")
    return inputs.q_logged, inputs.v_target
