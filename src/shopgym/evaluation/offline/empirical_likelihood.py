"""The empirical likelihood estimator for single actions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...core.types import AnyArray
from ..errors import NotEstimable
from ..intervals.statistic import Smooth, Statistic
from .estimator import Estimator
from .inputs import OpeInputs
from .weighted import require_overlap


@dataclass(frozen=True)
class EmpiricalLikelihood(Estimator):
    """The mean of w r under the rounds' most likely probabilities with mean weight 1, for single actions.

    Likelihood in the sense of Cressie and Read's divergence of order -2, and what probability the rounds
    leave over earns the mean logged reward (Karampatziakis, Langford and Mineiro 2020, Empirical likelihood
    for contextual bandits). Weights may lie in [0, ``most``]; one more round of an extreme weight is
    reckoned with, which is what makes mean weights below and above 1 different.

    Attributes:
        most: largest possible weight.
    """

    name: str = "cressie-read"
    most: float = np.inf

    def statistic(self, inputs: OpeInputs) -> Statistic:
        """See :class:`Estimator`."""
        require_overlap(inputs)
        if inputs.reward.shape[1] > 1:
            raise NotEstimable("inputs.reward", inputs.reward.shape, "it is for one slot: use snips")
        weight, n = inputs.weight[:, 0], len(inputs)
        product = weight * inputs.reward[:, 0]
        columns = np.stack([weight, weight**2, product, weight * product, inputs.reward[:, 0]]).T
        most = max(self.most, float(weight.max()))

        def value(means: AnyArray) -> AnyArray:
            w, ww, wr, wwr, r = np.moveaxis(means, -1, 0)
            few = w.real < 1
            boundless = few & np.isinf(most)  # a boundless weight needs no probability to lift the mean to 1
            fake = np.where(few & ~boundless, most, 0.0)
            a, b = (fake + n * w) / (1 + n), (fake**2 + n * ww) / (1 + n)
            spread = b - a * a
            solvable = ~boundless & (spread.real > 0)
            spread = np.where(solvable, spread, 1.0)
            # the rounds' probabilities are (first + second w) / n
            first = np.where(solvable, (b - a) / spread * n / (1 + n), 1.0)
            second = np.where(solvable, (1 - a) / spread * n / (1 + n), 0.0)
            left = 1 - first * w - second * ww
            return np.asarray(first * wr + second * wwr + np.where(left.real > 0, left, 0.0) * r)

        return Smooth(columns, value, inputs.control)
