"""TorchRL: PPO with ActionMask over 64 visitors at once. No wrapper of ours.

TorchRL's own ``GymWrapper`` takes the native vector environment and resets its lanes by mask;
``MaskedCategorical`` reads the mask from the observation.

    python examples/torchrl_ppo.py --steps 100000
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from common import PerCandidate, Result, compare, make_vec, start
from tensordict import TensorDict
from tensordict.nn import TensorDictModule
from torch import Tensor, nn
from torchrl.collectors import Collector
from torchrl.envs import (
    ActionMask,
    Compose,
    DTypeCastTransform,
    GymWrapper,
    TransformedEnv,
    set_exploration_type,
)
from torchrl.envs.utils import ExplorationType
from torchrl.modules import MaskedCategorical, ProbabilisticActor, ValueOperator
from torchrl.objectives import ClipPPOLoss
from torchrl.objectives.value import GAE

LANES, ROLLOUT, EPOCHS, BATCH = 64, 64, 4, 1024
PARTS = ["user", "context", "candidates", "chosen", "slot"]


class Value(PerCandidate):
    """The value of a state (..., 1): the mean over its candidates."""

    def forward(self, *parts: Tensor) -> Tensor:
        return super().forward(*parts).mean(-1, keepdim=True)


def main(argv: Sequence[str] | None = None) -> Result:
    arguments = start("TorchRL PPO", 100_000, argv)
    native = make_vec(LANES, autoreset_mode="Disabled")  # TorchRL says which lanes to reset
    native.autoreset_mode = native.metadata["autoreset_mode"]  # where TorchRL looks for it
    env = TransformedEnv(
        GymWrapper(native, categorical_action_encoding=True),
        Compose(
            DTypeCastTransform(torch.int8, torch.bool, in_keys=["action_mask"]),
            ActionMask(),
        ),
    )
    env.set_seed(arguments.seed)
    space = native.single_observation_space
    actor = ProbabilisticActor(
        TensorDictModule(PerCandidate(space), in_keys=PARTS, out_keys=["logits"]),
        in_keys={"logits": "logits", "mask": "action_mask"},
        distribution_class=MaskedCategorical,
        return_log_prob=True,
    )
    critic = ValueOperator(Value(space), in_keys=PARTS)
    advantage = GAE(gamma=0.9, lmbda=0.95, value_network=critic)
    loss = ClipPPOLoss(actor, critic, clip_epsilon=0.2, entropy_coeff=0.005, critic_coeff=0.5)
    optimizer = torch.optim.Adam(loss.parameters(), lr=1e-3)
    frames = LANES * ROLLOUT

    def train() -> None:
        collector = Collector(
            env,
            actor,
            frames_per_batch=frames,
            total_frames=max(frames, arguments.steps // frames * frames),
            auto_register_policy_transforms=False,
        )
        for rollout in collector:
            for _ in range(EPOCHS):
                with torch.no_grad():
                    advantage(rollout)
                batch = rollout.reshape(-1)
                for rows in torch.randperm(frames).split(BATCH):
                    losses = loss(batch[rows])
                    total = losses["loss_objective"] + losses["loss_critic"] + losses["loss_entropy"]
                    optimizer.zero_grad()
                    total.backward()
                    nn.utils.clip_grad_norm_(loss.parameters(), 0.5)
                    optimizer.step()
        collector.shutdown()

    @torch.no_grad()
    def act(observation: dict[str, Any]) -> Any:
        lanes = TensorDict({name: torch.as_tensor(observation[name]) for name in PARTS})
        lanes["action_mask"] = torch.as_tensor(observation["action_mask"]).bool()
        with set_exploration_type(ExplorationType.DETERMINISTIC):
            return actor(lanes)["action"].numpy()

    return compare(act, train)


if __name__ == "__main__":
    main()
