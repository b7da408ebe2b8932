"""A policy at work in the shop: one-page visits, batch after batch."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator, Philox

from ..core.batches import Decisions, Feedback, Interactions, Requests
from ..core.protocols import Policy
from ..core.reward import RewardSpec
from ..core.types import F64
from ..envs.oracle import best_page_values, page_values
from ..envs.vector import BanditVectorEnv
from ..policies.policy import SlatePolicy
from ..simulators import Catalog, ShopConfig


def stage_seed(seed: int, *names: object) -> int:
    """A seed of its own, below 2^60, for each stage of an experiment."""
    text = "/".join(str(part) for part in (seed, *names))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 4


def stage_rng(seed: int, *names: object) -> Generator:
    """The generator of a stage."""
    return Generator(Philox(key=stage_seed(seed, *names)))


Offer = Callable[[Requests], Requests]
"""Gives requests of the whole catalogue the candidates that policies choose from."""


def open_shop(
    catalog: Catalog, config: ShopConfig, reward: RewardSpec, *, lanes: int, population: int, seed: int
) -> BanditVectorEnv:
    """A shop of one-page visits, ``lanes`` at a time; ``population`` seeds the users.

    Without candidates of its own (``num_candidates: 0``) it takes pages of any items.
    """
    env = BanditVectorEnv(
        lanes,
        catalog=catalog,
        config=config,
        reward=reward,
        form="slate" if config.num_candidates else "items",
        shop_seed=population,
        autoreset_mode="Disabled",
        threads=0,
    )
    env.reset(seed=seed)
    return env


@dataclass(frozen=True)
class Batch:
    """One batch of n visits.

    ``expected`` (n,) is the exact expected reward of the slates shown, ``best`` (n,) that of the best
    slates, None unless asked for, and ``others`` that of the slates that other policies would have shown.
    """

    requests: Requests
    decisions: Decisions
    feedback: Feedback
    reward: F64
    slot_reward: F64
    expected: F64
    best: F64 | None
    others: Mapping[str, F64]

    @property
    def interactions(self) -> Interactions:
        """What an agent learns from: visits of one page, after which nothing comes."""
        over = np.ones(len(self.requests), np.bool_)
        return Interactions(
            self.requests,
            self.decisions,
            self.slot_reward,
            self.feedback.learner_events(),
            self.requests,
            over,
        )


def walk(
    env: BanditVectorEnv,
    policy: Policy | Callable[[], Policy],
    rounds: int,
    rng: Generator,
    *,
    offer: Offer | None = None,
    oracle: bool = False,
    others: Mapping[str, SlatePolicy] | None = None,
    others_rng: Generator | None = None,
) -> Iterator[Batch]:
    """Let a policy decide ``rounds`` batches; given a function, ask it for the policy of each batch.

    ``offer`` says what there is to choose from, where the shop leaves it open; that is what batches hold.
    ``oracle`` asks for the best slates of the candidates too. ``others`` are asked what they would have shown
    to the same visitors at the same moment; they draw from ``others_rng``, so that asking them changes
    nothing.
    """
    everyone = np.ones(env.num_envs, np.bool_)
    shop, reward = env.loop.shop, env.loop.reward
    for _ in range(rounds):
        requests = env.requests if offer is None else offer(env.requests)
        now = policy if isinstance(policy, Policy) else policy()
        decisions = now.decide(requests, rng)
        expected = page_values(shop, reward, decisions.slates)
        best = best_page_values(shop, reward, requests.candidates) if oracle else None
        would = {}
        for name, other in (others or {}).items():
            would[name] = page_values(shop, reward, other.slates(requests, others_rng or rng))
        _, total, _, _, _ = env.step(decisions.positions if offer is None else decisions.slates)
        feedback = env.feedback
        assert feedback is not None  # a slate was shown on every lane
        yield Batch(requests, decisions, feedback, total, reward.slots(feedback), expected, best, would)
        env.reset(options={"reset_mask": everyone})
