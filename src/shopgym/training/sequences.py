"""Agents that look ahead learn in visits and lives: what happened goes to them with what came next."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from gymnasium.vector import AutoresetMode
from numpy.random import Generator

from ..agents.rl.replay import concat
from ..core.batches import Interactions
from ..core.errors import InvalidInput, in_range
from ..core.protocols import Agent, Policy
from ..core.types import F64, I64, Bool
from ..envs.vector import ShopVectorEnv
from ..policies.decision_log.log import DecisionLog
from .play import Page, answer, choose, pages
from .training import Tick


def steps_of(env: ShopVectorEnv, policy: Callable[[], Policy], steps: int, rng: Generator) -> Iterator[Page]:
    """Let the policy of each moment decide ``steps`` pages on every lane; who has gone is followed by others.

    Raises:
        InvalidInput: the environment resets by itself, chooses slot by slot, or is a season.
    """
    check_env(env)
    yield from pages(env.loop, policy, steps, rng)


def record(env: ShopVectorEnv, policy: Policy, steps: int, rng: Generator) -> Interactions:
    """What ``policy`` did on ``steps`` pages of every lane, with what came next: for learners from logs."""
    in_range("steps", steps, 1, 2**31)
    return concat([step.interactions for step in steps_of(env, lambda: policy, steps, rng)])


def sequences_of(log: DecisionLog, ended: Bool | None = None) -> Interactions:
    """The decisions of a log that are known to be followed by another of the same user, or to be the last.

    A user's decisions are put in order of time, those of one moment as they stand in the log. The last of
    each is left out unless it is known to have ended everything: what came after it was not logged.

    Args:
        log: decisions without a reward are left out. Its user ids must tell people apart.
        ended: (n,) bool, for each decision of ``log`` whether nothing could come after it; None = never.

    Raises:
        InvalidInput: nothing is left, or ``ended`` has another shape.
    """
    if ended is None:
        ended = np.zeros(len(log), np.bool_)
    if ended.shape != (len(log),):
        raise InvalidInput("ended", ended.shape, f"give shape ({len(log)},)")
    over, log = ended[log.rewarded], log.rewarded_only()
    order = np.lexsort((log.time, log.user_id))
    user = log.user_id[order]
    following = np.append(order[1:], 0)
    goes_on = np.append(user[1:] == user[:-1], False) & ~over[order]
    keep = goes_on | over[order]
    if not keep.any():
        raise InvalidInput("log", len(log), "no user has two decisions with a reward: nothing came next")
    rows, then = order[keep], following[keep]
    past = log.interactions().take(rows)
    return replace(past, next=log.requests().take(then), terminated=~goes_on[keep])


def check_env(env: ShopVectorEnv) -> None:
    """Raise :class:`InvalidInput` unless whole pages of visits or lives can be followed on every lane."""
    if env.mode != AutoresetMode.DISABLED:
        fix = "make the environment with 'Disabled': the last page of a visit must be seen"
        raise InvalidInput("autoreset_mode", env.mode.value, fix)
    if env.loop.form != "slate" or env.loop.price_off is not None:
        raise InvalidInput("form", env.loop.form, "make the environment with form 'slate' and no discounts")
    if env.loop.episode == "season":
        raise InvalidInput("env", "Season-v0", "its lanes wait for one another: use Session-v0 or Shopper-v0")


def train_sequences(
    agent: Agent, env: ShopVectorEnv, steps: int, rng: Generator, tick: Tick
) -> list[dict[str, Any]]:
    """Let an agent decide ``steps`` pages on every lane and learn after each; one row per batch.

    Columns: ``pages`` so far and ``reward`` per page; of the episodes that ended with this page how many
    ``episodes``, their mean ``length`` in pages and ``episode_reward`` (NaN if none); where people come back
    the lanes' mean ``satisfaction`` and ``returns`` per customer so far; and what ``learn`` reports.

    Args:
        env: a native vector environment of ``Session-v0`` or ``Shopper-v0`` that has been reset, with form
            ``slate`` and ``autoreset_mode="Disabled"``.
        tick: called after every batch, e.g. to move a progress bar.
    """
    in_range("steps", steps, 1, 2**31)
    rows: list[dict[str, Any]] = []
    length: I64 = np.zeros(env.num_envs, np.int64)
    earned: F64 = np.zeros(env.num_envs)
    people, visits = env.loop.shop.config.people.enabled, env.loop.shop.visits
    for number, step in enumerate(steps_of(env, agent.policy, steps, rng), start=1):
        page = step.interactions.reward.sum(axis=1)
        length, earned, ended = length + 1, earned + page, step.episode_over
        row: dict[str, Any] = {
            "pages": number * env.num_envs,
            "reward": float(page.mean()),
            "episodes": int(ended.sum()),
            "length": float(length[ended].mean()) if ended.any() else float("nan"),
            "episode_reward": float(earned[ended].mean()) if ended.any() else float("nan"),
        }
        if people:
            row |= {
                "satisfaction": float(visits.satisfaction.mean()),
                "returns": float(visits.visit.mean() - 1),
            }
        length[ended], earned[ended] = 0, 0.0
        rows.append(row | dict(agent.learn(step.interactions)))
        tick()
    return rows


@dataclass(frozen=True)
class Episodes:
    """One episode on each of n lanes.

    Attributes:
        reward: (n,) sum over the episode, in the reward's unit.
        pages, visits: (n,) how many.
        satisfaction: (n,) at its end, in [-1, 1]; 0 where nobody comes back.
        kept: (n,) bool, it was the clock that ended it: the customer would have come back.
    """

    reward: F64
    pages: I64
    visits: I64
    satisfaction: F64
    kept: Bool


def live(policy: Policy, env: ShopVectorEnv, seed: int, rng: Generator, *, most: int = 100_000) -> Episodes:
    """One episode per lane, from its beginning to its end, with the same luck for every policy.

    Args:
        seed: opens the shop anew.
        most: pages after which whoever is left is cut off.
    """
    check_env(env)
    env.reset(seed=seed)
    loop, n = env.loop, env.num_envs
    alive, kept = np.ones(n, np.bool_), np.zeros(n, np.bool_)
    reward, seen = np.zeros(n), np.zeros(n, np.int64)
    for _ in range(most):
        if not alive.any():
            break
        choice = choose(loop, policy, alive, rng)
        page = answer(loop, choice)
        reward[choice.rows] += page.reward
        seen[choice.rows] += 1
        kept[choice.rows] |= page.kept
        alive[choice.rows] = ~page.episode_over
    visits = loop.shop.visits.visit.astype(np.int64)
    return Episodes(reward, seen, visits, loop.shop.visits.satisfaction.copy(), kept | alive)
