"""Inputs of the estimators from episodes: an episode is a round, a step is a slot.

With reward gamma^t r, prediction gamma^t (q - gamma v') for the logged action and v of the first state for
the target, the estimators of this package become those of sequences: ``ips`` is importance sampling per
decision or per trajectory, ``snips`` its weighted form, ``dr`` the doubly robust estimator of Jiang and
Li 2016 in the form of Thomas and Brunskill 2016 (equation 9), ``sndr`` their weighted doubly robust
estimator, ``dm`` the value of a fitted Q. Intervals, comparisons, smoothing and verdicts come with them.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ....core.errors import InvalidInput, in_range
from ....core.types import F64
from ..checks import as_floats, check_finite, refuse
from ..inputs import OpeInputs
from ..support import calibration_p
from .episodes import Episodes, Target
from .weightings import PerDecision, Weighting

PER_DECISION = PerDecision()


def sequence_inputs(
    episodes: Episodes,
    target: Target,
    *,
    gamma: float = 1.0,
    weighting: Weighting = PER_DECISION,
    q: F64 | None = None,
) -> OpeInputs:
    """Inputs whose rounds are the N episodes and whose slots are the H steps of the longest.

    What is estimated is the discounted reward of an episode as long as the logged ones. Takes memory for
    N x H numbers, six times.

    Args:
        episodes: the log.
        target: the target policy.
        gamma: discount in [0, 1] a step.
        weighting: how steps are weighed.
        q: (n, n_actions) predicted discounted reward from the step on, were the action taken and the target
            followed, e.g. of :class:`.fqe.FittedQ`; None: only ips and snips can be had.

    Raises:
        InvalidInput: a wrong shape or value, with the first wrong row and the count.
    """
    probability = episodes.probabilities(target)
    rows = np.arange(len(episodes.action))
    ratio = probability[rows, episodes.action] / episodes.propensity
    q_logged = v = None
    if q is not None:
        q = as_floats("q", q)
        if q.shape != probability.shape:
            raise InvalidInput("q", q.shape, f"give shape {probability.shape}")
        check_finite("q", q)
        q_logged, v = q[rows, episodes.action], np.einsum("na,na->n", probability, q)
    options: dict[str, Any] = {"gamma": gamma, "weighting": weighting, "q_logged": q_logged, "v": v}
    unsupported = unsupported_share(episodes, probability)
    return weigh_sequences(episodes, ratio, unsupported=unsupported, **options)


def weigh_sequences(
    episodes: Episodes,
    ratio: F64,
    *,
    gamma: float = 1.0,
    weighting: Weighting = PER_DECISION,
    q_logged: F64 | None = None,
    v: F64 | None = None,
    unsupported: float = math.nan,
) -> OpeInputs:
    """As :func:`sequence_inputs`, for a target known by its ratios only, such as one of slates.

    Args:
        episodes, gamma, weighting: as there.
        ratio: (n,) target over behaviour probability of the logged action.
        q_logged, v: (n,) predictions for the logged action and for the target's, or None, None.
        unsupported: share of the target's probability on what the log never shows.

    Raises:
        InvalidInput: as there, and ratios that are negative or not finite.
    """
    in_range("gamma", gamma, 0.0, 1.0)
    if ratio.shape != episodes.reward.shape:
        raise InvalidInput("ratio", ratio.shape, f"give shape {episodes.reward.shape}")
    refuse("ratio", ratio, ~(np.isfinite(ratio) & (ratio >= 0)), "give numbers >= 0")
    discount = episodes.discount(gamma)
    q_dense = v_dense = None
    if q_logged is not None and v is not None:
        following = episodes.next_rows()
        v_next = np.where(following >= 0, v[following], 0.0)
        q_dense = episodes.dense(discount * (q_logged - gamma * v_next))
        v_dense = np.zeros(q_dense.shape)
        v_dense[:, 0] = v[episodes.offsets[:-1]]
    return OpeInputs(
        reward=episodes.dense(discount * episodes.reward),
        weight=weighting(episodes, ratio),
        q_logged=q_dense,
        v_target=v_dense,
        unsupported=unsupported,
        unit=episodes.unit,
        note=cut_note(episodes),
        propensity_p=propensity_p(episodes),
    )


def propensity_p(episodes: Episodes) -> float:
    """p-value of the propensities; NaN where masks keep some actions from being chosen."""
    if episodes.allowed is not None:
        return math.nan
    return calibration_p(episodes.action, episodes.propensity, episodes.n_actions)


def cut_note(episodes: Episodes) -> str:
    """What to know when episodes stop early for no reason of the world's; else empty."""
    if not (cut := episodes.cut_short):
        return ""
    return f"{cut} of {len(episodes)} episodes were cut short and count as ended: what came later is missing"


def unsupported_share(episodes: Episodes, probability: F64) -> float:
    """Share of the target's probability, at logged states, on actions never logged (in that state)."""
    actions = episodes.n_actions
    group = episodes.state if episodes.state.ndim == 1 else np.zeros(len(episodes.action), dtype=np.int64)
    groups = max(1, episodes.n_states)
    shown = np.bincount(group * actions + episodes.action, minlength=groups * actions) > 0
    if shown.all():
        return 0.0
    unseen = ~shown.reshape(groups, actions)
    return float(probability[unseen[group]].sum()) / len(probability)
