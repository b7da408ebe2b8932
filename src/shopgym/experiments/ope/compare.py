"""Two policies on the same log: their difference, with an interval that uses the pairing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.random import Generator

from ...core.errors import InvalidInput
from .estimate import Estimate
from .estimators import ESTIMATORS, estimate_terms
from .inputs import OpeInputs


def compare(
    inputs_a: OpeInputs,
    inputs_b: OpeInputs,
    *,
    estimator: str = "dr",
    level: float = 0.95,
    interval: str = "delta",
    rng: Generator | None = None,
) -> Estimate:
    """V(a) - V(b) from one log.

    Both estimates share the log's luck, so the interval comes from the difference of each round's
    influence and is often much narrower than the two intervals side by side. ``low`` is a one-sided
    lower bound at (1 + level) / 2: with ``level=0.9`` policy a beats b by at least ``low`` with
    confidence 95%. Diagnostics are those of the worse of the two.

    Raises:
        InvalidInput: the inputs are not of the same log (rounds, slots, rewards, unit), an unknown
            estimator, or whatever the estimator itself refuses.
    """
    if estimator not in ESTIMATORS:
        raise InvalidInput("estimator", estimator, f"choose one of {', '.join(ESTIMATORS)}")
    if inputs_a.unit != inputs_b.unit:
        raise InvalidInput("inputs.unit", (inputs_a.unit, inputs_b.unit), "compare rewards of one unit")
    if not np.array_equal(inputs_a.reward, inputs_b.reward):
        shapes = (inputs_a.reward.shape, inputs_b.reward.shape)
        raise InvalidInput("inputs.reward", shapes, "both inputs have to come from the same rows of one log")
    chosen = ESTIMATORS[estimator]
    terms = chosen.terms(inputs_a) - chosen.terms(inputs_b)
    both = [note for i in (inputs_a, inputs_b) for note in (i.note, i.weight_warning)]
    notes = dict.fromkeys(filter(None, ["difference of two policies", chosen.caveat, *both]))
    difference = estimate_terms(chosen, terms, inputs_a, level=level, interval=interval, rng=rng)
    return replace(
        difference,
        ess=min(inputs_a.ess, inputs_b.ess),
        max_weight=max(inputs_a.max_weight, inputs_b.max_weight),
        mean_weight=max(inputs_a.mean_weight, inputs_b.mean_weight, key=lambda mean: abs(mean - 1.0)),
        unsupported=float(np.maximum(inputs_a.unsupported, inputs_b.unsupported)),
        note="; ".join(notes),
    )
