"""Marginal importance sampling where states are counted: one ratio per step and state.

The marginals are plug-ins that solve their moment conditions exactly, so the value is a mean over episodes of
its efficient influence: the estimator ``dr`` on these inputs has the value of marginal importance
sampling and an interval that reckons with the estimated marginals.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ....core.errors import InvalidInput, in_range, one_of
from ....core.types import F64, I64
from ..inputs import OpeInputs
from .episodes import Episodes, Target
from .inputs import cut_note, propensity_p
from .weightings import kept

BY = ("state", "state-action")


def tabular_state_ratio(episodes: Episodes, target: Target) -> F64:
    """(n,) estimated probability of being in each row's state at its step, target over behaviour.

    The recursion of Xie, Ma and Wang 2019 (Towards optimal off-policy evaluation for reinforcement learning
    with marginalized importance sampling), equation 5. For :class:`.weightings.Marginal`.

    Raises:
        InvalidInput: states by features.
    """
    return _marginals(_cells(episodes, target, "state"))[0]


def tabular_inputs(
    episodes: Episodes, target: Target, *, gamma: float = 1.0, by: str = "state-action"
) -> OpeInputs:
    """Inputs whose ``dr`` is tabular marginal importance sampling, with the right interval.

    Args:
        episodes: the log, states by index.
        target: the target policy.
        gamma: discount in [0, 1] a step.
        by: ``state``: transitions and rewards of a state are weighed by the ratio of the action (Xie, Ma
            and Wang 2019); ``state-action``: they are counted per action and then averaged over the
            target's (Yin and Wang 2020), which has the least variance possible.

    Raises:
        InvalidInput: states by features, an unknown ``by``, or a discount out of range.
    """
    in_range("gamma", gamma, 0.0, 1.0)
    cells = _cells(episodes, target, by)
    ratio, unsupported = _marginals(cells)
    base, v, v_next = _values(cells, gamma)
    weight = ratio * cells.factor
    discount = episodes.discount(gamma)
    v_target = discount * (weight - ratio) * base
    starts = episodes.offsets[:-1]
    v_target[starts] += v[starts]
    return OpeInputs(
        reward=episodes.dense(discount * episodes.reward),
        weight=kept(episodes, episodes.dense(weight, 1.0)),
        q_logged=episodes.dense(discount * (base - gamma * v_next)),
        v_target=episodes.dense(v_target),
        unsupported=unsupported,
        unit=episodes.unit,
        note=cut_note(episodes),
        propensity_p=propensity_p(episodes),
    )


@dataclass(frozen=True, eq=False)
class _Cells:
    """What is counted: (n,) the cell of each row, its factor, and (S, cells / S) shares of a state."""

    episodes: Episodes
    cell: I64
    factor: F64
    share: F64

    def at(self, step: int) -> tuple[I64, I64]:
        """The rows at ``step``, and those of them that another row follows."""
        starts = self.episodes.offsets[:-1]
        length = self.episodes.length
        return starts[length > step] + step, starts[length > step + 1] + step


def _cells(episodes: Episodes, target: Target, by: str) -> _Cells:
    if episodes.state.ndim != 1:
        raise InvalidInput("episodes.state", episodes.state.shape, "count states: give them by index")
    one_of("by", by, BY)
    probability = episodes.probabilities(target)
    chosen = probability[np.arange(len(probability)), episodes.action]
    if by == "state":
        ones = np.ones((episodes.n_states, 1))
        return _Cells(episodes, episodes.state, chosen / episodes.propensity, ones)
    table = np.zeros((episodes.n_states, episodes.n_actions))
    table[episodes.state] = probability
    cell = episodes.state * episodes.n_actions + episodes.action
    return _Cells(episodes, cell, np.ones(len(cell)), table)


def _marginals(cells: _Cells) -> tuple[F64, float]:
    """(n,) ratio of each row's cell at its step, and the share of the target's mass never logged."""
    log, states, count = cells.episodes, cells.share.shape[0], cells.share.size
    ratio = np.zeros(len(cells.cell))
    mass: F64 = np.bincount(log.state[log.offsets[:-1]], minlength=states) / len(log)
    lost = whole = 0.0
    for step in range(log.longest):
        rows, going = cells.at(step)
        seen = np.bincount(cells.cell[rows], minlength=count)
        cell_mass = (mass[:, None] * cells.share).reshape(-1)
        whole, lost = whole + float(cell_mass.sum()), lost + float(cell_mass[seen == 0].sum())
        each = np.divide(cell_mass, seen, out=np.zeros(count), where=seen > 0)
        ratio[rows] = each[cells.cell[rows]] * len(log)
        flow = each[cells.cell[going]] * cells.factor[going]
        mass = np.asarray(np.bincount(log.state[going + 1], flow, minlength=states), dtype=np.float64)
    return ratio, lost / whole


def _values(cells: _Cells, gamma: float) -> tuple[F64, F64, F64]:
    """(n,) each: value of the row's cell at its step, of its state, and of its next state."""
    log, states, count = cells.episodes, cells.share.shape[0], cells.share.size
    base, v, v_next = (np.zeros(len(cells.cell)) for _ in range(3))
    later = np.zeros(states)
    for step in reversed(range(log.longest)):
        rows, going = cells.at(step)
        v_next[going] = later[log.state[going + 1]]
        seen = np.bincount(cells.cell[rows], minlength=count)
        worth = cells.factor[rows] * (log.reward[rows] + gamma * v_next[rows])
        total = np.bincount(cells.cell[rows], worth, minlength=count)
        value = np.divide(total, seen, out=np.zeros(count), where=seen > 0)
        base[rows] = value[cells.cell[rows]]
        later = (value.reshape(states, -1) * cells.share).sum(axis=1)
        v[rows] = later[log.state[rows]]
    return base, v, v_next
