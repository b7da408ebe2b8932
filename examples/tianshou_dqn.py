"""tianshou: double DQN with masked actions, over 16 single environments.

tianshou reads the mask from ``obs.mask``; the adapter ``TianshouMask`` puts it there.

    python examples/tianshou_dqn.py --steps 20000
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium
import numpy as np
import torch
from common import ENV, SHOP, PerCandidate, Result, compare, start
from tianshou.algorithm import DQN
from tianshou.algorithm.modelfree.dqn import DiscreteQLearningPolicy
from tianshou.algorithm.optim import AdamOptimizerFactory
from tianshou.data import Batch, Collector, VectorReplayBuffer
from tianshou.env import DummyVectorEnv
from tianshou.trainer import OffPolicyTrainerParams
from torch import Tensor

from shopgym.envs.adapters import TianshouMask

LANES = 16


def make() -> Any:
    return TianshouMask(gymnasium.make(ENV, **SHOP))


class Values(PerCandidate):
    """Q(state, candidate), in tianshou's calling convention."""

    def forward(self, obs: Batch, state: Any = None, info: Any = None) -> tuple[Tensor, Any]:
        parts = ("user", "context", "candidates", "chosen", "slot")
        return super().forward(*(torch.as_tensor(obs[name]) for name in parts)), state


def main(argv: Sequence[str] | None = None) -> Result:
    arguments = start("tianshou DQN", 20_000, argv)
    np.random.seed(arguments.seed)  # noqa: NPY002 (tianshou explores with NumPy's global generator)
    single_env, env = make(), DummyVectorEnv([make] * LANES)
    env.seed(arguments.seed)
    policy = DiscreteQLearningPolicy(
        model=Values(single_env.observation_space),
        action_space=single_env.action_space,
        observation_space=single_env.observation_space,
        eps_training=0.3,
    )
    algorithm = DQN(
        policy=policy,
        optim=AdamOptimizerFactory(lr=1e-3),
        gamma=0.9,
        n_step_return_horizon=2,
        target_update_freq=500,
    )
    collector = Collector(algorithm, env, VectorReplayBuffer(50_000, LANES), exploration_noise=True)

    def train() -> None:
        collector.reset()
        algorithm.run_training(
            OffPolicyTrainerParams(
                training_collector=collector,
                max_epochs=1,
                epoch_num_steps=arguments.steps,
                collection_step_num_env_steps=10 * LANES,
                update_step_num_gradient_steps_per_sample=0.05,
                batch_size=256,
                verbose=False,
                show_progress=False,
            )
        )

    @torch.no_grad()
    def act(observation: dict[str, Any]) -> Any:
        return policy(Batch(obs=Batch(single_env.observation(observation)), info=Batch())).act

    return compare(act, train)


if __name__ == "__main__":
    main()
