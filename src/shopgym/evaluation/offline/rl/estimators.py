"""The estimators of sequences by the names of their literature."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from numpy.random import Generator

from ....core.errors import InvalidInput, one_of
from ....core.types import F64
from ...intervals import Interval
from ..estimate import Estimate
from ..estimators import ESTIMATORS
from .episodes import Episodes, Target
from .inputs import sequence_inputs
from .weightings import Marginal, PerDecision, Trajectory, Weighting


@dataclass(frozen=True)
class Recipe:
    """An estimator of sequences: a weighting and an estimator of rounds and slots.

    Attributes:
        estimator: its name in :data:`..estimators.ESTIMATORS`.
        weighting: for estimators without marginal ratios; None: :class:`.Marginal`.
        model: whether it needs a predicted Q.
    """

    estimator: str
    weighting: Weighting | None
    model: bool


_TRAJECTORY, _STEP = Trajectory(), PerDecision()

SEQUENCE_ESTIMATORS: Mapping[str, Recipe] = {
    "tis": Recipe("ips", _TRAJECTORY, False),
    "sntis": Recipe("snips", _TRAJECTORY, False),
    "pdis": Recipe("ips", _STEP, False),
    "snpdis": Recipe("snips", _STEP, False),
    "dr": Recipe("dr", _STEP, True),
    "wdr": Recipe("sndr", _STEP, True),
    "mis": Recipe("ips", None, False),
    "snmis": Recipe("snips", None, False),
    "drl": Recipe("dr", None, True),
    "sndrl": Recipe("sndr", None, True),
    "dm": Recipe("dm", _STEP, True),
}
"""Trajectory-wise and per-decision importance sampling and their weighted forms (Precup, Sutton and Singh
2000); doubly robust (Jiang and Li 2016) and weighted doubly robust (Thomas and Brunskill 2016); the same
with marginal ratios (Liu et al. 2018; double reinforcement learning, Kallus and Uehara 2020); fitted Q."""


def evaluate_sequences(
    episodes: Episodes,
    target: Target,
    estimator: str,
    *,
    gamma: float = 1.0,
    q: F64 | None = None,
    state_ratio: F64 | None = None,
    steps: int = 0,
    level: float = 0.95,
    interval: str | Interval = "delta",
    rng: Generator | None = None,
) -> Estimate:
    """The target's discounted reward of an episode, with its interval over episodes.

    Args:
        episodes: the log.
        target: the target policy.
        estimator: a name in :data:`SEQUENCE_ESTIMATORS`.
        gamma: discount in [0, 1] a step.
        q: (n, n_actions) as in :func:`.inputs.sequence_inputs`; for estimators with a model.
        state_ratio, steps: as in :class:`.weightings.Marginal`; for estimators with marginal ratios.
        level: nominal coverage.
        interval: a name in :data:`..intervals.INTERVALS`, or one of your own.
        rng: for intervals that resample.

    Raises:
        InvalidInput: an unknown estimator, one that lacks what it needs, or wrong inputs.
    """
    one_of("estimator", estimator, SEQUENCE_ESTIMATORS)
    recipe = SEQUENCE_ESTIMATORS[estimator]
    if recipe.model and q is None:
        raise InvalidInput("q", None, f"{estimator} needs a predicted Q, e.g. of cross_fitted_q")
    weighting = recipe.weighting
    if weighting is None:
        if state_ratio is None:
            raise InvalidInput("state_ratio", None, f"{estimator} needs ratios, e.g. of tabular_state_ratio")
        weighting = Marginal(state_ratio, steps)
    q = q if recipe.model else None
    inputs = sequence_inputs(episodes, target, gamma=gamma, weighting=weighting, q=q)
    estimate = ESTIMATORS[recipe.estimator].estimate(inputs, level=level, interval=interval, rng=rng)
    return replace(estimate, estimator=estimator)
