"""Inputs from a log of single actions: fit the reward model, then weigh the rounds in chunks."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.random import Generator

from ...core.types import F64, AnyArray
from .inputs import OpeInputs, checked_actions, shown, weigh
from .reward_model import FOLDS, Moments, assign_folds

CELLS = 4_000_000
"""Probabilities (rounds x actions) held at once: 32 MB."""


def cross_fitted_inputs(
    reward: AnyArray,
    action: AnyArray,
    propensity: AnyArray,
    target: Callable[[slice], F64],
    features: F64,
    n_actions: int,
    *,
    rng: Generator,
    users: AnyArray | None = None,
    folds: int = FOLDS,
    penalty: float | None = None,
    unit: str = "reward",
) -> OpeInputs:
    """Inputs with a reward model of one-hot actions and their interaction with ``features``.

    Args:
        reward, action, propensity: (n,) as in :meth:`OpeInputs.from_actions`.
        target: from a slice of r rounds to the target's probabilities (r, n_actions), checked already.
        features: (n, D) of the round, D may be 0.
        n_actions: number of actions.
        rng: decides the folds.
        users: (n,) or None; the rounds of a user share a fold.
        folds, penalty: of the reward model; penalty None is chosen from the log.
        unit: unit of the reward.
    """
    reward, action, propensity = checked_actions(reward, action, propensity, n_actions)
    n = len(reward)
    fold = assign_folds(n, rng, folds, users)
    moments = Moments(folds, n_actions, features.shape[1])
    moments.add(features, action, reward, fold)
    model = moments.fit(penalty)
    unseen = ~shown(action, n_actions)
    weight, q_logged, v_target = np.empty((n, 1)), np.empty((n, 1)), np.empty((n, 1))
    unsupported = 0.0
    step = max(1, CELLS // n_actions)
    for start in range(0, n, step):
        rows = slice(start, min(start + step, n))
        probability = target(rows)
        q = model.predict(features[rows], fold[rows])
        w, at_action, expected = weigh(action[rows], propensity[rows], probability, q)
        weight[rows, 0], q_logged[rows, 0], v_target[rows, 0] = w, at_action, expected
        unsupported += float(probability[:, unseen].sum())
    return OpeInputs(reward[:, None], weight, q_logged, v_target, unsupported / n, unit)
