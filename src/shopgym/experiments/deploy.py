"""The truth: a frozen policy deployed in a copy of the shop."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from ..core.batches import SLOT_TERMS
from ..core.types import F64
from ..envs.vector import BanditVectorEnv
from ..policies.guards.interventions import CountingPolicy, Interventions
from ..policies.policy import SlatePolicy
from ..simulators.rollout import CandidateSource, rollout
from ..training.loop import OnProgress, exact_values


@dataclass(frozen=True)
class Deployment:
    """What a policy did over n decisions.

    Attributes:
        expected: (n,) exact expected reward of each slate shown.
        best: (n,) that of the best slate of the same candidates.
        page: (n, 7) what happened, by ``SLOT_TERMS``.
        slots: slots filled in all.
        items_shown: share of the catalogue shown at least once.
        interventions: what the policy's guards changed.
    """

    expected: F64
    best: F64
    page: F64
    slots: int
    items_shown: float
    interventions: Interventions

    def metrics(self) -> dict[str, float]:
        """Business metrics by name; per decision unless the name says otherwise."""
        term = dict(zip(SLOT_TERMS, self.page.T, strict=True))
        mean = dict(zip(SLOT_TERMS, self.page.mean(axis=0).tolist(), strict=True))
        orders, revenue = int((term["purchase"] > 0).sum()), float(term["revenue"].sum())
        return {
            "expected_reward": float(self.expected.mean()),
            "regret": float((self.best - self.expected).mean()),
            "margin": mean["margin"],
            "revenue": mean["revenue"],
            "clicks": mean["click"],
            "conversion": orders / len(self.page),
            "average_order_value": revenue / orders if orders else float("nan"),
            "stockouts_per_slot": float(term["stockout"].sum()) / max(self.slots, 1),
            "items_shown": self.items_shown,
        }


def deploy(
    env: BanditVectorEnv,
    policy: SlatePolicy,
    decisions: int,
    rng: Generator,
    on_progress: OnProgress,
    candidates: CandidateSource | None = None,
) -> Deployment:
    """Let a frozen policy serve at least ``decisions`` visitors."""
    rounds = -(-decisions // env.num_envs)
    values: list[tuple[F64, F64, F64]] = []
    shown = np.zeros(len(env.loop.shop.catalog), np.bool_)
    slots = 0
    exact, counting = exact_values(env.loop), CountingPolicy.of_policy(policy)
    for step in rollout(env.loop.world, counting, rng, pages=rounds, candidates=candidates, before=exact):
        values.append((*step.before, step.feedback.page))
        filled = step.decisions.slates[step.decisions.slates >= 0]
        shown[filled] = True
        slots += len(filled)
        on_progress()
    expected, best, page = map(np.concatenate, zip(*values, strict=True))
    return Deployment(expected, best, page, slots, float(shown.mean()), counting.counts)
