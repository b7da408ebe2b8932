"""Environments with a shaping bonus. Only potentials can be given: other bonuses change what is best."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode

from ..core.errors import InvalidInput, in_range
from ..core.reward.shaping import shaping_bonus
from ..core.types import F64, AnyArray, Bool

Potential = Callable[[Mapping[str, AnyArray]], AnyArray]
"""From the observations of n environments, each part (n, ...), to (n,) potentials."""


class PotentialShaping(gymnasium.Wrapper[Any, Any, Any, Any]):
    """Adds gamma Phi(s') - Phi(s) to the reward of one environment; ``info["shaping"]`` says how much.

    Args:
        potential: gets every part of the observation with one row, (1, ...), and returns (1,).
        discount: gamma, the one that the agent is trained with.
    """

    def __init__(self, env: gymnasium.Env[Any, Any], potential: Potential, discount: float) -> None:
        super().__init__(env)
        in_range("discount", discount, 0.0, 1.0)
        self._potential, self._discount = potential, discount
        self._before: F64 = np.zeros(1)

    def reset(self, **options: Any) -> tuple[Any, dict[str, Any]]:
        """Start an episode."""
        observation, info = self.env.reset(**options)
        self._before = self._of(observation)
        return observation, info

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """A step, with the bonus in its reward."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        after = self._of(observation)
        bonus = float(shaping_bonus(self._before, after, np.array([terminated]), self._discount)[0])
        self._before = after
        return observation, float(reward) + bonus, terminated, truncated, {**info, "shaping": bonus}

    def _of(self, observation: Mapping[str, AnyArray]) -> F64:
        return potentials(self._potential, {name: part[None] for name, part in observation.items()}, 1)


class PotentialShapingVector(gymnasium.vector.VectorWrapper):
    """The same for n environments at once, whichever way they reset."""

    def __init__(self, env: gymnasium.vector.VectorEnv[Any, Any, Any], potential: Potential, discount: float):
        super().__init__(env)
        in_range("discount", discount, 0.0, 1.0)
        self._potential, self._discount = potential, discount
        self._mode = AutoresetMode(env.metadata["autoreset_mode"])
        self._before: F64 = np.zeros(self.num_envs)
        self._over: Bool = np.zeros(self.num_envs, np.bool_)

    def reset(self, **options: Any) -> tuple[Any, dict[str, Any]]:
        """Start episodes."""
        observation, info = self.env.reset(**options)
        self._before = potentials(self._potential, observation, self.num_envs)
        self._over[:] = False
        return observation, info

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        """A step, with the bonus in the rewards; a step that only resets gets none."""
        observation, reward, terminated, truncated, info = self.env.step(actions)
        after = following = potentials(self._potential, observation, self.num_envs)
        done = terminated | truncated
        if self._mode == AutoresetMode.SAME_STEP and done.any():
            last = np.flatnonzero(done)
            final = info["final_obs"][last]
            parts = {name: np.stack([one[name] for one in final]) for name in final[0]}
            after = following.copy()
            after[last] = potentials(self._potential, parts, len(last))
        bonus = shaping_bonus(self._before, after, terminated, self._discount)
        if self._mode == AutoresetMode.NEXT_STEP:
            bonus[self._over] = 0.0
            self._over = done
        self._before = following
        return observation, reward + bonus, terminated, truncated, {**info, "shaping": bonus}


def potentials(potential: Potential, observation: Mapping[str, AnyArray], n: int) -> F64:
    """(n,) potentials of observations.

    Raises:
        InvalidInput: the function returns another shape.
    """
    values: F64 = np.asarray(potential(observation), np.float64)
    if values.shape != (n,):
        raise InvalidInput("potential", values.shape, f"return one number for each observation, shape ({n},)")
    return values
