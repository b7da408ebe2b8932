"""Two policies on the same log: their difference, with an interval that uses the pairing."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from ...core.errors import InvalidInput
from ...core.types import AnyArray
from ..intervals import Interval, interval_named
from ..intervals.statistic import Lift, Statistic
from .estimate import Estimate
from .estimator import make_estimate
from .estimators import Estimator, estimator_named
from .inputs import OpeInputs


def compare_inputs(
    inputs_a: OpeInputs,
    inputs_b: OpeInputs,
    *,
    estimator: str | Estimator = "dr",
    level: float = 0.95,
    interval: str | Interval = "delta",
    rng: Generator | None = None,
    relative: bool = False,
) -> Estimate:
    """V(a) - V(b) from one log; with ``relative`` the lift V(a) / V(b) - 1.

    Both estimates share the log's luck, so the interval comes from the difference of each round's
    influence and is often much narrower than the two intervals side by side. ``low`` is a one-sided
    lower bound at (1 + level) / 2: with ``level=0.9`` policy a beats b by at least ``low`` with
    confidence 95%. Diagnostics and verdict are those of the worse of the two.

    Raises:
        InvalidInput: the inputs are not of the same log (rounds, slots, rewards, unit), an unknown
            estimator, or whatever the estimator itself refuses.
    """
    named = estimator_named(estimator)
    if inputs_a.unit != inputs_b.unit:
        raise InvalidInput("inputs.unit", (inputs_a.unit, inputs_b.unit), "compare rewards of one unit")
    if not np.array_equal(inputs_a.reward, inputs_b.reward):
        shapes = (inputs_a.reward.shape, inputs_b.reward.shape)
        raise InvalidInput("inputs.reward", shapes, "both inputs have to come from the same rows of one log")
    for name in ("cluster", "sample_weight"):
        if not _same(getattr(inputs_a, name), getattr(inputs_b, name)):
            raise InvalidInput(f"inputs.{name}", name, "both inputs need the same: weigh them alike")
    both = (inputs_a, inputs_b)
    chosen, other = (named.fitted(inputs) for inputs in both)
    reasons = chosen.reasons(inputs_a) + other.reasons(inputs_b)
    return make_estimate(
        chosen,
        contrast(chosen.statistic(inputs_a), other.statistic(inputs_b), relative),
        inputs_a.diagnostics.worse(inputs_b.diagnostics),
        raw=_raw(chosen, inputs_a, other, inputs_b, relative),
        reasons=reasons,
        cluster=inputs_a.cluster,
        sample_weight=inputs_a.sample_weight,
        level=level,
        interval=interval_named(interval),
        rng=rng,
        unit="" if relative else inputs_a.unit,
        notes=[
            "relative lift of two policies" if relative else "difference of two policies",
            *(inputs.note for inputs in both),
        ],
    )


def _same(one: AnyArray | None, other: AnyArray | None) -> bool:
    return one is other or (one is not None and other is not None and np.array_equal(one, other))


def contrast(one: Statistic, two: Statistic, relative: bool = False) -> Statistic:
    """``one`` less ``two``, or with ``relative`` ``one`` over ``two`` less 1."""
    return Lift(one, two) if relative else one - two


def _raw(
    one: Estimator, inputs_a: OpeInputs, two: Estimator, inputs_b: OpeInputs, relative: bool
) -> Statistic | None:
    """The contrast with all weights as they are, None if neither smooths any."""
    raw_a, raw_b = one.raw(inputs_a), two.raw(inputs_b)
    if raw_a is None and raw_b is None:
        return None
    return contrast(raw_a or one.statistic(inputs_a), raw_b or two.statistic(inputs_b), relative)
