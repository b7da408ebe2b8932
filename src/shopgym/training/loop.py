"""The training loop: an agent's policy decides, the shop answers, the agent learns."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from gymnasium.vector import AutoresetMode
from numpy.random import Generator

from ..agents.rl.replay import concat
from ..core.batches import LEARNER_EVENTS, SLOT_TERMS, Interactions, Requests
from ..core.errors import InvalidInput, in_range
from ..core.protocols import Agent, DecisionRule, Policy
from ..core.reward.amounts import slot_amounts
from ..core.types import F64, I32, I64
from ..envs.oracle import best_page_values, page_values
from ..envs.page_env import Episode, PageEnv
from ..envs.vector import ShopVectorEnv
from ..policies.guards.interventions import CountingPolicy, Interventions
from ..policies.policy import SlatePolicy
from ..simulators.rollout import BeforePage, CandidateSource, Step, rollout
from .booked_reward import BookedRewards

OnProgress = Callable[[], None]
"""Called after every batch, e.g. to move a progress bar."""
OnStep = Callable[[Step, Policy], bool]
"""Called after every batch that was learnt from, with the policy that decided it; True ends the training."""


def interactions(step: Step, env: PageEnv) -> Interactions:
    """What an agent learns from the r pages of a step: also the terms of the north star and of the limits."""
    feedback = step.feedback
    told = (name for name in env.reward.reads if name in SLOT_TERMS or feedback.measures is not None)
    names = dict.fromkeys((*LEARNER_EVENTS, *told))
    events = {name: slot_amounts(feedback, name)[step.rows] for name in names}
    reward = env.reward.slots(step.feedback)[step.rows]
    # in a season a row's next request may be another customer's: it must not be credited to this page
    terminated = step.visit_over if env.episode is Episode.SEASON else step.terminated
    return Interactions(step.requests, step.decisions, reward, events, step.next_requests, terminated)


def learn(
    agent: Agent,
    env: PageEnv,
    pages: int | None,
    rng: Generator,
    *,
    pages_in_all: int | None = None,
    policy: Policy | None = None,
    candidates: CandidateSource | None = None,
    before: BeforePage | None = None,
    interventions: Interventions | None = None,
    booked: BookedRewards | None = None,
    on_step: OnStep | None = None,
) -> Iterator[tuple[Step, Interactions, Mapping[str, float]]]:
    """Let an agent decide pages in every row of an open environment, and learn after each.

    Reset the environment before it is stepped again by other means.

    Args:
        pages: in every row; None = no limit.
        pages_in_all: pages that all rows together show, at the least. In a season, where a row may wait for a
            visitor, that is what an agent learns from.
        policy: decides in place of the agent's own.
        candidates, before: as in :func:`~shopgym.simulators.rollout.rollout`.
        interventions: counts what the guards of the policies changed, if they are ``SlatePolicy``.
        booked: holds pages back until their episode is over, and the agent learns from their booked reward.
            Batches then have different lengths: not for agents that learn on policy, such as PPO.
        on_step: may end the training, e.g. :class:`~shopgym.guardrails.monitor.TrainingMonitor`.

    Yields:
        The step, its interactions and what ``agent.learn`` reported, if it learnt after that step.
    """
    current: Policy

    def deciding() -> DecisionRule:
        nonlocal current
        current = agent.policy() if policy is None else policy
        if interventions is None or not isinstance(current, SlatePolicy):
            return current
        return CountingPolicy(current, interventions)

    limits: dict[str, Any] = {"pages": pages, "pages_in_all": pages_in_all}
    for step in rollout(env.world, deciding, rng, **limits, candidates=candidates, before=before):
        batch = interactions(step, env)
        yield step, batch, _learn_all(agent, [batch] if booked is None else booked.add(step, batch))
        if on_step is not None and on_step(step, current):
            break
    if booked is not None:
        _learn_all(agent, booked.close())


def _learn_all(agent: Agent, batches: Sequence[Interactions]) -> Mapping[str, float]:
    """Let the agent learn from each batch; what it reported last."""
    report: Mapping[str, float] = {}
    for batch in batches:
        report = agent.learn(batch)
    return report


def exact_values(env: PageEnv) -> BeforePage:
    """Measures (expected, best), each (r,): exact expected reward of the pages shown and of the best pages.

    ``best`` is NaN unless an episode is one page: what is best for one page need not be best for a visit.
    """

    def values(rows: I64, requests: Requests, slates: I32) -> tuple[F64, F64]:
        expected = page_values(env.shop, env.reward, slates)[rows]
        if env.episode is not Episode.PAGE:
            return expected, np.full(len(rows), np.nan)
        return expected, best_page_values(env.shop, env.reward, requests.candidates)

    return values


def train(
    agent: Agent,
    env: ShopVectorEnv,
    rounds: int,
    rng: Generator,
    on_progress: OnProgress = lambda: None,
    candidates: CandidateSource | None = None,
    on_step: OnStep | None = None,
    interventions: Interventions | None = None,
    booked: BookedRewards | None = None,
) -> list[dict[str, Any]]:
    """Train an agent on episodes of any kind; one row per batch.

    Columns: ``decisions`` so far; per decision the realised ``reward``, the exact ``expected_reward`` and, in
    visits of one page, the ``regret`` to the best page of each request (elsewhere NaN).

    Args:
        rounds: batches of as many pages as the environment has rows. In a season, where a row may wait for a
            visitor, as many pages are shown in more batches.
        on_progress: called once for every such number of pages.
        on_step, interventions, booked: as in :func:`learn`.
    """
    rows: list[dict[str, Any]] = []
    seen, told, n = 0, 0, env.num_envs
    options: dict[str, Any] = {"candidates": candidates, "before": exact_values(env.loop), "on_step": on_step}
    options |= {"interventions": interventions, "booked": booked}
    for step, _, _ in learn(agent, env.loop, None, rng, pages_in_all=rounds * n, **options):
        expected, best = step.before
        seen += len(step.requests)
        rows.append(
            {
                "decisions": seen,
                "reward": float(env.loop.reward.page(step.feedback)[0][step.rows].mean()),
                "expected_reward": float(expected.mean()),
                "regret": float((best - expected).mean()),
            }
        )
        for _ in range(told, seen // n):
            on_progress()
        told = seen // n
    return rows


def train_sequences(
    agent: Agent,
    env: ShopVectorEnv,
    steps: int,
    rng: Generator,
    on_progress: OnProgress = lambda: None,
    on_step: OnStep | None = None,
    booked: BookedRewards | None = None,
) -> list[dict[str, Any]]:
    """Train an agent on visits or customers' lives: ``steps`` pages in every row; one row per batch.

    Columns: ``pages`` so far and ``reward`` per page; of the episodes that ended with this page how many
    ``episodes``, their mean ``length`` in pages and ``episode_reward`` (NaN if none); where people come back
    the mean ``satisfaction`` and ``returns`` per customer so far; and what ``learn`` reports.

    Args:
        env: an environment of ``Session-v0`` or ``Shopper-v0`` that has been reset, with form ``slate`` and
            ``autoreset_mode="Disabled"``.
        on_progress: called after every batch.
        on_step: may end the training, as in :func:`learn`.
        booked: changes what the agent is told, as in :func:`learn`; the columns tell of the reward at once.
    """
    in_range("steps", steps, 1, 2**31)
    check_env(env)
    rows: list[dict[str, Any]] = []
    length: I64 = np.zeros(env.num_envs, np.int64)
    earned: F64 = np.zeros(env.num_envs)
    people, visits = env.loop.shop.config.people.enabled, env.loop.shop.visits
    followed = learn(agent, env.loop, steps, rng, booked=booked, on_step=on_step)
    for number, (step, batch, report) in enumerate(followed, start=1):
        page = batch.reward.sum(axis=1)
        length, earned, ended = length + 1, earned + page, step.terminated | step.truncated
        row: dict[str, Any] = {"pages": number * env.num_envs, "reward": float(page.mean())}
        row |= {"episodes": int(ended.sum()), "length": float("nan"), "episode_reward": float("nan")}
        if ended.any():
            row |= {"length": float(length[ended].mean()), "episode_reward": float(earned[ended].mean())}
        if people:
            row["satisfaction"] = float(visits.satisfaction.mean())
            row["returns"] = float(visits.visit.mean() - 1)
        length[ended], earned[ended] = 0, 0.0
        rows.append(row | dict(report))
        on_progress()
    return rows


def record(env: ShopVectorEnv, policy: Policy, steps: int, rng: Generator) -> Interactions:
    """The interactions of ``policy`` on ``steps`` pages of every row: for learners from logs."""
    in_range("steps", steps, 1, 2**31)
    check_env(env)
    pages = rollout(env.loop.world, policy, rng, pages=steps)
    return concat([interactions(step, env.loop) for step in pages])


def check_rollout(agent: Agent, name: str, batches: int) -> None:
    """Raise :class:`InvalidInput` if training ends before an agent that collects batches (PPO) learns.

    Args:
        name: of the agent in a config.
        batches: that it is given, at the least.
    """
    rollout = getattr(agent, "rollout", 1)
    if rollout > batches:
        fix = f"give at most {batches}, which is how many batches it gets: with more it learns nothing"
        raise InvalidInput(f"agents.{name}.rollout", rollout, fix)


def check_env(env: ShopVectorEnv) -> None:
    """Raise :class:`InvalidInput` unless whole pages of visits or lives can be followed in every row."""
    if env.mode != AutoresetMode.DISABLED:
        fix = "make the environment with 'Disabled': the last page of a visit must be seen"
        raise InvalidInput("autoreset_mode", env.mode.value, fix)
    if env.loop.form != "slate" or env.loop.price_off is not None:
        raise InvalidInput("form", env.loop.form, "make the environment with form 'slate' and no discounts")
    if env.loop.episode is Episode.SEASON:
        raise InvalidInput("env", "Season-v0", "its rows wait for one another: use Session-v0 or Shopper-v0")
