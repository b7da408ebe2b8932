"""Masked PPO in one file, in the manner of CleanRL, over the native vector environment. No wrapper.

Proximal policy optimisation (Schulman et al. 2017) with generalised advantage estimation (Schulman et al.
2016). The network scores every candidate with the same weights, so positions do not matter. Candidates that
may not be chosen get the logit -inf.

    python examples/cleanrl_ppo.py --steps 200000
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from common import Result, compare, make_vec, start
from torch import Tensor, nn
from torch.distributions import Categorical

LANES, ROLLOUT = 256, 16  # visitors at once, steps between updates
EPOCHS, MINIBATCHES = 4, 4
GAMMA, LAMBDA, CLIP = 0.9, 0.95, 0.2
LEARNING_RATE, ENTROPY, VALUE, MAX_GRADIENT = 3e-3, 0.003, 0.5, 0.5

Observation = dict[str, Tensor]


class Network(nn.Module):
    """Logits (n, m) of the candidates and the value (n,) of the state."""

    def __init__(self, space: Any, width: int = 64) -> None:
        super().__init__()
        state = sum(space[name].shape[0] for name in ("user", "context", "slot"))
        self.of_state = nn.Linear(state, width)
        self.of_candidate = nn.Linear(space["candidates"].shape[1] + 1, width)
        self.body = nn.Sequential(nn.Linear(2 * width, width), nn.Tanh())
        self.actor, self.critic = nn.Linear(width, 1), nn.Linear(width, 1)
        nn.init.zeros_(self.actor.weight)  # the first policy is uniform

    def forward(self, observation: Observation) -> tuple[Tensor, Tensor]:
        state = torch.cat([observation["user"], observation["context"], observation["slot"]], 1)
        candidate = torch.cat([observation["candidates"], observation["chosen"][..., None]], 2)
        of_state, of_candidate = self.of_state(state)[:, None], self.of_candidate(candidate)
        match = of_state * of_candidate  # taste is a product of the two
        hidden = self.body(torch.cat([match, torch.tanh(of_state + of_candidate)], 2))
        logits = self.actor(hidden)[..., 0].masked_fill(observation["action_mask"] == 0, -torch.inf)
        return logits, self.critic(hidden.mean(1))[:, 0]


def tensors(observation: dict[str, Any]) -> Observation:
    return {name: torch.as_tensor(values, dtype=torch.float32) for name, values in observation.items()}


def main(argv: Sequence[str] | None = None) -> Result:
    arguments = start("Masked PPO over the native vector environment", 200_000, argv)
    env = make_vec(LANES)
    network = Network(env.single_observation_space)
    optimizer = torch.optim.Adam(network.parameters(), lr=LEARNING_RATE, eps=1e-5)
    updates = max(1, arguments.steps // (LANES * ROLLOUT))

    @torch.no_grad()
    def act(observation: dict[str, Any]) -> Any:
        return network(tensors(observation))[0].argmax(1).numpy()

    def train() -> None:
        observation = tensors(env.reset(seed=arguments.seed)[0])
        for update in range(updates):
            optimizer.param_groups[0]["lr"] = LEARNING_RATE * (1 - update / updates)
            rollout, observation = collect(env, network, observation)
            improve(network, optimizer, *rollout)

    return compare(act, train)


@torch.no_grad()
def collect(env: Any, network: Network, observation: Observation) -> tuple[tuple[Any, ...], Observation]:
    """Collect ROLLOUT steps; returns ((observations, actions, log-probabilities, advantages, returns), next)."""
    observations: list[Observation] = []
    actions, log_probs, values = [torch.zeros(ROLLOUT, LANES) for _ in range(3)]
    rewards, over = [torch.zeros(ROLLOUT, LANES) for _ in range(2)]
    for t in range(ROLLOUT):
        logits, values[t] = network(observation)
        choice = Categorical(logits=logits)
        actions[t] = choice.sample()
        log_probs[t] = choice.log_prob(actions[t])
        observations.append(observation)
        following, reward, terminated, truncated, info = env.step(actions[t].long().numpy())
        rewards[t], over[t] = torch.as_tensor(reward), torch.as_tensor(terminated | truncated)
        if (cut := np.flatnonzero(truncated)).size:  # a truncated visit would have continued: add its value
            final_observations = [info["final_obs"][lane] for lane in cut]
            last_values = network(tensors({name: np.stack([o[name] for o in final_observations]) for name in final_observations[0]}))[1]
            rewards[t, cut] += GAMMA * last_values
        observation = tensors(following)
    advantages, accumulated, value = torch.zeros(ROLLOUT, LANES), torch.zeros(LANES), network(observation)[1]
    for t in reversed(range(ROLLOUT)):
        goes_on = 1 - over[t]
        surprise = rewards[t] + GAMMA * value * goes_on - values[t]
        advantages[t] = accumulated = surprise + GAMMA * LAMBDA * goes_on * accumulated
        value = values[t]
    batch = {name: torch.cat([o[name] for o in observations]) for name in observation}
    flat = [values.flatten() for values in (actions, log_probs, advantages, advantages + values)]
    return (batch, *flat), observation


def improve(
    network: Network,
    optimizer: torch.optim.Optimizer,
    batch: Observation,
    actions: Tensor,
    log_probs: Tensor,
    advantages: Tensor,
    returns: Tensor,
) -> None:
    """Several passes of the clipped objective over one rollout."""
    for _ in range(EPOCHS):
        for rows in torch.randperm(len(actions)).chunk(MINIBATCHES):
            logits, values = network({name: part[rows] for name, part in batch.items()})
            choice = Categorical(logits=logits)
            ratio = torch.exp(choice.log_prob(actions[rows]) - log_probs[rows])
            advantage = advantages[rows]
            advantage = (advantage - advantage.mean()) / (advantage.std() + 1e-8)
            gain = torch.min(ratio * advantage, ratio.clamp(1 - CLIP, 1 + CLIP) * advantage).mean()
            value_loss = 0.5 * (values - returns[rows]).square().mean()
            loss = -gain + VALUE * value_loss - ENTROPY * choice.entropy().mean()
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), MAX_GRADIENT)
            optimizer.step()


if __name__ == "__main__":
    main()
