"""Episodes from a table of steps, from episodes as other libraries keep them, and from a decision log."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from ....core.errors import InvalidInput
from ....core.protocols import Policy
from ....core.types import F64, I64, AnyArray
from ....policies.decision_log.log import DecisionLog
from ..checks import ROW_SUM_TOLERANCE, as_floats, check_target, refuse
from .episodes import Episodes


def episodes_from_table(
    *,
    episode: AnyArray,
    step: AnyArray,
    state: AnyArray,
    action: AnyArray,
    reward: AnyArray,
    terminal: AnyArray,
    n_actions: int,
    propensity: AnyArray | None = None,
    behaviour: AnyArray | None = None,
    n_states: int = 0,
    final: AnyArray | None = None,
    allowed: AnyArray | None = None,
    unit: str = "reward",
) -> Episodes:
    """Episodes from one row a step; the rows of an episode stand together, in order, without gaps.

    Args:
        episode: (n,) any id.
        step: (n,) whole numbers that count 0, 1, 2, ... within each episode.
        state: (n,) whole numbers in [0, n_states) or (n, d) features.
        action: (n,) whole numbers in [0, n_actions).
        reward: (n,) numbers.
        terminal: (n,) bool, True only at a last step that ended the world.
        n_actions, n_states, final, allowed, unit: as in :class:`.Episodes`.
        propensity: (n,) the behaviour policy's probability of the action; None: taken from ``behaviour``.
        behaviour: (n, n_actions) its whole distribution, or None; rows sum to 1 within 1e-6 and agree with
            ``propensity`` within as much.

    Raises:
        InvalidInput: anything that is not as above, with the first wrong row and the count.
    """
    episode, step, action = np.asarray(episode), np.asarray(step), np.asarray(action)
    state, reward = np.asarray(state), as_floats("reward", reward)
    n = len(reward)
    if n == 0:
        raise InvalidInput("reward", reward.shape, "give at least one step")
    flags = np.asarray(terminal, dtype=bool)
    for name, column in (("episode", episode), ("step", step), ("action", action), ("terminal", flags)):
        if column.shape != (n,):
            raise InvalidInput(name, column.shape, f"give shape {(n,)}, one per reward")
    for name, column in (("step", step), ("action", action)):
        if column.dtype.kind not in "iu":
            raise InvalidInput(name, str(column.dtype), "give whole numbers")
    first = np.concatenate([[True], episode[1:] != episode[:-1]])
    starts = np.flatnonzero(first)
    again = np.ones(len(starts), dtype=bool)
    again[np.unique(episode[starts], return_index=True)[1]] = False
    torn = np.zeros(n, dtype=bool)
    torn[starts[again]] = True
    refuse("episode", episode, torn, "its rows do not stand together: sort by (episode, step)")
    rise = np.diff(step.astype(np.int64), prepend=-1)
    refuse("step", step, ~first & (rise == 0), "the same (episode, step) twice: remove one")
    refuse("step", step, ~first & (rise < 0), "steps go backwards: sort by (episode, step)")
    gap = np.where(first, step != 0, rise != 1)
    refuse("step", step, gap, "steps are missing: count 0, 1, 2, ... within each episode")
    last = np.concatenate([first[1:], [True]])
    refuse("terminal", flags, flags & ~last, "the episode goes on after this step: start a new episode")
    by_index = state.ndim == 1
    if by_index and state.dtype.kind not in "iu":
        raise InvalidInput("state", str(state.dtype), "give whole numbers, or features of shape (n, d)")
    dtype: Any = np.int64 if by_index else np.float64
    return Episodes(
        offsets=np.concatenate([starts, [n]]),
        state=state.astype(dtype),
        action=action.astype(np.int64),
        reward=reward,
        propensity=_propensity(propensity, behaviour, action, n_actions),
        n_actions=n_actions,
        ended=flags[last],
        n_states=n_states,
        final=None if final is None else np.asarray(final).astype(dtype),
        allowed=None if allowed is None else np.asarray(allowed, dtype=bool),
        unit=unit,
    )


def _propensity(
    propensity: AnyArray | None, behaviour: AnyArray | None, action: AnyArray, n_actions: int
) -> F64:
    if behaviour is None:
        if propensity is None:
            raise InvalidInput("propensity", None, "give propensities, or the behaviour's distributions")
        return as_floats("propensity", propensity)
    pmf = as_floats("behaviour", behaviour)
    if pmf.shape != (len(action), n_actions):
        raise InvalidInput("behaviour", pmf.shape, f"give shape {(len(action), n_actions)}")
    check_target(pmf, len(pmf), "behaviour")
    outside = (action < 0) | (action >= n_actions)
    refuse("action", action, outside, f"actions are 0 to {n_actions - 1}")
    implied = np.asarray(pmf[np.arange(len(action)), action])
    if propensity is None:
        return implied
    stated = as_floats("propensity", propensity)
    off = ~(np.abs(stated - implied) <= ROW_SUM_TOLERANCE)
    refuse("propensity", stated, off, "it is not the behaviour's probability of the action")
    return stated


_NAMES = {
    "observations": ("observations", "observation", "states", "state"),
    "actions": ("actions", "action"),
    "rewards": ("rewards", "reward"),
    "ended": ("terminations", "terminated", "terminals", "terminal"),
}


def episodes_from_records(
    records: Iterable[Any],
    *,
    n_actions: int,
    propensity: str | Callable[[AnyArray], F64] = "propensity",
    n_states: int = 0,
    unit: str = "reward",
) -> Episodes:
    """Episodes from one mapping or object per episode, as Minari and d3rlpy keep them.

    Each has ``observations``, ``actions`` and ``rewards`` of T steps, and ``terminations`` (Minari, an
    array) or ``terminated`` (d3rlpy, one flag). T + 1 observations, as Minari has them, make the last
    the state after the last step.

    Args:
        records: the episodes.
        n_actions, n_states, unit: as in :class:`.Episodes`.
        propensity: name of the (T,) propensities, looked for in the record and in its ``infos``; or the
            behaviour policy, from r states to (r, n_actions).

    Raises:
        InvalidInput: a record lacks something or its lengths differ, with its number; see also
            :func:`episodes_from_table`.
    """
    rows: list[tuple[Any, ...]] = []
    chances = []
    for i, record in enumerate(records):
        columns = {name: _read(record, options, i) for name, options in _NAMES.items()}
        action = np.asarray(columns["actions"]).reshape(-1)
        steps = len(action)
        observed = np.asarray(columns["observations"])
        observed = observed.reshape(len(observed), -1) if observed.ndim > 1 else observed
        reward = np.asarray(columns["rewards"]).reshape(-1)
        if len(reward) != steps or len(observed) not in (steps, steps + 1):
            lengths_read = (len(observed), steps, len(reward))
            fix = "give T actions, T rewards and T or T + 1 observations"
            raise InvalidInput(f"records[{i}]", lengths_read, fix)
        if isinstance(propensity, str):
            chance = np.asarray(_read(record, (propensity,), i)).reshape(-1)
            if len(chance) != steps:
                raise InvalidInput(f"records[{i}].{propensity}", chance.shape, f"give {steps} numbers")
            chances.append(chance)
        ended = bool(np.asarray(columns["ended"]).reshape(-1)[-1])
        rows.append((observed[:steps], observed[steps:], action, reward, ended))
    length = np.array([len(row[2]) for row in rows])
    if not rows or not length.all():
        fix = "give at least one episode, each of at least one step"
        raise InvalidInput("records", length[:10].tolist(), fix)
    states, finals, actions, rewards, all_ended = zip(*rows, strict=True)
    state = np.concatenate(states)
    if n_states and state.ndim == 2 and state.shape[1] == 1:  # an index in a column of its own
        state, finals = state[:, 0], tuple(final[:, 0] for final in finals)
    last = np.cumsum(length) - 1
    terminal = np.zeros(len(state), dtype=bool)
    terminal[last] = all_ended
    return episodes_from_table(
        episode=np.repeat(np.arange(len(length)), length),
        step=np.arange(len(state)) - np.repeat(last - length + 1, length),
        state=state,
        action=np.concatenate(actions),
        reward=np.concatenate(rewards),
        terminal=terminal,
        n_actions=n_actions,
        propensity=np.concatenate(chances) if isinstance(propensity, str) else None,
        behaviour=None if isinstance(propensity, str) else propensity(state),
        n_states=n_states,
        final=np.concatenate(finals) if all(len(final) for final in finals) else None,
        unit=unit,
    )


def _read(record: Any, options: tuple[str, ...], i: int) -> Any:
    def get(owner: Any, name: str) -> Any:
        return owner.get(name) if isinstance(owner, Mapping) else getattr(owner, name, None)

    infos = get(record, "infos") or get(record, "info") or {}
    for owner in (record, infos):
        for name in options:
            if (value := get(owner, name)) is not None:
                return value
    raise InvalidInput(f"records[{i}]", type(record).__name__, f"it has no {' or '.join(options)}")


def episodes_from_decisions(log: DecisionLog) -> tuple[Episodes, I64]:
    """One episode per user of a decision log: what was shown to them, visit after visit.

    The state is the user's features and the context, the action is the whole slate (distinct slates are
    numbered), its propensity the product over the slots, its reward the sum over the slots. Users count
    as independent, so stock that they share is left out of account. A log stops; users do not end.

    Args:
        log: decisions without a reward are left out.

    Returns:
        The episodes, and (n,) the row of ``log.rewarded_only()`` that each step is.

    Raises:
        InvalidInput: no decision has a reward.
    """
    log = log.rewarded_only()
    if not len(log):
        raise InvalidInput("log", 0, "no decision has a reward yet")
    rows = np.lexsort((log.request_id, log.time, log.user_id))
    user = log.user_id[rows]
    starts = np.flatnonzero(np.concatenate([[True], user[1:] != user[:-1]]))
    slates, action = np.unique(log.slates[rows], axis=0, return_inverse=True)
    return Episodes(
        offsets=np.concatenate([starts, [len(rows)]]),
        state=np.concatenate([log.user, log.context], axis=1)[rows].astype(np.float64),
        action=action.reshape(-1).astype(np.int64),
        reward=log.reward[rows].sum(axis=1),
        propensity=log.propensities[rows].prod(axis=1),
        n_actions=len(slates),
        ended=np.zeros(len(starts), dtype=bool),
        unit=log.unit,
    ), rows


def decision_ratios(log: DecisionLog, rows: I64, policy: Policy) -> F64:
    """(n,) how much likelier ``policy`` was to show each slate; for :func:`.inputs.weigh_sequences`.

    Args:
        log, rows: as given to and by :func:`episodes_from_decisions`.
        policy: the target.
    """
    log = log.rewarded_only().take(rows)
    chance = policy.propensities(log.requests(), log.positions)
    return np.asarray((chance / log.propensities).prod(axis=1), dtype=np.float64)
