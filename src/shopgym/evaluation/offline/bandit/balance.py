"""Importance weights learnt from the log alone: no propensities needed."""

from __future__ import annotations

import numpy as np

from ....core.errors import InvalidInput, in_range
from ....core.types import AnyArray
from ..checks import as_floats, check_finite, check_target, checked_actions, checked_predictions, shown
from ..inputs import OpeInputs


def balanced_inputs(
    reward: AnyArray,
    action: AnyArray,
    target: AnyArray,
    features: AnyArray,
    q: AnyArray | None = None,
    *,
    penalty: float = 1.0,
    unit: str = "reward",
) -> OpeInputs:
    """Weights that make the logged contexts of every action look like those in which the target takes it.

    The weight of action a is linear in (1, x) and fits the ratio of the target's to the behaviour policy's
    joint distribution of context and action by least squares, in closed form (Kanamori, Hido and Sugiyama
    2009, A least-squares approach to direct importance estimation). Without a penalty it balances exactly:
    logged features weighted add up to the target's. That ratio is what balanced off-policy evaluation learns
    with a classifier (Sondhi, Arbour and Dimmery 2020, whose estimator is ``snips`` on these inputs).

    Args:
        reward: (n,) reward of the logged action.
        action: (n,) integers in [0, A).
        target: (n, A) the target policy's probabilities; rows sum to 1.
        features: (n, D) of the context, of size about 1; D may be 0.
        q: (n, A) predicted reward of every action, or None.
        penalty: ridge penalty >= 0 on the weights' coefficients; 1 weighs as much as one row.
        unit: unit of the reward.

    Returns:
        Inputs whose note counts the negative weights that were set to 0. Their bias is not in any interval.

    Raises:
        InvalidInput: anything that is not as above, with row numbers.
    """
    target, features = as_floats("target", target), as_floats("features", features)
    if target.ndim != 2 or features.ndim != 2 or len(features) != len(target):
        raise InvalidInput("features", features.shape, "give shape (rounds, features)")
    n, actions = target.shape
    reward, action, _ = checked_actions(reward, action, np.ones(n), actions)
    check_target(target, n)
    check_finite("features", features)
    in_range("penalty", penalty, 0.0, np.inf, open_high=True)
    design = np.hstack([np.ones((n, 1)), features])
    target_moments = target.T @ design
    seen = shown(action, actions)
    weight = np.zeros(n)
    for a in np.flatnonzero(seen):
        rows = np.flatnonzero(action == a)
        logged = design[rows]
        gram = logged.T @ logged + penalty * np.eye(design.shape[1])
        weight[rows] = logged @ np.linalg.lstsq(gram, target_moments[a], rcond=None)[0]
    negative = int((weight < 0).sum())
    q_logged = v_target = None
    if q is not None:
        q = checked_predictions(q, target)
        q_logged, v_target = q[np.arange(n), action], np.einsum("na,na->n", target, q)
    return OpeInputs.of_rounds(
        reward,
        np.maximum(weight, 0.0),
        q_logged,
        v_target,
        unsupported=float(target[:, ~seen].sum()) / n,
        unit=unit,
        note="weights learnt from the log" + (f", {negative} negative ones set to 0" if negative else ""),
        assumptions="for each action the ratio of the two policies is linear in the features",
    )
