"""Inputs from a log of single actions: the reward model is fitted, then rounds are weighed in chunks."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.random import Generator

from ...core.errors import one_of
from ...core.types import F64, AnyArray
from .checks import checked_actions, chunks, shown
from .inputs import OpeInputs, weigh
from .reward_model import FOLDS, Moments, assign_folds
from .support import calibration

OBJECTIVES = ("squares", "variance")


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
    objective: str = "squares",
    sample_weight: F64 | None = None,
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
        objective: of the reward model: ``squares``, or ``variance`` for a model whose squared errors count
            target (1 - p) / p^2, so that dr with it has the least variance: MRDR (Farajtabar, Chow and
            Ghavamzadeh 2018, More robust doubly robust off-policy evaluation).
        sample_weight: (n,) how many rounds each row stands for, in the model too; None: one each.
    """
    one_of("objective", objective, OBJECTIVES)
    reward, action, propensity = checked_actions(reward, action, propensity, n_actions)
    n = len(reward)
    fold = assign_folds(n, rng, folds, users)
    moments = Moments(folds, n_actions, features.shape[1])
    importance = None
    if objective == "variance":
        importance = np.empty(n)
        for rows in chunks(n, n_actions):
            probability = target(rows)[np.arange(rows.stop - rows.start), action[rows]]
            importance[rows] = probability * (1.0 - propensity[rows]) / propensity[rows] ** 2
    if sample_weight is not None:  # of mean 1, for the penalty's sake
        size = sample_weight / sample_weight.mean()
        importance = size if importance is None else importance * size
    moments.add(features, action, reward, fold, importance)
    model = moments.fit(penalty)
    unseen = ~shown(action, n_actions)
    weight, q_logged, v_target = np.empty((3, n))
    unsupported = 0.0
    for rows in chunks(n, n_actions):
        probability = target(rows)
        q = model.predict(features[rows], fold[rows])
        weight[rows], q_logged[rows], v_target[rows] = weigh(action[rows], propensity[rows], probability, q)
        share = probability[:, unseen].sum(axis=1)
        unsupported += float(share.sum() if sample_weight is None else share @ sample_weight[rows])
    return OpeInputs.of_rounds(
        reward,
        weight,
        q_logged,
        v_target,
        unsupported=unsupported / (n if sample_weight is None else float(sample_weight.sum())),
        unit=unit,
        propensity=propensity,
        sample_weight=sample_weight,
        **calibration(action, propensity, n_actions, features, sample_weight),
    )
