"""Importance weights of slots from the ratios of slot probabilities, linear in rounds and slots."""

from __future__ import annotations

import math
from itertools import permutations

import numpy as np

from ....core.errors import InvalidInput
from ....core.types import F64, I64, AnyArray, Bool
from ....policies.plackett_luce import slot_propensities
from ..checks import as_floats, check_finite, check_target, chunks, refuse
from ..inputs import OpeInputs

MOST_RANKINGS = 20_000
"""Rankings that are enumerated for each round: 5 of 8 actions, 3 of 28, 2 of 141."""
RANK = 1e-10
"""Eigenvalues of G below this share of the largest are rounding: G is never of full rank."""

SLATE_MODELS = ("standard", "independent", "cascade")


def slate_weights(ratio: F64, model: str) -> F64:
    """(n, k) the weight of each slot's reward.

    Args:
        ratio: (n, k) target over behaviour probability of the slot's item; for ``standard`` and ``cascade``
            given the items before it, for ``independent`` whatever they are (slot marginals).
        model: what a slot's reward depends on. ``standard``: all items of the slate; every slot has
            the product of all ratios (SIPS). ``independent``: its own item (IIPS; Li et al. 2018).
            ``cascade``: its own and those before it; products of the ratios so far (RIPS; McInerney et al.
            2020).

    Raises:
        InvalidInput: an unknown model.
    """
    if model == "standard":
        return np.repeat(np.asarray(ratio.prod(axis=1, keepdims=True)), ratio.shape[1], axis=1)
    if model == "cascade":
        return np.asarray(np.cumprod(ratio, axis=1))
    if model == "independent":
        return ratio
    raise InvalidInput("model", model, f"choose one of {', '.join(SLATE_MODELS)}")


def slate_inputs(
    reward: AnyArray,
    propensity: AnyArray,
    target: AnyArray,
    *,
    model: str,
    q_logged: AnyArray | None = None,
    v_target: AnyArray | None = None,
    unit: str = "reward",
) -> OpeInputs:
    """Inputs of n slates of k slots: ``ips`` on them is SIPS, IIPS or RIPS; ``snips`` normalises it.

    Args:
        reward: (n, k) of each slot.
        propensity, target: (n, k) probability of the slot's item under the behaviour policy, in (0, 1], and
            under the target; conditional or marginal as ``model`` asks (:func:`slate_weights`).
        model: ``standard``, ``independent`` or ``cascade``.
        q_logged, v_target: (n, k) predictions for the slot as shown and under the target given the slots
            before it, for dr (``independent``) or cascade-dr (``cascade``).
        unit: unit of the reward.

    Raises:
        InvalidInput: shapes that differ, probabilities out of range; with row numbers.
    """
    reward, propensity = as_floats("reward", reward), as_floats("propensity", propensity)
    target = as_floats("target", target)
    for name, values in (("propensity", propensity), ("target", target)):
        if values.shape != reward.shape or values.ndim != 2:
            raise InvalidInput(name, values.shape, "give shape (rounds, slots), like the reward")
    refuse("propensity", propensity, ~((propensity > 0) & (propensity <= 1)), "give a probability in (0, 1]")
    refuse("target", target, ~((target >= 0) & (target <= 1)), "give a probability in [0, 1]")
    return OpeInputs(
        reward,
        slate_weights(target / propensity, model),
        None if q_logged is None else as_floats("q_logged", q_logged),
        None if v_target is None else as_floats("v_target", v_target),
        unit=unit,
        propensity=slate_weights(propensity, model),
        chained=model != "independent",
        conditional_predictions=model != "independent" and v_target is not None,
    )


def uniform_slate_weights(action: AnyArray, target: F64) -> F64:
    """(n,) the weight of a whole slate's reward where the behaviour policy draws k of A actions uniformly and
    without replacement: :func:`pseudo_inverse_weights` in closed form.

    G is then (1 / A) I x I + (J - I) x (J - I) / (A (A - 1)) over slots x actions, J being all ones. It has
    the eigenvectors of J on both sides, and three eigenvalues that are not 0: (A - k) / (A (A - 1)),
    1 / (A - 1) and k / A. With D how many of the shown actions the target expects to show, in whatever
    slots, and S how many in the same slots, the weight is

        1 + (A - 1) ((S - k / A) + (A / (A - k) - 1) (D - k^2 / A) / k).

    Args:
        action: (n, k) integers in [0, A), different in a row.
        target: (n, k, A) slot marginals of the target.

    Raises:
        InvalidInput: shapes that do not fit.
    """
    action, target = _checked(action, target)
    _different(action)
    n, k, actions = target.shape
    shown = np.take_along_axis(target, np.broadcast_to(action[:, None, :], (n, k, k)), axis=2)
    own = np.einsum("njj->n", shown) - k / actions
    if k == actions:  # every action is shown: that tells nothing
        return np.asarray(1.0 + (actions - 1) * own)
    anywhere = shown.sum(axis=(1, 2)) - k * k / actions
    return np.asarray(1.0 + (actions - 1) * (own + (actions / (actions - k) - 1.0) * anywhere / k))


def pseudo_inverse_weights(action: AnyArray, target: F64, gamma: F64, context: AnyArray | None = None) -> F64:
    """(n,) the weight of a whole slate's reward for any behaviour policy whose slates are known.

    q' G^+ s with s the indicator of (slot, action) pairs shown, q = E[s] under the target and G = E[s s']
    under the behaviour policy, all given the context (Swaminathan et al. 2017, Off-policy evaluation for
    slate recommendation). Right when a slate's expected reward is a sum over its slots. It may be negative.
    With independent slots it is 1 + sum of (ratio - 1), which :class:`.PseudoInverse` takes from the ratios.

    A policy that shows different slates in different contexts has a G for each of them; the average of these
    is not it, and gives a biased value. :func:`plackett_luce_weights` makes them for Plackett-Luce policies.

    Args:
        action: (n, k) integers in [0, A), what each slot showed.
        target: (n, k, A) slot marginals of the target.
        gamma: (k A, k A) the matrix G of a policy that ignores the context, or (C, k A, k A) of one that does
            not; pairs in the order slot * A + action.
        context: (n,) integers in [0, C), whose G is each round's; needed with several.

    Raises:
        InvalidInput: shapes that do not fit, a context without its G.
    """
    action, target = _checked(action, target)
    n, k, actions = target.shape
    gamma = as_floats("gamma", gamma)
    every = gamma[None] if gamma.ndim == 2 else gamma
    if every.shape[1:] != (k * actions, k * actions):
        raise InvalidInput("gamma", gamma.shape, f"give shape {(k * actions,) * 2}, or that for each context")
    check_finite("gamma", every)
    label = np.zeros(n, np.int64) if context is None and len(every) == 1 else np.asarray(context)
    if label.shape != (n,) or label.dtype.kind not in "iu":
        raise InvalidInput("context", label.shape, f"give one of {len(every)} per round, as whole numbers")
    outside = (label < 0) | (label >= len(every))
    refuse("context", label, outside, f"gamma is of contexts 0 to {len(every) - 1}")
    out = np.empty(n)
    for one_context in np.unique(label):
        rows = label == one_context
        out[rows] = _weights(action[rows], target[rows], every[one_context])
    return out


def plackett_luce_weights(
    action: AnyArray, target: F64, log_rates: F64, weights: F64, allowed: Bool | None = None
) -> F64:
    """(n,) the weight of a whole slate's reward where each round's slate was drawn by Plackett and Luce's
    model with rates of its own, or a mixture of such: :func:`pseudo_inverse_weights` with every round's G.

    The probabilities of all rankings, and from them of all pairs, are exact.

    Args:
        action: (n, k) integers in [0, A), different in a row.
        target: (n, k, A) slot marginals of the target.
        log_rates: (n, B, A) of the B components.
        weights: (B,) of the components; they sum to 1.
        allowed: (n, A) what could be shown, at least k in a row; None: everything.

    Raises:
        InvalidInput: shapes that do not fit, more than ``MOST_RANKINGS`` rankings of k of A actions.
    """
    action, target = _checked(action, target)
    _different(action)
    n, k, actions = target.shape
    log_rates, weights = as_floats("log_rates", log_rates), as_floats("weights", weights)
    check_target(weights[None], 1, "weights")
    if log_rates.shape != (n, weights.size, actions):
        raise InvalidInput("log_rates", log_rates.shape, f"give shape {(n, weights.size, actions)}")
    refuse("log_rates", log_rates, ~np.isfinite(log_rates), "remove NaN and infinity: use allowed")
    could = np.ones((n, actions), np.bool_) if allowed is None else np.asarray(allowed)
    if could.shape != (n, actions):
        raise InvalidInput("allowed", could.shape, f"give shape {(n, actions)}")
    refuse("allowed", could, could.sum(axis=1) < k, f"a page of {k} slots needs as many actions")
    count = math.perm(actions, k)
    if count > MOST_RANKINGS:
        fix = f"there are {count} rankings: at most {MOST_RANKINGS} are enumerated"
        raise InvalidInput("target", target.shape, fix)
    rankings = np.array(list(permutations(range(actions), k)), dtype=np.int32)
    every = np.zeros((count, k, actions))
    every[np.arange(count)[:, None], np.arange(k), rankings] = 1.0
    shown = every.reshape(count, k * actions)
    out = np.empty(n)
    for rows in chunks(n, count * k * len(weights) * actions):
        chunk = rows.stop - rows.start
        propensity = slot_propensities(
            np.repeat(log_rates[rows], count, axis=0),
            weights,
            np.repeat(could[rows], count, axis=0),
            np.tile(rankings, (chunk, 1)),
        )
        chance = propensity.prod(axis=1).reshape(chunk, count)
        gamma = np.matmul(shown.T * chance[:, None, :], shown)
        out[rows] = _weights(action[rows], target[rows], gamma)
    return out


def _checked(action: AnyArray, target: AnyArray) -> tuple[I64, F64]:
    """Slates (n, k) and slot marginals (n, k, A)."""
    action, target = np.asarray(action), as_floats("target", target)
    if target.ndim != 3 or action.shape != target.shape[:2] or action.dtype.kind not in "iu":
        received = (action.shape, str(action.dtype), target.shape)
        raise InvalidInput("action", received, "give whole numbers (n, k), and a target (n, k, A)")
    check_target(target, len(action))
    actions = target.shape[2]
    refuse("action", action, (action < 0) | (action >= actions), f"the target has actions 0 to {actions - 1}")
    return action.astype(np.int64), target


def _different(action: I64) -> None:
    again = np.diff(np.sort(action, axis=1), axis=1) == 0
    refuse("action", action, again, "drawn without replacement, no action stands in two slots")


def _weights(action: AnyArray, target: F64, gamma: F64) -> F64:
    """(r,) q' G^+ s of r rounds; ``gamma`` (k A, k A), or (r, k A, k A)."""
    n, k, actions = target.shape
    shown = np.zeros((n, k, actions))
    shown[np.arange(n)[:, None], np.arange(k), action] = 1.0
    inverse = np.linalg.pinv(gamma, rcond=RANK, hermitian=True)
    return np.asarray((target.reshape(n, 1, -1) @ inverse @ shown.reshape(n, -1, 1))[:, 0, 0])
