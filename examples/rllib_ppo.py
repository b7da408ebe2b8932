"""RLlib: masked PPO on the new API stack, in one process, with RLlib's own action-masking module.

The adapter ``RLlibMask`` gives RLlib's ``Dict(observations, action_mask)``. Ray opens ports for its own
processes, on every interface of the machine unless a firewall forbids it: run it where that is acceptable.

    python examples/rllib_ppo.py --steps 80000
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import gymnasium
import ray
import torch
from common import ENV, SHOP, Result, compare, start
from ray.rllib.algorithms.ppo import PPOConfig
from ray.rllib.core.rl_module.rl_module import RLModuleSpec
from ray.rllib.examples.rl_modules.classes.action_masking_rlm import ActionMaskingTorchRLModule
from ray.tune.registry import register_env

from shopgym.envs.adapters import RLlibMask

ROLLOUT = 2048


def make(config: Any = None) -> Any:
    return RLlibMask(gymnasium.make(ENV, **SHOP))


def main(argv: Sequence[str] | None = None) -> Result:
    arguments = start("RLlib PPO", 80_000, argv)
    register_env("shop", make)
    ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
    try:
        return learn(arguments)
    finally:
        ray.shutdown()


def learn(arguments: Any) -> Result:
    config = (
        PPOConfig()
        .environment("shop")
        .env_runners(num_env_runners=0, num_envs_per_env_runner=16)
        .learners(num_learners=0)
        .debugging(seed=arguments.seed, log_level="ERROR")
        .training(train_batch_size_per_learner=ROLLOUT, minibatch_size=256, num_epochs=4, lr=1e-3, gamma=0.9)
        .rl_module(
            rl_module_spec=RLModuleSpec(
                module_class=ActionMaskingTorchRLModule, model_config={"fcnet_hiddens": [64, 64]}
            )
        )
    )
    algorithm = config.build_algo()
    env = make()

    @torch.no_grad()
    def act(observation: dict[str, Any]) -> Any:
        lanes = {name: torch.as_tensor(values) for name, values in env.observation(observation).items()}
        return (
            algorithm.get_module().forward_inference({"obs": lanes})["action_dist_inputs"].argmax(1).numpy()
        )

    def train() -> None:
        for _ in range(max(1, arguments.steps // ROLLOUT)):
            algorithm.train()

    try:
        return compare(act, train)
    finally:
        algorithm.stop()


if __name__ == "__main__":
    main()
