"""What a policy did in an environment, as a decision log."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..envs.page_env import PageEnv
from ..policies.decision_log.log import DecisionLog, logged_marginals
from ..policies.policy import SlatePolicy
from ..simulators.rollout import Step
from .loop import interactions


def step_log(
    step: Step,
    env: PageEnv,
    policy: SlatePolicy,
    *,
    unit: str,
    config_hash: str = "",
    terms: Sequence[str] = (),
) -> DecisionLog:
    """The decisions of one step of a rollout, with their rewards, propensities and slot marginals.

    Args:
        policy: that decided.
        unit: of the reward.
        terms: of a slot, logged as events beside those that agents are told.
    """
    batch, shop = interactions(step, env), env.shop
    others = {name: step.feedback.term(name)[step.rows] for name in terms if name not in batch.events}
    marginals = (
        logged_marginals(policy, step.requests, step.decisions.positions) if policy.has_marginals else None
    )
    return DecisionLog.from_interactions(
        replace(batch, events={**batch.events, **others}),
        items=shop.catalog.items,
        unit=unit,
        policy_hash=policy.hash,
        policy_name=policy.name,
        config_hash=config_hash,
        user_names=shop.user_names,
        context_names=shop.context_names,
        marginals=marginals,
    )
