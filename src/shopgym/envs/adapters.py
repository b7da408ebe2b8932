"""The environments in the forms that some learning frameworks need.

Most frameworks take the environments as they are. Adapters for the others:

- :func:`stable_baselines3_vec_env`: the native vector environment as a Stable-Baselines3 ``VecEnv``;
- :class:`TianshouMask`, :class:`RLlibMask`: the mask where tianshou and RLlib look for it.

No framework is imported before its adapter is called.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode

from ..core.errors import InvalidInput
from ..core.types import AnyArray
from .vector import ShopVectorEnv

if TYPE_CHECKING:
    from stable_baselines3.common.vec_env import VecEnv


def stable_baselines3_vec_env(env: ShopVectorEnv) -> VecEnv:
    """A Stable-Baselines3 ``VecEnv`` of n environments, stepped together.

    Args:
        env: made with ``autoreset_mode="SameStep"``, which is how a ``VecEnv`` resets.

    At the end of a visit ``infos[i]`` holds ``terminal_observation`` and ``TimeLimit.truncated``; the
    observation returned is already the next visitor's. ``infos[i]["action_mask"]`` is the mask of the
    observation, guards included, and ``env_method("action_masks")`` serves MaskablePPO. ``infos[i]`` holds
    ``reward_terms``, ``cost`` and ``cost_terms`` as in a single environment. The visits share one shop, so
    nothing else can be called or set for a single one.
    """
    from stable_baselines3.common.vec_env import VecEnv

    if env.mode != AutoresetMode.SAME_STEP:
        raise InvalidInput("autoreset_mode", env.mode.value, "make the environment with 'SameStep'")

    class ShopVecEnv(VecEnv):
        def __init__(self) -> None:
            self.env = env
            super().__init__(env.num_envs, env.single_observation_space, env.single_action_space)

        def reset(self) -> Any:
            observation, _ = env.reset(seed=self._seeds)
            self._reset_seeds()
            self._reset_options()
            return observation

        def step_async(self, actions: AnyArray) -> None:
            self.actions = actions

        def step_wait(self) -> Any:
            observation, reward, terminated, truncated, info = env.step(self.actions)
            done = terminated | truncated
            masks = info.get("action_mask", ())
            infos: list[dict[str, Any]] = [{"action_mask": mask} for mask in masks]
            infos = infos or [{} for _ in range(env.num_envs)]
            parts = {name: _by_row(info[name], env.num_envs) for name in ("reward_terms", "cost_terms")}
            for row, one in enumerate(infos):
                one |= {name: rows[row] for name, rows in parts.items()}
                one["cost"] = float(info["cost"][row])
            for i in np.flatnonzero(done):
                infos[i]["terminal_observation"] = info["final_obs"][i]
                infos[i]["TimeLimit.truncated"] = bool(truncated[i] and not terminated[i])
            return observation, reward.astype(np.float32), done, infos

        def close(self) -> None:
            env.close()

        def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
            return [getattr(env, attr_name) for _ in self._get_indices(indices)]

        def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
            raise InvalidInput("set_attr", attr_name, "set it on the vector environment: all lanes share it")

        def env_method(
            self, method_name: str, *method_args: Any, indices: Any = None, **method_kwargs: Any
        ) -> list[Any]:
            if method_name != "action_masks":
                raise InvalidInput("env_method", method_name, "call it on the vector environment")
            return list(env.action_masks()[list(self._get_indices(indices))])

        def env_is_wrapped(
            self, wrapper_class: type[gymnasium.Wrapper[Any, Any, Any, Any]], indices: Any = None
        ) -> list[bool]:
            return [False for _ in self._get_indices(indices)]

    return ShopVecEnv()


class TianshouMask(gymnasium.ObservationWrapper[Any, Any, Any]):
    """Renames the mask to ``mask``: tianshou's Q-learning policies read ``obs.mask``."""

    def __init__(self, env: gymnasium.Env[Any, Any]) -> None:
        super().__init__(env)
        self.observation_space = spaces.Dict(self.observation(_parts(env)))

    def observation(self, observation: dict[str, Any]) -> dict[str, Any]:
        """Of one environment, or of n at once."""
        return {"mask" if name == "action_mask" else name: part for name, part in observation.items()}


class RLlibMask(gymnasium.ObservationWrapper[Any, Any, Any]):
    """``{"observations": (d,), "action_mask": (m,) int8}``, for RLlib's action-masking module.

    Observations are float32; with ``identity`` float64, which holds the row of any item.
    """

    def __init__(self, env: gymnasium.Env[Any, Any]) -> None:
        super().__init__(env)
        parts = _parts(env)
        mask = parts.pop("action_mask")
        observations = spaces.flatten_space(spaces.Dict(parts))
        self._dtype = observations.dtype
        self.observation_space = spaces.Dict({"observations": observations, "action_mask": mask})

    def observation(self, observation: dict[str, AnyArray]) -> dict[str, AnyArray]:
        """Of one environment, or of n at once: all parts but the mask side by side, by name."""
        batch = observation["user"].shape[:-1]
        names = sorted(observation.keys() - {"action_mask"})
        flat = [observation[name].reshape(*batch, -1) for name in names]
        mask = observation["action_mask"]
        return {"observations": np.concatenate(flat, axis=-1, dtype=self._dtype), "action_mask": mask}


def _by_row(amounts: dict[str, AnyArray], n: int) -> list[dict[str, float]]:
    """Amounts by name, each (n,), as one mapping for each of n rows."""
    names = [name for name in amounts if not name.startswith("_")]
    columns = [amounts[name].tolist() for name in names]
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)] or [
        {} for _ in range(n)
    ]


def _parts(env: gymnasium.Env[Any, Any]) -> dict[str, Any]:
    space: Any = env.observation_space
    if "action_mask" not in space.spaces:
        raise InvalidInput("env", str(env), "give an environment whose observations have an action_mask")
    return dict(space.spaces)
