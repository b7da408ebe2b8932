"""Two policies on the same log: their difference, with an interval that uses the pairing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce

import numpy as np
from numpy.random import Generator

from ...core.errors import InvalidInput
from ...core.types import AnyArray
from ..intervals import Interval, interval_named
from ..intervals.statistic import Lift, Statistic
from .diagnostics import Diagnostics
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
    if inputs_a.unit != inputs_b.unit:
        raise InvalidInput("inputs.unit", (inputs_a.unit, inputs_b.unit), "compare rewards of one unit")
    if not np.array_equal(inputs_a.reward, inputs_b.reward):
        shapes = (inputs_a.reward.shape, inputs_b.reward.shape)
        raise InvalidInput("inputs.reward", shapes, "both inputs have to come from the same rows of one log")
    return combine_inputs(
        (inputs_a, inputs_b),
        lambda one, two: contrast(one, two, relative),
        estimator=estimator,
        level=level,
        interval=interval,
        rng=rng,
        unit="" if relative else inputs_a.unit,
        note="relative lift of two policies" if relative else "difference of two policies",
    )


def combine_inputs(
    parts: Sequence[OpeInputs],
    combine: Callable[..., Statistic],
    *,
    unit: str,
    note: str,
    estimator: str | Estimator = "dr",
    level: float = 0.95,
    interval: str | Interval = "delta",
    rng: Generator | None = None,
) -> Estimate:
    """A function of several values from one log, such as the ratio of a cost to the revenue.

    The interval comes from each round's influence on the whole, so what the values have in common is used.

    Args:
        parts: inputs of the same rounds; their policies and their rewards may differ.
        combine: the statistic of the whole from the statistics of the parts, in their order.
        unit, note: of the whole.

    Raises:
        InvalidInput: the parts have other rounds, clusters or sample weights than one another.
    """
    first = parts[0]
    for part in parts[1:]:
        if len(part) != len(first):
            fix = "all inputs have to come from the same rows of one log"
            raise InvalidInput("inputs", (len(first), len(part)), fix)
        for name in ("cluster", "sample_weight"):
            if not _same(getattr(first, name), getattr(part, name)):
                raise InvalidInput(f"inputs.{name}", name, "all inputs need the same: weigh them alike")
    named = estimator_named(estimator)
    fitted = [named.fitted(part) for part in parts]
    statistics = [one.statistic(part) for one, part in zip(fitted, parts, strict=True)]
    raws = [one.raw(part) for one, part in zip(fitted, parts, strict=True)]
    smoothed = any(raw is not None for raw in raws)
    return make_estimate(
        fitted[0],
        combine(*statistics),
        reduce(Diagnostics.worse, (part.diagnostics for part in parts)),
        raw=combine(*(raw or one for raw, one in zip(raws, statistics, strict=True))) if smoothed else None,
        reasons=tuple(
            reason for one, part in zip(fitted, parts, strict=True) for reason in one.reasons(part)
        ),
        cluster=first.cluster,
        sample_weight=first.sample_weight,
        level=level,
        interval=interval_named(interval),
        rng=rng,
        unit=unit,
        notes=[note, *(part.note for part in parts)],
    )


def _same(one: AnyArray | None, other: AnyArray | None) -> bool:
    return one is other or (one is not None and other is not None and np.array_equal(one, other))


def contrast(one: Statistic, two: Statistic, relative: bool = False) -> Statistic:
    """``one`` less ``two``, or with ``relative`` ``one`` over ``two`` less 1."""
    return Lift(one, two) if relative else one - two
