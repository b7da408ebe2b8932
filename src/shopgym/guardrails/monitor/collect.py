"""What the monitor reads: the steps of a rollout, and the rows of a decision log."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.random import Generator

from ...core.batches import take_rows
from ...core.errors import InvalidInput, in_range
from ...core.protocols import Policy
from ...core.reward import RewardSpec
from ...core.reward.amounts import page_amounts, slot_amounts
from ...core.types import F64
from ...envs.page_env import PageEnv
from ...policies.decision_log.log import DecisionLog
from ...simulators.rollout import CandidateSource, Step, rollout
from .divergence import divergence
from .monitor import OnRow, PageBatch, RewardMonitor

DIVERGENCE_ROWS = 256
"""Pages of a batch on which the divergence is measured: slot marginals of all of them would cost more than
learning."""


def step_batch(step: Step, reward: RewardSpec) -> PageBatch:
    """What the pages of a step earned."""
    star: F64 = np.zeros(step.feedback.clicked.shape)
    for name, weight in reward.star_weights.items():
        star = star + weight * slot_amounts(step.feedback, name)
    terms = page_amounts(step.feedback, reward.own)
    return PageBatch(
        reward.slots(step.feedback)[step.rows],
        star[step.rows],
        {name: amounts[step.rows] for name, amounts in terms.items()},
    )


def reference_batch(
    env: PageEnv, policy: Policy, pages: int, rng: Generator, candidates: CandidateSource | None = None
) -> PageBatch:
    """What ``policy`` earns on ``pages`` pages in every row of an open environment.

    Reset the environment before it is stepped by other means.
    """
    in_range("monitor.pages", pages, 1, 2**31)
    steps = rollout(env.world, policy, rng, pages=pages, candidates=candidates)
    return concatenated([step_batch(step, env.reward) for step in steps])


def concatenated(batches: Sequence[PageBatch]) -> PageBatch:
    """The batches one after another, without divergence."""
    names = batches[0].terms
    return PageBatch(
        np.concatenate([batch.proxy for batch in batches]),
        np.concatenate([batch.north_star for batch in batches]),
        {name: np.concatenate([batch.terms[name] for batch in batches]) for name in names},
    )


class TrainingMonitor:
    """Watches a training run: give it to ``train`` or ``train_sequences`` as ``on_step``.

    Args:
        env: where the agent learns; it has been reset.
        policy: the reference policy, such as what serves today.
        rng: the reference's pages are drawn from it.
        pages: of the reference, in every row of the environment.
        batches, error: see :class:`.monitor.RewardMonitor`.
        stop: whether an alarm ends the training.
        candidates: gives the reference's requests their candidates where the shop leaves them open.
        on_row: called with the monitor after every batch.
    """

    def __init__(
        self,
        env: PageEnv,
        policy: Policy,
        rng: Generator,
        *,
        pages: int = 10,
        batches: int = 200,
        error: float = 0.05,
        stop: bool = True,
        candidates: CandidateSource | None = None,
        on_row: OnRow | None = None,
    ) -> None:
        self.reward, self.policy, self.stop = env.reward, policy, stop
        reference = reference_batch(env, policy, pages, rng, candidates)
        name = env.reward.star.name
        settings: dict[str, Any] = {"batches": batches, "error": error, "on_row": on_row}
        self.monitor = RewardMonitor(reference, north_star=name, **settings)

    def __call__(self, step: Step, policy: Policy) -> bool:
        """Take in a step that ``policy`` decided; whether the training should stop."""
        rows = slice(0, DIVERGENCE_ROWS)
        moved = divergence(policy, self.policy, step.requests.take(rows), take_rows(step.decisions, rows))
        row = self.monitor.add(replace(step_batch(step, self.reward), divergence=moved))
        return self.stop and bool(row.alarm)


def log_batches(
    log: DecisionLog,
    reward: RewardSpec,
    size: int,
    policy: Policy | None = None,
    reference: Policy | None = None,
) -> Iterator[PageBatch]:
    """The rewarded decisions of a log in the order of time, ``size`` at a time.

    Args:
        reward: what the log's reward is made of; its north star is read from the log's events.
        policy, reference: who made the log and whom it is compared with; None: no divergence is measured.

    Raises:
        InvalidInput: the log lacks a term of the north star.
    """
    in_range("monitor.size", size, 2, 2**31)
    log = log.rewarded_only()
    log = log.take(np.argsort(log.time, kind="stable"))
    missing = [name for name in reward.star_weights if name not in log.events]
    if missing:
        fix = f"the log has {', '.join(log.events) or 'no terms'}: log it as an event"
        raise InvalidInput("reward.north_star", missing[0], fix)
    for start in range(0, len(log), size):
        part = log.take(slice(start, start + size))
        star: F64 = sum(
            (weight * part.events[name] for name, weight in reward.star_weights.items()),
            start=np.zeros(part.slates.shape),
        )
        moved = None
        if policy is not None and reference is not None:
            few = part.take(slice(0, DIVERGENCE_ROWS))
            moved = divergence(policy, reference, few.requests(), few.decisions())
        terms = {name: values.sum(axis=1) for name, values in part.events.items()}
        yield PageBatch(part.reward, star, terms, moved)
