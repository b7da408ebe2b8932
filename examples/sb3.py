"""Stable-Baselines3: PPO, DQN or MaskablePPO over 64 visitors at once.

The algorithms run on one environment as it is (``MaskablePPO("MultiInputPolicy", gymnasium.make(...))``);
here the adapter steps all lanes of the native vector environment together, which is faster.

    python examples/sb3.py --algorithm MaskablePPO --steps 200000
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sb3_contrib
import stable_baselines3
from common import Result, compare, make_vec, start

from shopgym.envs.adapters import stable_baselines3_vec_env

LANES = 64
SETTINGS: dict[str, dict[str, Any]] = {
    "MaskablePPO": {"n_steps": 64, "batch_size": 1024, "learning_rate": 1e-3, "gamma": 0.9},
    "PPO": {"n_steps": 64, "batch_size": 1024, "learning_rate": 1e-3, "gamma": 0.9},
    "DQN": {"learning_rate": 1e-3, "gamma": 0.9, "buffer_size": 50_000, "batch_size": 256, "train_freq": 4,
            "gradient_steps": 4, "learning_starts": 1000, "target_update_interval": 2000},
}  # fmt: skip


def main(argv: Sequence[str] | None = None) -> Result:
    arguments = start("Stable-Baselines3", 200_000, argv, algorithm=list(SETTINGS))
    algorithm = getattr(sb3_contrib, arguments.algorithm, None) or getattr(
        stable_baselines3, arguments.algorithm
    )
    env = stable_baselines3_vec_env(make_vec(LANES))
    model = algorithm(
        "MultiInputPolicy", env, seed=arguments.seed, device="cpu", **SETTINGS[arguments.algorithm]
    )

    def act(observation: dict[str, Any]) -> Any:
        masks = {"action_masks": observation["action_mask"]} if arguments.algorithm == "MaskablePPO" else {}
        return model.predict(observation, deterministic=True, **masks)[0]

    return compare(act, lambda: model.learn(arguments.steps))


if __name__ == "__main__":
    main()
