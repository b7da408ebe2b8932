"""PPO under limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ...core.batches import Interactions
from ...core.types import F64
from ..rl.ppo import PPO
from ..task import Task
from .multiplier import Gains, Multipliers


class LagrangianPPO(PPO):
    """PPO of the reward less the price of what exceeds the limits, by PID control of the prices.

    With each rollout the multipliers take one step, and the rollout is learnt from at the new prices. Rewards
    are divided by 1 + the sum of the multipliers, so that a high price does not make the steps longer
    (Stooke, Achiam and Abbeel 2020, Responsive safety in reinforcement learning by PID Lagrangian methods,
    algorithm 2 and section 5). With ``proportional=0, derivative=0`` it is the plain Lagrangian.

    Args:
        limits, gains: see :class:`.Multipliers`; ``integral`` ... are those of :class:`.Gains`.
        options: see :class:`.PPO`.
    """

    name = "lagrangian_ppo"

    def __init__(
        self,
        task: Task,
        rng: np.random.Generator,
        *,
        limits: Sequence[Any] = (),
        integral: float = 0.5,
        proportional: float = 0.5,
        derivative: float = 0.1,
        **options: Any,
    ) -> None:
        super().__init__(task, rng, **options)
        self.multipliers = Multipliers(limits, Gains(integral, proportional, derivative))
        self._report: Mapping[str, float] = {}

    def learn(self, batch: Interactions) -> Mapping[str, float]:
        """As :class:`.PPO`; with the last batch of a rollout the multipliers move."""
        return {**super().learn(batch), **self._report}

    def _evaluate(self, rollout: Interactions) -> tuple[F64, F64]:
        self._report = self.multipliers.update(rollout)
        shaped = self.multipliers.shaped(rollout)
        scale = 1.0 + float(self.multipliers.values.sum())
        return super()._evaluate(replace(shaped, reward=shaped.reward / scale))
