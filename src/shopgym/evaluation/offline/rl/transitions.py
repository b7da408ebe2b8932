"""Transitions of a log as regressions of a Q function need them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ....core.errors import InvalidInput
from ....core.types import F64, I64, AnyArray, Bool
from .episodes import Episodes, Target


@dataclass(frozen=True, eq=False)
class Transitions:
    """All states of the log and where each row leads.

    Attributes:
        features: (m, p) of the n logged states, then of the N final ones if they are known: one-hot in a
            sparse matrix for states by index, else a constant and the features.
        probability: (m, n_actions) the target's.
        following: (n,) the index of the next state; of no meaning where nothing follows.
        ends: (n,) bool, nothing follows: the world ended with this row, or it is not known what came.
        weight: (n,) how much a row counts: 0 where it is not known what came. Had only such rows been
            dropped, ends would be too frequent among the others: a row that ends its episode counts as
            much as rows at its step that do not end theirs are known (inverse probability of censoring
            weights, Robins and Rotnitzky 1992, with cuts that depend on the step only). 0 at the clock.
    """

    features: Any
    probability: F64
    following: I64
    ends: Bool
    weight: F64

    @classmethod
    def from_episodes(cls, episodes: Episodes, target: Target) -> Transitions:
        """The transitions of ``episodes``, with the target's probabilities."""
        n = len(episodes.action)
        probability = episodes.probabilities(target)
        final = episodes.final_probabilities(target)
        state = episodes.state
        last = episodes.offsets[1:] - 1
        following = episodes.next_rows()
        if final is not None and episodes.final is not None:
            state = np.concatenate([state, episodes.final])
            probability = np.concatenate([probability, final])
        following[last] = np.arange(n, n + len(episodes)) if final is not None else 0
        ends, weight = np.zeros(n, dtype=bool), np.ones(n)
        ends[last] = episodes.ended | (final is None)
        if final is None:
            at, steps = episodes.length - 1, episodes.longest
            goes_on = np.bincount(episodes.step, minlength=steps) - np.bincount(at, minlength=steps)
            cut = np.bincount(at[~episodes.ended], minlength=steps)
            share = np.divide(goes_on, goes_on + cut, out=np.ones(steps), where=goes_on + cut > 0)
            weight[last] = np.where(episodes.ended, share[at], 0.0)
        return cls(state_features(episodes, state), probability, following, ends, weight)

    def row_weight(self, gamma: float) -> F64:
        """(n,) how much each row counts in a regression with discount ``gamma``; refuses none at all."""
        if gamma == 0:
            return np.ones_like(self.weight)
        if not self.weight.any():
            raise InvalidInput("episodes.final", None, "no next state is known: give final states or `ended`")
        return self.weight

    def next_value(self, value: F64) -> F64:
        """(n,) of ``value`` (m, n_actions): its mean under the target at the next state, 0 where none."""
        mean = np.einsum("ma,ma->m", self.probability, value)
        return np.where(self.ends, 0.0, mean[self.following])


def state_features(episodes: Episodes, state: AnyArray) -> Any:
    """(m, p) features of ``state`` (m,) or (m, d): see :class:`Transitions`."""
    if state.ndim == 1:
        from scipy.sparse import csr_array

        m = len(state)
        return csr_array((np.ones(m), state, np.arange(m + 1)), shape=(m, episodes.n_states))
    return np.concatenate([np.ones((len(state), 1)), state], axis=1)


def as_dense(matrix: Any) -> F64:
    """A sparse or dense matrix as a dense one."""
    return np.asarray(matrix.toarray() if hasattr(matrix, "toarray") else matrix)


def scaled_rows(features: Any, by: F64) -> Any:
    """Each row of a sparse or dense matrix times its entry of ``by``."""
    return features.multiply(by[:, None]).tocsr() if hasattr(features, "multiply") else features * by[:, None]
