"""Where and when an effect is: by segment, day by day, and whether it fades (novelty)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ...core.errors import InvalidInput
from ...core.statistics import normal_quantile
from ...core.types import F64
from .effects import Bounds, Effect, StopRule, effect_of, metric_sums
from .metrics import Metric
from .table import AssignedRows

FEWEST = 10
"""Units in each arm below which a segment or a day shows no effect."""


@dataclass(frozen=True)
class PartEffect:
    """The effect in one segment or on one day; ``p`` allows for all segments of its column."""

    by: str
    part: str
    arm: str
    effect: Effect
    p: float


@dataclass(frozen=True)
class Trend:
    """How the effect changes with the days: 0 is a steady effect.

    Attributes:
        arm: against the control.
        days: with rows in both arms.
        slope: change of the effect in a day, in units of the metric, with its interval.
        p: of a steady effect.
    """

    arm: str
    days: int
    slope: Bounds
    p: float


def segment_effects(
    rows: AssignedRows, metric: Metric, rule: StopRule, correct: Callable[[F64], F64]
) -> list[PartEffect]:
    """The effect of each arm in each value of each segment column. Small or constant parts are left out.

    ``correct`` allows for all values and arms of one column.
    """
    out: list[PartEffect] = []
    for by, (labels, codes) in rows.segments.items():
        parts = []
        for number, label in enumerate(labels):
            inside = rows.where(codes == number)
            for arm in range(1, len(rows.arms)):
                effect = _effect_if_any(inside, metric, arm, rule)
                if effect is not None:
                    parts.append(PartEffect(by, label, rows.arms[arm], effect, effect.p))
        adjusted = correct(np.array([part.p for part in parts])) if parts else ()
        out += [
            PartEffect(part.by, part.part, part.arm, part.effect, float(p))
            for part, p in zip(parts, adjusted)
        ]
    return out


def segments_left_out(rows: AssignedRows, shown: Sequence[PartEffect], noun: str) -> list[str]:
    """A sentence for each column of segments of which some values show no effect."""
    out = []
    for by, (labels, _) in rows.segments.items():
        missing = len(labels) - len({part.part for part in shown if part.by == by})
        if missing:
            why = f"fewer than {FEWEST} {noun}s in an arm, or nothing varies"
            out.append(f"{missing} of {len(labels)} segments of {by} show no effect: {why}")
    return out


def daily_effects(rows: AssignedRows, metric: Metric, rule: StopRule) -> list[PartEffect]:
    """The effect of each arm on each day, from the rows of that day; p-values are those of single days."""
    if rows.day is None:
        return []
    out = []
    for day in np.unique(rows.day).tolist():
        inside = rows.where(rows.day == day)
        for arm in range(1, len(rows.arms)):
            effect = _effect_if_any(inside, metric, arm, rule)
            if effect is not None:
                out.append(PartEffect("day", str(day), rows.arms[arm], effect, effect.p))
    return out


def trend(rows: AssignedRows, metric: Metric, arm: int, level: float) -> Trend | None:
    """The slope of the daily effect over the days: least squares, each day alike.

    The slope is a weighted sum of daily means, so each unit has one influence on it, all its days together;
    its variance is the sum of their squares. None with fewer than three days with both arms.
    """
    from scipy.stats import norm

    if rows.day is None:
        return None
    days = np.unique(rows.day)
    per_day = [_day_influences(rows.where(rows.day == day), metric, arm) for day in days.tolist()]
    usable = [(float(day), part) for day, part in zip(days, per_day) if part is not None]
    if len(usable) < 3:
        return None
    day = np.array([day for day, _ in usable])
    weight = (day - day.mean()) / np.square(day - day.mean()).sum()
    slope = float(sum(w * part[0] for w, (_, part) in zip(weight, usable)))
    influence: dict[tuple[int, int], float] = {}
    for w, (_, (_, units, values)) in zip(weight, usable):
        for unit, value in zip(units, values.tolist()):
            influence[unit] = influence.get(unit, 0.0) + float(w) * value
    error = float(np.sqrt(np.square(list(influence.values())).sum()))
    half = normal_quantile(level) * error
    p = float(2.0 * norm.sf(abs(slope) / error)) if error > 0 else float("nan")
    return Trend(rows.arms[arm], len(usable), Bounds(slope, slope - half, slope + half), p)


def _effect_if_any(rows: AssignedRows, metric: Metric, arm: int, rule: StopRule) -> Effect | None:
    of_arm = rows.units[1] if len(rows) else np.zeros(0)
    if min(np.count_nonzero(of_arm == 0), np.count_nonzero(of_arm == arm)) < FEWEST:
        return None
    try:
        return effect_of(rows, metric, arm, rule)
    except InvalidInput:  # the same everywhere
        return None


def _day_influences(
    rows: AssignedRows, metric: Metric, arm: int
) -> tuple[float, list[tuple[int, int]], F64] | None:
    """(effect of the day, (arm, unit) of each unit, its influence on the effect)."""
    sums, ratio = metric_sums(rows, Metric(metric.numerator, metric.denominator))
    _, of_arm, unit = rows.units
    effect, keys, values = 0.0, [], []
    for number, sign in ((0, -1.0), (arm, 1.0)):
        own = of_arm == number
        n = int(np.count_nonzero(own))
        denominator = np.ones(n) if ratio.denominator is None else sums[own, -1]
        if n < FEWEST or denominator.sum() == 0:
            return None
        mean = sums[own, 0].sum() / denominator.sum()
        effect += sign * mean
        values.append(sign * (sums[own, 0] - mean * denominator) / denominator.sum() * np.sqrt(n / (n - 1)))
        keys += [(number, name) for name in unit[own].tolist()]
    return effect, keys, np.concatenate(values)
