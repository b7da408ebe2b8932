"""What the examples share: one small shop, and one way to score a policy.

Every policy is scored on the same visitors and random numbers (a new shop with the same seed), so the scores
of different examples can be compared. So that a minute is enough to learn, the reward is clicks instead of
net margin, and visitors click about five times as often as by default.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import gymnasium
import numpy as np
import torch
from torch import Tensor, nn

import shopgym  # noqa: F401 (registers the environments)
from shopgym.envs import RewardSpec
from shopgym.simulators import ChoiceConfig, ShopConfig

ENV = "shopgym/Session-v0"
SHOP: dict[str, Any] = {
    "catalog": 200,
    "users": 1000,
    "slate_size": 2,
    "num_candidates": 10,
    "reward": RewardSpec({"click": 1.0}, unit="click"),
    "config": ShopConfig(choice=ChoiceConfig(click_base=-2.0)),
}

Act = Callable[[dict[str, Any]], Any]
"""Observations of n lanes -> one action for each."""


@dataclass(frozen=True)
class Score:
    """Mean reward per page and its standard error."""

    mean: float
    error: float

    def __str__(self) -> str:
        return f"{self.mean:.4f} ± {self.error:.4f}"


@dataclass(frozen=True)
class Result:
    """Scores of a random policy, and of the agent before and after its training."""

    random: Score
    before: Score
    after: Score


class PerCandidate(nn.Module):
    """One number for each candidate, (..., m), from the same weights for every position.

    A network over all candidates side by side must learn every position separately, which takes more pages.
    """

    def __init__(self, space: Any, width: int = 64) -> None:
        super().__init__()
        self.of_state = nn.Linear(sum(space[name].shape[0] for name in ("user", "context", "slot")), width)
        self.of_candidate = nn.Linear(space["candidates"].shape[1] + 1, width)
        self.head = nn.Sequential(nn.Linear(2 * width, width), nn.Tanh(), nn.Linear(width, 1))

    def forward(
        self, user: Tensor, context: Tensor, candidates: Tensor, chosen: Tensor, slot: Tensor
    ) -> Tensor:
        state = self.of_state(torch.cat([user, context, slot.float()], -1))[..., None, :]
        candidate = self.of_candidate(torch.cat([candidates, chosen.float()[..., None]], -1))
        # taste is a product of the two
        return self.head(torch.cat([state * candidate, torch.tanh(state + candidate)], -1))[..., 0]


def make_vec(lanes: int, **options: Any) -> Any:
    """The native vector environment: ``lanes`` visitors at the same time in one shop."""
    return gymnasium.make_vec(ENV, num_envs=lanes, **SHOP, **{"autoreset_mode": "SameStep", **options})


def score(act: Act, *, lanes: int = 256, steps: int = 160, seed: int = 1_000_000) -> Score:
    """The score of a policy for ``lanes`` visitors at the same time, over ``steps`` steps of a new shop."""
    env = make_vec(lanes)
    observation, _ = env.reset(seed=seed)
    reward, pages = np.zeros(lanes), np.zeros(lanes)
    for _ in range(steps):
        observation, earned, _, _, info = env.step(np.asarray(act(observation)))
        reward += earned
        pages += info["shown"]
    return Score(float(reward.sum() / pages.sum()), float((reward / pages).std() / np.sqrt(lanes)))


def random_policy(seed: int = 0) -> Act:
    """Chooses among the allowed candidates with equal probabilities."""
    rng = np.random.default_rng(seed)

    def act(observation: dict[str, Any]) -> Any:
        mask = observation["action_mask"]
        return np.where(mask, rng.random(mask.shape), -1.0).argmax(axis=1)

    return act


def start(title: str, steps: int, argv: Sequence[str] | None, **choices: Sequence[str]) -> Any:
    """Read ``--steps``, ``--seed`` and further choices; seed torch and limit it to one thread."""
    parser = argparse.ArgumentParser(description=title)
    parser.add_argument("--steps", type=int, default=steps, help="environment steps (slots) to train for")
    parser.add_argument("--seed", type=int, default=0)
    for name, values in choices.items():
        parser.add_argument(f"--{name}", choices=values, default=values[0])
    arguments = parser.parse_args(argv)
    torch.manual_seed(arguments.seed)
    torch.set_num_threads(1)  # networks this small are slower on more
    return arguments


def compare(act: Act, train: Callable[[], None]) -> Result:
    """Score, train, score again; print the three scores."""
    before = score(act)
    train()
    result = Result(random=score(random_policy()), before=before, after=score(act))
    print("mean reward (clicks) per page, ± standard error")
    print(f"  random policy    {result.random}")
    print(f"  before training  {result.before}")
    print(f"  after training   {result.after}")
    return result
