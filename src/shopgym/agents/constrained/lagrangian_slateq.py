"""SlateQ under limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ...core.batches import Interactions
from ..rl.slateq import SlateQ
from ..task import Task
from .multiplier import Gains, Multipliers


class LagrangianSlateQ(SlateQ):
    """SlateQ of the reward less the price of what exceeds the limits (Tessler, Mankowitz and Mannor 2019).

    Remembered pages are priced anew whenever they are learnt from.

    Args:
        limits, gains: see :class:`.Multipliers`; ``integral`` ... are those of :class:`.Gains`.
        options: see :class:`.SlateQ`.
    """

    name = "lagrangian_slateq"

    def __init__(
        self,
        task: Task,
        rng: np.random.Generator,
        *,
        limits: Sequence[Any] = (),
        integral: float = 0.2,
        proportional: float = 0.0,
        derivative: float = 0.0,
        **options: Any,
    ) -> None:
        super().__init__(task, rng, **options)
        self.multipliers = Multipliers(limits, Gains(integral, proportional, derivative))

    def learn(self, batch: Interactions) -> Mapping[str, float]:
        """As :class:`.SlateQ`, after one step of the multipliers."""
        report = self.multipliers.update(batch)
        return {**super().learn(batch), **report}

    def improve(self, batch: Interactions) -> float:
        return super().improve(self.multipliers.shaped(batch))
