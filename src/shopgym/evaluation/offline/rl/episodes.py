"""A log of whole episodes as flat columns: what estimators of sequences need of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from ....core.errors import InvalidInput
from ....core.types import F64, I64, AnyArray, Bool
from ..checks import ROW_SUM_TOLERANCE, as_floats, check_finite, check_target, refuse

Target = F64 | Callable[[AnyArray], F64]
"""A target policy: a table (n_states, n_actions) for states by index, a row of probabilities for every
logged step (n, n_actions) for states by features, or a function from r states to (r, n_actions)."""


@dataclass(frozen=True, eq=False)
class Episodes:
    """N episodes of n steps in all, each episode's steps together and in order.

    Attributes:
        offsets: (N + 1,) int64; episode i is the rows offsets[i] to offsets[i + 1].
        state: (n,) int64 index in [0, n_states), or (n, d) float64 features.
        action: (n,) int64 in [0, n_actions).
        reward: (n,) float64, in ``unit``.
        propensity: (n,) float64 in (0, 1], the behaviour policy's probability of the action.
        n_actions: number of actions.
        ended: (N,) bool, whether the last step ended the world, after which nothing can be earned;
            False: the clock or the log stopped there. Not Gymnasium's ``truncated``.
        n_states: number of states by index; 0 for states by features.
        final: (N,) or (N, d) the state after each last step, or None; ignored where ``ended``.
        allowed: (n, n_actions) bool, the actions that could be taken, or None for all.
        unit: unit of the reward.

    Raises:
        InvalidInput: anything that is not as above, with the first wrong row and the count.
    """

    offsets: I64
    state: AnyArray
    action: I64
    reward: F64
    propensity: F64
    n_actions: int
    ended: Bool
    n_states: int = 0
    final: AnyArray | None = None
    allowed: Bool | None = None
    unit: str = "reward"

    def __post_init__(self) -> None:
        n, offsets = len(self.reward), self.offsets
        if len(offsets) < 2 or offsets[0] != 0 or offsets[-1] != n or (np.diff(offsets) <= 0).any():
            raise InvalidInput("episodes.offsets", offsets.tolist(), f"rise from 0 to the {n} rows")
        for name, length in (("state", n), ("action", n), ("propensity", n), ("ended", len(self))):
            if len(getattr(self, name)) != length:
                raise InvalidInput(f"episodes.{name}", len(getattr(self, name)), f"give {length} rows")
        if self.allowed is not None and self.allowed.shape != (n, self.n_actions):
            raise InvalidInput("episodes.allowed", self.allowed.shape, f"give shape {(n, self.n_actions)}")
        check_finite("episodes.reward", self.reward)
        self._check_states("state", self.state)
        if self.final is not None:
            if self.final.shape != (len(self), *self.state.shape[1:]):
                raise InvalidInput("episodes.final", self.final.shape, "give one state per episode")
            self._check_states("final", self.final)
        outside = (self.action < 0) | (self.action >= self.n_actions)
        refuse("episodes.action", self.action, outside, f"actions are 0 to {self.n_actions - 1}")
        if self.allowed is not None:
            forbidden = ~self.allowed[np.arange(n), self.action]
            refuse("episodes.action", self.action, forbidden, "its mask forbids the action that was taken")
        possible = (self.propensity > 0) & (self.propensity <= 1)
        refuse("episodes.propensity", self.propensity, ~possible, "give a probability in (0, 1]")

    def _check_states(self, name: str, state: AnyArray) -> None:
        if state.ndim == 1:
            outside = (state < 0) | (state >= self.n_states)
            refuse(f"episodes.{name}", state, outside, f"states are 0 to {self.n_states - 1}")
        else:
            check_finite(f"episodes.{name}", state)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __repr__(self) -> str:
        return (
            f"Episodes({len(self)} episodes, {len(self.reward)} steps, at most {self.longest}, "
            f"{self.n_actions} actions, {self.unit})"
        )

    @cached_property
    def length(self) -> I64:
        """(N,) steps of each episode."""
        return np.diff(self.offsets)

    @property
    def longest(self) -> int:
        """H, steps of the longest episode."""
        return int(self.length.max())

    @cached_property
    def episode(self) -> I64:
        """(n,) the episode of each row, counted from 0."""
        return np.repeat(np.arange(len(self)), self.length)

    @cached_property
    def step(self) -> I64:
        """(n,) the step of each row within its episode, counted from 0."""
        return np.arange(len(self.reward)) - np.repeat(self.offsets[:-1], self.length)

    @property
    def cut_short(self) -> int:
        """Episodes that stop before the longest although the world had not ended."""
        return int((~self.ended & (self.length < self.longest)).sum())

    def dense(self, values: AnyArray, fill: float = 0.0) -> F64:
        """(N, H) of ``values`` (n,), ``fill`` after the end of an episode."""
        if (self.length == self.longest).all():
            return np.asarray(values, dtype=np.float64).reshape(len(self), self.longest)
        out = np.full((len(self), self.longest), fill)
        out[self.episode, self.step] = values
        return out

    def sums(self, values: AnyArray) -> F64:
        """(N,) sum of ``values`` (n,) over the steps of each episode."""
        return np.add.reduceat(np.asarray(values, dtype=np.float64), self.offsets[:-1])

    def discount(self, gamma: float) -> F64:
        """(n,) gamma to the power of the step."""
        return np.asarray(np.power(float(gamma), np.arange(self.longest))[self.step])

    def returns(self, gamma: float) -> F64:
        """(N,) discounted sum of the rewards of each episode."""
        return self.sums(self.discount(gamma) * self.reward)

    def next_rows(self) -> I64:
        """(n,) the row of the next step; -1 - i at the last step of episode i."""
        following = np.arange(1, len(self.reward) + 1)
        following[self.offsets[1:] - 1] = -1 - np.arange(len(self))
        return following

    def rows_of(self, chosen: AnyArray) -> I64:
        """The rows of the episodes ``chosen`` (indices), one episode after the other."""
        length = self.length[chosen]
        starts = np.cumsum(length) - length
        return np.asarray(np.arange(length.sum()) + np.repeat(self.offsets[chosen] - starts, length))

    def take(self, chosen: AnyArray) -> Episodes:
        """The episodes ``chosen`` (indices), in that order; they may repeat."""
        rows = self.rows_of(chosen)
        by_row = {name: getattr(self, name)[rows] for name in ("state", "action", "reward", "propensity")}
        return replace(
            self,
            **by_row,
            offsets=np.concatenate([[0], np.cumsum(self.length[chosen])]),
            ended=self.ended[chosen],
            final=None if self.final is None else self.final[chosen],
            allowed=None if self.allowed is None else self.allowed[rows],
        )

    def probabilities(self, target: Target) -> F64:
        """(n, n_actions) the target's probabilities at every logged step, checked.

        Raises:
            InvalidInput: a wrong shape, rows that are no distributions, or a forbidden action that is likely.
        """
        probability = self._of_states("target", target, self.state)
        if self.allowed is not None:
            on_forbidden = np.where(self.allowed, 0.0, probability).max(axis=1) > ROW_SUM_TOLERANCE
            refuse("target", probability, on_forbidden, "it gives probability to what the mask forbids")
        return probability

    def final_probabilities(self, target: Target) -> F64 | None:
        """(N, n_actions) the target's at the final states; None where they or the target are not known."""
        if self.final is None or not (callable(target) or self.state.ndim == 1):
            return None
        return self._of_states("target(final)", target, self.final)

    def _of_states(self, name: str, target: Target, state: AnyArray) -> F64:
        if callable(target):
            probability = as_floats(name, target(state))
        else:
            table = as_floats(name, target)
            want = (self.n_states if self.state.ndim == 1 else len(self.reward), self.n_actions)
            if table.shape != want:
                raise InvalidInput(name, table.shape, f"give shape {want}")
            if self.state.ndim == 1:
                check_target(table, self.n_states)
                return np.asarray(table[state])
            probability = table
        if probability.shape != (len(state), self.n_actions):
            raise InvalidInput(name, probability.shape, f"give shape {(len(state), self.n_actions)}")
        check_target(probability, len(state))
        return probability
