"""What an estimator is, and what all of them share: from a statistic to an estimate with its verdict."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from numpy.random import Generator

from ...core.types import F64, I64
from ..intervals import Interval, interval_named, require_clusters
from ..intervals.base import Ends
from ..intervals.clusters import independent_draws
from ..intervals.statistic import Statistic
from .diagnostics import Diagnostics
from .estimate import Estimate
from .influence import Influence
from .inputs import OpeInputs
from .verdict import REFUSE, Reason, judge

CONDITIONAL = (
    "its predictions are given the slots that the log shows before, and the weights of these are left out: "
    "use cascade-dr"
)


class Estimator:
    """Estimates the value of a target policy from inputs; a subclass gives :meth:`statistic`.

    Attributes:
        name: short name, e.g. ``snips``.
        needs_model: whether inputs have to come with a reward model's predictions.
        weighted: whether it uses the importance weights; if not, it is only as right as its model.
        caveat: what its interval leaves out; it becomes part of the note.
    """

    name: str
    needs_model: bool = False
    weighted: bool = True
    caveat: str = ""

    def statistic(self, inputs: OpeInputs) -> Statistic:
        """The value as a function of column means.

        Raises:
            NotEstimable: no reward model where one is needed, or no round the target could have made.
        """
        raise NotImplementedError

    def raw(self, inputs: OpeInputs) -> Statistic | None:
        """The value without smoothing, to measure what smoothing does; None: nothing is smoothed."""
        return None

    def reasons(self, inputs: OpeInputs) -> tuple[Reason, ...]:
        """What speaks against an estimate of these inputs beside the diagnostics: doubts about the log, what
        the estimators say of one another (:mod:`.agreement`), and why estimator and inputs do not fit."""
        return (*inputs.doubts, *self.checks(inputs), *self.misfits(inputs, inputs.diagnostics))

    def checks(self, inputs: OpeInputs) -> tuple[Reason, ...]:
        """What the other estimators of these inputs say against this one (:mod:`.agreement`)."""
        return inputs.disagreements

    def misfits(self, inputs: OpeInputs, diagnostics: Diagnostics) -> tuple[Reason, ...]:
        """Reasons against this estimator on inputs of this kind with these diagnostics."""
        reasons = tuple(inputs.assumption_reasons()) if self.weighted else ()
        if self.needs_model and inputs.conditional_predictions:
            reasons += ((REFUSE, CONDITIONAL),)
        return reasons

    def fitted(self, inputs: OpeInputs) -> Estimator:
        """This estimator with what it learns from the log, such as how much to smooth."""
        return self

    def estimate(
        self,
        inputs: OpeInputs,
        *,
        level: float = 0.95,
        interval: str | Interval = "delta",
        rng: Generator | None = None,
    ) -> Estimate:
        """The value with its interval; ``rng`` is needed by intervals that resample.

        Raises:
            NotEstimable: no reward model where one is needed, no round the target could have made, or what
                the interval cannot do.
            InvalidInput: an unknown interval, a level outside (0, 1), fewer than two rounds.
        """
        fitted = self.fitted(inputs)
        return make_estimate(
            fitted,
            fitted.statistic(inputs),
            inputs.diagnostics,
            raw=fitted.raw(inputs),
            reasons=fitted.reasons(inputs),
            cluster=inputs.cluster,
            sample_weight=inputs.sample_weight,
            level=level,
            interval=interval_named(interval),
            rng=rng,
            unit=inputs.unit,
            notes=[inputs.note],
        )


def make_estimate(
    estimator: Estimator,
    statistic: Statistic,
    diagnostics: Diagnostics,
    *,
    level: float,
    interval: Interval,
    rng: Generator | None,
    unit: str,
    notes: list[str],
    raw: Statistic | None = None,
    reasons: Sequence[Reason] = (),
    cluster: I64 | None = None,
    sample_weight: F64 | None = None,
) -> Estimate:
    """The estimate of ``statistic`` with its interval, the diagnostics and the verdict.

    ``raw`` is the same without smoothing; rounds with equal ``cluster`` are one draw, and a
    row counts ``sample_weight`` times.
    """
    rounds = len(statistic)
    if cluster is not None or sample_weight is not None:
        require_clusters(interval)
        statistic = independent_draws(statistic, cluster, sample_weight)
        raw = None if raw is None else independent_draws(raw, cluster, sample_weight)
    if cluster is not None:
        notes = [*notes, f"the interval takes {len(statistic):,} users as independent, not {rounds:,} rounds"]
    notes = [*notes, getattr(interval, "caveat", "")]
    low, high = interval(statistic, level, rng)
    influence = Influence.from_statistic(statistic, raw)
    return judged_estimate(
        estimator,
        statistic.value,
        (low, high),
        diagnostics,
        influence,
        reasons,
        notes,
        level=level,
        interval=interval.name,
        n=rounds,
        unit=unit,
    )


def judged_estimate(
    estimator: Estimator,
    value: float,
    ends: Ends,
    diagnostics: Diagnostics,
    influence: Influence,
    reasons: Sequence[Reason],
    notes: Sequence[str],
    **others: Any,
) -> Estimate:
    """The estimate with its verdict; ``others`` are its level, interval, n and unit."""
    verdict, reason = judge(diagnostics, weighted=estimator.weighted, influence=influence, reasons=reasons)
    note = "; ".join(dict.fromkeys(filter(None, (estimator.caveat, *notes))))
    words: dict[str, Any] = {"estimator": estimator.name, "note": note, "verdict": verdict, "reason": reason}
    return Estimate(value, ends[0], ends[1], **words, **vars(diagnostics), **vars(influence), **others)
