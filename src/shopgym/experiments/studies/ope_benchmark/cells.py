"""The results of one estimator with one interval in one scenario, over all its logs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, astuple, dataclass, fields
from typing import Any

import numpy as np

from ....core.statistics import normal_quantile
from ....evaluation.offline.estimate import without_infinity
from ....evaluation.offline.influence import Influence
from ....evaluation.offline.verdict import CAUTION, REFUSE, TRUST
from .benchmark import TrueValue
from .scenarios import Scenario

LEVEL = 0.95
"""Nominal coverage of all intervals."""
GOOD = (0.93, 0.97)
"""Where the coverage of an interval at ``LEVEL`` should be."""
OF_SCENARIO = ("axis", "rounds", "actions", "slots", "table")
"""What a cell repeats of its scenario."""
POOR_COVERAGE, POOR_ERROR = 0.90, 1.0
"""An answer should be refused where coverage is below the first or relative error above the second."""


@dataclass(frozen=True)
class BenchmarkCell:
    """One estimator, interval and scenario.

    Attributes:
        scenario, axis, rounds, actions, slots, table: see :class:`.scenarios.Scenario`.
        estimator, interval: names.
        replicates: logs with an answer; ``unanswered`` counts those without.
        truth, truth_error: exact value and the standard error of its average over visitors.
        relative_error: mean |estimate - truth| / truth.
        bias: mean (estimate - truth) / truth.
        rmse: root mean square error / truth.
        coverage: share of intervals that hold the truth, with a Wilson interval at 95%.
        width: median width of the intervals / truth.
        ess: median effective sample size.
        skew, error_rounds, shift: medians of the fields of
            :class:`shopgym.evaluation.offline.influence.Influence`.
        trust, caution, refuse: shares of the verdicts.
        coverage_trusted: coverage among the logs with the verdict ``trust``; NaN where there is none.
        trusted_low, trusted_high: its Wilson interval.
        trustworthy: whether the verdict ``trust`` can be right in this scenario.
    """

    scenario: str
    axis: str
    rounds: int
    actions: int
    slots: int
    table: str
    estimator: str
    interval: str
    replicates: int
    unanswered: int
    truth: float
    truth_error: float
    relative_error: float
    bias: float
    rmse: float
    coverage: float
    coverage_low: float
    coverage_high: float
    width: float
    ess: float
    skew: float
    error_rounds: float
    shift: float
    trust: float
    caution: float
    refuse: float
    coverage_trusted: float
    trusted_low: float = math.nan
    trusted_high: float = math.nan
    trustworthy: bool = True

    @property
    def trusts(self) -> int:
        """Logs with the verdict ``trust``."""
        return round(self.trust * self.replicates)

    @property
    def poor(self) -> bool:
        """Whether the answers should have been refused."""
        return self.coverage < POOR_COVERAGE or self.relative_error > POOR_ERROR

    @property
    def good(self) -> bool:
        """Whether the Monte Carlo interval of the coverage meets ``GOOD``."""
        return self.coverage_high >= GOOD[0] and self.coverage_low <= GOOD[1]

    def as_dict(self) -> dict[str, Any]:
        """JSON-able; what is not finite becomes None."""
        own = {"poor": self.poor, "good": self.good, "trusts": self.trusts}
        return without_infinity({**asdict(self), **own})


@dataclass(frozen=True)
class Answer:
    """The answer on one log: value, interval, verdict, effective sample size and influence figures."""

    value: float
    low: float
    high: float
    verdict: str
    ess: float
    influence: Influence


def summarise_answers(
    scenario: Scenario,
    estimator: str,
    interval: str,
    truth: TrueValue,
    answers: Sequence[Answer],
    unanswered: int,
    trustworthy: bool = True,
) -> BenchmarkCell:
    """Sum up the answers; without any the shares and figures are NaN."""
    if not answers:
        return _without_answers(scenario, estimator, interval, truth, unanswered, trustworthy)
    numbers = np.array([(answer.value, answer.low, answer.high, answer.ess) for answer in answers])
    value, low, high, ess = np.ascontiguousarray(numbers.T)
    influence = np.median([astuple(answer.influence) for answer in answers], axis=0)
    verdict = np.array([answer.verdict for answer in answers])
    shares: dict[str, Any] = {word: float((verdict == word).mean()) for word in (TRUST, CAUTION, REFUSE)}
    error = (value - truth.value) / truth.scale
    covered = (low <= truth.value) & (truth.value <= high)
    trusted = covered[verdict == TRUST]
    at_least, at_most = wilson(int(covered.sum()), len(covered))
    trusted_low, trusted_high = wilson(int(trusted.sum()), len(trusted)) if len(trusted) else (math.nan,) * 2
    return BenchmarkCell(
        scenario=scenario.name,
        **{name: getattr(scenario, name) for name in OF_SCENARIO},
        estimator=estimator,
        interval=interval,
        replicates=len(answers),
        unanswered=unanswered,
        truth=truth.value,
        truth_error=truth.error,
        relative_error=float(np.abs(error).mean()),
        bias=float(error.mean()),
        rmse=float((error**2).mean() ** 0.5),
        coverage=float(covered.mean()),
        coverage_low=at_least,
        coverage_high=at_most,
        width=float(np.median(high - low)) / abs(truth.scale),
        ess=float(np.median(ess)),
        skew=float(influence[0]),
        error_rounds=float(influence[1]),
        shift=float(influence[2]),
        **shares,
        coverage_trusted=float(trusted.mean()) if len(trusted) else math.nan,
        trusted_low=trusted_low,
        trusted_high=trusted_high,
        trustworthy=trustworthy,
    )


def _without_answers(
    scenario: Scenario, estimator: str, interval: str, truth: TrueValue, unanswered: int, trustworthy: bool
) -> BenchmarkCell:
    words = {"scenario": scenario.name, "estimator": estimator, "interval": interval}
    numbers = {name: getattr(scenario, name) for name in OF_SCENARIO}
    numbers |= {"replicates": 0, "unanswered": unanswered, "truth": truth.value, "truth_error": truth.error}
    unknown = {each.name: math.nan for each in fields(BenchmarkCell) if each.name not in {*words, *numbers}}
    shares = {TRUST: 0.0, CAUTION: 0.0, REFUSE: 1.0}
    return BenchmarkCell(**{**words, **numbers, **unknown, **shares, "trustworthy": trustworthy})


def wilson(successes: int, n: int, level: float = 0.95) -> tuple[float, float]:
    """Interval for a share (Wilson 1927)."""
    z = normal_quantile(level)
    share = successes / n
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return max(0.0, centre - half), min(1.0, centre + half)


@dataclass(frozen=True)
class Totals:
    """Over cells.

    Attributes:
        cells: their number.
        good: share whose coverage is inside ``GOOD`` within Monte Carlo error.
        trusted_cells: cells whose most frequent verdict is ``trust``; ``trusted_good``: how many of them
            are good.
        poor: cells whose answers should have been refused; ``poor_refused``: the mean share of
            ``refuse`` in them; ``poor_trusted``: of ``trust``.
        sound_refused: mean share of ``refuse`` in the other cells.
    """

    cells: int
    good: float
    trusted_cells: int
    trusted_good: int
    poor: int
    poor_refused: float
    poor_trusted: float
    sound_refused: float

    def as_dict(self) -> dict[str, Any]:
        """JSON-able; NaN becomes None."""
        return without_infinity(asdict(self))


def totals(cells: Sequence[BenchmarkCell]) -> Totals:
    """Sum up cells, at least one."""
    poor = [c for c in cells if c.poor]
    trusted = [c for c in cells if c.trust > max(c.caution, c.refuse)]
    return Totals(
        cells=len(cells),
        good=_mean([c.good for c in cells]),
        trusted_cells=len(trusted),
        trusted_good=sum(c.good for c in trusted),
        poor=len(poor),
        poor_refused=_mean([c.refuse for c in poor]),
        poor_trusted=_mean([c.trust for c in poor]),
        sound_refused=_mean([c.refuse for c in cells if not c.poor]),
    )


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else math.nan
