"""What a table compares: a value, a difference of two or their relative lift, on some rounds of a log."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from ...core.types import F64, Bool
from ..errors import NotEstimable
from ..intervals.clusters import independent_draws
from ..intervals.statistic import Statistic
from ..offline.compare import compare_inputs, contrast
from ..offline.estimate import Estimate
from ..offline.estimators import estimator_named
from ..offline.formats.weighed_log import WeighedLog
from ..offline.inputs import OpeInputs

VALUE, DIFFERENCE, LIFT = KINDS = ("value", "difference", "lift")


@dataclass(frozen=True, eq=False)
class Contrast:
    """One number of a table.

    Attributes:
        kind: of ``KINDS``.
        estimator: by name, of both policies.
        log: weighed for the policy, all rounds.
        baseline: weighed for the baseline; None for a value.
        rows: (n,) which rounds count, None for all.
    """

    kind: str
    estimator: str
    log: WeighedLog
    baseline: WeighedLog | None = None
    rows: Bool | None = None

    def estimate(self, level: float, interval: str, rng: Generator) -> Estimate:
        """The estimate with its interval alone.

        Raises:
            NotEstimable: the estimator, the interval or a comparison has no answer on this log.
        """
        log = part_of(self.log, self.rows)
        if self.baseline is None:
            return log.estimate(self.estimator, level=level, interval=interval, rng=rng)
        both = log.rounds, part_of(self.baseline, self.rows).rounds
        if not (isinstance(both[0], OpeInputs) and isinstance(both[1], OpeInputs)):
            raise NotEstimable("stream", True, "differences need the log in memory: do not stream it")
        return compare_inputs(
            both[0],
            both[1],
            estimator=self.estimator,
            level=level,
            interval=interval,
            rng=rng,
            relative=self.kind == LIFT,
        )

    def influence(self) -> F64 | None:
        """(draws,) up to a factor, the influence of each independent draw of the whole log, of a user where
        the log is by user; 0 outside ``rows``. None for a streamed log."""
        whole = self.log.rounds
        if not isinstance(whole, OpeInputs):
            return None
        statistic = self._statistic(self.log)
        if self.baseline is not None:
            statistic = contrast(statistic, self._statistic(self.baseline), self.kind == LIFT)
        psi = np.zeros(len(whole))
        psi[slice(None) if self.rows is None else self.rows] = statistic.influence()
        if whole.sample_weight is not None:
            psi *= whole.sample_weight
        return psi if whole.cluster is None else np.asarray(np.bincount(whole.cluster, psi), dtype=np.float64)

    def _statistic(self, log: WeighedLog) -> Statistic:
        inputs = part_of(log, self.rows).rounds
        assert isinstance(inputs, OpeInputs)  # asked of logs in memory alone
        statistic = estimator_named(self.estimator).fitted(inputs).statistic(inputs)
        return independent_draws(statistic, None, inputs.sample_weight)


def part_of(log: WeighedLog, rows: Bool | None) -> WeighedLog:
    """Some rounds of a log.

    Raises:
        NotEstimable: the log was streamed.
    """
    if rows is None:
        return log
    if not isinstance(log.rounds, OpeInputs):
        raise NotEstimable("stream", True, "segments need the log in memory: do not stream it")
    return WeighedLog(log.rounds.take(rows), labels=log.labels)
