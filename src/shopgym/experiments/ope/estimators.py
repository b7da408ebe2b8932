"""The estimators: each turns inputs into a sum of ratios of means over rounds.

With k > 1 slots each slot has its own weight and the slots are added up: the item-position model of Li
et al. 2018 (Offline evaluation of ranking policies with click models), unbiased when the
reward of a slot depends on the request and on that slot's item only. With k = 1 they are the textbook
forms. Notation: w weight, r reward, q predicted reward of the logged action, v predicted reward under
the target policy, sums over slots j, means over rounds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.random import Generator

from ...core.errors import InvalidInput
from ...core.types import F64
from .estimate import Estimate
from .inputs import OpeInputs
from .intervals import INTERVALS
from .terms import Terms


class Estimator(Protocol):
    """Estimates the value of a target policy from inputs."""

    @property
    def name(self) -> str:
        """Short name, e.g. ``snips``."""
        ...

    @property
    def needs_model(self) -> bool:
        """Whether inputs have to come with a reward model's predictions."""
        ...

    def estimate(
        self, inputs: OpeInputs, *, level: float = 0.95, interval: str = "delta", rng: Generator | None = None
    ) -> Estimate:
        """The value with its interval; ``rng`` is needed by intervals that resample."""
        ...


@dataclass(frozen=True)
class MeansEstimator:
    """An estimator that is a sum of ratios of means.

    Attributes:
        name: short name.
        terms: from inputs to the ratios.
        needs_model: whether it uses ``q_logged`` and ``v_target``.
        caveat: what its interval leaves out; goes into the note.
    """

    name: str
    terms: Callable[[OpeInputs], Terms]
    needs_model: bool = False
    caveat: str = ""

    def estimate(
        self, inputs: OpeInputs, *, level: float = 0.95, interval: str = "delta", rng: Generator | None = None
    ) -> Estimate:
        """See :class:`Estimator`.

        Raises:
            InvalidInput: no reward model where one is needed, no round the target could have made,
                an unknown interval, a level outside (0, 1), fewer than two rounds.
        """
        return estimate_terms(self, self.terms(inputs), inputs, level=level, interval=interval, rng=rng)


def estimate_terms(
    estimator: MeansEstimator,
    terms: Terms,
    inputs: OpeInputs,
    *,
    level: float,
    interval: str,
    rng: Generator | None,
) -> Estimate:
    """The value and interval of ``terms`` with the diagnostics of ``inputs``."""
    if interval not in INTERVALS:
        raise InvalidInput("interval", interval, f"choose one of {', '.join(INTERVALS)}")
    low, high = INTERVALS[interval](terms, level, rng)
    return Estimate(
        value=terms.value,
        low=low,
        high=high,
        level=level,
        interval=interval,
        estimator=estimator.name,
        n=len(inputs),
        ess=inputs.ess,
        max_weight=inputs.max_weight,
        mean_weight=inputs.mean_weight,
        unsupported=inputs.unsupported,
        unit=inputs.unit,
        note="; ".join(filter(None, (estimator.caveat, inputs.note, inputs.weight_warning))),
    )


def _ips(inputs: OpeInputs) -> Terms:
    """mean(w r) (Horvitz and Thompson 1952; Strehl et al. 2010)."""
    return Terms((_overlapping(inputs) * inputs.reward).sum(axis=1, keepdims=True))


def _snips(inputs: OpeInputs) -> Terms:
    """mean(w r) / mean(w), slot by slot (Swaminathan and Joachims 2015)."""
    weight = _overlapping(inputs)
    return Terms(weight * inputs.reward, weight)


def _dm(inputs: OpeInputs) -> Terms:
    """mean(v), the direct method (Dudik et al. 2011)."""
    _, v_target = _model("dm", inputs)
    return Terms(v_target.sum(axis=1, keepdims=True))


def _dr(inputs: OpeInputs) -> Terms:
    """mean(v + w (r - q)), doubly robust (Dudik et al. 2011)."""
    q_logged, v_target = _model("dr", inputs)
    corrected = v_target + _overlapping(inputs) * (inputs.reward - q_logged)
    return Terms(corrected.sum(axis=1, keepdims=True))


def _overlapping(inputs: OpeInputs) -> F64:
    """The weights, unless a slot has none: then a weighted mean would be 0 whatever the truth is."""
    empty = np.flatnonzero(~(inputs.weight > 0).any(axis=0))
    if len(empty):
        raise InvalidInput(
            "inputs.weight",
            0.0,
            f"at slot {empty[0]} the target never shows what was logged in any of {len(inputs)} rounds: "
            "this log cannot weigh it; evaluate a target that overlaps with the log, or use dm",
        )
    return inputs.weight


def _model(name: str, inputs: OpeInputs) -> tuple[F64, F64]:
    if inputs.q_logged is None or inputs.v_target is None:
        raise InvalidInput("estimator", name, "it needs a reward model: use ips or snips for this input")
    return inputs.q_logged, inputs.v_target


ESTIMATORS: Mapping[str, MeansEstimator] = {
    estimator.name: estimator
    for estimator in (
        MeansEstimator("ips", _ips),
        MeansEstimator("snips", _snips),
        MeansEstimator(
            "dm", _dm, needs_model=True, caveat="the interval of dm leaves out the error of its reward model"
        ),
        MeansEstimator("dr", _dr, needs_model=True),
    )
}
