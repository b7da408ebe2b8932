"""The whole analysis of a test, and its one sentence."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...core.errors import InvalidInput, in_range, one_of
from ...tables import AUTO, Dialect
from ..offline.verdict import CAUTION, REFUSE, TRUST
from .corrections import CORRECTIONS
from .detail import PartEffect, Trend, daily_effects, segment_effects, segments_left_out, trend
from .effects import FIXED, SEQUENCE, STOPS, Effect, StopRule, effect_of
from .metrics import Metric
from .outcomes import BETTER, KEPT, LOST, OPEN, REFUSED, UNCLEAR, WORSE
from .sequence import PLANNED
from .split import BROKEN_SPLIT, Split, check_split
from .table import AssignedRows, TestColumns, read_test

if TYPE_CHECKING:
    import pandas as pd

FEW_UNITS = {SEQUENCE: 200, FIXED: 30}
"""Units of an arm below which the normal limit that a stop rule rests on is doubtful."""


@dataclass(frozen=True)
class TestOptions:
    """How a test is analysed.

    Attributes:
        stop: ``sequence`` = the answer holds whenever one looks; ``fixed`` = it holds at the planned end.
        level: coverage of each interval.
        planned: units of two arms at which the sequence is narrowest; fix it before looking.
        correction: over the arms and the metrics that are no guardrails: ``holm``,
            ``benjamini-hochberg`` or ``none``.
        split: planned shares of the arms, in any unit; empty = equal shares.
    """

    __test__ = False

    stop: str = SEQUENCE
    level: float = 0.95
    planned: float = PLANNED
    correction: str = "holm"
    split: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        one_of("--stop", self.stop, STOPS)
        one_of("--correction", self.correction, CORRECTIONS)
        in_range("--level", self.level, 0.5, 1.0, open_low=True, open_high=True)
        in_range("--planned", self.planned, 1, math.inf)

    @property
    def rule(self) -> StopRule:
        """How intervals are made."""
        return StopRule(self.stop, self.level, self.planned)


@dataclass(frozen=True)
class EffectRow:
    """One arm on one metric.

    Attributes:
        arm, metric: which.
        effect: with its interval.
        p: adjusted for all arms and metrics; of a guardrail its own.
        outcome: ``better``, ``worse`` or ``not clear``; of a guardrail ``kept``, ``broken`` or ``open``;
            ``refused`` in a test that is.
    """

    arm: str
    metric: Metric
    effect: Effect
    p: float
    outcome: str


@dataclass(frozen=True)
class TestAnalysis:
    """What a test says.

    Attributes:
        arms: the first is the control.
        rows: one for each treatment arm and metric.
        split: how units fell into arms.
        segments, days: the effect on the first metric in parts.
        trends: of that effect over the days.
        verdict: ``trust``, ``caution`` or ``refuse``; ``reasons`` say why.
        options: how it was made.
        noun: what was assigned: user, cluster or row.
        remarks: how the table was read.
    """

    __test__ = False

    arms: tuple[str, ...]
    rows: tuple[EffectRow, ...]
    split: Split
    segments: tuple[PartEffect, ...]
    days: tuple[PartEffect, ...]
    trends: tuple[Trend, ...]
    verdict: str
    reasons: tuple[str, ...]
    options: TestOptions
    noun: str
    remarks: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """The verdict in one sentence."""
        from .words import sentence

        return sentence(self)

    def row(self, arm: str, metric: str) -> EffectRow:
        """One of the rows, by the name of its metric."""
        one_of("arm", arm, self.arms[1:])
        one_of("metric", metric, [row.metric.name for row in self.rows])
        return next(row for row in self.rows if (row.arm, row.metric.name) == (arm, metric))

    def html(self) -> str:
        """A page for people: the verdict, the effects as intervals, segments and days."""
        from .page import page_of

        return page_of(self)

    def as_dict(self) -> dict[str, Any]:
        """As JSON has it; what is no number is None. A refused test has no value in its headline."""
        headline = None if self.verdict == REFUSE else self.rows[0].metric.name
        whole = {
            "verdict": self.verdict,
            "sentence": self.sentence,
            "reasons": list(self.reasons),
            "headline": headline,
            "assigned": self.noun,
            "split": {**asdict(self.split), "arms": list(self.arms)},
            "options": {**asdict(self.options), "split": dict(self.options.split)},
            "rows": [
                {"arm": r.arm, "metric": r.metric.name, "guardrail_margin": r.metric.margin}
                | {"minimise": r.metric.minimise, **asdict(r.effect), "p": r.p, "outcome": r.outcome}
                for r in self.rows
            ],
            "segments": [_part(part) for part in self.segments],
            "days": [_part(part) for part in self.days],
            "trends": [asdict(t) for t in self.trends],
            "remarks": list(self.remarks),
        }
        plain: dict[str, Any] = _finite(whole)
        return plain


def _part(part: PartEffect) -> dict[str, Any]:
    return {"by": part.by, "part": part.part, "arm": part.arm, **asdict(part.effect), "p": part.p}


def _finite(value: Any) -> Any:
    """Numbers that JSON does not know become None."""
    if isinstance(value, dict):
        return {name: _finite(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(part) for part in value]
    if isinstance(value, float | np.floating):
        return float(value) if math.isfinite(value) else None
    return value


def analyse_test(
    source: Path | pd.DataFrame,
    metrics: Sequence[Metric],
    columns: TestColumns | None = None,
    options: TestOptions | None = None,
    *,
    control: str | None = None,
    dialect: Dialect = AUTO,
    day_first: bool | None = None,
    repeats: bool = False,
) -> TestAnalysis:
    """Read a table and analyse it: see :func:`.table.read_test` and :func:`analyse_rows`."""
    columns, options = columns or TestColumns(), options or TestOptions()
    if columns.arm is None:
        raise InvalidInput("--arm", None, "say which column holds the arm")
    rows = read_test(
        source,
        metrics,
        columns,
        control=control,
        expected=tuple(options.split),
        dialect=dialect,
        day_first=day_first,
        repeats=repeats,
    )
    noun = "cluster" if columns.cluster else "user" if columns.user else "row"
    return analyse_rows(rows, metrics, options, noun)


def analyse_rows(
    rows: AssignedRows, metrics: Sequence[Metric], options: TestOptions | None = None, noun: str = "user"
) -> TestAnalysis:
    """All effects of a test. The first metric decides; guardrails must only not get worse.

    Raises:
        InvalidInput: an arm with fewer than two units, or a metric that is the same everywhere.
    """
    options = options or TestOptions()
    rule = options.rule
    effects = [
        (arm, metric, effect_of(rows, metric, arm, rule))
        for metric in metrics
        for arm in range(1, len(rows.arms))
    ]
    tested = [number for number, (_, metric, _) in enumerate(effects) if not metric.is_guardrail]
    p = np.array([effect.p for _, _, effect in effects])
    correct = CORRECTIONS[options.correction]
    if tested:
        p[tested] = correct(p[tested])
    split = check_split(rows, options.split)
    broken = [*split.reasons(noun), *_unbalanced(rows, metrics)]
    out = tuple(
        EffectRow(
            rows.arms[arm],
            metric,
            effect,
            float(own),
            REFUSED if broken else _outcome(metric, effect, float(own), options),
        )
        for (arm, metric, effect), own in zip(effects, p)
    )
    doubts = _doubts(rows, out, options, noun)
    first = metrics[0]
    segments = tuple(segment_effects(rows, first, rule, correct))
    trends = (trend(rows, first, arm, options.level) for arm in range(1, len(rows.arms)))
    return TestAnalysis(
        rows.arms,
        out,
        split,
        segments,
        tuple(daily_effects(rows, first, rule)),
        tuple(t for t in trends if t is not None),
        REFUSE if broken else CAUTION if doubts else TRUST,
        tuple(broken + doubts),
        options,
        noun,
        (*rows.remarks, *segments_left_out(rows, segments, noun)),
    )


def _unbalanced(rows: AssignedRows, metrics: Sequence[Metric]) -> list[str]:
    """Covariates that differ between the arms, in words: nothing from before a sound test does.

    Each is looked at by a fixed test at the level at which a split counts as broken.
    """
    out = []
    for metric in metrics:
        if metric.covariate is None:
            continue
        before = Metric(*metric.covariate)
        for arm in range(1, len(rows.arms)):
            try:
                p = effect_of(rows, before, arm, StopRule(FIXED)).p
            except InvalidInput:  # the same everywhere: it adjusts nothing
                continue
            if p < BROKEN_SPLIT:
                between = f"between {rows.arms[0]} and {rows.arms[arm]} (p = {p:.1g})"
                said = "it is not from before the test, or the split is broken"
                out.append(f"the covariate {before.name} differs {between}: {said}")
    return out


def _outcome(metric: Metric, effect: Effect, p: float, options: TestOptions) -> str:
    sign = -1.0 if metric.minimise else 1.0
    if metric.margin is not None:
        low, high = sorted((sign * effect.relative.low, sign * effect.relative.high))
        if math.isnan(low):
            return OPEN
        return KEPT if low > -metric.margin else LOST if high < -metric.margin else OPEN
    if not p < 1.0 - options.level:  # nan too
        return UNCLEAR
    return BETTER if sign * effect.difference.value > 0 else WORSE


def _doubts(rows: AssignedRows, effects: Sequence[EffectRow], options: TestOptions, noun: str) -> list[str]:
    """Why the numbers are read with care, in words."""
    out = []
    fewest = int(np.bincount(rows.units[1]).min())
    if fewest < FEW_UNITS[options.stop]:
        how = "looking at any time asks for" if options.stop == SEQUENCE else "a normal limit asks for"
        out.append(f"an arm has {fewest} {noun}s only: {how} {FEW_UNITS[options.stop]} or more")
    without = [
        r.metric.name for r in effects if r.metric.is_guardrail and math.isnan(r.effect.relative.value)
    ]
    if without:
        names = ", ".join(dict.fromkeys(without))
        out.append(f"no relative change of {names}, whose mean is not above 0 in both arms")
    return out
