"""A small Markov decision process whose values are solved by linear algebra, for tests of sequences.

It has 4 states, 3 actions, integer rewards, a probability of 0.15 to end at every step, and a clock.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shopgym.core.types import F64
from shopgym.evaluation.offline.rl import Episodes, episodes_from_table

STATES, ACTIONS, CLOCK = 4, 3, 5
_world = np.random.default_rng(11)
MOVES = 0.85 * _world.dirichlet(np.ones(STATES), size=(STATES, ACTIONS))
"""(S, A, S) probability of the next state; with the 0.15 that is missing the world ends."""
CHANCES = _world.dirichlet(np.ones(3), size=(STATES, ACTIONS))
"""(S, A, 3) probability of the rewards 0, 1 and 2."""
REWARD = CHANCES @ np.arange(3.0)
START = _world.dirichlet(np.ones(STATES))
BEHAVIOUR = _world.dirichlet(np.full(ACTIONS, 4.0), size=STATES)
TARGET = _world.dirichlet(np.full(ACTIONS, 4.0), size=STATES)


@dataclass(frozen=True)
class Exact:
    """Exact values of a policy (S, A) with a clock: (CLOCK, S, A) Q, (CLOCK, S) chance of a state."""

    q: F64
    chance: F64
    value: float


def exact(policy: F64, gamma: float) -> Exact:
    """By backward and forward recursion."""
    q = np.zeros((CLOCK + 1, STATES, ACTIONS))
    for step in reversed(range(CLOCK)):
        q[step] = REWARD + gamma * MOVES @ (policy * q[step + 1]).sum(axis=1)
    chance = np.zeros((CLOCK, STATES))
    chance[0] = START
    for step in range(1, CLOCK):
        chance[step] = np.einsum("s,sa,sat->t", chance[step - 1], policy, MOVES)
    return Exact(q[:-1], chance, float(START @ (policy * q[0]).sum(axis=1)))


def endless(policy: F64, gamma: float) -> float:
    """The value without a clock, by one linear system."""
    moves = np.einsum("sa,sat->st", policy, MOVES)
    value = np.linalg.solve(np.eye(STATES) - gamma * moves, (policy * REWARD).sum(axis=1))
    return float(START @ value)


def returns(policy: F64) -> F64:
    """(2 CLOCK + 1,) chance of every undiscounted return with a clock, by recursion over (state, so far)."""
    alive = np.zeros((STATES, 2 * CLOCK + 1))
    alive[:, 0] = START
    ended = np.zeros(2 * CLOCK + 1)
    for _ in range(CLOCK):
        after = np.zeros_like(alive)
        for earned in range(3):
            taken = np.einsum("sg,sa,sa->sag", alive, policy, CHANCES[:, :, earned])
            taken = np.roll(taken, earned, axis=2)
            after += np.einsum("sag,sat->tg", taken, MOVES)
            ended += np.einsum("sag,sa->g", taken, 1.0 - MOVES.sum(axis=2))
        alive = after
    return ended + alive.sum(axis=0)


def draw(rows: F64, rng: np.random.Generator) -> np.ndarray:
    """(n,) index drawn from each row's probabilities; the length of the row when they sum to less."""
    return (rng.random((len(rows), 1)) > rows.cumsum(axis=1)).sum(axis=1)


def simulate(
    episodes: int,
    rng: np.random.Generator,
    *,
    policy: F64 = BEHAVIOUR,
    clock: int = CLOCK,
    final: bool = False,
) -> Episodes:
    """A log of ``policy``; with ``final`` also where the clock stopped each episode."""
    state, who = draw(np.tile(START, (episodes, 1)), rng), np.arange(episodes)
    at_end = np.zeros(episodes, dtype=int)
    parts = []
    for step in range(clock):
        action = draw(policy[state], rng)
        reward = draw(CHANCES[state, action], rng).clip(max=2).astype(float)
        after = draw(MOVES[state, action], rng)
        over = after == STATES
        parts.append((who, np.full(len(who), step), state, action, reward, over))
        at_end[who[~over]] = after[~over]
        who, state = who[~over], after[~over]
    columns = [np.concatenate(column) for column in zip(*parts)]
    order = np.lexsort((columns[1], columns[0]))
    episode, steps, states, actions, rewards, overs = (column[order] for column in columns)
    return episodes_from_table(
        episode=episode,
        step=steps,
        state=states,
        action=actions,
        reward=rewards,
        terminal=overs,
        n_actions=ACTIONS,
        n_states=STATES,
        behaviour=policy[states],
        final=at_end if final else None,
    )
